"""Train a model in a new run folder, and resume a run.

``forgery train`` calls :func:`train`, which calls ``training/loop.py``, which calls
``training/algorithm1.py``.
"""

import math
import os
import platform
import sys
from collections.abc import Callable, Mapping, Sequence
from os import PathLike
from pathlib import Path
from typing import Any

import torch

from . import __version__, parts, randomness
from .addresses import from_anywhere
from .build import batches_of, classes_of, on_this_machine, sampler_of, training_of
from .callbacks import loggers_of
from .config import RESUMABLE, Config, check_names, compatibility, typed
from .data import Batches, Dataset, holds_pictures, is_name, warnings_of
from .errors import ForgeryError, command, refuse
from .evaluation.scorer import requested_classes, scorer
from .fine_tuning import pretrained_of
from .gallery import artist, draw_summary, real_picture
from .model import Model, newest_checkpoint
from .parts import condition_of, data_of
from .progress import is_shown, watching
from .projected import projection_in
from .resolve import config_of, decode_pictures
from .run_data import Source, absolute, dataset_of, require_data
from .training import checkpoint, device, loop, parallel
from .training.end import End
from .training.events import Callback
from .training.interrupt import Interrupt
from .training.report import VITAL_SAMPLES, Probe, Reporter, Scorer
from .training.run import Run, create, open_run, require_new
from .training.state import Training


def train(
    what: Config | str | PathLike[str] | Dataset,
    out: Path | str | None = None,
    *,
    callbacks: Sequence[Callback] = (),
    progress: bool | None = None,
    **changes: Any,
) -> Model:
    """Train a model in a new run folder.

    Parameters
    ----------
    what:
        The name of a data source (``"mnist"``), the path of data (``"photos/"``) or a
        :class:`forgery.data.Dataset`, to be trained on by the default recipe for the data; the name
        of a recipe (``"dcgan"``); or a :class:`Config`, such as ``forgery.recipes.mlp()``.
    out:
        The run folder; by default ``runs/DATA-DATE-TIME``. An existing run is never overwritten.
    callbacks:
        Functions of one event (``forgery.training.events``), called in the training process when
        the run starts and ends, and after each step, report, finding, picture and checkpoint.
        ``forgery.callbacks`` has some for experiment trackers. A callback that raises
        ``forgery.StopTraining`` stops the run; after any other exception, the run is saved first.
    progress:
        Whether to show progress: a bar on a terminal, otherwise a line per report. None shows it on
        a terminal and in a notebook.
    changes:
        Settings that override those of the recipe or config, by the names of :class:`Config`'s
        fields: ``train("mnist", epochs=2)``. With data, ``recipe`` names the recipe to start from.
        The batch size of a recipe is reduced to what the data allows, unless ``batch_size`` is
        given; that of a config is not.

        ``start_from`` fine-tunes another run: its weights are the initial ones, and in the place of
        a recipe's, its settings are overridden (``fine_tuning.py``).

        ``objective``, ``penalty``, ``generator``, ``discriminator`` and ``data`` may be objects
        instead of names (see ``forgery.protocols`` for their interfaces).

    Returns
    -------
    Model
        The trained model.

    Raises
    ------
    ForgeryError
        If a name is unknown, settings are incompatible, an object does not have the required
        interface, the weights of ``start_from`` do not fit, the folder exists, the disk is full, or
        losses are no longer finite.
    """
    _refuse_callbacks(callbacks)
    if out is not None:
        require_new(Path(out))
    shown = is_shown(progress)
    given, changes = parts.separate(changes)
    dataset = what if isinstance(what, Dataset) else None
    if isinstance(changes.get("data"), Dataset):
        dataset = changes.pop("data")
    config, where = on_this_machine(config_of(what, changes, shown, dataset))
    dataset = _loaded(config, dataset, shown)
    # Absolute paths, so that the run can be opened from any folder.
    config = config.replace(data=absolute(config.data))
    if config.start_from is not None:
        config = config.replace(start_from=from_anywhere(config.start_from))
    # Check all settings before the folder is created.
    refuse(compatibility.of_processes(config, parallel.process_count()))
    callbacks = [*loggers_of(config), *callbacks]
    with device.cpu_settings(config.threads), parallel.joined() as ranks:
        pretrained = pretrained_of(config, dataset, ranks)
        training = training_of(config, dataset, where, ranks, given)
        if pretrained:
            pretrained.hand_over(training, config, dataset, given)
            if shown:
                print(pretrained.describe(config, dataset))
        batches = batches_of(config, dataset, where, ranks=ranks, project=training.project)
        if not ranks.writes:
            return _follow(Path(out or "runs"), config, training, batches)
        score = _scorer(config, dataset, training)
        facts = _facts(config, dataset, where) | _origins(config, given) | _features(training)
        facts |= {"pretrained": pretrained.facts} if pretrained else {}
        run = create(None if out is None else Path(out), config, facts)
        with run.lock(), watching(shown, callbacks) as notify:
            return _run(run, training, batches, notify, score)


