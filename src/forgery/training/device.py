"""Where a run takes place: which device, how many threads."""

import os
import platform

import torch

from ..errors import ForgeryError
from .parallel import local_count, local_rank


def choose(name: str) -> torch.device:
    """The device of that name; ``auto`` is this process's CUDA GPU (the first), else the CPU."""
    if name == "auto":
        # Not mps: for networks of this size it is not known to beat the CPU beside it.
        return (
            torch.device("cuda", local_rank()) if torch.cuda.is_available() else torch.device("cpu")
        )
    if name.startswith("cuda") and local_count() > 1:
        name = f"cuda:{local_rank()}"  # one GPU for each process
    try:
        device = torch.device(name)
        torch.zeros(1, device=device)
    except (RuntimeError, AssertionError) as error:
        reason = str(error).splitlines()[0].rstrip(".")
        raise ForgeryError(f"device {name!r} cannot be used here: {reason}") from None
    return device


def prepare_cpu(threads: int) -> int:
    """Set the number of CPU threads (0: one a core) and return it."""
    threads = threads or max(1, _cores() // local_count())
    torch.set_num_threads(threads)
    # Adam's averages of a dead unit decay into denormal numbers, which many CPUs add up a hundred
    # times slower.
    torch.set_flush_denormal(True)
    return threads


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
