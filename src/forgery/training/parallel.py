"""Data-parallel training: each process holds both networks and its share of every minibatch.

A process (a rank) loads, draws and holds its local rows of the minibatch only, so that memory and
reading do not grow with the number of processes. D's logits, one number per sample, are gathered
from all ranks, so that objectives that compare samples see all of them; gradients are summed over
the ranks. A step equals that of a single process up to the order of floating-point additions. The
random numbers of a minibatch are those of a single process (``rows.py``), except dropout, which
drops the same positions on every rank. Batch norm uses the rows of all ranks (``shared_norm.py``).

Processes are started by torch's launcher: ``torchrun --nproc-per-node 2 -m forgery train mnist``.
(DistributedDataParallel is not used, since it supports neither gradients of gradients nor two
networks that are trained against each other.)
"""

import atexit
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
import torch.distributed

# Imported before a process group exists. At import, the functions of this module take the present
# group as a default argument; a later import, such as by torch's optimisers, would keep alive a
# group that is to be destroyed.
import torch.distributed.nn.functional
from torch import Tensor

from .. import rows
from ..errors import ForgeryError


@dataclass(frozen=True)
class Ranks:
    """The number of processes of a run and the rank of this one; :data:`ALONE` for one process."""

    rank: int = 0
    count: int = 1

    @property
    def writes(self) -> bool:
        """Whether this is the rank that reports, draws and saves."""
        return self.rank == 0

    def local(self, order: Tensor, parts: int = 1) -> Tensor:
        """This rank's share ``[m / count]`` of a minibatch's rows ``[m]``.

        If gradients are accumulated over ``parts``, the rank has its share of each part. The split
        is along the last axis, so that it also applies to an ensemble's ``[S, m]``.
        """
        if self.count == 1:
            return order
        return order.unflatten(-1, (parts, self.count, -1))[..., self.rank, :].flatten(-2)

    def gather(self, numbers: Tensor) -> Tensor:
        """Concatenate ``numbers`` of all ranks; gradients flow through the local ones only."""
        if self.count == 1:
            return numbers
        parts = [torch.empty_like(numbers) for _ in range(self.count)]
        with _peer_errors():
            torch.distributed.all_gather(parts, numbers.detach().contiguous())
        parts[self.rank] = numbers
        return torch.cat(parts)

    def total(self, numbers: Tensor) -> Tensor:
        """Sum ``numbers`` over the ranks; gradients flow through those of every rank."""
        return numbers if self.count == 1 else _Total.apply(numbers)

    def summed(self, gradients: Sequence[Tensor]) -> Sequence[Tensor]:
        """Sum each gradient over the ranks, in a single flat message."""
        if self.count == 1:
            return gradients
        flat = torch.cat([g.flatten() for g in gradients])
        with _peer_errors():
            torch.distributed.all_reduce(flat)
        sums = flat.split([g.numel() for g in gradients])
        return [total.view(g.shape) for total, g in zip(sums, gradients, strict=True)]

    def largest(self, *numbers: float) -> list[float]:
        """The maximum of each number over the ranks, so that all ranks decide the same."""
        if self.count == 1:
            return list(numbers)
        sent = torch.tensor(numbers, dtype=torch.float64)  # on the CPU: no device is waited for
        with _peer_errors():
            torch.distributed.all_reduce(sent, torch.distributed.ReduceOp.MAX)
        return sent.tolist()


ALONE = Ranks()


class _Total(torch.autograd.Function):
    """The sum over the ranks; its gradient is the sum of the gradients of all ranks' results."""

    @staticmethod
    def forward(ctx: Any, numbers: Tensor) -> Tensor:
        total = numbers.clone()
        with _peer_errors():
            torch.distributed.all_reduce(total)
        return total

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        return _Total.apply(gradient)


@contextmanager
def _peer_errors() -> Iterator[None]:
    """Raise a :class:`ForgeryError` if communication fails because another process has ended."""
    try:
        yield
    except RuntimeError as error:
        raise ForgeryError(
            "another process of this run has ended, so this one ends too. The last checkpoint is "
            f"intact: resume from it with any number of processes ({error})"
        ) from error


@contextmanager
def joined() -> Iterator[Ranks]:
    """Join the process group, if the launcher started several processes, and leave it on exit."""
    count = process_count()
    if count == 1:
        yield ALONE
        return
    if not torch.distributed.is_initialized():
        # Both where there are GPUs: a run may be on the CPU all the same, and `largest` is always.
        torch.distributed.init_process_group(
            "cpu:gloo,cuda:nccl" if torch.cuda.is_available() else "gloo"
        )
        # The group stays for a program that trains again: a second group would find the addresses
        # of the first in the launcher's store, and at times connect to those. It must be gone when
        # Python ends, which its threads would abort at times (SIGABRT).
        atexit.register(_leave)
    ranks = Ranks(torch.distributed.get_rank(), count)
    with rows.held_by(ranks.rank, count):
        yield ranks
    with _peer_errors():
        torch.distributed.barrier()


def _leave() -> None:
    if torch.distributed.is_initialized():
        torch.distributed.destroy_process_group()


def process_count() -> int:
    """Number of processes of the run, on all machines."""
    return int(os.environ.get("WORLD_SIZE", "1"))


def local_rank() -> int:
    """Index of this process on its machine, and of the GPU that it uses."""
    return int(os.environ.get("LOCAL_RANK", "0"))


def local_count() -> int:
    """Number of processes of the run on this machine."""
    return int(os.environ.get("LOCAL_WORLD_SIZE", "1"))
