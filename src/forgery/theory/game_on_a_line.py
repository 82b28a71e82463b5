"""The paper's Figure 1, computed by training a GAN in one dimension."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from ..models import DISCRIMINATORS, GENERATORS, Spec
from ..objectives import OBJECTIVES
from ..training.algorithm1 import AdversarialGame
from ..training.minibatch import Minibatch
from ..training.player import Player
from . import style
from .check import Check, Evidence
from .discriminator import cosine
from .divergence import jsd, log_ratio
from .pairs import gaussian_mixture
from .quadrature import Grid, midpoints

if TYPE_CHECKING:
    from matplotlib.figure import Figure

#: Initial updates of D alone, and steps of the game after them.
D_ALONE, STEPS = 300, 1200
#: The step of the game shown between its start and its end.
EARLY = 20
BATCH, D_STEPS = 512, 2
#: Both decay to 0 along a cosine: at a constant rate the players would circle around the optimum.
G_LEARNING_RATE, D_LEARNING_RATE = 4e-3, 1e-2
#: The interval on which the distributions are computed, and its number of cells.
LINE, CELLS = torch.tensor([[-4.0], [4.0]], dtype=torch.float64), 200
#: Number of z, evenly spaced, from which p_g is computed.
Z = 100_000

#: G may become increasing or decreasing; with this seed it is increasing, and no arrows cross.
SEED = 2


@dataclass(frozen=True)
class Moment:
    """The state of the game at one moment.

    Parameters
    ----------
    title:
        Description of the moment.
    p_data, p_g:
        Probabilities of the cells, float64 ``[N]``.
    d:
        D(x) at the midpoints of the cells, float64 ``[N]``.
    z, x:
        Some values of z and x = G(z), ``[K]`` each.
    """

    title: str
    p_data: Tensor
    p_g: Tensor
    d: Tensor
    z: Tensor
    x: Tensor

    def mean_under_both(self, values: Tensor) -> float:
        """Mean of ``values`` ``[N]`` under ½(p_data + p_g)."""
        return (values * (self.p_data + self.p_g) / 2).sum().item()


def figure_1() -> Evidence:
    """Figure 1: training in one dimension

    G maps uniform noise z to points x = G(z), as shown by the arrows. Where the arrows are dense,
    p_g (green) is high; where they spread, it is low. D (blue) is the estimated probability that a
    point x comes from the data (dotted) rather than from G.

    1. At the start, p_g is concentrated in one place and D is untrained.
    2. D is trained alone and approaches the optimal D for this p_g: it is low only where G's
       points are.
    3. G and D are trained together. The gradient of D moves G's points to regions that are more
       likely to be classified as data, and p_g spreads.
    4. At the end, p_g matches p_data, except for small steps due to the piecewise linear network.
       D cannot distinguish the two, and is close to ½.

    The figure is not a sketch: two small networks were trained by Algorithm 1.
    """
    moments = play()
    grid = midpoints(LINE, CELLS)
    alone, end = moments[1], moments[-1]
    best = log_ratio(alone.p_data.log(), alone.p_g.log()).sigmoid()
    checks = [
        Check(
            "D trained alone is close to D*: mean absolute error under ½(p_data + p_g)",
            0.0,
            alone.mean_under_both((alone.d - best).abs()),
            0.05,
        ),
        Check(
            "p_g ends close to p_data: JSD(p_data‖p_g) on the grid, nats",
            0.0,
            jsd(end.p_data, end.p_g).item(),
            0.03,
        ),
        Check(
            "D ends close to ½: mean absolute difference under ½(p_data + p_g)",
            0.0,
            end.mean_under_both((end.d - 0.5).abs()),
            0.03,
        ),
    ]
    return Evidence(checks, lambda: _draw(grid, moments))


def play(seed: int = SEED) -> list[Moment]:
    """Run Algorithm 1 on a mixture of two Gaussians; return the game at four moments."""
    density = gaussian_mixture([-0.8, 1.2], [0.7, 0.4], [0.6, 0.4])
    random = torch.Generator().manual_seed(seed)
    with torch.random.fork_rng(devices=[]):  # leave the caller's random state unchanged
        torch.manual_seed(seed)
        g, d = (
            table["mlp"](Spec((1,), latent=1, width=width, depth=2, mean=torch.zeros(1)))
            for table, width in ((GENERATORS, 64), (DISCRIMINATORS, 32))
        )
    # β₁ = 0: with momentum, each player would overshoot what the other has changed.
    g_adam = torch.optim.Adam(g.parameters(), lr=G_LEARNING_RATE, betas=(0.0, 0.9))
    d_adam = torch.optim.Adam(d.parameters(), lr=D_LEARNING_RATE, betas=(0.0, 0.99))

    def latents(m: int, y: Tensor | None) -> tuple[Tensor, None]:
        return torch.rand(m, 1, generator=random) * 2 - 1, None

    game = AdversarialGame(
        Player(g, g_adam), Player(d, d_adam), OBJECTIVES["non-saturating"], latents, d_steps=D_STEPS
    )

    def real() -> Minibatch:
        return Minibatch(density.sample(BATCH, random).float())

    grid = midpoints(LINE, CELLS)
    p_data = grid.masses(density)
    moments = [_moment("the start", grid, p_data, g, d)]
    for _ in range(D_ALONE):
        game.discriminator_step(real())
    moments.append(_moment(f"D alone, {D_ALONE} updates", grid, p_data, g, d))
    for step in range(STEPS):
        if step == EARLY:
            moments.append(_moment(f"{EARLY} steps of the game", grid, p_data, g, d))
        left = cosine(step / STEPS)
        g_adam.param_groups[0]["lr"] = G_LEARNING_RATE * left
        d_adam.param_groups[0]["lr"] = D_LEARNING_RATE * left
        game.step([real() for _ in range(game.batches_per_step)])
    moments.append(_moment(f"{STEPS:,} steps of the game", grid, p_data, g, d))
    return moments


@torch.no_grad()
def _moment(title: str, grid: Grid, p_data: Tensor, g: nn.Module, d: nn.Module) -> Moment:
    x = g(_even(Z)).double()
    edges = torch.linspace(LINE[0].item(), LINE[1].item(), CELLS + 1, dtype=torch.float64)
    p_g = torch.histogram(x.flatten(), edges).hist / Z
    probability = d(grid.points.float()).double().sigmoid()
    z = _even(25)
    return Moment(title, p_data, p_g, probability, z.flatten(), g(z).flatten())


def _even(n: int) -> Tensor:
    """Midpoints of n equal parts of [-1, 1]: ``[n, 1]``."""
    return ((torch.arange(n) + 0.5) / n * 2 - 1)[:, None]


def _draw(grid: Grid, moments: list[Moment]) -> "Figure":
    from matplotlib.figure import Figure

    figure = Figure(figsize=(12, 3.9), layout="constrained")
    rows = figure.subplots(2, len(moments), height_ratios=[3.2, 1], sharex=True, sharey="row")
    x, cell = grid.points[:, 0], grid.weights[0]
    arrow = {"arrowstyle": "-|>", "mutation_scale": 6, "linewidth": 0.6, "color": "#555555"}
    for i, (moment, top, below) in enumerate(zip(moments, *rows, strict=True)):
        style.distributions(top, x, moment.p_data / cell, moment.p_g / cell)
        top.plot(x, moment.d, **style.D, label="D")
        # Cut off p_g at the start, which is a spike many times higher than the rest.
        top.set(ylim=(0, 1.1), title=f"({'abcd'[i]}) {moment.title}")
        below.set(ylim=(0, 1), xlim=(-3.6, 3.6), xlabel="x above, z below")
        below.axhline(0, color="black", linewidth=1.2)
        below.axhline(1, color="black", linewidth=1.2)
        for start, end in zip(moment.z.tolist(), moment.x.tolist(), strict=True):
            below.annotate(
                "",
                (end, 1),
                (start * 2.5, 0),  # z is scaled to the width of the data
                arrowprops=arrow,
                annotation_clip=False,
            )
        style.plain(top)
        below.set_yticks([])
        below.spines[:].set_visible(False)
    rows[0, 0].legend(frameon=False, loc="upper left")
    rows[0, 0].set_ylabel("density, and D(x)")
    return figure
