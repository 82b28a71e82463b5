"""The reports of a run while its metrics.jsonl grows, and their curves."""

import math
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

Report = dict[str, Any]
#: Name → (steps, values). A value that is not finite is None, as in JSON.
Curves = dict[str, tuple[list[int], list[float | None]]]
#: Entries of a report that are drawn over the steps; those of ``quality`` are named ``quality.…``.
DRAWN = (
    *("d_loss", "g_loss", "d_real", "d_fake", "reconstruction", "kl"),
    *("examples_per_second", "core_wait", "g_gradient", "diversity", "energy_distance"),
    *("augment_p", "class_accuracy"),
)
#: Scores of which the best one is listed, the most telling first; of all, lower is better.
DISTANCES = ("frechet", "jsd", "energy_distance")


class ReportFile:
    """Reads what has been appended to a metrics.jsonl since it was last read.

    A line that is half-written is read when it is complete; damaged lines are counted and skipped.
    A file that has been replaced or truncated, as when a run resumes from an earlier checkpoint, is
    read again from its beginning.

    Attributes
    ----------
    count, damaged:
        Numbers of reports and of damaged lines so far.
    last:
        The newest report, or None.
    findings:
        All findings of the doctor, each as in metrics.jsonl.
    best:
        Name of a distance → (its least value, the step).
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._forget()
        self._file: tuple[int, int] | None = None

    def _forget(self) -> None:
        self._read, self._rest = 0, b""
        self.count, self.damaged = 0, 0
        self.last: Report | None = None
        self.findings: list[dict[str, Any]] = []
        self.best: dict[str, tuple[float, int]] = {}

    def read(self) -> tuple[bool, list[Report]]:
        """Return whether the file was begun again, and the reports that are new."""
        from ..training.run import read_report

        try:
            with open(self._path, "rb") as file:
                status = os.fstat(file.fileno())
                identity = status.st_dev, status.st_ino
                again = self._file is not None and (
                    identity != self._file or status.st_size < self._read
                )
                if again:
                    self._forget()
                self._file = identity
                file.seek(self._read)
                added = file.read()
        except OSError:  # not written yet, or deleted
            again = self._read > 0
            self._forget()
            self._file = None
            return again, []
        self._read += len(added)
        *lines, rest = (self._rest + added).split(b"\n")
        found = []
        for line in filter(None, lines):
            report = read_report(line)
            if report is None:
                self.damaged += 1
            else:
                found.append(report)
        # A last line may lack its end in a file that was edited or copied.
        if rest and (report := read_report(rest)) is not None:
            found.append(report)
            rest = b""
        self._rest = rest
        for report in found:
            self._note(report)
        return again, found

    def _note(self, report: Report) -> None:
        self.count, self.last = self.count + 1, report
        self.findings += report["findings"]
        for name in DISTANCES:
            value = report["quality"].get(name, report.get(name))
            is_number = isinstance(value, float | int) and math.isfinite(value)
            if is_number and (name not in self.best or value < self.best[name][0]):
                self.best[name] = value, report["step"]


def curves_of(reports: Iterable[Report]) -> Curves:
    """The curves of some reports, all points."""
    found: Curves = {}
    for report in reports:
        values = {name: report[name] for name in DRAWN if name in report}
        values |= {f"quality.{name}": value for name, value in report["quality"].items()}
        for name, value in values.items():
            if isinstance(value, float | int):
                steps, numbers = found.setdefault(name, ([], []))
                steps.append(report["step"])
                numbers.append(value if math.isfinite(value) else None)
    return found


def thinned(curves: Curves, pixels: int) -> Curves:
    """Curves that look the same on a plot ``pixels`` wide: the extremes within each pixel."""
    return {name: _thinned(*curve, pixels) for name, curve in curves.items()}


def _thinned(
    steps: Sequence[int], values: Sequence[float | None], pixels: int
) -> tuple[list[int], list[float | None]]:
    """Keep, of each pixel, the least and the greatest value and a gap, and the first and last."""
    if len(steps) <= 4 * pixels:
        return list(steps), list(values)
    first, span = steps[0], max(1, steps[-1] - steps[0])
    least: dict[int, int] = {}
    most: dict[int, int] = {}
    gaps: dict[int, int] = {}
    for i, (step, value) in enumerate(zip(steps, values, strict=True)):
        pixel = (step - first) * pixels // span
        if value is None:
            gaps[pixel] = i
            continue
        low, high = least.get(pixel), most.get(pixel)
        if low is None or value < values[low]:  # type: ignore[operator]
            least[pixel] = i
        if high is None or value > values[high]:  # type: ignore[operator]
            most[pixel] = i
    kept = sorted({0, len(steps) - 1, *least.values(), *most.values(), *gaps.values()})
    return [steps[i] for i in kept], [values[i] for i in kept]
