"""Diagnosis of training problems: observation, explanation, remedy.

Each check examines the reports so far (the lines of metrics.jsonl) and returns a finding or None. A
problem must last for :data:`PATIENCE` reports: early in training, D is often far ahead for a short
time, and samples have little variety, without harm.

A new check is one function and one entry in the table.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import accumulate
from statistics import median
from typing import Any

from ..metrics import Memorisation
from ..objectives import OBJECTIVES

#: Number of consecutive reports that must show a problem.
PATIENCE = 3
#: Number of reports for quantities that fluctuate between reports.
LONGER = 4 * PATIENCE
#: Step before which samples may lack variety: the tutorial's generator has little diversity for its
#: first 7,000 steps, and recovers.
INFANCY = 10_000
#: Energy distance of samples unlike the data, in multiples of the data's spread. Repeating the mean
#: image gives about .4, repeating a single image 1; good digits have .01.
FAR = 0.3
#: Ratio of the energy distance to its minimum at which samples are getting worse. Healthy runs
#: reached 1.2, a run known to get worse 2.2 (docs/results.md).
WORSE = 1.5

#: Lines of metrics.jsonl. Reports of early versions have no energy_distance.
Reports = Sequence[dict[str, Any]]


@dataclass(frozen=True)
class Finding:
    """A problem of a run.

    Parameters
    ----------
    name:
        Name of the problem.
    step:
        Step of the report.
    seen:
        The observation, with numbers.
    means:
        What the observation means.
    remedy:
        Settings to try.
    """

    name: str
    step: int
    seen: str
    means: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.name} (step {self.step:,}): {self.text}"

    @property
    def text(self) -> str:
        """The observation, its meaning and the remedy in one line."""
        return f"{self.seen}. {self.means} Try: {self.remedy}"


def d_has_won(reports: Reports) -> Finding | None:
    """D is sure of every sample, and G does not improve.

    Either G's gradient has vanished, or samples have stayed unlike the data for a long time. For a
    short time early in training this is normal; the 2014 paper's D comes close to it.
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
        f"the norm of G's gradient is {last[-1]['g_gradient']:.1e} (maximum so far {highest:.1e})",
        "D distinguishes every sample from the data, and G cannot learn from its output.",
        "the non-saturating objective, a lower --d-learning-rate, --d-steps 1, or --penalty r1.",
    )


def _sure(report: dict[str, Any]) -> bool:
    real, fake = report["certainty"] or (0.5, 0.5)
    return bool(real > 0.99 and fake < 0.01)


def collapsed(reports: Reports) -> Finding | None:
    """Samples differ from each other much less than real images do."""
    last = _last(reports)
    if last is None or any(r["diversity"] > 0.4 for r in last):
        return None
    if _in_infancy(reports):
        return None
    return _finding(
        "collapsed",
        reports,
        f"samples are {last[-1]['diversity']:.2f} times as far apart as real images",
        "G generates only a few different images.",
        "--objective relativistic --penalty r1+r2, a lower --g-learning-rate, or a larger batch.",
    )


def _in_infancy(reports: Reports) -> bool:
    """Whether samples have not had variety yet, and may still gain it."""
    return reports[-PATIENCE]["step"] < INFANCY and all(r["diversity"] < 0.6 for r in reports)


def oscillating(reports: Reports) -> Finding | None:
    """D's lead swings up and down, since the players chase each other."""
    if reports[-1]["certainty"] is None:
        return None
    leads = [real - fake for real, fake in (r["certainty"] for r in reports[-LONGER:])]
    times = swings(leads, 0.2)
    if times < 4:
        return None
    return _finding(
        "oscillating",
        reports,
        f"D's lead, mean D(x) minus mean D(G(z)), reversed {times} times in {len(leads)} "
        f"reports, between {min(leads):.2f} and {max(leads):.2f}",
        "Each player undoes what the other has just learned.",
        "lower learning rates, --beta1 0.5 or 0, or --penalty r1.",
    )


def stalled(reports: Reports) -> Finding | None:
    """Samples from a fixed z no longer change."""
    last = _last(reports)
    if last is None:
        return None
    # While G learns, these values change by about a thousandth per report, since z is fixed.
    for name in ("diversity", "energy_distance"):
        values = [r[name] for r in last if name in r]
        if values and max(values) - min(values) > 1e-5 * max(values):
            return None
    return _finding(
        "stalled",
        reports,
        f"the distances of samples from a fixed z to each other ({last[-1]['diversity']:.4f} of "
        f"the data's) and to real images have not changed in {PATIENCE} reports",
        "G has stopped learning.",
        "a higher --g-learning-rate or the non-saturating objective, or stop here.",
    )


