"""Scores of points whose true distribution is known."""

import torch
from torch import Tensor

from .. import metrics
from ..data import Density
from ..errors import ForgeryError

#: Number of dimensions → cells along each side of the grid.
GRID_CELLS = {1: 200, 2: 64}


class KnownDensity:
    """A known density on a grid, for comparison with samples.

    The grid covers the density's bounds with :data:`GRID_CELLS`; the probability of each cell is
    exact.
    """

    def __init__(self, density: Density) -> None:
        if density.dimensions not in GRID_CELLS:
            raise ForgeryError(
                f"a known density of {density.dimensions} dimensions cannot be compared on a grid: "
                f"at most {max(GRID_CELLS)} are possible; give the dataset without its density"
            )
        self.density = density
        cells = GRID_CELLS[density.dimensions]
        low, high = density.bounds.tolist()
        self.edges = [
            torch.linspace(a, b, cells + 1, dtype=torch.float64)
            for a, b in zip(low, high, strict=True)
        ]
        self.masses = density.cell_masses(self.edges)

    @property
    def has_modes(self) -> bool:
        """Whether the density is a mixture whose modes can be counted."""
        return self.density.modes is not None and self.density.mode_std is not None

    def divergence(self, points: Tensor) -> metrics.GridDivergence:
        """JSD and KL of points ``[N, D]``, in nats."""
        return metrics.grid_divergence(self.masses, points, self.edges)

    def modes(self, points: Tensor) -> metrics.Modes:
        """Modes covered by points ``[N, D]``, within 3 standard deviations (PacGAN's rule)."""
        assert self.density.modes is not None
        assert self.density.mode_std is not None
        return metrics.mode_coverage(points, self.density.modes, self.density.mode_std)

    def scores(self, points: Tensor) -> dict[str, float]:
        """All scores of points ``[N, D]`` by name: jsd, kl, and modes and high_quality if any."""
        divergence = self.divergence(points)
        scores = {"jsd": divergence.jsd, "kl": divergence.kl}
        if self.has_modes:
            reached = self.modes(points)
            scores |= {"modes": reached.covered, "high_quality": reached.high_quality}
        return scores
