"""What a published table consists of: rows, each of which is trained with several seeds.

A row is scored after each of its ``lengths``, in steps. The score after a length is one task, and
adds one line for each seed to the table's results (``results.py``).
"""

import importlib.util
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .results import Line, Lines

#: Scores by name.
Scores = Mapping[str, float]


@dataclass(frozen=True)
class Place:
    """The folders of run folders and of results."""

    runs: Path
    results: Path


@dataclass(frozen=True)
class Outcome:
    """What a task measured for one seed.

    Parameters
    ----------
    seed, scores:
        The seed and its scores.
    doctor:
        Names of the doctor's findings up to this length.
    ms_per_step:
        The processor's time per step, in milliseconds; None if nothing was trained.
    """

    seed: int
    scores: Scores
    doctor: tuple[str, ...] = ()
    ms_per_step: float | None = None


@dataclass(frozen=True, kw_only=True)
class Row:
    """A row of a table.

    Parameters
    ----------
    name:
        Its name in the table.
    lengths:
        The steps after which it is scored, ascending; (0,) if nothing is trained.
    seeds:
        The seeds.
    reference:
        Published figure, with its source, or the reason why there is none.
    target:
        What the row should reach, in words.
    met:
        Whether the scores of all seeds at the last length reach the target; None without a target.
    few_seeds:
        The reason, if there are fewer than three seeds.
    together:
        Whether all seeds are trained as one ensemble.
    missing:
        Returns the command that provides what the row needs, empty if it is there.
    waits_for:
        Rows of any table that have to be complete first: (table, row).
    """

    name: str
    lengths: tuple[int, ...]
    seeds: tuple[int, ...]
    reference: str
    target: str = "–"
    met: Callable[[Sequence[Scores]], bool] | None = None
    few_seeds: str = ""
    together: bool = False
    missing: Callable[[], str] = lambda: ""
    waits_for: tuple[tuple[str, str], ...] = ()

    def run(self, task: "Task", place: Place) -> list[Outcome] | None:
        """Train up to the length of the task, and score; None if a signal stopped the training."""
        raise NotImplementedError


def package(name: str, extra: str) -> Callable[[], str]:
    """For :attr:`Row.missing`: an optional package, and the extra that installs it."""
    return lambda: "" if importlib.util.find_spec(name) else f"pip install 'forgery[{extra}]'"


def made_by(path: Path, command: str) -> Callable[[], str]:
    """For :attr:`Row.missing`: a file or folder, and the command that makes it."""
    return lambda: "" if path.exists() else command


@dataclass(frozen=True)
class Column:
    """A score in the table.

    Parameters
    ----------
    key, title:
        Its name in the results and in the table.
    form, percent:
        How it is printed.
    error:
        Name of the score that is its standard error for one seed, if there is one.
    """

    key: str
    title: str
    form: str = ".2f"
    percent: bool = False
    error: str = ""

    def show(self, value: float, error: float | None = None) -> str:
        """A value, with its standard error if there is one."""
        times, unit = (100, " %") if self.percent else (1, "")
        shown = f"{value * times:{self.form}}{unit}"
        return shown if error is None else f"{shown} ± {error * times:{self.form}}"


@dataclass(frozen=True)
class Table:
    """A table.

    Parameters
    ----------
    name:
        Its name on the command line, in the results and in the page's markers.
    title:
        What it measures.
    columns:
        The scores; the first one is printed for every seed and length.
    headings:
        What the lengths of the rows are called: "10 epochs". Rows may differ in steps, not in
        number, except for untrained ones.
    rows:
        The rows.
    protocol:
        How it is measured, a sentence or two under the table.
    is_collapsed:
        Whether a seed has collapsed, given its last line; it is not trained further, and its scores
        are not in the means.
    page:
        The page in docs that has the table.
    """

    name: str
    title: str
    columns: tuple[Column, ...]
    headings: tuple[str, ...]
    rows: tuple[Row, ...]
    protocol: str
    is_collapsed: Callable[[Line], bool] = field(default=lambda line: False)
    page: str = "results.md"

    @property
    def command(self) -> str:
        return f"python benchmarks/tables.py --only {self.name}"

    def row(self, name: str) -> Row:
        return next(row for row in self.rows if row.name == name)

    def line(self, row: Row, seed: int, steps: int, lines: Lines) -> Line | None:
        """A seed's line at a length; of a seed that had collapsed before, its last line."""
        until = [line for line in lines.of(row.name, seed) if line.steps <= steps]
        if until and (until[-1].steps == steps or self.is_collapsed(until[-1])):
            return until[-1]
        return None


@dataclass(frozen=True)
class Task:
    """A row's seeds to be scored after a length; several seeds only if they train together."""

    table: Table
    row: Row
    seeds: tuple[int, ...]
    steps: int

    @property
    def run_name(self) -> str:
        """Name of the run's folder."""
        letters = "".join(c if c.isalnum() or c == "." else "-" for c in self.row.name)
        which = "all" if self.row.together else str(self.seeds[0])
        return f"{self.table.name}/{letters}-{which}"

    def is_done(self, lines: Lines) -> bool:
        return all(self.table.line(self.row, seed, self.steps, lines) for seed in self.seeds)


def tasks(table: Table) -> list[Task]:
    """All tasks of a table: the first length of every row and seed, then the second …"""
    longest = max(len(row.lengths) for row in table.rows)
    return [
        Task(table, row, seeds, row.lengths[i])
        for i in range(longest)
        for row in table.rows
        if i < len(row.lengths)
        for seeds in ([row.seeds] if row.together else [(seed,) for seed in row.seeds])
    ]


def settings(config: Any) -> dict[str, Any]:
    """The settings of a config that have an effect, by name."""
    return {k: v for group in config.effective().values() for k, v in group.items()}
