"""Free memory and disk space, and checks that a job fits into them."""

import os
import shutil
import sys
from pathlib import Path

from .errors import ForgeryError


def in_words(number: float) -> str:
    """Format a number of bytes with a unit, such as ``78.4 GB``."""
    size, unit = float(number), "bytes"
    for larger in ("KB", "MB", "GB", "TB"):
        if size < 1000:
            break
        size, unit = size / 1000, larger
    return f"{size:.3g} {unit}"


def free_memory() -> int | None:
    """Return the bytes of memory available in this machine or container; None if unknown."""
    machine = _number_in(Path("/proc/meminfo"), "MemAvailable:")
    if machine is None:
        try:  # not Linux: the installed memory is an upper bound
            machine = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
        except (AttributeError, OSError, ValueError):
            return None
    else:
        machine *= 1024
    group = Path("/sys/fs/cgroup")
    limit, used = _number_in(group / "memory.max"), _number_in(group / "memory.stat", "anon")
    return machine if limit is None else min(machine, max(0, limit - (used or 0)))


def peak_memory() -> int | None:
    """Return the largest resident memory of this process so far in bytes; None if unknown."""
    try:
        import resource  # not on Windows
    except ImportError:
        return None
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def free_disk(path: Path) -> int:
    """Return the free bytes on the disk that holds ``path``, which need not exist yet."""
    path = path.resolve()
    return shutil.disk_usage(next(p for p in (path, *path.parents) if p.exists())).free


def check_memory(what: str, needed: float, instead: str) -> None:
    """Raise an error if ``what`` needs more than the free memory: ``needed`` bytes.

    Raises
    ------
    ForgeryError
        With both sizes, followed by ``instead``: what the user can do about it.
    """
    free = free_memory()
    if free is not None and needed > free:
        raise ForgeryError(
            f"{what} would take {in_words(needed)} of memory, but only {in_words(free)} is free: "
            f"{instead}"
        )


def check_disk(what: str, needed: float, path: Path) -> None:
    """Raise an error if ``what`` needs more than the free disk space at ``path``: ``needed`` bytes.

    Raises
    ------
    ForgeryError
        With both sizes.
    """
    free = free_disk(path)
    if needed > free:
        raise ForgeryError(
            f"{what} would take about {in_words(needed)} in {path}, but only {in_words(free)} is "
            "free there: write fewer samples, or choose another disk"
        )


def _number_in(file: Path, name: str = "") -> int | None:
    """Return the number after ``name`` at the start of a line of the file; None if absent."""
    try:
        for line in file.read_text().splitlines():
            if line.startswith(name):
                return int(line.removeprefix(name).split()[0])
    except (OSError, ValueError, IndexError):  # no such file, or the word "max" (unlimited)
        pass
    return None
