"""Class balance: whether generated samples have the class frequencies of the data."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from ..errors import ForgeryError


@dataclass(frozen=True)
class ClassBalance:
    """Class frequencies of generated samples and of the data.

    Parameters
    ----------
    generated, data:
        Number of samples of each class.
    kl:
        KL(generated ‖ data) in nats: 0 if the frequencies agree, infinite if a class is generated
        that the data does not contain. A missing class leaves it finite.
    missing:
        Classes of the data that were never generated.
    """

    generated: tuple[int, ...]
    data: tuple[int, ...]
    kl: float
    missing: tuple[int, ...]


def class_balance(generated: Tensor, data: Tensor, classes: int) -> ClassBalance:
    """Compare the class frequencies of generated samples with those of the data.

    Parameters
    ----------
    generated:
        Predicted labels of generated samples, int64 ``[N]``, 0 to ``classes`` − 1.
    data:
        Predicted or true labels of the data, int64 ``[M]``, in the same range.
    classes:
        Number of classes.

    Raises
    ------
    ForgeryError
        There are no labels, they are not integers, or some are out of range.
    """
    generated_counts = class_histogram(generated, classes)
    data_counts = class_histogram(data, classes)
    missing = ((generated_counts == 0) & (data_counts > 0)).nonzero().flatten()
    return ClassBalance(
        tuple(generated_counts.tolist()),
        tuple(data_counts.tolist()),
        kl_divergence(generated_counts, data_counts),
        tuple(missing.tolist()),
    )


def class_histogram(labels: Tensor, classes: int) -> Tensor:
    """Count the samples of each class: labels ``[N]`` → int64 ``[classes]``."""
    if labels.is_floating_point() or labels.dim() != 1 or len(labels) == 0:
        raise ForgeryError(f"expected integer labels [N], got {labels.dtype} {list(labels.shape)}")
    if labels.min() < 0 or labels.max() >= classes:
        raise ForgeryError(
            f"expected labels from 0 to {classes - 1}, got {labels.min()} to {labels.max()}"
        )
    return torch.bincount(labels, minlength=classes).cpu()


def kl_divergence(p: Tensor, q: Tensor) -> float:
    """KL(p ‖ q) = Σ p log(p/q) in nats for histograms ``[K]``, which need not be normalised."""
    p, q = p.double() / p.sum(), q.double() / q.sum()
    present = p > 0
    if (q[present] == 0).any():
        return math.inf
    divergence = (p[present] * (p[present] / q[present]).log()).sum().item()
    return max(0.0, divergence)  # rounding can give −1e-17 for equal histograms
