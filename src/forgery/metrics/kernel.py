"""The kernel distance between two sets of features.

Bińkowski et al. 2018 (arXiv:1801.01401). It is the KID only on features of the original Inception
network.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from ..errors import ForgeryError
from .inputs import as_matching_rows


@dataclass(frozen=True)
class KernelDistance:
    """Mean and (population) standard deviation of MMD² over subsets."""

    mean: float
    std: float


def kernel_distance(
    real: Tensor, generated: Tensor, subsets: int = 100, subset_size: int = 1000, seed: int = 0
) -> KernelDistance:
    """Estimate MMD² with the kernel (x·y/d + 1)³, without bias, on random subsets of both sets.

    If both sets come from the same distribution, the expected value is 0, and negative values
    occur.

    Parameters
    ----------
    real, generated:
        Features ``[N, d]`` and ``[M, d]``.
    subsets, subset_size:
        Number of subsets, and samples per subset and set, drawn without replacement.
    seed:
        Random seed for choosing the subsets.

    Raises
    ------
    ForgeryError
        Either set is smaller than a subset, or some values are not finite.
    """
    x, y = as_matching_rows(real, generated, ("real", "generated"))
    if min(len(x), len(y)) < subset_size or subset_size < 2 or subsets < 1:
        raise ForgeryError(
            f"the kernel distance on {subsets} subsets of {subset_size} needs at least "
            f"{subset_size} samples of each kind, got {len(x)} real and {len(y)} generated"
        )
    random = torch.Generator().manual_seed(seed)

    def subset(rows: Tensor) -> Tensor:
        chosen = torch.randperm(len(rows), generator=random)[:subset_size]
        return rows[chosen.to(rows.device)]

    values = torch.tensor([mmd2(subset(x), subset(y)) for _ in range(subsets)], dtype=torch.float64)
    return KernelDistance(values.mean().item(), values.std(correction=0).item())


def mmd2(x: Tensor, y: Tensor) -> float:
    """Unbiased MMD² of float64 ``[n, d]`` and ``[m, d]``, without pairs of a point with itself."""

    def kernel(a: Tensor, b: Tensor) -> Tensor:
        return (a @ b.T / a.shape[1] + 1) ** 3

    def within(a: Tensor) -> Tensor:
        k = kernel(a, a)
        return (k.sum() - k.trace()) / (len(a) * (len(a) - 1))

    return (within(x) + within(y) - 2 * kernel(x, y).mean()).item()
