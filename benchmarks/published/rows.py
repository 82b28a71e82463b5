"""The kinds of rows: a training run, an ensemble of seeds, and measurements without a training."""

import shutil
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import forgery
from forgery.bench import bench
from forgery.config import Config
from forgery.training import checkpoint
from forgery.training.events import Event, StepDone
from forgery.training.run import open_run

from .declaration import Outcome, Place, Row, Scores, Task, settings


class Clock:
    """The processor's time per step between the first and the last step that it saw."""

    def __init__(self) -> None:
        self._first: tuple[int, float] | None = None
        self._last: tuple[int, float] | None = None

    def tick(self, step: int) -> None:
        self._last = (step, time.process_time())
        self._first = self._first or self._last

    @property
    def ms_per_step(self) -> float | None:
        if self._first is None or self._last is None or self._first == self._last:
            return None
        (start, begun), (end, now) = self._first, self._last
        return round(1000 * (now - begun) / (end - start), 3)


@dataclass(frozen=True, kw_only=True)
class Trained(Row):
    """A training run of a recipe for each seed.

    The run is created with its whole length and stopped at each length before, so that whatever
    moves over a share of the run is as in an uninterrupted one.

    Parameters
    ----------
    config:
        The settings, but for length and seed.
    score:
        Scores of the model.
    parts:
        Networks of this benchmark in the place of the settings', such as ``discriminator``.
    """

    config: Callable[[], Config]
    score: Callable[[forgery.Model], Scores]
    parts: Mapping[str, Any] = field(default_factory=dict)

    def settings(self, seed: int) -> Config:
        """The settings of a seed's run."""
        return self.config().replace(
            seed=seed,
            steps=self.lengths[-1],
            device="cpu",
            threads=1,
            sample_every=10**9,
            keep_checkpoints=2,
        )

    def run(self, task: Task, place: Place) -> list[Outcome] | None:
        (seed,) = task.seeds
        folder, clock = place.runs / task.run_name, Clock()
        if not train_until(task.steps, self.settings(seed), folder, clock, **self.parts):
            return None
        model = forgery.load(folder, step=task.steps, **self.parts)
        reports = open_run(folder).read_metrics()
        told = [f["name"] for r in reports if r["step"] <= task.steps for f in r["findings"]]
        return [Outcome(seed, self.score(model), tuple(told), clock.ms_per_step)]


def train_until(steps: int, config: Config, folder: Path, clock: Clock, **parts: Any) -> bool:
    """Train a run, or resume it, until a step; whether it got there.

    ``parts`` are networks in the place of the config's.

    Raises
    ------
    ForgeryError
        The folder holds a run with other settings, or which is past that step.
    """

    def stop(event: Event) -> None:
        if isinstance(event, StepDone):
            clock.tick(event.step)
            if event.step == steps:
                raise forgery.StopTraining

    so_far = steps_so_far(folder)
    if so_far == steps:
        return True
    if so_far > steps:
        raise forgery.ForgeryError(f"{folder} is at step {so_far}, past {steps}: remove it")
    if so_far < 0:
        shutil.rmtree(folder, ignore_errors=True)  # killed before its first checkpoint
        forgery.train(config, folder, callbacks=[stop], progress=False, **parts)
    else:
        forgery.resume(folder, callbacks=[stop], progress=False, **(settings(config) | parts))
    return steps_so_far(folder) == steps


def steps_so_far(folder: Path) -> int:
    """The step of a run's last checkpoint; -1 if there is none."""
    return next(checkpoint.steps(folder / "checkpoints"), -1)


@dataclass(frozen=True, kw_only=True)
class Ensemble(Row):
    """All seeds as one program, by ``forgery.bench``, on points with modes.

    Parameters
    ----------
    config:
        The settings, but for length, seed and packing.
    pack:
        Samples that D judges jointly.
    """

    config: Callable[[], Config]
    pack: int

    def run(self, task: Task, place: Place) -> list[Outcome] | None:
        config = self.config().replace(
            steps=task.steps, device="cpu", threads=1, checkpoint_every=500, keep_checkpoints=2
        )
        folder, clock = place.runs / task.run_name, Clock()
        results = bench(
            config,
            ["non-saturating"],
            [self.pack],
            task.seeds,
            folder,
            lambda setting, step, steps: clock.tick(step),
        )
        if results is None:
            return None
        return [
            Outcome(
                r.seed,
                {"modes": r.modes, "high_quality": r.high_quality},
                (),
                clock.ms_per_step,
            )
            for r in results
        ]


@dataclass(frozen=True, kw_only=True)
class Measured(Row):
    """What needs no run: real data, or a network that is trained in seconds."""

    measure: Callable[[int], Scores]
    lengths: tuple[int, ...] = (0,)

    def run(self, task: Task, place: Place) -> list[Outcome]:
        return [Outcome(seed, self.measure(seed)) for seed in task.seeds]