def getting_worse(reports: Reports) -> Finding | None:
    """Samples were closer to the data before.

    The check uses the Fréchet distance, if it is tracked, and the energy distance. The latter is
    smoothed, since it fluctuates by half between reports without an average of G's weights.
    """
    return _risen(reports, "frechet", "Fréchet", window=1, times=1.25) or _risen(
        # Samples that never resembled the data cannot get worse.
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
    """A finding if a distance has risen above ``times`` its minimum, which was less than ``below``.

    The distance is averaged over ``window`` measurements.
    """
    scores = [(r["step"], r | r["quality"]) for r in reports]
    measured = [(step, numbers[name]) for step, numbers in scores if name in numbers]
    sums = list(accumulate((value for _, value in measured), initial=0.0))
    levels = [(sums[i] - sums[i - window]) / window for i in range(window, len(sums))]
    if len(levels) <= PATIENCE:
        return None
    best, now = min(levels), min(levels[-PATIENCE:])
    if not (0 < best < below and now > times * best):  # also false for NaN
        return None
    step = measured[levels.index(best) + window - 1][0]
    return _finding(
        "getting worse",
        reports,
        f"the {title} distance to real images was {best:.2g} at step {step:,} and has been at "
        f"least {now / best:.2f} times that for {PATIENCE} measurements",
        "G loses part of what it has learned, often by generating some kinds ever more often.",
        "stopping earlier; --evaluate-every N, which keeps the best checkpoint for forgery sample "
        "RUN --step best; --beta1 0 or lower learning rates.",
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
        f"the absolute losses add up to {sizes[-1]:.3g} (median before: {usual:.3g})",
        "The weights are growing without bound.",
        "lower learning rates, or --penalty r1.",
    )


def memorising(memory: Memorisation, step: int) -> Finding | None:
    """Samples are closer to training images than held-out data is."""
    if not memory.flagged:
        return None
    return Finding(
        "memorising",
        step,
        f"{memory.near:.0%} of the samples are closer to a training image than 99% of held-out "
        f"data (1% would be by chance; median distance {memory.median_ratio:.2f} of held-out "
        "data's)",
        "G reproduces training data.",
        "more data, fewer steps, or smaller networks.",
    )


#: The checks of each report. (Memorising needs the data and is checked by ``forgery doctor``.)
CHECKS: tuple[Callable[[Reports], Finding | None], ...] = (
    d_has_won,
    collapsed,
    oscillating,
    stalled,
    getting_worse,
    diverging,
)


class Doctor:
    """Examine the reports of a run, and report each problem once, when it appears.

    Parameters
    ----------
    objective:
        The name of the run's objective, which says what D's outputs mean. One that is not in
        :data:`~forgery.objectives.OBJECTIVES` is judged as a cross-entropy.
    reports:
        Reports of an earlier part of the run; their findings are not reported again.
    """

    def __init__(self, objective: str, reports: Reports = ()) -> None:
        self._objective = OBJECTIVES.get(objective, OBJECTIVES["non-saturating"])
        self._reports = [self._judged(report) for report in reports]
        self._reported = {finding["name"] for r in reports for finding in r["findings"]}

    def examine(self, report: dict[str, Any]) -> list[Finding]:
        """Return the new problems that a report reveals.

        All checks concern two players: a VAE has no findings.
        """
        if "d_loss" not in report:
            return []
        self._reports.append(self._judged(report))
        found = [finding for check in CHECKS if (finding := check(self._reports))]
        new = [finding for finding in found if finding.name not in self._reported]
        self._reported |= {finding.name for finding in new}
        return new

    def _judged(self, report: dict[str, Any]) -> dict[str, Any]:
        """The report with D's mean outputs as :meth:`Objective.certainty` gives them."""
        if "d_loss" not in report:  # of a VAE
            return report
        certainty = self._objective.certainty(report["d_real"], report["d_fake"])
        return report | {"certainty": certainty}


def diagnose(reports: Reports, objective: str = "non-saturating") -> list[Finding]:
    """All problems of a finished run, in the order of appearance."""
    doctor = Doctor(objective)
    return [finding for report in reports for finding in doctor.examine(report)]


def too_early(reports: Reports) -> str | None:
    """What cannot be judged from so few or so early reports, as a sentence; None if all can."""
    if not reports or "d_loss" not in reports[-1]:
        return None
    if len(reports) < PATIENCE:
        return f"too early to judge: a problem must last for {PATIENCE} reports"
    if _in_infancy(reports):
        return (
            "too early to judge the variety of samples: one that has been low from the beginning "
            f"is a finding from step {INFANCY:,} on"
        )
    return None


def swings(values: Sequence[float], size: float) -> int:
    """Count the alternating rises and falls of at least ``size``."""
    count, direction, turn = 0, 0, values[0]
    for value in values:
        if direction * (value - turn) > 0:  # further in the same direction
            turn = value
        elif abs(value - turn) >= size:
            count, direction, turn = count + 1, 1 if value > turn else -1, value
    return count


def _last(reports: Reports) -> Reports | None:
    """The newest reports, or None if there are too few or a number is not finite."""
    last = reports[-PATIENCE:]
    numbers = [v for r in last for v in r.values() if isinstance(v, float)]
    return last if len(last) == PATIENCE and all(map(math.isfinite, numbers)) else None


def _finding(name: str, reports: Reports, seen: str, means: str, remedy: str) -> Finding:
    return Finding(name, reports[-1]["step"], seen, means, remedy)
