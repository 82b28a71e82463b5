"""Synthetic distributions of points with a known log-density.

Where p_data is known, the 2014 paper's statements about it can be checked. Every density can be
sampled and evaluated exactly; mixtures of well-separated components also know their modes.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Protocol

import torch
from torch import Tensor

from ..errors import ForgeryError, lookup
from .dataset import Dataset

#: Split → (number of points, random seed). PacGAN trains on 100,000 points (fjxmlzn/PacGAN).
SPLITS = {"train": (100_000, 0), "test": (10_000, 1), "valid": (10_000, 2)}


class Density(Protocol):
    """A distribution over points ``[N, D]``."""

    @property
    def dimensions(self) -> int:
        """Number of dimensions D."""

    @property
    def modes(self) -> Tensor | None:
        """Centres of the modes, float64 ``[K, D]``; None if it has no separate modes."""

    @property
    def mode_std(self) -> float | Tensor | None:
        """Standard deviation of the modes in each direction, one for all or ``[K]``.

        None if there are no separate modes.
        """

    @property
    def bounds(self) -> Tensor:
        """Corners of a box with nearly all of the probability, float64 ``[2, D]``."""

    def log_density(self, x: Tensor) -> Tensor:
        """Compute log p(x) in nats, float64 ``[N]``, at points ``[N, D]``."""

    def cell_masses(self, edges: Sequence[Tensor]) -> Tensor:
        """Compute the exact probability of each cell of a grid, float64 ``[R₁, …, R_D]``.

        ``edges`` are the cell edges along each dimension, ``[R + 1]`` each, ascending.
        """

    def sample(self, n: int, generator: torch.Generator) -> Tensor:
        """Draw n points, float64 ``[n, D]``."""


@dataclass(frozen=True, eq=False)
class Mixture:
    """A mixture of isotropic Gaussians: Σ wₖ N(x; μₖ, σₖ² I).

    Parameters
    ----------
    means:
        μ, float64 ``[K, D]``.
    stds:
        σ, one for all components or ``[K]``.
    weights:
        w ``[K]``, which must sum to 1; uniform by default.
    separate:
        Whether the components are modes. (A curve is a chain of overlapping components, with no
        modes.)
    """

    means: Tensor
    stds: float | Sequence[float]
    weights: Sequence[float] | None = None
    separate: bool = True

    def __post_init__(self) -> None:
        if self.means.dim() != 2 or self.means.dtype != torch.float64:
            raise ForgeryError(
                f"the means of a mixture must be float64 [K, D], not {self.means.dtype} "
                f"{list(self.means.shape)}"
            )
        for what, numbers in (("σ", self._stds), ("weight", self._weights)):
            if len(numbers) != len(self.means):
                raise ForgeryError(
                    f"expected one {what} for each of the {len(self.means)} means, got "
                    f"{len(numbers)}"
                )
        if not (self._stds > 0).all():
            raise ForgeryError(f"every σ of a mixture must be above 0, got {self._stds.min():g}")
        total = self._weights.sum().item()
        if (self._weights < 0).any() or abs(total - 1) > 1e-9:
            raise ForgeryError(
                "the density is not normalised: its weights must be at least 0 and sum to 1, "
                f"not {total:g}"
            )

    @property
    def _stds(self) -> Tensor:
        stds = [self.stds] * len(self.means) if isinstance(self.stds, int | float) else self.stds
        return torch.tensor(stds, dtype=torch.float64)

    @property
    def _weights(self) -> Tensor:
        k = len(self.means)
        weights = [1 / k] * k if self.weights is None else self.weights
        return torch.tensor(weights, dtype=torch.float64)

    @property
    def dimensions(self) -> int:
        return self.means.shape[1]

    @property
    def modes(self) -> Tensor | None:
        return self.means if self.separate else None

    @property
    def mode_std(self) -> float | Tensor | None:
        if not self.separate:
            return None
        stds = self._stds
        return stds[0].item() if (stds == stds[0]).all() else stds

    @property
    def bounds(self) -> Tensor:
        reach = 5 * self._stds[:, None]
        low, high = (self.means - reach).min(0).values, (self.means + reach).max(0).values
        return torch.stack([low, high])

    def log_density(self, x: Tensor) -> Tensor:
        x = x.double()
        weights, stds = self._weights.to(x.device), self._stds.to(x.device)
        scale = weights.log() - self.dimensions * (stds * math.sqrt(2 * math.pi)).log()
        means = self.means.to(x.device)

        def of(block: Tensor) -> Tensor:
            # Avoid cancellation: components may be a hundred times further away than they are wide.
            squared = (block[:, None] - means).square().sum(2)
            return (scale - squared / (2 * stds**2)).logsumexp(1)

        return torch.cat([of(block) for block in x.split(4096)])

    def cell_masses(self, edges: Sequence[Tensor]) -> Tensor:
        stds = self._stds[:, None]
        along = [
            torch.special.ndtr((edge - self.means[:, d, None]) / stds).diff(dim=1)
            for d, edge in enumerate(edges)
        ]
        return _outer(along, self._weights)

    def sample(self, n: int, generator: torch.Generator) -> Tensor:
        which = torch.multinomial(self._weights, n, replacement=True, generator=generator)
        z = torch.randn(n, self.dimensions, generator=generator, dtype=torch.float64)
        return self.means[which] + self._stds[which, None] * z


@dataclass(frozen=True, eq=False)
class Boxes:
    """A uniform distribution over boxes that do not overlap.

    Parameters
    ----------
    corners:
        Lower and upper corner of each box, float64 ``[K, 2, D]``.
    """

    corners: Tensor

    def __post_init__(self) -> None:
        low, high = self.corners.unbind(1)
        if not (low < high).all():
            raise ForgeryError("the lower corner of a box must be below its upper corner")
        overlap = torch.minimum(high[:, None], high) - torch.maximum(low[:, None], low)
        overlapping = (overlap > 0).all(2).sum() > len(self.corners)  # every box overlaps itself
        if overlapping:
            raise ForgeryError("the density is not normalised: two of its boxes overlap")

    @property
    def _volumes(self) -> Tensor:
        return (self.corners[:, 1] - self.corners[:, 0]).prod(1)

    @property
    def dimensions(self) -> int:
        return self.corners.shape[2]

    @property
    def modes(self) -> Tensor | None:
        return None

    @property
    def mode_std(self) -> float | None:
        return None

    @property
    def bounds(self) -> Tensor:
        return torch.stack([self.corners[:, 0].min(0).values, self.corners[:, 1].max(0).values])

    def log_density(self, x: Tensor) -> Tensor:
        low, high = self.corners.to(x.device).unbind(1)
        x = x.double()[:, None]
        inside = ((x >= low) & (x <= high)).all(2).any(1)
        level = -self._volumes.sum().log().item()
        return torch.where(inside, level, -math.inf)

    def cell_masses(self, edges: Sequence[Tensor]) -> Tensor:
        low, high = self.corners.unbind(1)
        along = [
            # The fraction of the box below each edge, then between neighbouring edges.
            ((edge - low[:, d, None]) / (high - low)[:, d, None]).clamp(0, 1).diff(dim=1)
            for d, edge in enumerate(edges)
        ]
        return _outer(along, self._volumes / self._volumes.sum())

    def sample(self, n: int, generator: torch.Generator) -> Tensor:
        which = torch.multinomial(self._volumes, n, replacement=True, generator=generator)
        u = torch.rand(n, self.dimensions, generator=generator, dtype=torch.float64)
        low, high = self.corners[which].unbind(1)
        return low + u * (high - low)


def _outer(along: Sequence[Tensor], weights: Tensor) -> Tensor:
    """Σₖ wₖ·a₁[k]⊗…⊗a_D[k]: cell masses from those along each dimension."""
    result = weights
    for part in along:
        result = result[..., None] * part.view(len(weights), *[1] * (result.dim() - 1), -1)
    return result.sum(0)


def line() -> Mixture:
    """Two Gaussians on a line, one broad and one narrow."""
    return Mixture(torch.tensor([[-1.0], [1.5]], dtype=torch.float64), [0.6, 0.3], [0.6, 0.4])


def ring8() -> Mixture:
    """Eight Gaussians of σ .01 on a circle of radius 1 (as in PacGAN, fjxmlzn/PacGAN)."""
    angle = torch.arange(8, dtype=torch.float64) * (2 * math.pi / 8)
    return Mixture(torch.stack([angle.cos(), angle.sin()], 1), 0.01)


def grid25() -> Mixture:
    """Twenty-five Gaussians of σ .05 at {-4, -2, 0, 2, 4}² (as in PacGAN)."""
    ticks = torch.arange(-4, 5, 2, dtype=torch.float64)
    return Mixture(torch.cartesian_prod(ticks, ticks), 0.05)


def moons() -> Mixture:
    """Two interleaving half circles, with Gaussian noise of σ .1."""
    angle = _midpoints(200) * math.pi
    upper = torch.stack([angle.cos(), angle.sin()], 1)
    lower = torch.stack([1 - angle.cos(), 0.5 - angle.sin()], 1)
    centre = torch.tensor([0.5, 0.25], dtype=torch.float64)
    return Mixture(torch.cat([upper, lower]) - centre, 0.1, separate=False)


def swissroll() -> Mixture:
    """A spiral of one and a half turns and final radius 1.5, with Gaussian noise of σ .05."""
    angle = 1.5 * math.pi * (1 + 2 * _midpoints(600))
    radius = angle / angle.max() * 1.5
    points = torch.stack([radius * angle.cos(), radius * angle.sin()], 1)
    return Mixture(points, 0.05, separate=False)


def disjoint() -> Boxes:
    """Two unit squares, two apart: a density with disconnected support."""
    corners = [[[-2.0, -0.5], [-1.0, 0.5]], [[1.0, -0.5], [2.0, 0.5]]]
    return Boxes(torch.tensor(corners, dtype=torch.float64))


def _midpoints(n: int) -> Tensor:
    """Return the midpoints of n equal parts of [0, 1]."""
    return (torch.arange(n, dtype=torch.float64) + 0.5) / n


DENSITIES: dict[str, Callable[[], Density]] = {
    "line": line,
    "ring8": ring8,
    "grid25": grid25,
    "moons": moons,
    "swissroll": swissroll,
    "disjoint": disjoint,
}


def density_source(name: str) -> Callable[[str], Dataset]:
    """Return the data source of a density, which draws the same points every time."""
    return partial(_draw, name)


def _draw(name: str, split: str) -> Dataset:
    density = DENSITIES[name]()
    n, seed = lookup(SPLITS, split, "split")
    points = density.sample(n, torch.Generator().manual_seed(seed)).float()
    return Dataset(f"{name}[{split}]", points, density=density)
