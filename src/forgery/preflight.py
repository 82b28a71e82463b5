"""Inspection of data before a run: contents, unusable files, time and memory of training."""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch

from . import plots, randomness
from .build import (
    batch_size_for,
    batches_of,
    on_this_machine,
    training_of,
)
from .config import Config
from .data import SOURCES, Batches, Dataset, Survey, holds_pictures, load_pictures, warnings_of
from .data.pictures import silent
from .errors import ForgeryError
from .numbers import digits
from .parts import data_of, image_settings
from .projected import is_available
from .recipes import MNIST, RECIPES, recipe_for_images
from .resources import in_words, peak_memory
from .sizes import doubled
from .training import contention, device, loop
from .training.end import End
from .training.state import Training

#: Seconds for which steps are timed, and number of untimed steps before.
SECONDS, WARM_UP = 2.0, 3
#: Bytes that reports, pictures and checkpoints add to a process that trains: 50 to 140 MB were
#: measured (benchmarks/pictures_step.py).
BESIDES = 100_000_000
#: Most samples whose frozen features are computed for the timed steps.
TIMED = 2048
#: Largest number of pictures → what to expect of them.
EXPECTATIONS = (
    (19, "too few to learn from; the samples will repeat them. A few hundred are a start"),
    (499, "few; expect samples that resemble single pictures"),
    (1999, "enough to learn the most frequent kinds of picture"),
    (math.inf, "enough for a variety of samples; more minutes give more detail"),
)
#: Number of images on a contact sheet.
SHEET = 64
#: Largest side of pictures that a hint says how to keep as they are: larger ones train slowly.
KEPT = 128


