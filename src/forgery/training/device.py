"""Where a run takes place: which device, how many threads."""

import os
import platform
from collections.abc import Iterator
from contextlib import contextmanager

import torch

from ..errors import ForgeryError
from .parallel import local_count, local_rank

#: How many threads a core may be given: beyond that they only wait for each other.
MOST_THREADS = 4
#: What begins the name of a device.
KINDS = ("cpu", "cuda", "mps")


def choose(name: str) -> torch.device:
    """The device of that name; ``auto`` is this process's CUDA GPU (the first), else the CPU."""
    if name == "auto":
        # Not mps: for networks of this size it is not known to beat the CPU beside it.
        return (
            torch.device("cuda", local_rank()) if torch.cuda.is_available() else torch.device("cpu")
        )
    if name.partition(":")[0] not in KINDS:
        raise ForgeryError(f"unknown device {name!r}: cpu, cuda, cuda:N, mps or auto")
    if name.startswith("cuda") and local_count() > 1:
        name = f"cuda:{local_rank()}"  # one GPU for each process
    try:
        device = torch.device(name)
        torch.zeros(1, device=device)
    except (RuntimeError, AssertionError) as error:
        reason = str(error).splitlines()[0].rstrip(".")
        raise ForgeryError(f"device {name!r} cannot be used here: {reason}") from None
    return device


def resolve_threads(threads: int) -> int:
    """The number of CPU threads that a setting stands for (0: one a core). Nothing is changed.

    Raises
    ------
    ForgeryError
        For more than :data:`MOST_THREADS` a core.
    """
    cores = _cores()
    if threads > MOST_THREADS * cores:
        raise ForgeryError(
            f"{threads} threads are too many for {cores} CPU core{'' if cores == 1 else 's'}: "
            f"--threads may be at most {MOST_THREADS * cores}; 0 takes one for each core"
        )
    return threads or max(1, cores // local_count())


@contextmanager
def cpu_settings(threads: int = 0) -> Iterator[int]:
    """Compute with so many CPU threads (0: one a core) and denormal numbers flushed to zero.

    Yields the number of threads. What the caller had set comes back at the end, also after an
    exception. The denormal mode is that of the calling thread; torch's worker threads keep the one
    in which they were started.
    """
    threads_before, flushed_before = torch.get_num_threads(), flushes_denormals()
    try:
        yield prepare_cpu(threads)
    finally:
        torch.set_num_threads(threads_before)
        torch.set_flush_denormal(flushed_before)


def prepare_cpu(threads: int) -> int:
    """As :func:`cpu_settings`, but for the rest of the process: for the command line alone."""
    threads = resolve_threads(threads)
    torch.set_num_threads(threads)
    # Adam's averages of a dead unit decay into denormal numbers, which many CPUs add up a hundred
    # times slower.
    torch.set_flush_denormal(True)
    return threads


def flushes_denormals() -> bool:
    """Whether the calling thread takes denormal numbers for zero; torch can set it, not say it."""
    return bool(torch.tensor(1e-39, dtype=torch.float32).mul(1) == 0)


def describe(device: torch.device) -> str:
    """The hardware's own name, for the record."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as lines:
            for line in lines:
                if line.startswith("model name"):
                    return line.split(":", 1)[1].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def _cores() -> int:
    try:
        return len(os.sched_getaffinity(0))  # what this process may use, not what is built in
    except AttributeError:
        return os.cpu_count() or 1
