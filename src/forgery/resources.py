"""Memory and disk: how much is free, and what would not fit."""

import os
import shutil
from pathlib import Path

from .errors import ForgeryError


def in_words(number: float) -> str:
    """Bytes with a unit: ``78.4 GB``."""
    size, unit = float(number), "bytes"
    for larger in ("KB", "MB", "GB", "TB"):
        if size < 1000:
            break
        size, unit = size / 1000, larger
    return f"{size:.3g} {unit}"


def free_memory() -> int | None:
    """Bytes of memory that a program can still take, of the machine or the container it runs in.

    None where the system does not say.
    """
    machine = _number_in(Path("/proc/meminfo"), "MemAvailable:")
    if machine is None:
        try:  # elsewhere at least no more than there is
            machine = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
        except (AttributeError, OSError, ValueError):
            return None
    else:
        machine *= 1024
    group = Path("/sys/fs/cgroup")
    limit, used = _number_in(group / "memory.max"), _number_in(group / "memory.stat", "anon")
    return machine if limit is None else min(machine, max(0, limit - (used or 0)))


def free_disk(path: Path) -> int:
    """Bytes free on the disk that a path, there already or not, lies on."""
    path = path.resolve()
    return shutil.disk_usage(next(p for p in (path, *path.parents) if p.exists())).free


def check_memory(what: str, needed: float, instead: str) -> None:
    """Refuse what does not fit into memory: ``what`` needs so many bytes.

    Raises
    ------
    ForgeryError
        With both sizes, and what to do instead.
    """
    free = free_memory()
    if free is not None and needed > free:
        raise ForgeryError(
            f"{what} would take {in_words(needed)} of memory, but only {in_words(free)} is free: "
            f"{instead}"
        )


def check_disk(what: str, needed: float, path: Path) -> None:
    """Refuse what does not fit on the disk: ``what`` takes about so many bytes at ``path``.

    Raises
    ------
    ForgeryError
        With both sizes.
    """
    free = free_disk(path)
    if needed > free:
        raise ForgeryError(
            f"{what} would take about {in_words(needed)} in {path}, but only {in_words(free)} is "
            "free there: draw fewer, or choose another disk"
        )


def _number_in(file: Path, name: str = "") -> int | None:
    """The number that follows a name at the start of a line; None where there is none."""
    try:
        for line in file.read_text().splitlines():
            if line.startswith(name):
                return int(line.removeprefix(name).split()[0])
    except (OSError, ValueError, IndexError):  # no such file; the word "max"
        pass
    return None
