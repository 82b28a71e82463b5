"""Several processes that train one GAN: each holds both networks and passes a part of every batch.

All ranks draw the same random numbers and see the same minibatch; a network is given only the rows
of this rank. D's logits are then gathered from all ranks, so that an objective that compares
samples sees all of them, and the gradients of the ranks are added up. A step so equals that of one
process with the whole minibatch, but for the order in which floating-point numbers are added. Batch
norm sees the rows of its own rank alone, and dropout drops the same places on every rank.

Started by torch's own launcher: ``torchrun --nproc-per-node 2 -m forgery train mnist``. (The usual
wrapper, DistributedDataParallel, is not used: it does not expect gradients of gradients, nor two
networks that are trained against each other.)
"""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import torch
import torch.distributed
from torch import Tensor

from ..errors import ForgeryError


@dataclass(frozen=True)
class Ranks:
    """The processes of a run, and which of them this is; :data:`ALONE` where there is one."""

    rank: int = 0
    count: int = 1

    @property
    def writes(self) -> bool:
        """Whether this is the one that reports, draws and saves."""
        return self.rank == 0

    def own(self, rows: Tensor) -> Tensor:
        """The rows ``[n / count, …]`` of this rank, of a whole minibatch's ``[n, …]``."""
        if self.count == 1:
            return rows
        n = len(rows) // self.count
        return rows[self.rank * n : (self.rank + 1) * n]

    def whole(self, rows: Tensor) -> Tensor:
        """This rank's rows in their place in a whole minibatch ``[n, …]``, zeros elsewhere."""
        if self.count == 1:
            return rows
        parts = [torch.zeros_like(rows)] * self.count
        parts[self.rank] = rows
        return torch.cat(parts)

    def gather(self, numbers: Tensor) -> Tensor:
        """The numbers ``[n]`` of all ranks; gradients flow back through those of this one alone."""
        if self.count == 1:
            return numbers
        parts = [torch.empty_like(numbers) for _ in range(self.count)]
        with _company():
            torch.distributed.all_gather(parts, numbers.detach().contiguous())
        parts[self.rank] = numbers
        return torch.cat(parts)

    def add_up(self, gradients: Sequence[Tensor]) -> None:
        """Replace each gradient by its sum over the ranks: one flat message for all of them."""
        if self.count == 1:
            return
        flat = torch.cat([g.flatten() for g in gradients])
        with _company():
            torch.distributed.all_reduce(flat)
        for g, total in zip(gradients, flat.split([g.numel() for g in gradients]), strict=True):
            g.copy_(total.view_as(g))

    def most(self, *numbers: float) -> list[float]:
        """The largest of each number over the ranks: by it they decide alike."""
        if self.count == 1:
            return list(numbers)
        sent = torch.tensor(numbers, dtype=torch.float64, device=_message_device())
        with _company():
            torch.distributed.all_reduce(sent, torch.distributed.ReduceOp.MAX)
        return sent.tolist()


ALONE = Ranks()


@contextmanager
def _company() -> Iterator[None]:
    """What the end of another process looks like from here, in plain words."""
    try:
        yield
    except RuntimeError as error:
        raise ForgeryError(
            "another process of this run has ended, and this one ends too; the last checkpoint is "
            f"whole: resume from it with as many processes as you like ({error})"
        ) from error


@contextmanager
def joined(batch_size: int) -> Iterator[Ranks]:
    """Meet the other processes that the launcher started, if it did, and part once all are done.

    Parameters
    ----------
    batch_size:
        What passes through the networks at once: a minibatch, or a part of one.

    Raises
    ------
    ForgeryError
        When the minibatch cannot be split evenly among them.
    """
    count = process_count()
    if count == 1:
        yield ALONE
        return
    if batch_size % count:
        raise ForgeryError(
            f"a batch of {batch_size} cannot be split evenly among {count} processes: give a "
            f"--batch-size that {count} divides"
        )
    if not torch.distributed.is_initialized():
        torch.distributed.init_process_group("nccl" if torch.cuda.is_available() else "gloo")
    yield Ranks(torch.distributed.get_rank(), count)
    with _company():
        torch.distributed.barrier()
    torch.distributed.destroy_process_group()


def _message_device() -> torch.device:
    nccl = torch.distributed.get_backend() == "nccl"
    return torch.device("cuda", local_rank()) if nccl else torch.device("cpu")


def process_count() -> int:
    """How many processes train the run, on all machines."""
    return int(os.environ.get("WORLD_SIZE", "1"))


def local_rank() -> int:
    """Which of this machine's processes this is, and so which of its GPUs it takes."""
    return int(os.environ.get("LOCAL_RANK", "0"))


def local_count() -> int:
    """How many processes of the run share this machine."""
    return int(os.environ.get("LOCAL_WORLD_SIZE", "1"))
