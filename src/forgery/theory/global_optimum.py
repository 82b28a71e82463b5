"""C(G) = -log 4 + 2·JSD, with its minimum at p_g = p_data."""

import math
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from ..data.densities import Density
from . import style
from .check import Check, Evidence
from .divergence import LOG_4, criterion, jsd, log_ratio, value
from .pairs import gaussian_mixture, intervals, random_mixture
from .quadrature import cover, gauss_legendre, midpoints

if TYPE_CHECKING:
    from matplotlib.figure import Figure

#: Number of random pairs of mixtures, and of discriminators other than D* for each pair.
RANDOM_PAIRS, OTHER_DS = 40, 5
CELLS, PANELS = 4000, 400


def theorem_1() -> Evidence:
    """Theorem 1: the global optimum

    With the optimal discriminator D*, G's criterion is C(G) = -log 4 + 2·JSD(p_data‖p_g). The
    Jensen-Shannon divergence is 0 if and only if p_g = p_data. There C has its minimum, -log 4, and
    D* is ½ everywhere. For distributions with disjoint supports the divergence is log 2, whatever
    their distance: C is then 0 and constant, and gives G no direction.

    The two sides are computed separately: the left side from the definition of V with D*, by the
    midpoint rule; the right side from the KL divergences to the mixture, by Gauss–Legendre
    quadrature.
    """
    random = torch.Generator().manual_seed(0)
    pairs = [(random_mixture(random), random_mixture(random)) for _ in range(RANDOM_PAIRS)]
    left = [by_definition(p, q) for p, q in pairs]
    divergences = [by_divergence(p, q) for p, q in pairs]
    at_optimum = [by_definition(p, p) for p, _ in pairs]
    apart = intervals((-2.0, -1.0)), intervals((1.0, 2.0))
    violations = sum(
        _other_values(p, q, random).ge(c).sum().item()
        for (p, q), c in zip(pairs, left, strict=True)
    )
    checks = [
        Check(
            f"C(G) = -log 4 + 2·JSD: worst difference for {RANDOM_PAIRS} random pairs of mixtures",
            0.0,
            max(abs(c + LOG_4 - 2 * j) for c, j in zip(left, divergences, strict=True)),
            1e-6,
        ),
        Check(
            f"D* maximises V: violations among {RANDOM_PAIRS * OTHER_DS} other discriminators",
            0,
            violations,
            0,
        ),
        Check(
            f"C(G) = -log 4 at p_g = p_data: worst of {RANDOM_PAIRS} mixtures",
            -LOG_4,
            max(at_optimum, key=lambda c: abs(c + LOG_4)),
            1e-6,
        ),
        Check(
            f"C(G) > -log 4 elsewhere: violations among {RANDOM_PAIRS} random pairs",
            0,
            sum(c <= -LOG_4 for c in left),
            0,
        ),
        Check(
            f"JSD ≤ log 2: violations among {RANDOM_PAIRS} random pairs",
            0,
            sum(j > math.log(2) for j in divergences),
            0,
        ),
        Check(
            "JSD = log 2 for disjoint supports: two intervals",
            math.log(2),
            by_divergence(*apart),
            1e-6,
        ),
        Check("C(G) = 0 for the same two intervals", 0.0, by_definition(*apart), 1e-6),
    ]
    return Evidence(checks, lambda: _draw(left, divergences))


def by_definition(p_data: Density, p_g: Density) -> float:
    """C(G) = V(D*, G) for two densities in one dimension, by the midpoint rule."""
    grid = midpoints(cover(p_data, p_g), CELLS)
    ratio = log_ratio(p_data.log_density(grid.points), p_g.log_density(grid.points))
    return value(ratio, grid.masses(p_data), grid.masses(p_g)).item()


def by_divergence(p_data: Density, p_g: Density) -> float:
    """JSD(p_data‖p_g) of two densities in one dimension, by Gauss–Legendre quadrature."""
    grid = gauss_legendre(cover(p_data, p_g), PANELS)
    return jsd(grid.masses(p_data), grid.masses(p_g)).item()


def _other_values(p_data: Density, p_g: Density, random: torch.Generator) -> Tensor:
    """V of discriminators with logits D* plus random sine waves: ``[OTHER_DS]``."""
    grid = midpoints(cover(p_data, p_g), CELLS)
    ratio = log_ratio(p_data.log_density(grid.points), p_g.log_density(grid.points))
    masses = grid.masses(p_data), grid.masses(p_g)
    height, rate, phase = torch.rand(3, OTHER_DS, 1, generator=random, dtype=torch.float64)
    waves = (0.01 + height) * (3 * rate * grid.points[:, 0] + 2 * math.pi * phase).sin()
    return torch.stack([value(ratio + wave, *masses) for wave in waves])


def _draw(left: list[float], divergences: list[float]) -> "Figure":
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 3.6), layout="constrained")
    pairs, apart = figure.subplots(1, 2, sharey=True)
    pairs.plot([0, math.log(2)], [-LOG_4, 0], **style.LIMIT)
    pairs.scatter(divergences, left, s=16, color=style.D["color"])
    pairs.set(xlabel="JSD(p_data‖p_g), nats", ylabel="C(G), nats", title="Random pairs of mixtures")
    pairs.text(0.33, -LOG_4 + 2 * 0.33 - 0.05, "-log 4 + 2·JSD", va="top", fontsize=9)
    shifts = torch.linspace(0, 6, 61).tolist()
    gaussians = [
        by_definition(gaussian_mixture([0.0], 1.0), gaussian_mixture([s], 1.0)) for s in shifts
    ]
    # A finer grid, since these edges would not fall between the cells of the other one.
    line = midpoints(torch.tensor([[-1.0], [9.0]], dtype=torch.float64), 10_000)
    boxes = [
        criterion(*(line.masses(intervals((a, a + 2))) for a in (0.0, s))).item() for s in shifts
    ]
    apart.plot(shifts, gaussians, color=style.P_G["color"], label="N(0, 1) and N(θ, 1)")
    apart.plot(shifts, boxes, color="#c2410c", label="U(0, 2) and U(θ, θ + 2)")
    apart.set(xlabel="θ, distance of p_g from p_data", title="Shifted distributions")
    for axes in (pairs, apart):
        for level in (-LOG_4, 0.0):
            axes.axhline(level, **style.LIMIT, linestyle=":")
        style.plain(axes)
    apart.text(6, -LOG_4, "-log 4", ha="right", va="bottom", fontsize=9)
    apart.legend(frameon=False, loc="center right")
    return figure
