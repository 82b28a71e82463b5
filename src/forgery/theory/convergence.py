"""Gradient descent on C(G) in the space of distributions p_g."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from ..data.densities import DENSITIES
from . import style
from .check import Check, Evidence
from .divergence import LOG_4, criterion, log_ratio, total_variation, value
from .pairs import gaussian_mixture, random_masses
from .quadrature import midpoints

if TYPE_CHECKING:
    from matplotlib.figure import Figure

CELLS, STEPS, RATE = 60, 60, 0.5
#: Numbers of random starting points, and of random segments for testing convexity.
STARTS, SEGMENTS = 10, 200


@dataclass(frozen=True)
class Descent:
    """p_g ``[STEPS + 1, N]`` and C(G) ``[STEPS + 1]``, initially and after each step."""

    path: Tensor
    criterion: Tensor


def proposition_2() -> Evidence:
    """Proposition 2: convergence

    If D is optimal at each step and p_g is updated to improve the criterion, p_g converges to
    p_data. Here p_g is not a network but a vector of probabilities, one per cell. Each step
    computes the gradient of V with respect to p_g with D* fixed, which is log(1 - D*), and
    multiplies p_g by exp(-rate · gradient): a gradient step that stays on the simplex (mirror
    descent with the entropy). For rates up to 1, C cannot increase, since its second derivative in
    a cell, p_data/(p_g(p_g + p_data)), is smaller than that of the negative entropy, 1/p_g.

    The proof relies on C being convex in p_g. In the parameters of a network it is not, and there
    is no such guarantee: in the figure of Theorem 1, C becomes flat for large θ.
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
            f"C(G) never increases: violations among {STARTS * STEPS} steps from {STARTS} random "
            "starts",
            0,
            rises,
            0,
        ),
        Check(
            "C(G) converges to -log 4: value after the last step, worst start",
            -LOG_4,
            max(descent.criterion[-1].item() for descent in descents),
            1e-6,
        ),
        Check(
            "p_g converges to p_data: total variation after the last step, worst start",
            0.0,
            max(total_variation(p_data, p_g).item() for p_g in ends),
            1e-4,
        ),
        Check(
            f"C is convex in p_g: random segments with a point above the chord, of {SEGMENTS}",
            0,
            sum(excess(p_data, random) > 1e-12 for _ in range(SEGMENTS)),
            0,
        ),
    ]
    one_gaussian = grid.masses(gaussian_mixture([1.5], 0.5)) + 1e-9  # a cell at 0 would stay there
    shown = descend(p_data, one_gaussian / one_gaussian.sum())
    return Evidence(checks, lambda: _draw(grid.points[:, 0], p_data, shown, descents))


def descend(p_data: Tensor, p_g: Tensor, steps: int = STEPS, rate: float = RATE) -> Descent:
    """Run mirror descent on C from p_g > 0, with D optimal at each step."""
    path, values = [p_g], [criterion(p_data, p_g)]
    for _ in range(steps):
        p_g = p_g * (-rate * gradient(p_data, p_g)).exp()
        p_g = p_g / p_g.sum()
        path.append(p_g)
        values.append(criterion(p_data, p_g))
    return Descent(torch.stack(path), torch.stack(values))


def gradient(p_data: Tensor, p_g: Tensor) -> Tensor:
    """Gradient of V in p_g ``[N]`` by autograd, with D fixed at the optimum for p_g."""
    logits = log_ratio(p_data.log(), p_g.log())
    p_g = p_g.clone().requires_grad_()
    return torch.autograd.grad(value(logits, p_data, p_g), p_g)[0]


def excess(p_data: Tensor, random: torch.Generator) -> float:
    """Largest excess of C over its chord between two random distributions; < 0 if convex."""
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
    path.set(xlabel="x", ylabel="probability of a cell", title="Convergence of p_g")
    path.legend(frameon=False, fontsize=8, ncols=2)
    for descent in descents:
        values.semilogy(descent.criterion + LOG_4, **style.LIMIT)
    values.semilogy(shown.criterion + LOG_4, color=style.P_G["color"])
    values.set(xlabel="step", ylabel="C(G) + log 4", title="The criterion, for all starts")
    for axes in (path, values):
        style.plain(axes)
    return figure
