"""The loop around the game: iterate, report, sample, save."""

import math
import time
from collections.abc import Callable

import torch
from torch import Tensor

from ..config import Config
from ..errors import ForgeryError
from . import checkpoint, optimizers, randomness
from .interrupt import Interrupt
from .report import VITAL_SAMPLES, Measure, Report, Reporter
from .run import Run
from .state import Training


class Diverged(ForgeryError):
    """A loss or a weight is no longer a number."""


#: Minibatch number i → its classes ``[m]``, or None where the game is not conditional.
Labels = Callable[[int], Tensor | None]


def no_labels(i: int) -> None:
    """Those of a game that is not conditional."""


#: Called after every step: (step, share of the run that is done from 0 to 1, report or None).
Watch = Callable[[int, float, Report | None], None]


def train(
    training: Training,
    batch: Callable[[int], Tensor],
    batches_per_epoch: int,
    run: Run,
    draw: Callable[[int], None],
    watch: Watch,
    measure: Measure,
    labels: Labels = no_labels,
    asked: Tensor | None = None,
) -> int | None:
    """Play the game until the config's length is reached or a signal arrives.

    Parameters
    ----------
    training:
        What is trained; it may have been restored from a checkpoint.
    batch:
        Real minibatch number i, for any i.
    batches_per_epoch:
        How many of them are one pass over the data.
    run:
        Where reports and checkpoints go; its config holds the settings.
    draw:
        Keeps a picture of the samples of a step.
    watch:
        Told of every step and report.
    measure:
        Scores the samples of a step that is reported. The time that it takes is not training time.
    labels:
        The classes of minibatch i.
    asked:
        The classes ``[VITAL_SAMPLES]`` that the doctor's samples are drawn of, where G is told
        classes that minibatches do not have.

    Returns
    -------
    int or None
        The number of the signal that stopped the run early, if one did.

    Raises
    ------
    Diverged
        Within one report interval of the first loss that is not finite.
    """
    config, game = run.config, training.game
    z = randomness.fixed_noise(config.noise, VITAL_SAMPLES, config.latent, config.seed)
    first = range(math.ceil(VITAL_SAMPLES / len(batch(0))))
    real = torch.cat([batch(i) for i in first])
    classes = [y for i in first if (y := labels(i)) is not None]
    reporter = Reporter(
        training,
        run,
        z.to(training.device),
        real,
        batches_per_epoch,
        measure,
        torch.cat(classes) if classes else asked,
    )
    last_step = length_in_steps(config, batches_per_epoch, game.batches_per_step)
    saved_at = training.step
    before, started = training.seconds, time.perf_counter()

    def save() -> None:
        nonlocal saved_at
        check_finite(training, run, saved_at)
        state = training.checkpoint()
        checkpoint.write(run.checkpoints, state, config.keep_checkpoints, run.best_step())
        saved_at = training.step

    if training.step == 0:
        draw(0)
        save()

    with Interrupt() as interrupt:
        while goes_on(training, config, last_step, interrupt):
            iterate(training, batch, batches_per_epoch, config, labels)
            training.seconds = before + time.perf_counter() - started - reporter.measuring

            report = None
            if training.step % config.report_every == 0:
                check_finite(training, run, training.step - config.report_every)
                report = reporter.report()
                if "frechet" in report.quality and run.best_step() == training.step:
                    save()
            if is_sampled(training.step, config):
                draw(training.step)
            if training.step % config.checkpoint_every == 0 and training.step > saved_at:
                save()
            watch(training.step, share_done(training, config, last_step), report)

        if training.step > saved_at:
            save()
    if not is_sampled(training.step, config):
        draw(training.step)
    return interrupt.signal


def follow(
    training: Training,
    batch: Callable[[int], Tensor],
    batches_per_epoch: int,
    config: Config,
    labels: Labels = no_labels,
) -> int | None:
    """Play as one of several ranks while the one that writes is in :func:`train`."""
    last_step = length_in_steps(config, batches_per_epoch, training.game.batches_per_step)
    with Interrupt() as interrupt:
        while goes_on(training, config, last_step, interrupt):
            iterate(training, batch, batches_per_epoch, config, labels)
    return interrupt.signal


