"""Improved precision and recall (Kynkäänniemi et al. 2019, arXiv:1904.06991)."""

from dataclasses import dataclass

import torch
from torch import Tensor

from .distances import kth_neighbour, squared_distance_blocks
from .inputs import as_matching_rows


@dataclass(frozen=True)
class PrecisionRecall:
    """Fidelity and variety, both shares from 0 to 1.

    Parameters
    ----------
    precision:
        Of the generated samples, the share inside the real samples' manifold.
    recall:
        Of the real samples, the share inside the generated samples' manifold.
    """

    precision: float
    recall: float


def precision_and_recall(real: Tensor, generated: Tensor, k: int = 3) -> PrecisionRecall:
    """How much of each set lies in the other's manifold.

    The manifold of a set is the union of balls around its points, each reaching to the point's
    k-th nearest neighbour in the set, itself excluded; a point at the very radius is inside (≤).

    Parameters
    ----------
    real, generated:
        Features ``[N, d]`` and ``[M, d]``. The figures fall with d and depend on N and M: compare
        only at equal numbers.
    k:
        3 in the paper.

    Raises
    ------
    ForgeryError
        Either set has k samples or fewer, or holds non-finite values.
    """
    x, y = as_matching_rows(real, generated, ("real", "generated"))
    real_radius = kth_neighbour(x, k, "real")
    generated_radius = kth_neighbour(y, k, "generated")
    precise = 0
    recalled = torch.zeros(len(x), dtype=torch.bool, device=x.device)
    for rows, block in squared_distance_blocks(y, x):
        precise += int((block <= real_radius).any(1).sum())
        recalled |= (block <= generated_radius[rows, None]).any(0)
    return PrecisionRecall(precise / len(y), recalled.double().mean().item())