@dataclass(frozen=True)
class Preflight:
    """Results of :func:`preflight`.

    Parameters
    ----------
    config:
        Settings of the run, with device and threads resolved.
    dataset:
        The training data.
    survey:
        Sizes, modes and formats of picture files before conversion; None for other data.
    seconds_per_step:
        Measured on this machine.
    steps:
        Total number of steps; None if the length of the run is a time.
    steps_per_epoch:
        Number of steps in one pass over the data.
    memory:
        Bytes of the networks, their gradients, their optimisers and G's average.
    features:
        Bytes of the frozen features of all real samples, if they are computed once.
    process:
        Forecast of the largest resident memory of a process that trains; None if unknown.
    core_wait:
        Fraction of time that threads waited for a CPU core; None if the system does not report it.
    """

    config: Config
    dataset: Dataset
    survey: Survey | None
    seconds_per_step: float
    steps: int | None
    steps_per_epoch: float
    memory: int
    features: int
    process: int | None
    core_wait: float | None

    @property
    def rejects(self) -> list[list[str]]:
        """(name, reason) for every file that was set aside."""
        return self.survey.rejects if self.survey else []

    @property
    def duplicates(self) -> list[list[str]]:
        """Groups of equal files."""
        return self.survey.duplicates if self.survey else []

    def facts(self, reason: str | None = None) -> list[tuple[str, str]]:
        """Everything but these lists as (name, value); ``reason`` is why the recipe was chosen."""
        data, survey = self.dataset, self.survey
        why = reason or self._why()
        lines = [("data", f"{data.name}: {len(data):,} {data.kind} of {list(data.shape)}")]
        if survey:
            lines += [
                ("converted", survey.why + self._as_they_are()),
                ("splits", _joined(survey.splits)),
                ("sizes", f"height × width: {_first(survey.sizes, 5)}"),
                ("modes", _joined(survey.modes)),
                ("formats", _joined(survey.formats)),
                ("copies", f"{survey.copies:,} (kept, each in the same split as its original)"),
                ("set aside", f"{len(survey.rejects):,}"),
            ]
            lines += [("licence", survey.licence)] if survey.licence else []
        lines += [("warning", warning) for warning in warnings_of(survey or data)]
        lines.append(("classes", self._classes()))
        values = data.values.numel() * data.values.element_size()
        where = "mapped from disk" if data.mapping else "in memory"
        parts = [f"data {in_words(values)} {where}", f"networks {in_words(self.memory)}"]
        parts += [f"frozen features {in_words(self.features)}"] if self.features else []
        parts += [f"the whole process {in_words(self.process)}"] if self.process else []
        lines.append(("memory", ", ".join(parts)))
        epoch = self.seconds_per_step * self.steps_per_epoch
        threads = f"{self.config.threads} threads"
        threads = threads.removesuffix("s") if self.config.threads == 1 else threads
        total = self.length()
        if busy := contention.describe_wait(self.core_wait, self.config.threads):
            total += f"; {busy}"
        lines.append(
            (
                "time",
                f"{_duration(self.seconds_per_step)} per step on {self.config.device} "
                f"({threads}); an epoch takes {_duration(epoch)}; {total}",
            )
        )
        lines += [("short", short)] if (short := self._short()) else []
        if (few := batch_size_for(self.config, len(data))) < self.config.batch_size:
            lines.append(
                (
                    "too few",
                    f"too few samples for --batch-size {self.config.batch_size}: use "
                    f"--batch-size {few}, as timed here, or less",
                )
            )
        networks = f"{self.config.generator} / {self.config.discriminator}"
        lines.append(("recipe", f"{self.config.recipe} ({networks}): {why}"))
        lines += [("expect", words)] if (words := self.expectation()) else []
        return lines

    def length(self) -> str:
        """The length of the run: ``15 minutes = about 8,900 steps = 89 epochs``."""
        words, minutes = self.config.length, self.config.minutes
        steps = self.steps or round(60 * (minutes or 0) / self.seconds_per_step)
        if minutes is not None:
            words += f" = about {steps:,} steps"
        if self.config.images is not None or minutes is not None:
            epochs = steps / self.steps_per_epoch
            words += f" = {epochs:,.0f} epochs" if epochs >= 10 else f" = {epochs:.2g} epochs"
        if self.steps is not None:
            named = "" if self.config.steps is not None else f" = {steps:,} steps"
            words += f"{named} take {_duration(self.seconds_per_step * steps)}"
        return words

    def expectation(self) -> str:
        """What a GAN can learn from so many pictures, in words; empty for other data."""
        if self.dataset.kind != "images" or self.config.data in SOURCES:
            return ""
        n = len(self.dataset)
        return next(f"{n:,} pictures: {words}" for most, words in EXPECTATIONS if n <= most)

    def _as_they_are(self) -> str:
        """A hint if all pictures have one size, which the networks for pictures take."""
        assert self.survey is not None
        sizes = [tuple(map(int, size.split(" × "))) for size in self.survey.sizes]
        if len(sizes) > 1 or sizes[0] == self.dataset.shape[1:]:
            return ""
        fits = 16 <= min(sizes[0]) <= max(sizes[0]) <= KEPT and doubled(*sizes[0])
        return "; --fit none keeps them as they are" if fits else ""

    def _short(self) -> str | None:
        """A warning if a length in epochs gives less than a third of the recipe's images."""
        recipe = RECIPES.get(self.config.recipe)
        usual = recipe() if recipe else None
        images = usual and (usual.images or round((usual.epochs or 0) * MNIST))
        epochs, n = self.config.epochs, len(self.dataset)
        if self.dataset.kind != "images" or not (epochs and images) or 3 * epochs * n >= images:
            return None
        return (
            f"Small dataset: {epochs:g} epochs is only {self.steps:,} steps; use --epochs "
            f"{images / n:.0f} for a full run"
        )

    def _why(self) -> str:
        if self.dataset.kind == "points":
            return "small MLPs, which cover every mode of the known densities"
        recipe, why = recipe_for_images(self.dataset.shape, is_available())
        return why if recipe == self.config.recipe else "the default"

    def _classes(self) -> str:
        if self.dataset.labels is None:
            return "none"
        counts = torch.bincount(self.dataset.labels, minlength=len(self.dataset.classes)).tolist()
        unused = "" if self.config.is_conditional else " (unused without --conditional)"
        return _joined(dict(zip(self.dataset.classes, counts, strict=True)), 12) + unused


