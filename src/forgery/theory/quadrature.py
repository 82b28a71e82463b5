"""Numerical integration over known densities."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ..data.densities import Density


@dataclass(frozen=True)
class Grid:
    """A quadrature rule: ∫ f ≈ Σ weightsᵢ f(pointsᵢ).

    Parameters
    ----------
    points:
        float64 ``[N, D]``.
    weights:
        float64 ``[N]``.
    """

    points: Tensor
    weights: Tensor

    def masses(self, density: Density) -> Tensor:
        """Return density times weight at each point, float64 ``[N]``, which sum to 1."""
        return density.log_density(self.points).exp() * self.weights


def cover(*densities: Density) -> Tensor:
    """Return a box ``[2, D]`` around the densities, twice as wide as their bounds.

    The bounds of a Gaussian are at 5 σ; beyond 10 σ its mass is negligible in float64.
    """
    bounds = torch.stack([density.bounds for density in densities])
    low, high = bounds[:, 0].min(0).values, bounds[:, 1].max(0).values
    margin = (high - low) / 2
    return torch.stack([low - margin, high + margin])


def midpoints(box: Tensor, cells: int) -> Grid:
    """Return the midpoint rule with ``cells`` equal parts in each dimension.

    It is exact to float64 for Gaussians many cells wide, and for boxes with edges between cells.
    """
    low, high = box
    fractions = (torch.arange(cells, dtype=torch.float64) + 0.5) / cells
    axes = [start + fractions * (stop - start) for start, stop in zip(low, high, strict=True)]
    points = torch.cartesian_prod(*axes).view(-1, len(axes))
    volume = ((high - low) / cells).prod()
    return Grid(points, volume.expand(len(points)))


def gauss_legendre(box: Tensor, panels: int, nodes: int = 8) -> Grid:
    """Return Gauss–Legendre quadrature in each of ``panels`` equal parts of a box ``[2, 1]``."""
    at, weights = (torch.from_numpy(a) for a in np.polynomial.legendre.leggauss(nodes))
    edges = torch.linspace(box[0].item(), box[1].item(), panels + 1, dtype=torch.float64)
    half = (edges[1:] - edges[:-1])[:, None] / 2
    centre = (edges[1:] + edges[:-1])[:, None] / 2
    return Grid((centre + half * at).view(-1, 1), (half * weights).view(-1))
