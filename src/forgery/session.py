"""Train a model in a run folder, and resume it.

``forgery train mnist`` comes here with a :class:`Config` and goes on to ``training/loop.py`` and
``training/algorithm1.py``.
"""

import math
import platform
from collections.abc import Sequence
from os import PathLike
from pathlib import Path
from typing import Any

import torch

from . import __version__, parts
from .build import batches_of, classes_of, on_this_machine, training_of
from .config import RESUMABLE, Config, check_names, compatibility
from .data import Batches, Dataset
from .errors import ForgeryError, refuse
from .evaluation.tracker import requested_classes, tracker
from .gallery import artist, draw_summary, real_ones
from .model import Model, newest_checkpoint, recorded_classes
from .parts import condition_of, data_of
from .progress import is_shown, watching
from .resolve import config_of, decoding
from .run_data import Source, absolute, dataset_of, limited, require_data
from .sampler import Sampler
from .training import checkpoint, device, loop, parallel, randomness
from .training.events import Callback
from .training.interrupt import Interrupt
from .training.report import VITAL_SAMPLES, Measure, Reference, Reporter
from .training.run import Run, create, open_run
from .training.state import Training


def train(
    what: Config | str | PathLike[str] | Dataset,
    out: Path | str | None = None,
    *,
    callbacks: Sequence[Callback] = (),
    progress: bool | None = None,
    **changes: Any,
) -> Model:
    """Train a GAN in a new run folder and return it.

    Parameters
    ----------
    what:
        What ``forgery train`` takes: the name of data (``"mnist"``) or its path (``"photos/"``),
        which are trained on by the recipe that suits them; or the name of a recipe (``"dcgan"``);
        or all settings as a :class:`Config`, usually from a recipe: ``forgery.recipes.mlp()``; or
        data, as a :class:`forgery.data.Dataset`.
    out:
        The run folder; by default ``runs/DATA-DATE-TIME``. An existing run is never overwritten.
    callbacks:
        Functions of one event (``forgery.training.events``), called in the training process after
        each step, report, finding, picture and checkpoint. A callback that raises
        ``forgery.StopTraining`` stops the run; after any other exception the run is saved first.
    progress:
        Whether to show how far the training is: a bar on a terminal, else a line for each report.
        None shows it on a terminal and in a notebook.
    changes:
        Settings that differ from the recipe's or the config's, by the names of :class:`Config`'s
        fields: ``train("mnist", epochs=2)``. With data also ``recipe``, the one to start from.
        Unless ``batch_size`` is among them, a recipe's is no larger than the data allows; a
        config's stays.

        ``objective``, ``penalty``, ``generator``, ``discriminator`` and ``data`` may be your own
        objects in the place of names (``forgery.protocols`` states what is required of them).

    Raises
    ------
    ForgeryError
        If a name is unknown, settings do not fit together, a part does not do what is required of
        it, the folder is taken, the disk is full, or losses are no longer finite.
    """
    shown = is_shown(progress)
    given, changes = parts.separate(changes)
    dataset = what if isinstance(what, Dataset) else None
    if isinstance(changes.get("data"), Dataset):
        dataset = changes.pop("data")
    config, where = on_this_machine(config_of(what, changes, shown, dataset))
    if dataset is None:
        if shown:
            decoding(config)
        dataset = data_of(config)
    else:
        dataset = limited(dataset, config.limit)
    # The run is found from any folder, and so is its data.
    config = config.replace(data=absolute(config.data))
    # Everything that can be wrong with the settings is refused before the folder is made.
    refuse(compatibility.of_processes(config, parallel.process_count()))
    with device.cpu_settings(config.threads), parallel.joined() as ranks:
        training = training_of(config, dataset, where, ranks, given)
        batches = batches_of(config, dataset, where, ranks=ranks)
        if not ranks.writes:
            return _follow(Path(out or "runs"), config, training, batches)
        measure = tracker(config, dataset, _sampler(config, dataset, training))
        facts = _facts(config, dataset, where) | _origins(config, given)
        run = create(None if out is None else Path(out), config, facts)
        with run.lock(), watching(shown, callbacks) as tell:
            return _play(run, training, batches, tell, measure)


def resume(
    path: Path | str,
    *,
    callbacks: Sequence[Callback] = (),
    progress: bool | None = None,
    data: Source | None = None,
    **changes: Any,
) -> Model:
    """Resume a run exactly from its last good checkpoint.

    Parameters
    ----------
    path:
        The run folder.
    callbacks, progress:
        As :func:`train` takes them.
    data:
        Where the run's data is now, if it was moved since the training; or the data itself, if it
        was given from Python.
    changes:
        Settings that differ from the run's. Its length, its reporting, and where it runs may
        differ (on another device, or with another number of threads, so do the last bits). Parts
        that were given from Python are given again.

    Raises
    ------
    ForgeryError
        If another setting differs, the data is missing or not the same, the checkpoints are
        damaged, or the run has reached its length already.
    """
    run = open_run(Path(path))
    given, changes = parts.separate(changes)
    _refuse_changes(run, changes)
    config = run.config.replace(**changes)
    if data is not None and not isinstance(data, Dataset):
        config = config.replace(data=absolute(data))
    config, where = on_this_machine(config)
    shown = is_shown(progress)
    if not isinstance(data, Dataset):
        require_data(run, data)
        if shown:
            decoding(config)
    dataset = dataset_of(run, data=data)
    refuse(compatibility.of_processes(config, parallel.process_count()))
    with device.cpu_settings(config.threads), parallel.joined() as ranks:
        training = training_of(config, dataset, where, ranks, given)
        batches = batches_of(config, dataset, where, ranks=ranks)
        if not ranks.writes:
            training.restore(checkpoint.read_last(run.checkpoints)[0])
            return _follow(run.path, config, training, batches)
        measure = tracker(config, dataset, _sampler(config, dataset, training))
        with run.lock(), watching(shown, callbacks) as tell:
            last = newest_checkpoint(run)
            training.restore(last)
            _refuse_shorter(run, config, training, batches)
            run.rewrite_config(config)
            run.rewind(last.step)
            return _play(run, training, batches, tell, measure)


