"""JSD and KL between samples and a known density, by counting samples in the cells of a grid."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from ..errors import ForgeryError
from .inputs import as_rows

#: What is added to the count of every cell before the KL is taken: where the data is and no sample
#: fell, it would be infinite.
SMOOTHING = 0.01


@dataclass(frozen=True)
class GridDivergence:
    """In nats, of the two distributions over the same cells.

    Parameters
    ----------
    jsd:
        The Jensen-Shannon divergence, 0 to log 2 = .693; nothing is smoothed.
    kl:
        KL(p_data‖p_g), with :data:`SMOOTHING` added to each cell's count.
    """

    jsd: float
    kl: float


def grid_divergence(
    masses: Tensor, samples: Tensor, edges: Sequence[Tensor], smoothing: float = SMOOTHING
) -> GridDivergence:
    """How far samples are from a density, on a grid.

    Parameters
    ----------
    masses:
        The density's probability of each cell, float64 ``[R₁, …, R_D]``.
    samples:
        ``[N, D]``.
    edges:
        The borders of the cells along each dimension, ``[R + 1]``, rising.

    What lies outside of the grid is one more cell. The divergences are those of the counts: N
    samples of the density itself get some (number of cells) / 8N for the JSD, not 0.
    """
    rows = as_rows(samples, "samples").cpu()
    shape = tuple(len(edge) - 1 for edge in edges)
    if masses.shape != shape or rows.shape[1] != len(edges):
        raise ForgeryError(
            f"a grid of {list(shape)} cells needs as many masses and points of {len(edges)} "
            f"dimensions, not {list(masses.shape)} and {rows.shape[1]}"
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
    """Σ p log(p/q); cells without p count nothing."""
    return torch.special.xlogy(p, p).sub(torch.special.xlogy(p, q)).sum().item()
