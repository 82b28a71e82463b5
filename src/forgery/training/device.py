"""The device and the CPU threads of a run."""

import os
import platform
from collections.abc import Iterator
from contextlib import contextmanager

import torch

from ..errors import ForgeryError
from .parallel import local_count, local_rank

#: Maximum number of threads per core; more only wait for each other.
MOST_THREADS = 4
#: Device types.
KINDS = ("cpu", "cuda", "mps")


def choose(name: str) -> torch.device:
    """Return the device of a given name; ``auto`` is this process's CUDA GPU, else the CPU.

    Raises
    ------
    ForgeryError
        For an unknown device, or one that cannot be used.
    """
    if name == "auto":
        # Not mps: for networks of this size it is not known to be faster than the CPU.
        name = f"cuda:{local_rank()}" if torch.cuda.is_available() else "cpu"
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
    """Return the number of CPU threads for a setting (0: one per core), without applying it.

    Raises
    ------
    ForgeryError
        For more than :data:`MOST_THREADS` per core.
    """
    cores = _cores()
    if threads > MOST_THREADS * cores:
        raise ForgeryError(
            f"{threads} threads are too many for {cores} CPU core{'' if cores == 1 else 's'}: "
            f"--threads may be at most {MOST_THREADS * cores}; 0 uses one per core"
        )
    return threads or max(1, cores // local_count())


@contextmanager
def cpu_settings(threads: int = 0) -> Iterator[int]:
    """Set the number of CPU threads (0: one per core) and flush denormal numbers to zero.

    Yields the number of threads. The caller's settings are restored on exit, also after an
    exception. The denormal mode applies to the calling thread; torch's worker threads keep the mode
    with which they were started.
    """
    threads_before, flushed_before = torch.get_num_threads(), flushes_denormals()
    try:
        yield prepare_cpu(threads)
    finally:
        torch.set_num_threads(threads_before)
        torch.set_flush_denormal(flushed_before)


def prepare_cpu(threads: int) -> int:
    """Like :func:`cpu_settings`, but permanent: only for the command line."""
    threads = resolve_threads(threads)
    torch.set_num_threads(threads)
    # Adam's averages for a dead unit decay into denormal numbers, for which arithmetic is about a
    # hundred times slower on many CPUs.
    torch.set_flush_denormal(True)
    return threads


def flushes_denormals() -> bool:
    """Whether the calling thread flushes denormal numbers to zero; torch cannot query the mode."""
    return bool(torch.tensor(1e-39, dtype=torch.float32).mul(1) == 0)


def describe(device: torch.device) -> str:
    """The model name of the hardware."""
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
        return len(os.sched_getaffinity(0))  # cores available to this process
    except AttributeError:
        return os.cpu_count() or 1
