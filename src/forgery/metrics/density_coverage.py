"""Density and coverage (Naeem et al. 2020, arXiv:2002.09797)."""

from dataclasses import dataclass

import torch
from torch import Tensor

from .distances import kth_neighbour, squared_distance_blocks
from .inputs import as_matching_rows


@dataclass(frozen=True)
class DensityCoverage:
    """Fidelity and variety, from the real samples' balls alone.

    Parameters
    ----------
    density:
        How many real samples' balls a generated sample lies in, on average, divided by k. About 1
        for real data; above 1 where generated samples crowd together in dense regions.
    coverage:
        The share of real samples, 0 to 1, whose ball holds a generated sample.
    """

    density: float
    coverage: float


def density_and_coverage(real: Tensor, generated: Tensor, k: int = 5) -> DensityCoverage:
    """Generated samples in the balls around real ones.

    A real sample's ball reaches to its k-th nearest real neighbour, itself excluded; a point at
    the very radius is outside (<).

    Parameters
    ----------
    real, generated:
        Features ``[N, d]`` and ``[M, d]``.
    k:
        5 in the paper.

    Raises
    ------
    ForgeryError
        There are k real samples or fewer, or either set holds non-finite values.
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