def preflight(
    config: Config,
    progress: Callable[[str, int, int], None] = silent,
    sheet: Path | None = None,
) -> Preflight:
    """Load a config's data, draw a contact sheet if requested, and time a few training steps.

    Parameters
    ----------
    config:
        Settings of the run.
    progress:
        Called while pictures are decoded, with (task, done, total).
    sheet:
        File of the contact sheet; None draws none.

    Raises
    ------
    ForgeryError
        If training would raise one for the same settings, or the sheet cannot be written.
    """
    survey = None
    if holds_pictures(config.data):
        survey = load_pictures(config.data, image_settings(config), progress).survey
    config, where = on_this_machine(config)
    dataset = data_of(config)
    if sheet:
        _draw(dataset, sheet)
    requested, config = config, config.replace(batch_size=batch_size_for(config, len(dataset)))
    with device.cpu_settings(config.threads), randomness.forked(where):
        training = training_of(config, dataset, where)
        batches = batches_of(config, dataset, where, project=training.project)
        before = contention.core_times()
        per_step = training.game.batches_per_step
        end = End.of(config, batches, per_step)
        timed = batches
        if training.project and len(dataset) > TIMED:  # a part, since all would be projected first
            part = dataset.subset(max(TIMED, config.batch_size * config.d_steps))
            timed = batches_of(config, part, where, project=training.project)
        seconds = _seconds_per_step(training, timed, end)
        core_wait = contention.core_wait(before, contention.core_times())
    return Preflight(
        requested,
        dataset,
        survey,
        seconds,
        end.step,
        batches.per_epoch / per_step,
        _memory(training),
        batches.projected_bytes,
        _process_memory(where, batches.projected_bytes - timed.projected_bytes),
        core_wait,
    )


def _seconds_per_step(training: Training, batches: Batches, end: End) -> float:
    """Mean time per step over :data:`SECONDS` of training, after :data:`WARM_UP` steps."""

    def step() -> None:
        loop.iterate(training, batches, end)

    for _ in range(WARM_UP):
        step()
    done, start = 0, time.perf_counter()
    while time.perf_counter() - start < SECONDS:
        step()
        done += 1
        if training.device.type == "cuda":
            torch.cuda.synchronize(training.device)
    return (time.perf_counter() - start) / done


def _process_memory(where: torch.device, missing: int) -> int | None:
    """Peak memory of this process plus what a run needs beyond it; None if it is unknown."""
    peak = peak_memory() if where.type == "cpu" else None
    return None if peak is None else peak + missing + BESIDES


def _memory(training: Training) -> int:
    players = training.game.players.values()
    weights = [p for player in players for p in player.network.parameters()]
    state = [
        value
        for player in players
        for numbers in player.optimizer.state.values()
        for value in numbers.values()
        if isinstance(value, torch.Tensor)
    ]
    average = list(training.average.network.parameters()) if training.average else []
    # Count weights twice: their gradients have the same size.
    return sum(t.numel() * t.element_size() for t in [*weights, *weights, *state, *average])


def _draw(dataset: Dataset, sheet: Path) -> None:
    n = min(SHEET, len(dataset))
    rows = torch.arange(n) * len(dataset) // n
    shown = dataset.values[rows]
    try:
        if dataset.kind == "points":
            plots.scatter(shown, real=True).save(sheet)
        else:
            plots.grid(dataset.to_model(shown)).save(sheet)
    except (OSError, ValueError) as error:
        raise ForgeryError(f"cannot write {sheet}: {error}") from error


def _joined(counts: dict[str, int], most: int = 8) -> str:
    return _first(counts, most) + (f" ({len(counts)} in total)" if len(counts) > most else "")


def _first(counts: dict[str, int], most: int) -> str:
    first = [f"{name} {count:,}" for name, count in list(counts.items())[:most]]
    return ", ".join([*first, "…"] if len(counts) > most else first)


def _duration(seconds: float) -> str:
    for unit, length in (("hours", 3600.0), ("minutes", 60.0)):
        if seconds >= 1.5 * length:
            return f"{digits(seconds / length)} {unit}"
    return f"{digits(seconds)} s" if seconds >= 1 else f"{digits(1000 * seconds)} ms"
