"""Density and coverage (Naeem et al. 2020, arXiv:2002.09797)."""

from dataclasses import dataclass

import torch
from torch import Tensor

from .distances import kth_neighbour, squared_distance_blocks
from .inputs import as_matching_rows


@dataclass(frozen=True)
class DensityCoverage:
    """Fidelity and diversity, from neighbourhoods of the real samples alone.

    Parameters
    ----------
    density:
        Mean number of real samples' balls that contain a generated sample, divided by k. About 1
        for real data; above 1 if generated samples concentrate in dense regions.
    coverage:
        Fraction of real samples, 0 to 1, whose ball contains a generated sample.
    """

    density: float
    coverage: float


def density_and_coverage(real: Tensor, generated: Tensor, k: int = 5) -> DensityCoverage:
    """Compute density and coverage.

    The radius of a real sample's ball is the distance to its k-th nearest real neighbour, not
    counting itself; a point at exactly the radius is outside (<).

    Parameters
    ----------
    real, generated:
        Features ``[N, d]`` and ``[M, d]``.
    k:
        Number of neighbours; 5 in the paper.

    Raises
    ------
    ForgeryError
        There are at most k real samples, or some values are not finite.
    """
    x, y = as_matching_rows(real, generated, ("real", "generated"))
    radius = kth_neighbour(x, k, "real")
    inside = 0
    covered = torch.zeros(len(x), dtype=torch.bool, device=x.device)
    for _, block in squared_distance_blocks(y, x):
        within = block < radius
        inside += int(within.sum())
        covered |= within.any(0)
    return DensityCoverage(inside / (k * len(y)), covered.double().mean().item())
