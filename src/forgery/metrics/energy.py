"""The energy distance between two sets of samples (Székely & Rizzo 2013)."""

from torch import Tensor

from .distances import squared_distance_blocks
from .inputs import as_matching_rows


def energy_distance(samples: Tensor, real: Tensor) -> float:
    """2 E‖X - Y‖ - E‖X - X'‖ - E‖Y - Y'‖, in the units of the values; 0 if the sets are equal.

    Means are over all pairs, also of a sample with itself, so that the value is never negative. For
    n and m samples of one distribution it is about (1/n + 1/m) E‖Y - Y'‖: compare it at equal n and
    m only.

    Parameters
    ----------
    samples, real:
        ``[N, ...]`` and ``[M, ...]`` of the same size and scale.

    Raises
    ------
    ForgeryError
        Sizes differ, or some values are not finite.
    """
    x, y = as_matching_rows(samples, real, ("samples", "real"))
    return max(0.0, 2 * _mean(x, y) - _mean(x, x) - _mean(y, y))


def _mean(a: Tensor, b: Tensor) -> float:
    """Mean distance over all pairs of the rows of float64 ``[N, d]`` and ``[M, d]``."""
    total = sum(block.sqrt_().sum().item() for _, block in squared_distance_blocks(a, b))
    return total / (len(a) * len(b))
