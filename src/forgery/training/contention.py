"""Detection of other programs that compete for this process's CPU cores.

The threads of a matrix product wait for each other, and OpenMP threads wait by spinning: while one
of them has no core, the others keep theirs busy. Two processes with two threads each on two cores
can make a training step ten times slower; with one thread each, they do not.
"""

from pathlib import Path

#: Folder in which Linux has a subfolder for each thread of this process.
THREADS = Path("/proc/self/task")
#: Fraction of time spent waiting from which it is reported.
MUCH = 0.25

#: Thread → (nanoseconds running, nanoseconds runnable but waiting for a core).
CoreTimes = dict[str, tuple[int, int]]


def core_times(threads: Path = THREADS) -> CoreTimes:
    """The times of all threads of this process; empty if the system does not report them."""
    times = {}
    for file in threads.glob("*/schedstat"):
        try:
            running, waiting, _ = file.read_text(encoding="ascii").split()
        except (OSError, ValueError):  # the thread has ended, or the kernel does not count
            continue
        times[file.parent.name] = int(running), int(waiting)
    return times


def core_wait(before: CoreTimes, after: CoreTimes) -> float | None:
    """Fraction of time that runnable threads waited for a core; None if it is unknown.

    Idle time does not count.
    """
    running = waiting = 0
    for thread, (ran, waited) in after.items():
        ran_before, waited_before = before.get(thread, (0, 0))
        running += max(0, ran - ran_before)
        waiting += max(0, waited - waited_before)
    return waiting / (running + waiting) if running + waiting else None


def describe_wait(share: float | None, threads: int) -> str:
    """A message on a :func:`core_wait` of a run with ``threads`` threads; empty if it is small."""
    if share is None or share < MUCH:
        return ""
    remedy = "; --threads 1 may be faster" if threads > 1 else ""
    return f"threads waited for a CPU core {100 * share:.0f} % of the time{remedy}"