def resume(
    path: Path | str,
    *,
    callbacks: Sequence[Callback] = (),
    progress: bool | None = None,
    data: Source | None = None,
    **changes: Any,
) -> Model:
    """Resume a run exactly from its last intact checkpoint.

    Parameters
    ----------
    path:
        The run folder.
    callbacks, progress:
        As in :func:`train`.
    data:
        New path of the run's data, if it was moved after training; or the dataset, if it was
        given as an object.
    changes:
        Changed settings: length, reporting and machine may be changed. (On another device, or with
        another number of threads, results differ in the last bits.) Parts that were given as
        objects must be given again.

    Returns
    -------
    Model
        The trained model.

    Raises
    ------
    ForgeryError
        If another setting is changed, the data is missing or different, the checkpoints are
        damaged, or the run has already reached its length.
    """
    _refuse_callbacks(callbacks)
    run = open_run(path)
    if run.exported:
        raise ForgeryError(
            f"{path} is an exported model, which cannot be resumed: start a new run from its "
            f"weights, with {command('train', 'DATA', '--start-from', path)}"
        )
    given, changes = parts.separate(changes)
    if changes.get("start_from") is not None:
        changes["start_from"] = from_anywhere(os.fspath(changes["start_from"]))
    _refuse_changes(run, changes)
    config = run.config.replace(**changes)
    if data is not None and not isinstance(data, Dataset):
        config = config.replace(data=absolute(data))
    config, where = on_this_machine(config)
    shown = is_shown(progress)
    if not isinstance(data, Dataset):
        require_data(run, data)
        if shown:
            decode_pictures(config)
    dataset = dataset_of(run, data=data)
    refuse(compatibility.of_processes(config, parallel.process_count()))
    callbacks = [*loggers_of(config), *callbacks]
    with device.cpu_settings(config.threads), parallel.joined() as ranks:
        training = training_of(config, dataset, where, ranks, given)
        batches = batches_of(config, dataset, where, ranks=ranks, project=training.project)
        if not ranks.writes:
            training.restore(checkpoint.read_last(run.checkpoints)[0])
            return _follow(run.path, config, training, batches)
        score = _scorer(config, dataset, training)
        with run.lock(), watching(shown, callbacks) as notify:
            last = newest_checkpoint(run)
            _refuse_other_features(run, training)
            training.restore(last)
            _refuse_shorter(run, config, training, batches)
            _warn_of_schedule(run.config, config)
            run.rewrite_config(config)
            run.rewind(last.step)
            return _run(run, training, batches, notify, score)


