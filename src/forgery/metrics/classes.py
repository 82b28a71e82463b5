"""Whether a generator makes every class as often as the data holds it."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from ..errors import ForgeryError


@dataclass(frozen=True)
class ClassBalance:
    """How often each class occurs.

    Parameters
    ----------
    generated, data:
        The number of samples of each class.
    kl:
        KL(generated ‖ data) in nats: 0 when the shares agree, infinite when a class is generated
        that the data does not hold, finite when one is missing.
    missing:
        Classes that the data holds and that were never generated.
    """

    generated: tuple[int, ...]
    data: tuple[int, ...]
    kl: float
    missing: tuple[int, ...]


def class_balance(generated: Tensor, data: Tensor, classes: int) -> ClassBalance:
    """The balance of predicted labels against that of the data.

    Parameters
    ----------
    generated, data:
        Labels, int64 ``[N]`` and ``[M]``, 0 to ``classes`` − 1: a classifier's on both, or its on
        generated samples and the true ones of the data.

    Raises
    ------
    ForgeryError
        No labels, not integers, or labels outside the range.
    """
    made = class_histogram(generated, classes)
    held = class_histogram(data, classes)
    missing = ((made == 0) & (held > 0)).nonzero().flatten()
    return ClassBalance(
        tuple(made.tolist()),
        tuple(held.tolist()),
        kl_divergence(made, held),
        tuple(missing.tolist()),
    )


def class_histogram(labels: Tensor, classes: int) -> Tensor:
    """The number of samples of each class, int64 ``[classes]``, from labels ``[N]``."""
    if labels.is_floating_point() or labels.dim() != 1 or len(labels) == 0:
        raise ForgeryError(f"expected integer labels [N], got {labels.dtype} {list(labels.shape)}")
    if labels.min() < 0 or labels.max() >= classes:
        raise ForgeryError(
            f"labels must be 0 to {classes - 1}, found {labels.min()} to {labels.max()}"
        )
    return torch.bincount(labels, minlength=classes).cpu()


def kl_divergence(p: Tensor, q: Tensor) -> float:
    """KL(p ‖ q) = Σ p log(p/q) in nats, of two histograms ``[K]`` that need not sum to 1."""
    p, q = p.double() / p.sum(), q.double() / q.sum()
    present = p > 0
    if (q[present] == 0).any():
        return math.inf
    divergence = (p[present] * (p[present] / q[present]).log()).sum().item()
    return max(0.0, divergence)  # rounding can leave −1e-17 between equal histograms
