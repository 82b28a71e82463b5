"""Seven objectives on the default's networks, in equal time, each at its best learning rate."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from forgery import recipes
from forgery.config import Config

from . import digits
from .declaration import Place, Row, Table, Task
from .results import Lines
from .rows import Outcome, Trained

#: Objective → its penalty, and what else belongs to it in its source.
OBJECTIVES: dict[str, dict[str, Any]] = {
    "minimax": {},
    "non-saturating": {},
    "least-squares": {},
    "wasserstein": {"penalty": "wgan-gp", "penalty_weight": 10.0, "d_steps": 5},
    "hinge": {"spectral_norm": True},
    "relativistic": {"penalty": "r1+r2", "penalty_weight": 0.1},
    "relativistic-average": {},
}
#: The processor's milliseconds per step, measured by ``tables.py --time objectives``.
MS = {
    "minimax": 17.5,
    "non-saturating": 16.7,
    "least-squares": 17.2,
    "wasserstein": 70.5,
    "hinge": 19.0,
    "relativistic": 28.4,
    "relativistic-average": 18.2,
}
RATES = (1e-4, 3e-4, 1e-3)
#: Seconds of the processor's time: to choose the rate, and for the table.
SEARCH, SECONDS = 60, (60, 120, 240)


def steps(objective: str, seconds: int) -> int:
    return round(1000 * seconds / MS[objective] / 50) * 50


def config(objective: str, rate: float) -> Config:
    rates = {"g_learning_rate": rate, "d_learning_rate": rate}
    return recipes.mlp(objective=objective, split="train50k", **OBJECTIVES[objective], **rates)


def in_words(objective: str) -> str:
    also = {
        "wasserstein": ", gradient penalty, five steps of D",
        "hinge": ", spectral norm",
        "relativistic": ", R1 + R2",
    }
    return objective + also.get(objective, "")


def rate_name(objective: str, rate: float) -> str:
    return f"{objective}, rate {rate:g}"


def chosen_rate(objective: str, results: Path) -> float:
    """The rate with the least Fréchet distance to the validation images."""
    lines = Lines.read(results / f"{RATES_TABLE.name}.jsonl")

    def distance(rate: float) -> float:
        line = lines.find(rate_name(objective, rate), 0, steps(objective, SEARCH))
        assert line is not None, "rates are chosen before this row is trained"
        return line.scores["frechet"]

    return min(RATES, key=distance)


@dataclass(frozen=True, kw_only=True)
class AtItsRate(Trained):
    """An objective at the rate that the search has chosen."""

    objective: str

    def run(self, task: Task, place: Place) -> list[Outcome] | None:
        rate = chosen_rate(self.objective, place.results)
        chosen = replace(self, config=lambda: config(self.objective, rate))
        outcomes = Trained.run(chosen, task, place)
        return outcomes and [replace(o, scores={**o.scores, "rate": rate}) for o in outcomes]


def _search(objective: str, rate: float) -> Row:
    return Trained(
        name=rate_name(objective, rate),
        config=lambda: config(objective, rate),
        score=digits.against_validation,
        lengths=(steps(objective, SEARCH),),
        seeds=(0,),
        reference="none: a search",
        few_seeds="it only chooses the rate",
    )


def _final(objective: str) -> Row:
    return AtItsRate(
        name=in_words(objective),
        objective=objective,
        config=lambda: config(objective, RATES[-1]),
        score=digits.against_test,
        lengths=tuple(steps(objective, s) for s in SECONDS),
        seeds=(0, 1, 2),
        reference="no objective consistently outperforms non-saturating (Lucic et al. 2018)",
        waits_for=tuple((RATES_TABLE.name, rate_name(objective, rate)) for rate in RATES),
    )


RATES_TABLE = Table(
    "objectives-rates",
    f"Fréchet distance to the validation images after {SEARCH} s of processor time",
    digits.COLUMNS[:1],
    (f"{SEARCH} s",),
    tuple(_search(objective, rate) for objective in OBJECTIVES for rate in RATES),
    "The rate of both players in the next table is the best of these. Higher ones were not tried: "
    "at 2e-3, the default collapses.",
)
TABLE = Table(
    "objectives",
    "Objectives on the default's networks, in equal processor time",
    digits.COLUMNS,
    tuple(f"{s} s" for s in SECONDS),
    tuple(_final(objective) for objective in OBJECTIVES),
    "Each at its best rate of the table above. Networks, minibatch, β1 = 0 and average of recipe "
    "`mlp`, trained on the first 50,000 images; scored against the test images. Steps are the "
    "stated time divided by the time per step measured beforehand: "
    + ", ".join(f"{name} {ms:g} ms" for name, ms in MS.items())
    + " (AMD EPYC, 1 thread).",
)