def save_as_run(
    training: Training,
    config: Config,
    dataset: Dataset,
    out: Path,
    facts: Mapping[str, Any] | None = None,
    files: Mapping[str, bytes] | None = None,
) -> Run:
    """Write the state of a training as a new run, which can be shown, resumed and sampled from.

    Parameters
    ----------
    training:
        The training, of which at least one step is in ``totals``. It is not changed.
    config, dataset:
        Its settings and data; ``config.data`` is absolute, if it is a path.
    out:
        The run folder.
    facts:
        Further entries of config.json.
    files:
        Files to write into the folder, by name: data that exist nowhere else.

    Raises
    ------
    ForgeryError
        If the folder exists, or cannot be written.
    """
    batches = batches_of(config, dataset, training.device)
    known = _facts(config, dataset, training.device) | _origins(config, {})
    run = create(out, config, known | dict(facts or {}))
    with run.writing():
        for name, content in (files or {}).items():
            (run.path / name).write_bytes(content)
    score = _scorer(config, dataset, training)
    draw, reporter = _outputs(run, training, batches, score)
    draw(training.step)
    totals = training.totals.clone()
    reporter.report()
    checkpoint.write(run.checkpoints, training.checkpoint(), config.keep_checkpoints)
    training.totals.copy_(totals)
    draw_summary(run)
    return run


def _run(run: Run, training: Training, batches: Batches, notify: Callback, score: Scorer) -> Model:
    """Run the training loop, and draw the pictures of the summary when it ends or is stopped."""
    draw, reporter = _outputs(run, training, batches, score)
    # Includes the summary, so that a repetition of the first signal does not interrupt it.
    with (
        randomness.forked(training.device),
        Interrupt() as interrupt,
        loop.announced(training, run, notify, interrupt),
    ):
        loop.train(training, batches, run, reporter, draw, notify, interrupt)
        draw_summary(run)
    return _model_of(run.path, run.config, training, batches, interrupt.signal)


def _outputs(
    run: Run, training: Training, batches: Batches, score: Scorer
) -> tuple[Callable[[int], Path], Reporter]:
    """What draws the samples of a step, and what reports; real.png is written at once."""
    config, condition, data = run.config, condition_of(run.config), batches.data
    classes = classes_of(config, data) if condition.choose_classes else {}
    picture = artist(config, data, training, classes)
    # The codes of an InfoGAN have no real samples.
    real = real_picture(config, data, {} if condition.invents_classes else classes)
    with run.writing():
        run.samples.mkdir(exist_ok=True)
        real.save(run.path / "real.png")

    def draw(step: int) -> Path:
        path, drawn = run.samples / f"{step:08d}.png", picture(step)
        with run.writing():
            drawn.save(path)
        return path

    probe = _probe(config, data, training.device)
    reporter = Reporter(training, run, probe, batches.per_epoch, batches.batch_size, score)
    return draw, reporter


def _probe(config: Config, data: Dataset, where: torch.device) -> Probe:
    """The first real samples, and the z and classes of the samples to compare with them."""
    batches = batches_of(config, data, where)  # of a single process, with all rows
    first = range(math.ceil(VITAL_SAMPLES / batches.batch_size))
    # A copy, since a view would keep the whole of a large minibatch in memory.
    real = torch.cat([batches[i] for i in first])[:VITAL_SAMPLES].clone()
    labels = [y for i in first if (y := batches.labels(i)) is not None]
    requested = requested_classes(config, data, VITAL_SAMPLES)
    y = torch.cat(labels)[:VITAL_SAMPLES] if labels else requested
    z = randomness.fixed_noise(config.noise, VITAL_SAMPLES, config.latent, config.seed)
    return Probe(z.to(where), None if y is None else y.to(where), real)


def _follow(path: Path, config: Config, training: Training, batches: Batches) -> Model:
    """Train on a rank that does not write."""
    with randomness.forked(training.device), Interrupt() as interrupt:
        loop.follow(training, batches, config, interrupt)
    return _model_of(path, config, training, batches, interrupt.signal)


