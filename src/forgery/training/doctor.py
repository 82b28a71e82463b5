"""What is going wrong in a run, in plain words: seen, meaning, remedy.

Each check looks at the reports so far (the lines of metrics.jsonl) and returns a finding or None.
A check speaks only when what it looks for has lasted for :data:`PATIENCE` reports: early in
learning D is often far ahead for a moment, and samples are few-sided, without harm.

A new check is one function and one line in the table.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median
from typing import Any

from ..metrics import Memorisation

#: How many reports in a row must show an illness.
PATIENCE = 3
#: Steps in which samples that have never been of much variety may still grow it: the tutorial's
#: generator draws few-sided pictures for its first 7,000 steps, and recovers.
INFANCY = 10_000

#: Lines of metrics.jsonl.
Reports = Sequence[dict[str, Any]]


@dataclass(frozen=True)
class Finding:
    """One illness: its name, the step, the number that was seen, what it means, what to change."""

    name: str
    step: int
    seen: str
    means: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.name} (step {self.step:,}): {self.seen}. {self.means} Try: {self.remedy}"


def d_has_won(reports: Reports) -> Finding | None:
    """D's loss is all but zero: it is sure of every sample, and G learns little or nothing."""
    last = _last(reports)
    if last is None or any(abs(r["d_loss"]) > 0.01 for r in last):
        return None
    highest = max(r["g_gradient"] for r in reports)
    return _finding(
        "D has won",
        reports,
        f"D's loss has been below .01 for {PATIENCE} reports, D(G(z)) is {last[-1]['d_fake']:.1e} "
        f"and G's gradient {last[-1]['g_gradient']:.1e} (at most {highest:.1e} before)",
        "D tells every sample from the data, so its answer no longer shows G a way.",
        "the non-saturating objective, a lower --d-learning-rate, --d-steps 1, or --penalty r1.",
    )


def collapsed(reports: Reports) -> Finding | None:
    """The samples differ from each other much less than real images do."""
    last = _last(reports)
    if last is None or any(r["diversity"] > 0.4 for r in last):
        return None
    if last[0]["step"] < INFANCY and all(r["diversity"] < 0.6 for r in reports):
        return None
    return _finding(
        "collapsed",
        reports,
        f"samples lie {last[-1]['diversity']:.2f} times as far apart as real images do",
        "G draws a few pictures again and again.",
        "--objective relativistic --penalty r1+r2, a lower --g-learning-rate, or a larger batch.",
    )


def oscillating(reports: Reports) -> Finding | None:
    """D's beliefs swing from end to end: the players chase each other in circles."""
    recent = [r["d_fake"] for r in reports[-4 * PATIENCE :]]
    extremes = [belief > 0.5 for belief in recent if belief > 0.8 or belief < 0.2]
    swings = sum(a != b for a, b in pairwise(extremes))
    if swings < 4:
        return None
    return _finding(
        "oscillating",
        reports,
        f"the mean of D(G(z)) went {swings} times between below .2 and above .8 in "
        f"{len(recent)} reports",
        "Each player undoes what the other has just learnt.",
        "lower learning rates, --beta1 0.5 or 0, or --penalty r1.",
    )


def stalled(reports: Reports) -> Finding | None:
    """The samples from a fixed z no longer change."""
    last = _last(reports)
    if last is None:
        return None
    # Of the same z every time: while G learns at all, this number moves by a thousandth a report.
    spreads = [r["diversity"] for r in last]
    change = max(spreads) - min(spreads)
    if change > 1e-5 * max(spreads):
        return None
    return _finding(
        "stalled",
        reports,
        f"how far apart the samples of a fixed z lie has changed by {change:.1e} in "
        f"{PATIENCE} reports",
        "G has stopped learning.",
        "a higher --g-learning-rate, the non-saturating objective, or stopping here.",
    )


def diverging(reports: Reports) -> Finding | None:
    """The losses grow without bound."""
    last = _last(reports)
    if last is None:
        return None
    sizes = [abs(r["d_loss"]) + abs(r["g_loss"]) for r in reports]
    usual = median(sizes[: max(1, len(sizes) // 2)])
    if not all(size > 1000 or size > max(50, 10 * usual) for size in sizes[-PATIENCE:]):
        return None
    return _finding(
        "diverging",
        reports,
        f"the losses add up to {sizes[-1]:.3g}, {sizes[-1] / max(usual, 1e-9):.0f} times what was "
        "usual before",
        "The weights are running away.",
        "lower learning rates, or --penalty r1.",
    )


def memorising(memory: Memorisation, step: int) -> Finding | None:
    """Samples lie nearer to training images than fresh data does."""
    if not memory.flagged:
        return None
    return Finding(
        "memorising",
        step,
        f"{memory.near:.0%} of the samples lie nearer to a training image than 99% of fresh data "
        f"(1% would do so by chance; median distance {memory.median_ratio:.2f} of fresh data's)",
        "G redraws the training data.",
        "more data, fewer steps, or smaller networks.",
    )


#: What each report is searched for. (Memorising needs the data: ``forgery doctor`` looks for it.)
CHECKS: tuple[Callable[[Reports], Finding | None], ...] = (
    d_has_won,
    collapsed,
    oscillating,
    stalled,
    diverging,
)


class Doctor:
    """Watches a run and speaks up once about each illness, when it appears."""

    def __init__(self, reports: Reports = ()) -> None:
        self._reports = list(reports)
        self._told = {finding["name"] for r in reports for finding in r["findings"]}

    def examine(self, report: dict[str, Any]) -> list[Finding]:
        """What a new report brings to light and was not told before."""
        self._reports.append(report)
        found = [finding for check in CHECKS if (finding := check(self._reports))]
        new = [finding for finding in found if finding.name not in self._told]
        self._told |= {finding.name for finding in new}
        return new


def diagnose(reports: Reports) -> list[Finding]:
    """Every illness that a finished run showed, in the order of its appearance."""
    doctor = Doctor()
    return [finding for report in reports for finding in doctor.examine(report)]


def _last(reports: Reports) -> Reports | None:
    """The newest reports, if there are enough and all of their numbers are finite."""
    last = reports[-PATIENCE:]
    numbers = [v for r in last for v in r.values() if isinstance(v, float)]
    return last if len(last) == PATIENCE and all(map(math.isfinite, numbers)) else None


def _finding(name: str, reports: Reports, seen: str, means: str, remedy: str) -> Finding:
    return Finding(name, reports[-1]["step"], seen, means, remedy)
