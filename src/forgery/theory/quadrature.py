"""Integrals over known densities: points with the volume that each stands for."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ..data.densities import Density


@dataclass(frozen=True)
class Grid:
    """∫ f ≈ Σ weightsᵢ f(pointsᵢ).

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
        """The probability that each point stands for, float64 ``[N]``; they add up to 1."""
        return density.log_density(self.points).exp() * self.weights


def cover(*densities: Density) -> Tensor:
    """A box around all of the densities, twice as wide as their bounds: ``[2, D]``.

    The bounds of a Gaussian end at 5 σ; ten leave nothing out that a float64 would notice.
    """
    bounds = torch.stack([density.bounds for density in densities])
    low, high = bounds[:, 0].min(0).values, bounds[:, 1].max(0).values
    margin = (high - low) / 2
    return torch.stack([low - margin, high + margin])


def midpoints(box: Tensor, cells: int) -> Grid:
    """The middles of ``cells`` equal parts in each dimension.

    As exact as float64 for bumps many cells wide, and for boxes whose edges lie between cells.
    """
    low, high = box
    middles = (torch.arange(cells, dtype=torch.float64) + 0.5) / cells
    axes = [start + middles * (stop - start) for start, stop in zip(low, high, strict=True)]
    points = torch.cartesian_prod(*axes).view(-1, len(axes))
    volume = ((high - low) / cells).prod()
    return Grid(points, volume.expand(len(points)))


def gauss_legendre(box: Tensor, panels: int, nodes: int = 8) -> Grid:
    """Gauss–Legendre nodes in each of ``panels`` equal parts of a line, box ``[2, 1]``."""
    at, weights = (torch.from_numpy(a) for a in np.polynomial.legendre.leggauss(nodes))
    edges = torch.linspace(box[0].item(), box[1].item(), panels + 1, dtype=torch.float64)
    half = (edges[1:] - edges[:-1])[:, None] / 2
    centre = (edges[1:] + edges[:-1])[:, None] / 2
    return Grid((centre + half * at).view(-1, 1), (half * weights).view(-1))
