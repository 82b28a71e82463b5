"""The lower bound on C(G) from a D of limited capacity."""

from itertools import pairwise
from typing import TYPE_CHECKING

from torch import Tensor

from . import style
from .check import Check, Evidence
from .discriminator import train_discriminator
from .divergence import criterion, value
from .pairs import gaussian_mixture
from .quadrature import Grid, cover, midpoints

if TYPE_CHECKING:
    from matplotlib.figure import Figure

#: Units in D's only hidden layer.
WIDTHS = (1, 2, 4, 16)
STEPS, CELLS = 800, 6000


def capacity() -> Evidence:
    """Theorem 1 in practice: a trained D gives a lower bound

    C(G) is a maximum over all functions D. A network is one such function, so its V(D, G) is a
    lower bound on C(G), and hence gives one on the Jensen-Shannon divergence. The bound becomes
    tighter as the network grows. It also depends on training: if D is stuck, the bound is valid but
    loose. And if D finds no difference, the samples need not be good: D may be too small to detect
    what is wrong with them.

    V(D, G) is integrated over a grid. An estimate from the samples that D was trained on could
    exceed C(G).
    """
    p, q = gaussian_mixture([0.0, 2.0], [1.0, 0.4]), gaussian_mixture([1.0], 0.5)
    grid = midpoints(cover(p, q), CELLS)
    masses = grid.masses(p), grid.masses(q)
    networks = [train_discriminator(p, q, width, depth=1, steps=STEPS) for width in WIDTHS]
    logits = [network(grid.points.float()).double() for network in networks]
    values = [value(a, *masses).item() for a in logits]
    bound = criterion(*masses).item()
    checks = [
        Check(
            f"V(D, G) of a trained D is at most C(G): violations among {len(WIDTHS)} widths",
            0,
            sum(v > bound for v in values),
            0,
        ),
        Check(
            f"a wider D is closer to C(G): violations among {len(WIDTHS) - 1} increases in width",
            0,
            sum(wide <= narrow for narrow, wide in pairwise(values)),
            0,
        ),
        Check(
            f"V(D, G) with {WIDTHS[-1]} units is close to C(G)",
            bound,
            values[-1],
            0.002,
        ),
    ]
    return Evidence(checks, lambda: _draw(grid, masses, logits, values, bound))


def _draw(
    grid: Grid,
    masses: tuple[Tensor, Tensor],
    logits: list[Tensor],
    values: list[float],
    bound: float,
) -> "Figure":
    from matplotlib import colormaps
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 3.4), layout="constrained")
    curves, bounds = figure.subplots(1, 2, width_ratios=[3, 2])
    x = grid.points[:, 0]
    style.distributions(curves, x, *(mass / grid.weights for mass in masses))
    shades = colormaps["Blues"]
    for i, (width, logit) in enumerate(zip(WIDTHS, logits, strict=True)):
        colour = shades(0.35 + 0.65 * i / (len(WIDTHS) - 1))
        curves.plot(x, logit.sigmoid(), color=colour, label=f"D, width {width}")
        bounds.scatter([str(width)], [values[i]], color=[colour], s=40, zorder=2)
    curves.set(xlim=(-2.6, 3.6), ylim=(0, 1.05), xlabel="x", title="Trained discriminators")
    curves.legend(frameon=False, fontsize=8, loc="lower left", bbox_to_anchor=(0, 0.06))
    bounds.plot([str(width) for width in WIDTHS], values, **style.LIMIT, zorder=1)
    bounds.axhline(bound, color="black", linewidth=1, linestyle="--")
    bounds.text(0, bound, "C(G)", va="bottom", fontsize=9)
    bounds.set(
        xlabel="units in D's hidden layer",
        ylabel="V(D, G), nats",
        title="Lower bounds on C(G)",
    )
    bounds.margins(y=0.15)
    for axes in (curves, bounds):
        style.plain(axes)
    return figure
