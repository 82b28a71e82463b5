"""Descending C in p_g itself."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from ..data.densities import DENSITIES
from . import style
from .check import Check, Evidence
from .divergence import LOG_4, criterion, log_ratio, total_variation, value
from .pairs import bumps, random_masses
from .quadrature import midpoints

if TYPE_CHECKING:
    from matplotlib.figure import Figure

CELLS, STEPS, RATE = 60, 60, 0.5
#: Random starts of the descent, and random segments that convexity is tried on.
STARTS, SEGMENTS = 10, 200


@dataclass(frozen=True)
class Descent:
    """p_g ``[STEPS + 1, N]`` and C(G) ``[STEPS + 1]`` before each step and after the last."""

    path: Tensor
    criterion: Tensor


def proposition_2() -> Evidence:
    """Proposition 2: convergence

    If D is optimal at each step and p_g itself moves to improve the criterion, p_g goes to p_data.
    Here p_g is not a network but a list of probabilities, one a cell. Each step takes the gradient
    of V in p_g with D* held, which is log(1 - D*), and multiplies p_g by exp(-rate · gradient):
    a gradient step that never leaves the simplex (mirror descent with the entropy). At a rate of
    at most 1, C cannot rise: the second derivative of C in a cell, p_data/(p_g(p_g + p_data)), is
    below that of the entropy, 1/p_g.

    What makes this work is that C is convex in p_g. In the parameters of a network it is not, and
    no such guarantee holds: see how C flattens out in θ in the figure of Theorem 1.
    """
    random = torch.Generator().manual_seed(0)
    density = DENSITIES["line"]()
    grid = midpoints(density.bounds, CELLS)
    p_data = grid.masses(density)
    p_data = p_data / p_data.sum()
    descents = [descend(p_data, random_masses(CELLS, random)) for _ in range(STARTS)]
    ends = [descent.path[-1] for descent in descents]
    rises = sum((d.criterion.diff() > 1e-12).sum().item() for d in descents)
    checks = [
        Check(
            f"C(G) never rises on its way: of {STARTS * STEPS} steps from {STARTS} random starts, "
            "those where it does",
            0,
            rises,
            0,
        ),
        Check(
            "it ends at -log 4: C(G) after the last step, the worst start",
            -LOG_4,
            max(descent.criterion[-1].item() for descent in descents),
            1e-6,
        ),
        Check(
            "p_g ends at p_data: total variation between them, the worst start",
            0.0,
            max(total_variation(p_data, p_g).item() for p_g in ends),
            1e-4,
        ),
        Check(
            f"C is convex in p_g: of {SEGMENTS} random segments, those on which it is above the "
            "chord anywhere",
            0,
            sum(excess(p_data, random) > 1e-12 for _ in range(SEGMENTS)),
            0,
        ),
    ]
    one_bump = grid.masses(bumps([1.5], 0.5)) + 1e-9  # a cell that is 0 would stay so
    shown = descend(p_data, one_bump / one_bump.sum())
    return Evidence(checks, lambda: _draw(grid.points[:, 0], p_data, shown, descents))


def descend(p_data: Tensor, p_g: Tensor, steps: int = STEPS, rate: float = RATE) -> Descent:
    """Mirror descent of C from p_g, with D optimal at each step; no cell of p_g may be 0."""
    path, values = [p_g], [criterion(p_data, p_g)]
    for _ in range(steps):
        p_g = p_g * (-rate * gradient(p_data, p_g)).exp()
        p_g = p_g / p_g.sum()
        path.append(p_g)
        values.append(criterion(p_data, p_g))
    return Descent(torch.stack(path), torch.stack(values))


def gradient(p_data: Tensor, p_g: Tensor) -> Tensor:
    """V differentiated in p_g ``[N]`` by autograd, D being optimal for p_g and held."""
    logits = log_ratio(p_data.log(), p_g.log())
    p_g = p_g.clone().requires_grad_()
    return torch.autograd.grad(value(logits, p_data, p_g), p_g)[0]


def excess(p_data: Tensor, random: torch.Generator) -> float:
    """How far C rises above its chord between two random distributions, at most; < 0: nowhere."""
    one, other = (random_masses(len(p_data), random) for _ in range(2))
    c_one, c_other = criterion(p_data, one), criterion(p_data, other)
    return max(
        (criterion(p_data, (1 - t) * one + t * other) - (1 - t) * c_one - t * c_other).item()
        for t in torch.linspace(0.1, 0.9, 9).tolist()
    )


def _draw(x: Tensor, p_data: Tensor, shown: Descent, descents: list[Descent]) -> "Figure":
    from matplotlib import colormaps
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 3.4), layout="constrained")
    path, values = figure.subplots(1, 2)
    moments = [0, 1, 2, 4, 8, STEPS]
    for i, step in enumerate(moments):
        colour = colormaps["Greens"](0.3 + 0.6 * i / (len(moments) - 1))
        path.plot(x, shown.path[step], color=colour, label=f"p_g, step {step}")
    path.plot(x, p_data, **style.P_DATA, label="p_data")
    path.set(xlabel="x", ylabel="probability of a cell", title="p_g on its way")
    path.legend(frameon=False, fontsize=8, ncols=2)
    for descent in descents:
        values.semilogy(descent.criterion + LOG_4, **style.LIMIT)
    values.semilogy(shown.criterion + LOG_4, color=style.P_G["color"])
    values.set(xlabel="step", ylabel="C(G) + log 4", title="The criterion, from every start")
    for axes in (path, values):
        style.plain(axes)
    return figure
