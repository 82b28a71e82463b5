"""Random numbers and statistics for the local rows of a minibatch.

In data-parallel training, a process holds its local rows of each minibatch only, but must use the
random numbers that a single process would use for these rows. All processes draw from generators in
the same state, and each keeps the numbers of its rows. With one process, all rows are local and
these functions are equivalent to torch's.

Penalties, augmentations and noise use these functions, and need not know about processes.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
import torch.distributed
from torch import Tensor

#: Rank of this process, and number of processes.
_rank, _count = 0, 1


@contextmanager
def held_by(rank: int, count: int) -> Iterator[None]:
    """Inside the block, the local rows are those of process ``rank`` of ``count``."""
    global _rank, _count
    before = _rank, _count
    _rank, _count = rank, count
    try:
        yield
    finally:
        _rank, _count = before


def local(rows: Tensor) -> Tensor:
    """The local rows ``[n / count, …]`` of ``rows`` ``[n, …]``."""
    if _count == 1:
        return rows
    n = len(rows) // _count
    return rows[_rank * n : (_rank + 1) * n]


def drawn(n: int, draw: Callable[[int], Tensor]) -> Tensor:
    """n local rows of the numbers that ``draw``, m → ``[m, …]``, gives for the global minibatch.

    For small rows, such as z: the numbers of all rows are drawn, and those of others discarded.
    """
    return local(draw(n * _count))


def rand_like(x: Tensor) -> Tensor:
    """Draw from U[0, 1) in the shape of ``x`` ``[n, …]``; for small rows (see :func:`drawn`)."""
    return drawn(len(x), lambda m: torch.rand(m, *x.shape[1:], dtype=x.dtype, device=x.device))


def large_rand_like(x: Tensor) -> Tensor:
    """Draw from U[0, 1) in the shape of ``x`` ``[n, …]``; for large rows, such as images.

    The numbers of other processes are drawn for one process at a time and discarded, so memory does
    not grow with the number of processes. On a CPU they are those of one process. On a GPU they are
    not, since its generator does not continue from one call to the next as if they were one.
    """
    for _ in range(_rank):
        torch.rand_like(x)
    kept = torch.rand_like(x)
    for _ in range(_rank + 1, _count):
        torch.rand_like(x)
    return kept


def randn_like(x: Tensor) -> Tensor:
    """Draw from N(0, 1) in the shape of ``x`` ``[n, …]``; for small rows (see :func:`drawn`)."""
    return drawn(len(x), lambda m: torch.randn(m, *x.shape[1:], dtype=x.dtype, device=x.device))


def std(x: Tensor) -> Tensor:
    """Standard deviation of all values of the minibatch ``[n, …]``, over all processes."""
    if _count == 1:
        return x.std()
    count = x.numel() * _count
    mean = _total(x.sum()) / count
    return (_total((x - mean).square().sum()) / (count - 1)).sqrt()


def _total(number: Tensor) -> Tensor:
    """Sum of a number over the processes, without gradient."""
    number = number.detach().clone()
    torch.distributed.all_reduce(number)
    return number
