"""What every measure asks of the tensors that it is given."""

import torch
from torch import Tensor

from ..errors import ForgeryError


def count_nonfinite(samples: Tensor) -> int:
    """How many samples of ``[N, ...]`` hold at least one value that is infinite or not a number.

    Measures refuse such samples; whether to drop them, and to say how many there were, is up to
    the caller.
    """
    return int((~torch.isfinite(samples).flatten(1).all(1)).sum())


def as_rows(samples: Tensor, name: str) -> Tensor:
    """``[N, ...]`` of any kind of number as float64 ``[N, d]``, one sample a row.

    Raises
    ------
    ForgeryError
        Fewer than two axes, no samples, or non-finite values; ``name`` says which tensor.
    """
    if samples.dim() < 2 or samples.numel() == 0:
        raise ForgeryError(
            f"{name}: expected samples [N, ...] with at least one sample, got {list(samples.shape)}"
        )
    bad = count_nonfinite(samples)
    if bad:
        raise ForgeryError(f"{name}: {bad} of {len(samples)} samples hold non-finite values")
    if samples.device.type == "mps":
        samples = samples.cpu()  # Apple's graphics processors have no float64
    return samples.detach().flatten(1).double()


def as_matching_rows(a: Tensor, b: Tensor, names: tuple[str, str]) -> tuple[Tensor, Tensor]:
    """:func:`as_rows` of two sets, which must agree on the size d of a sample."""
    rows_a, rows_b = as_rows(a, names[0]), as_rows(b, names[1])
    if rows_a.shape[1] != rows_b.shape[1]:
        raise ForgeryError(
            f"{names[0]} and {names[1]} differ in the size of a sample: "
            f"{rows_a.shape[1]} and {rows_b.shape[1]} values"
        )
    return rows_a, rows_b
