"""The recorded scores of a table: one strict JSON line for each row, seed and length."""

import math
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import mean, stdev
from typing import Any

from forgery import strict_json


@dataclass(frozen=True, kw_only=True)
class Line:
    """The scores of one seed of a row after some steps, and how they came about."""

    row: str
    seed: int
    steps: int
    scores: dict[str, float]
    doctor: list[str] = field(default_factory=list)
    ms_per_step: float | None = None
    machine: str
    commit: str
    command: str


class Lines:
    """All lines of a table, read from its file."""

    def __init__(self, lines: Sequence[Line]) -> None:
        self.all = list(lines)

    @classmethod
    def read(cls, path: Path) -> "Lines":
        """Read a file; it is empty if it does not exist."""
        text = path.read_text(encoding="utf-8") if path.exists() else ""
        return cls([Line(**strict_json.loads(line)) for line in text.splitlines()])

    def find(self, row: str, seed: int, steps: int) -> Line | None:
        of_row = (line for line in self.all if (line.row, line.seed) == (row, seed))
        return next((line for line in of_row if line.steps == steps), None)

    def of(self, row: str, seed: int) -> list[Line]:
        """The lines of a row's seed, ascending in steps."""
        found = [line for line in self.all if (line.row, line.seed) == (row, seed)]
        return sorted(found, key=lambda line: line.steps)


def append(path: Path, lines: Sequence[Line]) -> None:
    """Append lines to a file, in one write, so that processes do not mix theirs."""
    path.parent.mkdir(parents=True, exist_ok=True)
    text = "".join(strict_json.dumps(_without_nothing(line)) + "\n" for line in lines)
    with open(path, "ab", buffering=0) as file:
        file.write(text.encode())
        os.fsync(file.fileno())


def _without_nothing(line: Line) -> dict[str, Any]:
    return {key: value for key, value in asdict(line).items() if value is not None}


def mean_and_error(values: Sequence[float]) -> tuple[float, float | None]:
    """The mean and its standard error, which a single value does not have."""
    error = stdev(values) / math.sqrt(len(values)) if len(values) > 1 else None
    return mean(values), error
