"""JSD and KL between samples and a known density, from counts in the cells of a grid."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from ..errors import ForgeryError
from .inputs import as_rows

#: Added to the count of every cell for the KL, which an empty cell would make infinite.
SMOOTHING = 0.01


@dataclass(frozen=True)
class GridDivergence:
    """Divergences in nats between two distributions over the cells of a grid.

    Parameters
    ----------
    jsd:
        Jensen-Shannon divergence, 0 to log 2 = .693, without smoothing.
    kl:
        KL(p_data‖p_g), with :data:`SMOOTHING` added to each cell's count.
    """

    jsd: float
    kl: float


def grid_divergence(
    masses: Tensor, samples: Tensor, edges: Sequence[Tensor], smoothing: float = SMOOTHING
) -> GridDivergence:
    """Estimate the divergences between samples and a density on a grid.

    Everything outside the grid counts as one more cell. The estimates are biased: for N samples
    from the density itself, the JSD is about (number of cells) / 8N, not 0.

    Parameters
    ----------
    masses:
        Probability of each cell under the density, float64 ``[R₁, …, R_D]``.
    samples:
        ``[N, D]``.
    edges:
        Cell edges along each dimension, ``[R + 1]`` each, ascending.
    smoothing:
        Added to each cell's count for the KL.

    Raises
    ------
    ForgeryError
        The shapes do not match, or some values are not finite.
    """
    rows = as_rows(samples, "samples").cpu()
    shape = tuple(len(edge) - 1 for edge in edges)
    if masses.shape != shape or rows.shape[1] != len(edges):
        raise ForgeryError(
            f"expected masses {list(shape)} and samples of {len(edges)} dimensions for these edges,"
            f" got masses {list(masses.shape)} and samples of {rows.shape[1]} dimensions"
        )
    cell = torch.zeros(len(rows), dtype=torch.int64)
    inside = torch.ones(len(rows), dtype=torch.bool)
    for d, edge in enumerate(edges):
        index = torch.bucketize(rows[:, d].contiguous(), edge.double(), right=True) - 1
        inside &= (index >= 0) & (index < shape[d])
        cell = cell * shape[d] + index.clamp(0, shape[d] - 1)
    cells = masses.numel()
    counts = torch.bincount(torch.where(inside, cell, cells), minlength=cells + 1).double()
    inner = masses.double().flatten()
    p = torch.cat([inner, (1 - inner.sum()).clamp(min=0)[None]])
    q = counts / counts.sum()
    smoothed = (counts + smoothing) / (counts + smoothing).sum()
    middle = (p + q) / 2
    return GridDivergence(
        jsd=(_kl(p, middle) + _kl(q, middle)) / 2,
        kl=_kl(p, smoothed),
    )


def _kl(p: Tensor, q: Tensor) -> float:
    """Σ p log(p/q), with 0 log 0 = 0."""
    return torch.special.xlogy(p, p).sub(torch.special.xlogy(p, q)).sum().item()
