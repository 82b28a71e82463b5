"""Input validation shared by the measures."""

import torch
from torch import Tensor

from ..errors import ForgeryError


def count_nonfinite(samples: Tensor) -> int:
    """Count the samples of ``[N, ...]`` with at least one infinite or NaN value.

    Measures reject such samples; the caller decides whether to drop and report them.
    """
    return int((~torch.isfinite(samples).flatten(1).all(1)).sum())


def as_rows(samples: Tensor, name: str) -> Tensor:
    """Flatten samples ``[N, ...]`` of any dtype to float64 rows ``[N, d]``.

    ``name`` identifies the tensor in error messages.

    Raises
    ------
    ForgeryError
        There are fewer than two axes, no samples, or non-finite values.
    """
    if samples.dim() < 2 or samples.numel() == 0:
        raise ForgeryError(
            f"{name}: expected samples [N, ...] with at least one sample, got {list(samples.shape)}"
        )
    bad = count_nonfinite(samples)
    if bad:
        raise ForgeryError(f"{name}: {bad} of {len(samples)} samples have non-finite values")
    if samples.device.type == "mps":
        samples = samples.cpu()  # MPS has no float64
    return samples.detach().flatten(1).double()


def as_matching_rows(a: Tensor, b: Tensor, names: tuple[str, str]) -> tuple[Tensor, Tensor]:
    """Apply :func:`as_rows` to two sets of samples that must have the same size d."""
    rows_a, rows_b = as_rows(a, names[0]), as_rows(b, names[1])
    if rows_a.shape[1] != rows_b.shape[1]:
        raise ForgeryError(
            f"expected samples of the same size, got {names[0]} of {rows_a.shape[1]} values and "
            f"{names[1]} of {rows_b.shape[1]}"
        )
    return rows_a, rows_b
