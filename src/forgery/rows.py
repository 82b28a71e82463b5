"""Random numbers and statistics for the rows of a minibatch that this process holds.

Several processes share each minibatch: a process holds its own rows only, but must use the random
numbers that one process alone would use for these rows. All processes draw from generators in the
same state, and each keeps the part that belongs to its rows. A process that is alone holds all
rows, and these functions are then torch's own.

The functions are called by penalties, augmentations and noise, which need not know about processes.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
import torch.distributed
from torch import Tensor

#: Which of how many processes this is.
_rank, _count = 0, 1


@contextmanager
def held_by(rank: int, count: int) -> Iterator[None]:
    """Within the block, this process holds the rows of process ``rank`` of ``count``."""
    global _rank, _count
    before = _rank, _count
    _rank, _count = rank, count
    try:
        yield
    finally:
        _rank, _count = before


def local(rows: Tensor) -> Tensor:
    """The rows ``[n / count, …]`` of this process, of all ``[n, …]``."""
    if _count == 1:
        return rows
    n = len(rows) // _count
    return rows[_rank * n : (_rank + 1) * n]


def drawn(n: int, draw: Callable[[int], Tensor]) -> Tensor:
    """n rows of what ``draw`` gives for the whole minibatch: m → ``[m, …]``.

    For small rows, such as z: the numbers of all rows are drawn and most of them dropped.
    """
    return local(draw(n * _count))


def rand_like(x: Tensor) -> Tensor:
    """U[0, 1) of the shape of ``x`` ``[n, …]``.

    The other processes' numbers are drawn one process at a time and dropped, so that memory does
    not grow with the number of processes.
    """
    kept = torch.empty_like(x)
    for rank in range(_count):
        numbers = torch.rand_like(x)
        if rank == _rank:
            kept = numbers
    return kept


def randn_like(x: Tensor) -> Tensor:
    """N(0, 1) of the shape of ``x`` ``[n, …]``, whose rows should be small (see :func:`drawn`)."""
    return drawn(len(x), lambda m: torch.randn(m, *x.shape[1:], dtype=x.dtype, device=x.device))


def std(x: Tensor) -> Tensor:
    """The standard deviation of all values of the minibatch ``[n, …]``, over all processes."""
    if _count == 1:
        return x.std()
    count = x.numel() * _count
    mean = _total(x.sum()) / count
    return (_total((x - mean).square().sum()) / (count - 1)).sqrt()


def _total(number: Tensor) -> Tensor:
    """The sum of a number over the processes; no gradient flows through it."""
    number = number.detach().clone()
    torch.distributed.all_reduce(number)
    return number