def _play(
    run: Run,
    training: Training,
    batches: Batches,
    tell: Callback,
    measure: Measure,
) -> Model:
    """The loop, and the pictures that are drawn once it ends, however it ends."""
    config, condition, data = run.config, condition_of(run.config), batches.data
    try:
        run.samples.mkdir(exist_ok=True)
        classes = classes_of(config, data) if condition.ask else {}
        picture = artist(config, data, training, classes)
        # Codes that G invents have no real samples.
        real = real_ones(config, data, {} if condition.invents else classes)
        real.save(run.path / "real.png")

        def draw(step: int) -> Path:
            path = run.samples / f"{step:08d}.png"
            picture(step).save(path)
            return path

        reference = _reference(config, data, training.device)
        reporter = Reporter(
            training, run, reference, batches.per_epoch, batches.batch_size, measure
        )
        # Entered until all is drawn: a second signal that repeats the first must not stop that.
        with randomness.forked(training.device), Interrupt() as interrupt:
            loop.train(training, batches, run, reporter, draw, tell, interrupt)
            draw_summary(run)
    except OSError as error:
        raise ForgeryError(
            f"cannot write to {run.path}: {error.strerror or error}; resume it once there is "
            f"room: forgery resume {run.path}"
        ) from error
    return _model_of(run.path, config, training, batches, interrupt.signal, recorded_classes(run))


def _reference(config: Config, data: Dataset, where: torch.device) -> Reference:
    """The first real samples, and what the samples that they are compared with are drawn from."""
    batches = batches_of(config, data, where)  # of one process: all rows
    first = range(math.ceil(VITAL_SAMPLES / batches.batch_size))
    # A copy, since a view would keep the whole of a large minibatch in memory.
    real = torch.cat([batches[i] for i in first])[:VITAL_SAMPLES].clone()
    labels = [y for i in first if (y := batches.labels(i)) is not None]
    requested = requested_classes(config, data, VITAL_SAMPLES)
    y = torch.cat(labels)[:VITAL_SAMPLES] if labels else requested
    z = randomness.fixed_noise(config.noise, VITAL_SAMPLES, config.latent, config.seed)
    return Reference(z.to(where), None if y is None else y.to(where), real)


def _follow(path: Path, config: Config, training: Training, batches: Batches) -> Model:
    """The part of a rank that does not write: the steps, and nothing else."""
    with randomness.forked(training.device), Interrupt() as interrupt:
        loop.follow(training, batches, config, interrupt)
    return _model_of(path, config, training, batches, interrupt.signal, {})


def _model_of(
    path: Path,
    config: Config,
    training: Training,
    batches: Batches,
    stopped_by: int | None,
    classes: dict[str, int],
) -> Model:
    """What has just been trained, ready to draw."""
    networks = {name: player.network.eval() for name, player in training.game.players.items()}
    training.sampler.eval()
    return Model(
        path,
        config,
        training.step,
        _sampler(config, batches.data, training),
        networks.get("discriminator"),
        networks.get("encoder"),
        classes,
        condition_of(config).ask is not None,
        stopped_by,
    )


def _sampler(config: Config, dataset: Dataset, training: Training) -> Sampler:
    """Draws from the generator as it stands, or from its average if the run keeps one."""
    return Sampler(training.sampler, config.noise, config.latent, dataset.shape, dataset.units)


def _facts(config: Config, dataset: Dataset, where: torch.device) -> dict[str, Any]:
    """What config.json records beside the settings."""
    return {
        "forgery": __version__,
        "torch": torch.__version__,
        "python": platform.python_version(),
        "machine": {"device": device.describe(where), "system": platform.platform()},
        "data": {
            "name": dataset.name,
            dataset.kind: len(dataset),
            "shape": list(dataset.shape),
            "fingerprint": dataset.fingerprint,
        }
        | ({"units": dataset.units.to_lists()} if dataset.units else {})
        | ({"classes": classes} if (classes := classes_of(config, dataset)) else {}),
    }


def _origins(config: Config, given: parts.Given) -> dict[str, Any]:
    """Where the parts that are not forgery's own come from, for the record."""
    found = parts.origins(config, given)
    return {"parts": found} if found else {}


def _refuse_changes(run: Run, changes: dict[str, Any]) -> None:
    """A resumed run may differ in its length, its reporting and its machine; in nothing else."""
    check_names(changes)
    before = run.config.to_dict()
    differing = [n for n in changes if n not in RESUMABLE and before[n] != changes[n]]
    if differing:
        listed = ", ".join(f"{n.replace('_', '-')} {before[n]} → {changes[n]}" for n in differing)
        raise ForgeryError(
            f"{run.path} cannot be resumed with other settings ({listed}): that would be another "
            "run. Start it with forgery train."
        )


def _refuse_shorter(run: Run, config: Config, training: Training, batches: Batches) -> None:
    end = loop.length_in_steps(config, batches, training.game.batches_per_step)
    if config.minutes is not None and training.seconds >= 60 * config.minutes:
        end = training.step
    if end is not None and training.step >= end:
        raise ForgeryError(
            f"{run.path} has made {training.step} steps in {training.seconds / 60:.1f} minutes, "
            f"which is all that {config.length} asks for; extend it with a larger --steps, "
            "--epochs, --minutes or --images"
        )
