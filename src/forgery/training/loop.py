"""The loop around Algorithm 1: iterate, report, draw samples, save."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from torch import Tensor

from ..config import LengthSettings, ReportingSettings
from ..data import Batches
from ..errors import ForgeryError
from . import checkpoint
from .end import End
from .events import (
    Callback,
    CheckpointSaved,
    Event,
    Outcome,
    RunEnded,
    RunStarted,
    SamplesDrawn,
    StepDone,
    StopTraining,
)
from .interrupt import Interrupt
from .minibatch import Minibatch
from .optimizers import Moment
from .report import Reporter
from .run import Run
from .state import Training

#: Maximum seconds before the first report, and between later ones.
FIRST_REPORT, NEXT_REPORT = 10.0, 60.0
#: Maximum seconds between checkpoints.
NEXT_CHECKPOINT = 120.0


class Diverged(ForgeryError):
    """Raised when a loss or a weight is no longer finite."""


@contextmanager
def announced(
    training: Training, run: Run, notify: Callback, interrupt: Interrupt
) -> Iterator[None]:
    """Tell ``notify`` that the run starts, and after the block, or its error, that it has ended."""
    outcome: Outcome = "failed"
    try:
        try:
            notify(RunStarted(training.step, run))
        except StopTraining:
            interrupt.stop = True
        yield
        outcome = "stopped" if interrupt.signal or interrupt.stop else "finished"
    finally:
        with suppress(StopTraining):
            notify(RunEnded(training.step, outcome))


def train(
    training: Training,
    batches: Batches,
    run: Run,
    reporter: Reporter,
    draw: Callable[[int], Path],
    notify: Callback,
    interrupt: Interrupt,
) -> None:
    """Train until the run's length is reached, a signal arrives or a callback stops the run.

    Parameters
    ----------
    training:
        The state of training, possibly restored from a checkpoint.
    batches:
        The real minibatches.
    run:
        The run folder, with the settings.
    reporter:
        Creates the reports.
    draw:
        Draws the samples of a step into a file, and returns its path.
    notify:
        Receives every event.
    interrupt:
        Receives signals; must have been entered by the caller.

    Raises
    ------
    Diverged
        At the first report or checkpoint after a loss or weight became NaN or infinite.
    """
    reporting: ReportingSettings = run.config
    end = End.of(run.config, batches, training.game.batches_per_step)
    before, started = training.seconds, time.perf_counter()
    saved_at, saved_time = training.step, started
    reported_time, patience = started, FIRST_REPORT

    def write() -> Path:
        nonlocal saved_at, saved_time
        check_finite(training, run, since=saved_at)
        state = training.checkpoint()
        path = checkpoint.write(run.checkpoints, state, reporting.keep_checkpoints, run.best_step())
        saved_at, saved_time = training.step, time.perf_counter()
        return path

    def emit(event: Event) -> None:
        try:
            notify(event)
        except StopTraining:
            interrupt.stop = True
        except Exception:
            if training.step > saved_at:  # keep the steps, since the callback failed, not the run
                write()
            raise

    def save() -> None:
        emit(CheckpointSaved(training.step, write()))

    def draw_samples() -> None:
        emit(SamplesDrawn(training.step, draw(training.step)))

    if training.step == 0:
        draw_samples()
        save()
    while should_continue(training, end, interrupt):
        iterate(training, batches, end)
        now = time.perf_counter()
        training.seconds = before + now - started - reporter.measuring

        if training.step % reporting.report_every == 0 or now - reported_time > patience:
            check_finite(training, run, since=reporter.step)
            report = reporter.report()
            reported_time, patience = time.perf_counter(), NEXT_REPORT
            emit(report)
            for finding in report.findings:
                emit(finding)
            if "frechet" in report.quality and run.best_step() == training.step:
                save()
        if is_drawn(training.step, reporting):
            draw_samples()
        due = training.step % reporting.checkpoint_every == 0 or now - saved_time > NEXT_CHECKPOINT
        if due and training.step > saved_at:
            save()
        emit(StepDone(training.step, end.share(training)))

    if training.step > saved_at:
        save()
    if training.step > reporter.step and not run.read_metrics():  # too short for a report
        emit(reporter.report())
    if not is_drawn(training.step, reporting):
        draw_samples()


def follow(
    training: Training, batches: Batches, length: LengthSettings, interrupt: Interrupt
) -> None:
    """Train on a rank that does not write, while rank 0 is in :func:`train`."""
    end = End.of(length, batches, training.game.batches_per_step)
    while should_continue(training, end, interrupt):
        iterate(training, batches, end)


def iterate(training: Training, batches: Batches, end: End) -> None:
    """Make one step, and update schedules, average and counters.

    Random numbers are a function of (seed, step), and minibatch i of (seed, i), so that a run
    resumes exactly from its counters. Nothing here waits for the device.
    """
    finish(training, training.game.step(prepare(training, batches, end)))


def prepare(training: Training, batches: Batches, end: End) -> list[Minibatch]:
    """Seed the random numbers of the next step, set its schedules, and return its minibatches."""
    game, step = training.game, training.step
    training.begin_step(step)
    first = step * game.batches_per_step
    moment = Moment(step, first // batches.per_epoch, end.share(training))
    for schedule in training.schedules:
        schedule(moment)
    indices = range(first, first + game.batches_per_step)
    return [Minibatch(batches[i], batches.labels(i)) for i in indices]


def finish(training: Training, numbers: Tensor | None) -> None:
    """Count a step, and update the average; ``numbers`` None if a player was not updated."""
    training.step += 1
    if training.average:
        training.average.update(training.step)
    if numbers is not None:
        training.totals[:-1] += numbers
        training.totals[-1] += 1


def should_continue(training: Training, end: End, interrupt: Interrupt) -> bool:
    """Whether to make another step; all ranks agree on this, and on the training time so far."""
    training.seconds, signal, stop = training.ranks.largest(
        training.seconds, interrupt.signal or 0, interrupt.stop
    )
    if signal:  # otherwise keep a signal that has just arrived, for agreement after the next step
        interrupt.signal = int(signal)
    return not (signal or stop or end.is_reached(training))


def is_drawn(step: int, reporting: ReportingSettings) -> bool:
    """Whether to draw samples: every ``sample_every`` steps, and before that at 1, 2, 4, 8 …"""
    early = step < reporting.sample_every and step.bit_count() == 1
    return early or step % reporting.sample_every == 0


def check_finite(training: Training, run: Run, since: int) -> None:
    """Raise :class:`Diverged` if a loss or a weight is NaN or infinite."""
    if training.totals.isfinite().all() and training.is_finite():
        return
    good = next(checkpoint.steps(run.checkpoints), None)
    kept = "no checkpoint before" if good is None else f"the checkpoint of step {good} is intact"
    config = run.config
    other = "D" if config.model == "gan" else "encoder"
    saturates = config.model == "gan" and config.objective == "minimax"
    raise Diverged(
        f"the losses or weights became NaN or infinite between steps {since} and {training.step} "
        f"({kept}).\nTry lower learning rates (now G {config.g_learning_rate:g}, {other} "
        f"{config.d_learning_rate:g}){' or the non-saturating objective' if saturates else ''}."
    )
