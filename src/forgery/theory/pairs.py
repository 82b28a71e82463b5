"""Pairs of known densities used as p_data and p_g."""

from collections.abc import Sequence

import torch
from torch import Tensor

from ..data.densities import Boxes, Density, Mixture


def gaussian_mixture(
    means: Sequence[float] | Sequence[Sequence[float]],
    stds: float | Sequence[float],
    weights: Sequence[float] | None = None,
) -> Mixture:
    """Create a mixture of Gaussians in one or more dimensions; means are ``[K]`` or ``[K, D]``."""
    centres = torch.tensor(means, dtype=torch.float64)
    return Mixture(centres.view(len(centres), -1), stds, weights)


def intervals(*ends: tuple[float, float]) -> Boxes:
    """Create the uniform distribution over intervals."""
    return Boxes(torch.tensor(ends, dtype=torch.float64)[:, :, None])


def random_mixture(generator: torch.Generator) -> Mixture:
    """Draw a mixture of one to four Gaussians: means in [-3, 3], σ in [.3, 1.2], random weights."""
    k = int(torch.randint(1, 5, (), generator=generator))

    def uniform(low: float, high: float) -> Tensor:
        return low + (high - low) * torch.rand(k, generator=generator, dtype=torch.float64)

    weights = uniform(0.1, 1)
    return gaussian_mixture(
        uniform(-3, 3).tolist(), uniform(0.3, 1.2).tolist(), (weights / weights.sum()).tolist()
    )


def random_masses(cells: int, generator: torch.Generator) -> Tensor:
    """Draw probabilities > 0 uniformly from the simplex, float64 ``[cells]``."""
    exponential = -torch.rand(cells, generator=generator, dtype=torch.float64).clamp_min(1e-6).log()
    return exponential / exponential.sum()


#: Name → (p_data, p_g) for training discriminators.
PAIRS: dict[str, tuple[Density, Density]] = {
    "two Gaussians": (gaussian_mixture([0.0], 1.0), gaussian_mixture([1.5], 0.7)),
    "two mixtures": (
        gaussian_mixture([-1.0, 1.5], [0.6, 0.3], [0.6, 0.4]),
        gaussian_mixture([-2.0, 0.5, 2.0], [0.5, 0.6, 0.5]),
    ),
    "overlapping intervals": (intervals((-1.5, 0.5)), intervals((-0.5, 1.5))),
    "disjoint intervals": (intervals((-1.5, -0.5), (0.5, 1.5)), intervals((-1.0, 1.5))),
    "four Gaussians in the plane": (
        gaussian_mixture([[1.0, 0.0], [-1.0, 0.0], [0.0, 1.0], [0.0, -1.0]], 0.4),
        gaussian_mixture([[0.0, 0.0]], 1.0),
    ),
}
