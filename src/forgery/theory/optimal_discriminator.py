"""Comparison of trained discriminators with p_data/(p_data + p_g)."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from ..data.densities import Density
from . import style
from .check import Check, Evidence
from .discriminator import train_discriminator
from .divergence import log_ratio
from .pairs import PAIRS
from .quadrature import Grid, cover, midpoints

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

#: Cells along each dimension, in one and two dimensions.
CELLS = {1: 6000, 2: 300}


@dataclass(frozen=True)
class Comparison:
    """A trained D and D* at the points of a grid, float64 ``[N]`` each."""

    grid: Grid
    p_data: Tensor
    p_g: Tensor
    trained: Tensor
    optimal: Tensor

    @property
    def error(self) -> float:
        """Mean of |D - D*| under ½(p_data + p_g)."""
        under = (self.p_data + self.p_g) / 2
        return ((self.trained - self.optimal).abs() * under).sum().item()


def proposition_1() -> Evidence:
    """Proposition 1: the optimal discriminator

    For a fixed G, the D that maximises V is D* = p_data/(p_data + p_g): the probability that a
    point x is real. Here networks are trained to find it, with the loss used in training GANs and
    fresh samples from two known densities. The error is integrated over a fine grid instead of
    being estimated from samples.

    The uniform densities are the hardest cases: D* is discontinuous at their edges, and 0 or 1
    where only one of the densities has mass, which a sigmoid cannot reach exactly.
    """
    compared = {name: compare(*pair) for name, pair in PAIRS.items()}
    checks = [
        Check(
            f"D trained on {name} is close to p_data/(p_data + p_g): "
            "mean absolute error under ½(p_data + p_g)",
            0.0,
            comparison.error,
            0.01,
        )
        for name, comparison in compared.items()
    ]
    return Evidence(checks, lambda: _draw(compared))


def compare(p_data: Density, p_g: Density) -> Comparison:
    """Train a D for a pair of densities and compare it with D* on a grid."""
    network = train_discriminator(p_data, p_g)
    grid = midpoints(cover(p_data, p_g), CELLS[p_data.dimensions])
    ratio = log_ratio(p_data.log_density(grid.points), p_g.log_density(grid.points))
    trained = network(grid.points.float()).double().sigmoid()
    return Comparison(grid, grid.masses(p_data), grid.masses(p_g), trained, ratio.sigmoid())


def _draw(compared: dict[str, Comparison]) -> "Figure":
    from matplotlib.figure import Figure

    figure = Figure(figsize=(12, 6), layout="constrained")
    panels = list(figure.subplots(2, 3).flat)
    for axes, (name, comparison) in zip(panels, compared.items(), strict=False):
        axes.set_title(f"{name}: error {comparison.error:.4f}", fontsize=10)
        if comparison.grid.points.shape[1] == 1:
            _draw_line(axes, comparison)
        else:
            _draw_plane(axes, comparison)
            _draw_calibration(panels[-1], comparison)
    panels[0].legend(frameon=False, fontsize=8, loc="center left")
    return figure


def _draw_line(axes: "Axes", comparison: Comparison) -> None:
    x = comparison.grid.points[:, 0]
    densities = [p / comparison.grid.weights for p in (comparison.p_data, comparison.p_g)]
    style.distributions(axes, x, *densities)
    axes.plot(x, comparison.optimal, color="#e0a800", linewidth=3.5, alpha=0.6, label="D*")
    axes.plot(x, comparison.trained, **style.D, label="D, trained")
    seen = x[sum(densities) > 1e-3]
    axes.set(xlim=(seen[0].item(), seen[-1].item()), ylim=(0, 1.05), xlabel="x")
    style.plain(axes)


def _draw_plane(axes: "Axes", comparison: Comparison) -> None:
    side = CELLS[2]
    x, y = (comparison.grid.points[:, i].view(side, side) for i in (0, 1))
    levels = [0.1, 0.3, 0.5, 0.7]
    axes.contourf(x, y, comparison.p_data.view(side, side), 6, cmap="Greys", alpha=0.6)
    optimal, trained = (d.view(side, side) for d in (comparison.optimal, comparison.trained))
    axes.contour(x, y, optimal, levels, colors="#e0a800", linewidths=3.5, alpha=0.6)
    lines = axes.contour(
        x, y, trained, levels, colors=style.D["color"], linestyles="--", linewidths=1.4
    )
    axes.clabel(lines, fontsize=7)
    axes.set(xlim=(-3, 3), ylim=(-2.2, 2.2), xlabel="p_data in grey; lines of equal D and D*")


def _draw_calibration(axes: "Axes", comparison: Comparison) -> None:
    under = (comparison.p_data + comparison.p_g) / 2
    chosen = torch.multinomial(under, 1500, generator=torch.Generator().manual_seed(0))
    axes.plot([0, 1], [0, 1], **style.LIMIT)
    axes.scatter(
        comparison.optimal[chosen], comparison.trained[chosen], s=3, color=style.D["color"]
    )
    axes.set(xlabel="D*", ylabel="D, trained", title="the same, at random points")
    axes.title.set_fontsize(10)
    style.plain(axes)
