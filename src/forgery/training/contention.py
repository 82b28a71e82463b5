"""Whether other programs hold the cores that this one computes on.

The threads of a product wait for each other, and OpenMP's do so by spinning: while one of them has
no core, the others burn theirs. Two processes of two threads each on two cores can make a training
step ten times longer; with one thread each, it takes the time that it takes.
"""

from pathlib import Path

#: Linux keeps a folder here for each thread of this process.
THREADS = Path("/proc/self/task")
#: Share of waiting from which a person is told.
MUCH = 0.25

#: Thread → nanoseconds in which it ran, and in which it could have run and had no core.
CoreTimes = dict[str, tuple[int, int]]


def core_times(threads: Path = THREADS) -> CoreTimes:
    """The times of all threads of this process so far; empty where the system does not tell."""
    times = {}
    for file in threads.glob("*/schedstat"):
        try:
            running, waiting, _ = file.read_text(encoding="ascii").split()
        except (OSError, ValueError):  # the thread has just ended, or the kernel keeps no times
            continue
        times[file.parent.name] = int(running), int(waiting)
    return times


def core_wait(before: CoreTimes, after: CoreTimes) -> float | None:
    """The share of their time that threads waited for a core; None where nothing is known.

    Time in which they had nothing to do does not count.
    """
    running = waiting = 0
    for thread, (ran, waited) in after.items():
        ran_before, waited_before = before.get(thread, (0, 0))
        running += max(0, ran - ran_before)
        waiting += max(0, waited - waited_before)
    return waiting / (running + waiting) if running + waiting else None


def describe_wait(share: float | None, threads: int) -> str:
    """What a person is told of a :func:`core_wait` with so many threads; empty if it is small."""
    if share is None or share < MUCH:
        return ""
    remedy = "; --threads 1 may be faster" if threads > 1 else ""
    return f"threads waited for a CPU core {100 * share:.0f} % of the time{remedy}"