def _model_of(
    path: Path,
    config: Config,
    training: Training,
    batches: Batches,
    stopped_by: int | None,
) -> Model:
    """The model that has just been trained."""
    networks = {name: player.network.eval() for name, player in training.game.players.items()}
    training.sampler.eval()
    return Model(
        path,
        config,
        training.step,
        sampler_of(config, batches.data, training),
        networks.get("discriminator"),
        networks.get("encoder"),
        classes_of(config, batches.data),
        condition_of(config).choose_classes is not None,
        stopped_by,
    )


def _facts(config: Config, dataset: Dataset, where: torch.device) -> dict[str, Any]:
    """Entries of config.json beside the settings."""
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
    """Origins of the parts that are not built in, for config.json."""
    found = parts.origins(config, given)
    return {"parts": found} if found else {}


def _features(training: Training) -> dict[str, Any]:
    """Name and hash of the frozen network that D sees, for config.json."""
    projections = map(projection_in, training.game.modules.values())
    return next(({"features": p.record()} for p in projections if p), {})


def _scorer(config: Config, dataset: Dataset, training: Training) -> Scorer:
    """Scores of the current generator, by a network that D does not see."""
    used_by_d = _features(training).get("features", {}).get("sha256")
    return scorer(config, dataset, sampler_of(config, dataset, training), used_by_d)


def _loaded(config: Config, dataset: Dataset | None, shown: bool) -> Dataset:
    """The given training data, limited, or those that the settings name; with warnings if shown."""
    if dataset is not None:
        dataset = dataset.limited(config.limit)
    else:
        if shown:
            decode_pictures(config)
        dataset = data_of(config)
    warned = is_name(config.data) or holds_pictures(config.data)
    for warning in warnings_of(dataset) if shown and not warned else ():
        print(f"warning: {warning}")
    return dataset


def _refuse_callbacks(callbacks: Any) -> None:
    """Before a run folder is made for callbacks that cannot be called."""
    if not isinstance(callbacks, Sequence) or not all(callable(one) for one in callbacks):
        raise ForgeryError(
            "callbacks must be a list of functions of one event, as in callbacks=[note], not "
            f"{callbacks!r}"
        )


def _refuse_changes(run: Run, changes: dict[str, Any]) -> None:
    """Refuse changes of settings other than length, reporting and machine."""
    check_names(changes)
    before, changes = run.config.to_dict(), typed(Config, changes)
    differing = [n for n in changes if n not in RESUMABLE and before[n] != changes[n]]
    if differing:
        listed = ", ".join(f"{n.replace('_', '-')} {before[n]} → {changes[n]}" for n in differing)
        raise ForgeryError(
            f"{run.path} cannot be resumed with other settings ({listed}): this would be a "
            "different run. Start a new one with forgery train."
        )


def _refuse_other_features(run: Run, training: Training) -> None:
    """Refuse to resume a run whose D saw the features of other weights."""
    recorded, present = run.record.get("features"), _features(training).get("features")
    if recorded != present:
        raise ForgeryError(
            f"D of {run.path} was trained with other weights of {recorded and recorded['name']} "
            f"({recorded and recorded['sha256'][:8]}…) than those that are installed "
            f"({present and present['sha256'][:8]}…): install the former"
        )


def _warn_of_schedule(before: Config, now: Config) -> None:
    """Warn that settings which moved over a fraction of the run follow its new length."""
    if now.burn_in and now.length != before.length:
        print(
            f"warning: from here on, settings move over a fraction of {now.length} (burn-in "
            f"{now.burn_in:g}), no longer of {before.length}: learning rates may go up again",
            file=sys.stderr,
        )


def _refuse_shorter(run: Run, config: Config, training: Training, batches: Batches) -> None:
    if End.of(config, batches, training.game.batches_per_step).is_reached(training):
        raise ForgeryError(
            f"{run.path} has reached its length of {config.length} ({training.step} steps in "
            f"{training.seconds / 60:.1f} minutes); extend it with a larger --steps, --epochs, "
            "--minutes or --images, counted from the beginning of the run"
        )
