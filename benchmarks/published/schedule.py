"""Which tasks are left, how long they take, and running them, each in a process of its own."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from statistics import median

from .declaration import Place, Row, Table, Task, tasks
from .results import Lines
from .rows import Trained, steps_so_far

#: Exit code of a process that a signal has stopped, after saving.
STOPPED = 130


def read(tables: Mapping[str, Table], place: Place) -> dict[str, Lines]:
    """The recorded lines of every table."""
    return {name: Lines.read(place.results / f"{name}.jsonl") for name in tables}


def order(tables: Sequence[Table]) -> list[Task]:
    """Breadth first: the first length of every run of every table, then the second …"""
    of_tables = [tasks(table) for table in tables]
    ranked = [(_rank(task), task) for of_table in of_tables for task in of_table]
    return [task for _, task in sorted(ranked, key=lambda pair: pair[0])]


def _rank(task: Task) -> int:
    return task.row.lengths.index(task.steps)


def ms_per_step(row: Row, table: Table, lines: Lines) -> float | None:
    """The median of what was measured for a row, else for its table; None if nothing was."""
    measured = [line for line in lines.all if line.ms_per_step is not None]
    own = [line.ms_per_step for line in measured if line.row == row.name]
    values = own or [line.ms_per_step for line in measured]
    return median(v for v in values if v is not None) if values else None


def seconds_left(table: Table, lines: Lines, place: Place) -> tuple[float, bool]:
    """Processor seconds of training that a table still needs, and whether all of it is known."""
    total, known = 0.0, True
    for row in table.rows:
        if row.missing():
            continue
        for seeds in [row.seeds] if row.together else [(seed,) for seed in row.seeds]:
            task = Task(table, row, seeds, row.lengths[-1])
            if task.is_done(lines):
                continue
            scored = max((line.steps for s in seeds for line in lines.of(row.name, s)), default=0)
            trained = steps_so_far(place.runs / task.run_name) if isinstance(row, Trained) else 0
            left = row.lengths[-1] - max(scored, trained)
            ms = ms_per_step(row, table, lines)
            known &= ms is not None or left <= 0
            total += max(0, left) * (ms or 0) / 1000
    return total, known


def in_words(seconds: float, known: bool) -> str:
    """A duration, rounded; a lower bound if not all of it is known."""
    if not known and not seconds:
        return "an unknown time"
    amount = f"{seconds / 3600:.1f} h" if seconds >= 3600 else f"{seconds / 60:.0f} min"
    return amount if known else f"more than {amount}"


class Runner:
    """Run tasks in processes, a given number at once.

    Parameters
    ----------
    command:
        Task → the command of its process.
    jobs:
        Number of processes.
    after:
        Called after each task that added scores.
    """

    def __init__(
        self, command: Callable[[Task], list[str]], jobs: int, after: Callable[[], None]
    ) -> None:
        self._command, self._jobs, self._after = command, jobs, after
        self._running: dict[subprocess.Popen[bytes], Task] = {}
        self._stopping = False

    def run(self, tables: Mapping[str, Table], only: Sequence[str], place: Place) -> int:
        """Run all tasks that are left; the exit code."""
        failed: set[str] = set()
        usual = {s: signal.signal(s, self._stop) for s in (signal.SIGINT, signal.SIGTERM)}
        try:
            while True:
                lines = read(tables, place)
                waiting = [
                    task
                    for task in order([tables[name] for name in only])
                    if not task.is_done(lines[task.table.name])
                    and not task.row.missing()
                    and task.run_name not in failed
                ]
                self._start(waiting, tables, lines)
                if not self._running:
                    break
                self._wait(failed)
        finally:
            for number, handler in usual.items():
                signal.signal(number, handler)
        if self._stopping:
            print("stopped and saved; the same command resumes", flush=True)
            return STOPPED
        return int(bool(failed))

    def _start(
        self, waiting: Sequence[Task], tables: Mapping[str, Table], lines: Mapping[str, Lines]
    ) -> None:
        busy = {task.run_name for task in self._running.values()}
        for task in waiting:
            if self._stopping or len(self._running) >= self._jobs:
                return
            if task.run_name in busy or not is_ready(task, tables, lines):
                continue
            busy.add(task.run_name)
            print(f"{task.run_name}: to step {task.steps:,}", flush=True)
            # A session of its own: Ctrl-C reaches it through this process only.
            process = subprocess.Popen(
                self._command(task),
                start_new_session=True,
                env=os.environ | {"OMP_NUM_THREADS": "1"},
            )
            self._running[process] = task

    def _wait(self, failed: set[str]) -> None:
        """Wait until a process ends."""
        while not (ended := [p for p in self._running if p.poll() is not None]):
            time.sleep(0.1)
        for process in ended:
            task = self._running.pop(process)
            if process.returncode == 0:
                self._after()
            # One that had not begun to train is ended by the signal itself.
            elif not self._stopping or process.returncode not in (STOPPED, -signal.SIGTERM):
                failed.add(task.run_name)
                print(f"{task.run_name} failed ({process.returncode})", file=sys.stderr)

    def _stop(self, number: int, frame: object) -> None:
        self._stopping = True
        for process in self._running:
            process.send_signal(signal.SIGTERM)


def is_ready(task: Task, tables: Mapping[str, Table], lines: Mapping[str, Lines]) -> bool:
    """Whether everything that a task builds on has been measured."""
    return all(
        other.is_done(lines[name])
        for name, row in task.row.waits_for
        for other in tasks(tables[name])
        if other.row.name == row
    )
