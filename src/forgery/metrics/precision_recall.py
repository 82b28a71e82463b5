"""Improved precision and recall (Kynkäänniemi et al. 2019, arXiv:1904.06991)."""

from dataclasses import dataclass

import torch
from torch import Tensor

from .distances import kth_neighbour, squared_distance_blocks
from .inputs import as_matching_rows


@dataclass(frozen=True)
class PrecisionRecall:
    """Fidelity and diversity, both from 0 to 1.

    Parameters
    ----------
    precision:
        Fraction of generated samples inside the manifold of the real samples.
    recall:
        Fraction of real samples inside the manifold of the generated samples.
    """

    precision: float
    recall: float


def precision_and_recall(real: Tensor, generated: Tensor, k: int = 3) -> PrecisionRecall:
    """Compute improved precision and recall.

    Parameters
    ----------
    real, generated:
        Features ``[N, d]`` and ``[M, d]``. The values decrease with d and depend on N and M:
        compare them at equal d, N and M only.
    k:
        Number of neighbours; 3 in the paper.

    Raises
    ------
    ForgeryError
        Either set has at most k samples, or some values are not finite.
    """
    x, y = as_matching_rows(real, generated, ("real", "generated"))
    precision = _inside(y, x, kth_neighbour(x, k, "real"))
    recall = _inside(x, y, kth_neighbour(y, k, "generated"))
    return PrecisionRecall(precision.double().mean().item(), recall.double().mean().item())


def inside_manifold(real: Tensor, samples: Tensor, k: int = 3) -> Tensor:
    """Tell which samples are inside the manifold of the real samples: the criterion of precision.

    The manifold of a set is the union of balls around its points. The radius of a ball is the
    distance to the k-th nearest neighbour in the set, not counting the point itself; a point at
    exactly the radius is inside (≤).

    Parameters
    ----------
    real, samples:
        Features ``[N, d]`` and ``[M, d]``.
    k:
        Number of neighbours; 3 in the paper.

    Returns
    -------
    inside:
        bool ``[M]``.

    Raises
    ------
    ForgeryError
        There are at most k real samples, or some values are not finite.
    """
    x, y = as_matching_rows(real, samples, ("real", "samples"))
    return _inside(y, x, kth_neighbour(x, k, "real"))


def _inside(points: Tensor, centres: Tensor, squared_radii: Tensor) -> Tensor:
    """Tell which points are in any of the balls around the centres: bool ``[M]``."""
    inside = [
        (block <= squared_radii).any(1) for _, block in squared_distance_blocks(points, centres)
    ]
    return torch.cat(inside)