def goes_on(
    training: Training, config: Config, last_step: int | None, interrupt: Interrupt
) -> bool:
    """Whether there is a next step: all ranks agree on it, and on how long it took so far."""
    ranks = training.game.ranks
    training.seconds, signal = ranks.most(training.seconds, interrupt.signal or 0)
    if signal:  # else one may have arrived here meanwhile: the ranks agree on it a step later
        interrupt.signal = int(signal)
    return (
        not signal
        and (last_step is None or training.step < last_step)
        and (config.minutes is None or training.seconds < 60 * config.minutes)
    )


def is_sampled(step: int, config: Config) -> bool:
    """Every ``sample_every`` steps, and at first after 1, 2, 4, 8 …: most happens early."""
    early = step < config.sample_every and step.bit_count() == 1
    return early or step % config.sample_every == 0


def iterate(
    training: Training,
    batch: Callable[[int], Tensor],
    batches_per_epoch: int,
    config: Config,
    labels: Labels = no_labels,
) -> None:
    """One iteration of Algorithm 1 and the bookkeeping around it.

    Every random number of the step follows from (seed, step), every real image from (seed, i):
    nothing else needs to be remembered to go on exactly. Nothing here waits for the device.
    """
    game = training.game
    first = training.step * game.batches_per_step
    training.begin_step(training.step)
    schedule(training, config, batches_per_epoch)

    which = range(first, first + game.batches_per_step)
    numbers = game.step([batch(i) for i in which], [labels(i) for i in which])

    training.step += 1
    if training.average:
        training.average.update(training.step)
    training.totals[:-1] += numbers
    training.totals[-1] += 1


def length_in_steps(config: Config, batches_per_epoch: int, batches_per_step: int) -> int | None:
    """The step at which the run ends, or None where a time was given."""
    if config.steps is not None:
        return config.steps
    if config.epochs is not None:
        return max(1, round(config.epochs * batches_per_epoch / batches_per_step))
    return None


def share_done(training: Training, config: Config, last_step: int | None) -> float:
    """How much of the run is done, 0 to 1."""
    if last_step is not None:
        return training.step / last_step
    assert config.minutes is not None
    return min(1.0, training.seconds / (60 * config.minutes))


def schedule(training: Training, config: Config, batches_per_epoch: int) -> None:
    """Set both optimisers, and the penalty's weight, for the step that comes."""
    game, step = training.game, training.step
    epoch = step * game.batches_per_step // batches_per_epoch
    last_step = length_in_steps(config, batches_per_epoch, game.batches_per_step)
    share = optimizers.burnt_in(share_done(training, config, last_step), config)
    for name, player in game.players.items():
        start = config.g_learning_rate if name == "generator" else config.d_learning_rate
        optimizers.schedule(player.optimizer, start, step, epoch, share, config)
    game.penalty_weight = optimizers.between(
        config.penalty_weight, config.penalty_weight_final, share
    )


def check_finite(training: Training, run: Run, since: int) -> None:
    """Keep a spoilt state out of the reports and the checkpoints."""
    if not (training.totals.isfinite().all() and training.is_finite()):
        raise diverged(training, run, since)


def diverged(training: Training, run: Run, since: int) -> Diverged:
    """The error that says where it happened, what is left and what to try."""
    good = next(checkpoint.steps(run.checkpoints), None)
    kept = "there is no checkpoint before it" if good is None else f"step {good} is saved and good"
    return Diverged(
        f"the losses or weights became NaN or infinite between steps {since} and {training.step} "
        f"({kept}).\nTry lower learning rates (now G {run.config.g_learning_rate:g}, "
        f"D {run.config.d_learning_rate:g}), or the non-saturating objective."
    )
