"""What is going wrong in a run, in plain words: seen, meaning, remedy.

Each check looks at the reports so far (the lines of metrics.jsonl) and returns a finding or None.
A check speaks only when what it looks for has lasted for :data:`PATIENCE` reports: early in
learning D is often far ahead for a moment, and samples are few-sided, without harm.

A new check is one function and one line in the table.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import accumulate
from statistics import median
from typing import Any

from ..metrics import Memorisation

#: How many reports in a row must show an illness.
PATIENCE = 3
#: How many reports show what wavers from one to the next.
LONGER = 4 * PATIENCE
#: Steps in which samples that have never been of much variety may still grow it: the tutorial's
#: generator draws few-sided pictures for its first 7,000 steps, and recovers.
INFANCY = 10_000
#: The energy distance of samples that are nothing like the data, in multiples of its spread: the
#: mean image again and again has some .4, one image again and again 1, good digits .01.
FAR = 0.3
#: How many times its lowest the energy distance of samples that get worse has become. Healthy runs
#: reached 1.2, one that is known to get worse 2.2 (docs/results.md).
WORSE = 1.5

#: Lines of metrics.jsonl. Runs that were begun before there was one have no energy_distance.
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
    """D is sure of every sample, and G makes nothing of its answer.

    Either no gradient comes back; or one does, and for long the samples stay nothing like the data
    (for a short time early in learning that is normal: the paper's D comes near it).
    """
    last = _last(reports)
    if last is None or not all(_sure(r) for r in last):
        return None
    highest = max(r["g_gradient"] for r in reports)
    vanished = all(r["g_gradient"] < max(0.1 * highest, 0.01) for r in last)
    stuck = [r for r in reports[-LONGER:] if _sure(r) and r.get("energy_distance", 0) > FAR]
    if not vanished and len(stuck) < LONGER:
        return None
    return _finding(
        "D has won",
        reports,
        f"the mean of D(x) is {last[-1]['d_real']:.4f} and of D(G(z)) {last[-1]['d_fake']:.1e}, "
        f"G's gradient {last[-1]['g_gradient']:.1e} (at most {highest:.1e} before)",
        "D tells every sample from the data, and its answer shows G no way.",
        "the non-saturating objective, a lower --d-learning-rate, --d-steps 1, or --penalty r1.",
    )


def _sure(report: dict[str, Any]) -> bool:
    return bool(report["d_real"] > 0.99 and report["d_fake"] < 0.01)


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
    """D's lead swings up and down: the players chase each other in circles."""
    leads = [r["d_real"] - r["d_fake"] for r in reports[-LONGER:]]
    times = swings(leads, 0.2)
    if times < 4:
        return None
    return _finding(
        "oscillating",
        reports,
        f"D's lead, the mean of D(x) less that of D(G(z)), turned {times} times in {len(leads)} "
        f"reports, between {min(leads):.2f} and {max(leads):.2f}",
        "Each player undoes what the other has just learnt.",
        "lower learning rates, --beta1 0.5 or 0, or --penalty r1.",
    )


def stalled(reports: Reports) -> Finding | None:
    """The samples from a fixed z no longer change."""
    last = _last(reports)
    if last is None:
        return None
    # Of the same z every time: while G learns at all, they move by a thousandth a report.
    for name in ("diversity", "energy_distance"):
        values = [r[name] for r in last if name in r]
        if values and max(values) - min(values) > 1e-5 * max(values):
            return None
    return _finding(
        "stalled",
        reports,
        f"how far the samples of a fixed z lie from each other ({last[-1]['diversity']:.4f} of the "
        f"data's spread) and from real images has not changed in {PATIENCE} reports",
        "G has stopped learning.",
        "a higher --g-learning-rate, the non-saturating objective, or stopping here.",
    )


def getting_worse(reports: Reports) -> Finding | None:
    """The samples were nearer to the data than they are now.

    By the Fréchet distance where it is tracked, and by the energy distance in any case. That one is
    smoothed: without an average of G's weights it wavers by half from report to report.
    """
    return _risen(reports, "frechet", "Fréchet", window=1, times=1.25) or _risen(
        # Samples that never were anything like the data have nothing to lose.
        reports,
        "energy_distance",
        "energy",
        window=LONGER,
        times=WORSE,
        below=FAR,
    )


def _risen(
    reports: Reports, name: str, title: str, window: int, times: float, below: float = math.inf
) -> Finding | None:
    """Whether a distance (its mean over ``window`` measurements) has risen so far above its best.

    The best must have been below ``below``.
    """
    scores = [(r["step"], r | r["quality"]) for r in reports]
    measured = [(step, numbers[name]) for step, numbers in scores if name in numbers]
    sums = list(accumulate((value for _, value in measured), initial=0.0))
    levels = [(sums[i] - sums[i - window]) / window for i in range(window, len(sums))]
    if len(levels) <= PATIENCE:
        return None
    best, now = min(levels), min(levels[-PATIENCE:])
    if not (0 < best < below and now > times * best):  # NaN is neither
        return None
    step = measured[levels.index(best) + window - 1][0]
    return _finding(
        "getting worse",
        reports,
        f"the {title} distance to real images was {best:.2g} at step {step:,} and has been "
        f"{now / best:.2f} times that, or more, for {PATIENCE} measurements",
        "G loses part of what it had learnt, often by drawing some kinds ever more often.",
        "stopping earlier; --evaluate-every N, which keeps the best checkpoint for forgery sample "
        "RUN --step best; --beta1 0, or lower learning rates.",
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
        f"the sizes of the two losses add up to {sizes[-1]:.3g} (usual before: {usual:.3g})",
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
    getting_worse,
    diverging,
)


class Doctor:
    """Watches a run and speaks up once about each illness, when it appears."""

    def __init__(self, reports: Reports = ()) -> None:
        self._reports = list(reports)
        self._told = {finding["name"] for r in reports for finding in r["findings"]}

    def examine(self, report: dict[str, Any]) -> list[Finding]:
        """What a new report brings to light and was not told before.

        All that it knows is about two players: of a VAE it says nothing.
        """
        if "d_loss" not in report:
            return []
        self._reports.append(report)
        found = [finding for check in CHECKS if (finding := check(self._reports))]
        new = [finding for finding in found if finding.name not in self._told]
        self._told |= {finding.name for finding in new}
        return new


def diagnose(reports: Reports) -> list[Finding]:
    """Every illness that a finished run showed, in the order of its appearance."""
    doctor = Doctor()
    return [finding for report in reports for finding in doctor.examine(report)]


def swings(values: Sequence[float], size: float) -> int:
    """How many times the values go up or down by at least ``size``, by turns."""
    count, direction, turn = 0, 0, values[0]
    for value in values:
        if direction * (value - turn) > 0:  # further the same way
            turn = value
        elif abs(value - turn) >= size:
            count, direction, turn = count + 1, 1 if value > turn else -1, value
    return count


def _last(reports: Reports) -> Reports | None:
    """The newest reports, if there are enough and all of their numbers are finite."""
    last = reports[-PATIENCE:]
    numbers = [v for r in last for v in r.values() if isinstance(v, float)]
    return last if len(last) == PATIENCE and all(map(math.isfinite, numbers)) else None


def _finding(name: str, reports: Reports, seen: str, means: str, remedy: str) -> Finding:
    return Finding(name, reports[-1]["step"], seen, means, remedy)
