"""From names to things: build, train, resume, load, sample.

The only room that knows all others. ``forgery train mnist`` comes here with a :class:`Config` and
goes on to ``training/loop.py`` and ``training/game.py``.
"""

import math
import platform
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from os import PathLike
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor, nn

from . import __version__
from . import data as data_room
from .build import (
    MODELS,
    batches_of,
    classes_of,
    condition_of,
    data_of,
    image_settings,
    networks,
    on_this_machine,
    training_of,
)
from .card import Card, KnownDensity, Overlap, evaluator_of, memorisation_of
from .config import RESUMABLE, Config, compatibility
from .data import Batches, Dataset, ImageSettings, Units
from .errors import ForgeryError, did_you_mean, refuse
from .extractors import accuracy, save_classifier, train_classifier
from .gallery import artist, draw_summary, real_ones
from .latent import Space
from .pixels import as_stored
from .progress import is_shown, watching
from .resolve import config_of, decoding
from .resources import check_memory
from .training import checkpoint, device, loop, parallel, randomness
from .training.doctor import Finding, diagnose, memorising
from .training.events import Callback
from .training.interrupt import Interrupt
from .training.report import VITAL_SAMPLES, Measure, Reference, Reporter
from .training.run import Run, create, open_run
from .training.state import Training, load_network

#: Samples that are scored while a run trains.
TRACKED = 10_000
#: Samples that go through a generator at a time.
PART = 500


#: A class, by number or by name; several; or None for as often as the data has each.
Classes = int | str | Sequence[int | str] | None


@dataclass(frozen=True)
class Model:
    """A trained generator, ready to draw.

    ``generator`` is G's moving average where the run keeps one. ``interrupted_by`` is the number
    of the signal that ended the training early, if one did. ``classes`` says of how many samples
    each class was learnt (of a code that G invented: one); it is empty where the run is not
    conditional. ``shape`` is (channels, height, width) of a picture, (dimensions,) of a point.
    """

    path: Path
    config: Config
    step: int
    shape: tuple[int, ...]
    generator: nn.Module
    discriminator: nn.Module | None = None
    encoder: nn.Module | None = None
    units: Units | None = None
    interrupted_by: int | None = None
    classes: dict[str, int] = field(default_factory=dict)

    def __repr__(self) -> str:
        limit = f", {self.config.limit} samples" if self.config.limit else ""
        data = f"{Path(self.config.data).name}[{self.config.split}{limit}]"
        weights = sum(p.numel() for p in self.generator.parameters())
        return (
            f"Model({self.path}, step {self.step:,}: {data} {list(self.shape)}, "
            f"{weights:,} parameters)"
        )

    def sample(self, n: int, seed: int = 0, classes: Classes = None) -> Tensor:
        """``n`` samples, on the CPU: images ``[n, C, H, W]`` in [-1, 1], or points ``[n, D]``.

        float32; points are in the units of the data. The same seed draws the same samples, and
        sample i does not depend on n.

        Parameters
        ----------
        classes:
            Of a conditional run: the class that is asked for, by number or by name, or several,
            which then take turns. None draws them as often as the data has them.

        Raises
        ------
        ForgeryError
            For a class of a run that has none, one that the run does not know, or more samples
            than memory can hold.
        """
        parts = self.sample_parts(n, seed, classes)
        check_memory(
            f"{n:,} samples of {list(self.shape)}",
            2 * n * math.prod(self.shape) * torch.float32.itemsize,  # the parts, and the whole
            "draw them in parts, by Model.sample_parts, or into a file, by forgery sample",
        )
        return torch.cat(list(parts))

    def sample_parts(self, n: int, seed: int = 0, classes: Classes = None) -> Iterator[Tensor]:
        """:meth:`sample` in parts of :data:`PART`, the last of what is left.

        Memory holds one of them at a time, however many there are.
        """
        labels = self.label_parts(n, seed, classes)
        z = randomness.noise_parts(self.config.noise, n, self.config.latent, seed, PART)
        return self._drawn(z, labels)

    def encode(self, samples: Tensor) -> Tensor:
        """A VAE's z of samples ``[n, …]`` as :meth:`sample` returns them: ``[n, Z]``, on the CPU.

        The mean of q(z | x).

        Raises
        ------
        ForgeryError
            For a run that has no encoder.
        """
        if self.encoder is None:
            raise ForgeryError(f"{self.path} has no encoder: it is a {self.config.model}")
        where = next(self.encoder.parameters()).device
        seen = self.units.to_model(samples) if self.units else samples
        with torch.no_grad():
            parts = [self.encoder(part.to(where))[0].cpu() for part in seen.split(500)]
        return torch.cat(parts)

    def reconstruct(self, samples: Tensor) -> Tensor:
        """What a VAE draws from the z that it finds for samples: like them, ``[n, …]``."""
        return torch.cat(list(self._drawn(self.encode(samples).split(PART), None)))

    def labels(self, n: int, seed: int = 0, classes: Classes = None) -> Tensor | None:
        """The class of each sample that :meth:`sample` draws, int64 ``[n]``.

        None where its generator is not told a class.
        """
        parts = self.label_parts(n, seed, classes)
        return None if parts is None else torch.cat(list(parts))

    def label_parts(
        self, n: int, seed: int = 0, classes: Classes = None
    ) -> Iterator[Tensor] | None:
        """:meth:`labels` in the parts of :meth:`sample_parts`."""
        if n < 1:
            raise ForgeryError(f"the number of samples must be at least 1, not {n}")
        if not self.askable and classes is not None:
            untold = "was not trained with classes"
            if self.classes:
                untold = f"is {self.config.conditional}: its generator is told no class"
            raise ForgeryError(
                f"{self.path} {untold}, so that none can be asked of it: train one with --recipe "
                "conditional"
            )
        if not self.askable:
            return None
        if classes is None:
            counts = torch.tensor(list(self.classes.values()))
            return randomness.label_parts(counts, n, seed, PART)
        asked = [classes] if isinstance(classes, int | str) else list(classes)
        if not asked:
            raise ForgeryError("no class was given: give one, or several to take turns")
        turns = torch.tensor([self._class_number(name) for name in asked])
        starts = range(0, n, PART)
        return (turns[torch.arange(i, min(i + PART, n)) % len(turns)] for i in starts)

    @property
    def askable(self) -> list[str]:
        """The classes that :meth:`sample` can be asked for; none where G is told none."""
        told = condition_of(self.config).ask is not None
        return [name for name, count in self.classes.items() if count] if told else []

    def classify(self, values: Tensor) -> Tensor:
        """What class D takes each sample for, int64 ``[n]`` on the CPU, numbered as ``classes``.

        Parameters
        ----------
        values:
            Images ``[n, C, H, W]`` in [-1, 1], or points ``[n, D]`` in the units of the data:
            as :meth:`sample` draws them.

        Raises
        ------
        ForgeryError
            For a run whose D tells no classes.
        """
        network: Any = self.discriminator
        if not hasattr(network, "class_logits"):
            raise ForgeryError(
                f"the discriminator of {self.path} tells no classes (conditional "
                f"{self.config.conditional}): train one with --recipe semi-supervised, or with "
                "--conditional auxiliary or infogan"
            )
        where = next(network.parameters()).device
        if values.dim() == 2 and self.units:
            values = self.units.to_model(values)
        with torch.no_grad():
            parts = [network.look(part.to(where))[1] for part in values.split(500)]
            return torch.cat([network.class_logits(h).argmax(1).cpu() for h in parts])

    def space(self, of_class: int | str | None = None) -> Space:
        """The latent space of the generator; of a conditional run, as it draws one class.

        Sample i of ``Model.sample`` is drawn from row i of ``space().z(n, seed)``.

        Raises
        ------
        ForgeryError
            For a generator of points, a class of a run that has none, or none of one that has.
        """
        if self.units is not None or len(self.shape) != 3:
            raise ForgeryError(
                f"{self.path} draws points, and this is for pictures: forgery show says what a run "
                "was trained on"
            )
        if self.askable and of_class is None:
            raise ForgeryError(
                f"{self.path} draws what class it is asked for: name one with --class "
                f"({', '.join(self.askable[:10])})"
            )
        label = self.labels(1, classes=of_class)
        number = None if label is None else int(label)
        return Space(self.generator, self.config.noise, self.config.latent, number)

    def dataset(self, split: str | None = None) -> Dataset:
        """The data that the run was trained on, or another split of it."""
        dataset, run = data_of(self.config, split), open_run(self.path)
        if split is None and dataset.fingerprint != run.record["data"]["fingerprint"]:
            raise _other_data(run, dataset)
        return dataset

    def _drawn(self, z: Iterable[Tensor], y: Iterable[Tensor] | None) -> Iterator[Tensor]:
        """What G draws of parts of z and, where it is told classes, of y: as :meth:`sample`."""
        where = next(self.generator.parameters()).device
        for given in zip(z) if y is None else zip(z, y, strict=True):
            with torch.no_grad():
                samples = self.generator(*(tensor.to(where) for tensor in given)).cpu()
            if samples.dim() == 4:
                yield samples.clamp_(-1, 1)  # not every generator ends in a tanh
            else:
                yield self.units.from_model(samples) if self.units else samples

    def _class_number(self, asked: int | str) -> int:
        names = list(self.classes)
        if isinstance(asked, int) and 0 <= asked < len(names):
            asked = names[asked]
        if asked not in names:
            known = f"0 to {len(names) - 1}" if isinstance(asked, int) else ""
            expected = f": its classes are {known}" if known else did_you_mean(str(asked), names)
            raise ForgeryError(f"{self.path} knows no class {asked!r}{expected}")
        if not self.classes[asked]:
            raise ForgeryError(f"{self.path} was trained on no sample of class {asked!r}")
        return names.index(asked)


def train(
    what: Config | str | PathLike[str],
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
        What ``forgery train`` takes: the name of data (``"mnist"``) or the path of it
        (``"photos/"``), for which the recipe that suits it is taken; or the name of a recipe
        (``"dcgan"``); or all settings as a :class:`Config`, usually from a recipe:
        ``forgery.recipes.mlp(epochs=5)``.
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

    Raises
    ------
    ForgeryError
        For a name that is unknown, a setting that does not fit, a folder that is taken, a disk that
        is full, or losses that are no longer finite.
    """
    shown = is_shown(progress)
    config, where = on_this_machine(config_of(what, changes, shown))
    if shown:
        decoding(config)
    dataset = data_of(config)
    # Everything that can be wrong with the settings is wrong before the folder is made.
    refuse(compatibility.of_processes(config, parallel.process_count()))
    with device.cpu_settings(config.threads), parallel.joined() as ranks:
        training = training_of(config, dataset, where, ranks)
        batches = batches_of(config, dataset, where, ranks=ranks)
        if not ranks.writes:
            return _follow(Path(out or "runs"), config, training, batches)
        measure = _tracker(config, dataset, training)
        facts = _facts(config, dataset, where)
        run = create(None if out is None else Path(out), config, facts)
        with run.lock(), watching(shown, callbacks) as tell:
            return _play(run, training, batches, tell, measure)


def resume(
    path: Path | str,
    *,
    callbacks: Sequence[Callback] = (),
    progress: bool | None = None,
    **changes: Any,
) -> Model:
    """Go on with a run exactly where its last good checkpoint left it.

    Parameters
    ----------
    path:
        The run folder.
    callbacks, progress:
        As :func:`train` takes them.
    changes:
        Settings that differ from the run's: its length, its reporting, and where it runs may
        (on another device, or with another number of threads, the last bits differ).

    Raises
    ------
    ForgeryError
        When another setting differs, the data is no longer the same, the checkpoints are damaged,
        or the run has reached its length already.
    """
    run = open_run(Path(path))
    config = run.config.replace(**changes)
    _refuse_changes(run, config)
    config, where = on_this_machine(config)
    shown = is_shown(progress)
    if shown:
        decoding(config)
    dataset = data_of(config)
    if dataset.fingerprint != run.record["data"]["fingerprint"]:
        raise _other_data(run, dataset)
    refuse(compatibility.of_processes(config, parallel.process_count()))
    with device.cpu_settings(config.threads), parallel.joined() as ranks:
        training = training_of(config, dataset, where, ranks)
        batches = batches_of(config, dataset, where, ranks=ranks)
        if not ranks.writes:
            training.restore(checkpoint.read_last(run.checkpoints)[0])
            return _follow(run.path, config, training, batches)
        measure = _tracker(config, dataset, training)
        with run.lock(), watching(shown, callbacks) as tell:
            last = _last_whole(run)
            training.restore(last)
            _refuse_shorter(run, config, training, batches)
            run.rewrite_config(config)
            run.rewind(last.step)
            return _play(run, training, batches, tell, measure)


def load(
    path: Path | str, device_name: str = "cpu", step: int | Literal["best"] | None = None
) -> Model:
    """A checkpoint of a run, ready to draw: ``load(run).sample(64, seed=0)``.

    The newest whole one, unless ``step`` asks for another, or for the ``"best"`` of a run that was
    evaluated while it trained (``evaluate_every``).
    """
    run = open_run(Path(path))
    if step is None:
        last = _last_whole(run)
    elif step == "best":
        best = run.best_step()
        if best is None:
            raise ForgeryError(f"{path} was not evaluated while it trained: no best step is known")
        last = checkpoint.read(run.checkpoints, best)
    elif step in (kept := list(checkpoint.steps(run.checkpoints))):
        last = checkpoint.read(run.checkpoints, step)
    else:
        raise ForgeryError(f"{path} keeps no checkpoint of step {step}: it has {kept}")
    # Only the checkpoint's numbers are needed, not the data: its mean may be anything.
    mean = torch.zeros(run.record["data"]["shape"])
    classes = _recorded_classes(run)
    generator, other = networks(run.config, mean, len(classes))
    role = MODELS[run.config.model].other
    averaged = any(name.startswith("average.") for name in last.model)
    load_network(generator, "average" if averaged else "generator", last)
    load_network(other, role, last)
    where = device.choose(device_name)
    other = other.to(where).eval().requires_grad_(False)
    return Model(
        run.path,
        run.config,
        last.step,
        tuple(run.record["data"]["shape"]),
        generator.to(where).eval().requires_grad_(False),
        discriminator=other if role == "discriminator" else None,
        encoder=other if role == "encoder" else None,
        units=_recorded_units(run),
        classes=classes,
    )


def _last_whole(run: Run) -> checkpoint.Checkpoint:
    """The newest checkpoint that is whole; a warning for each newer one, which is damaged."""
    last, problems = checkpoint.read_last(run.checkpoints)
    for problem in problems:
        print(f"warning: {problem}; using the checkpoint of step {last.step}", file=sys.stderr)
    return last


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
    return _model_of(run.path, config, training, batches, interrupt.signal, _recorded_classes(run))


def _reference(config: Config, data: Dataset, where: torch.device) -> Reference:
    """The first real samples, and what samples are drawn from to be compared with them."""
    batches = batches_of(config, data, where)  # of one process: all rows
    first = range(math.ceil(VITAL_SAMPLES / batches.batch_size))
    real = torch.cat([batches[i] for i in first])[:VITAL_SAMPLES]
    labels = [y for i in first if (y := batches.labels(i)) is not None]
    y = torch.cat(labels)[:VITAL_SAMPLES] if labels else _asked(config, data, VITAL_SAMPLES)
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
    return Model(
        path,
        config,
        training.step,
        batches.data.shape,
        training.sampler.eval(),
        networks.get("discriminator"),
        networks.get("encoder"),
        batches.data.units,
        stopped_by,
        classes,
    )


def _tracker(config: Config, dataset: Dataset, training: Training) -> Measure:
    """Scores :data:`TRACKED` samples of the generator as it stands.

    Against the density wherever that is known; by the Fréchet distance to the test split every
    ``evaluate_every`` steps.
    """
    z = randomness.fixed_noise(config.noise, TRACKED, config.latent, config.seed)
    y = _asked(config, dataset, TRACKED)
    known = KnownDensity(dataset.density) if dataset.density else None
    evaluator = None
    if config.evaluate_every:
        try:
            evaluator = evaluator_of(
                config.data,
                dataset,
                "test",
                None,
                TRACKED,
                config.seed,
                training.device,
                image_settings(config),
            )
        except Overlap as error:
            raise ForgeryError(
                f"{error}: evaluate-every measures against the test split; train on another "
                "--split, or give --evaluate-every 0"
            ) from None
        if evaluator.extractor is None:
            raise ForgeryError(
                "evaluate-every tracks the Fréchet distance of features, and no extractor is known "
                f"for {dataset.kind} of {list(dataset.shape)}: give --evaluate-every 0, and "
                "measure the run afterwards by forgery evaluate --extractor FILE"
            )

    def measure(step: int) -> dict[str, float]:
        due = evaluator if evaluator and step % config.evaluate_every == 0 else None
        if not (known or due):
            return {}
        samples = _in_parts(training.draw, z, y, training.device)
        scores = known.scores(samples) if known and samples.isfinite().all() else {}
        return scores | ({"frechet": due.frechet(samples)} if due else {})

    return measure


def _asked(config: Config, dataset: Dataset, n: int) -> Tensor | None:
    """The classes ``[n]`` of samples that are looked at while G trains, where it is told some."""
    if condition_of(config).ask is None:
        return None
    counts = torch.tensor(list(classes_of(config, dataset).values()))
    return randomness.fixed_labels(counts, n, config.seed)


def _in_parts(
    draw: Callable[..., Tensor], z: Tensor, y: Tensor | None, where: torch.device
) -> Tensor:
    """What G draws of z ``[n, Z]`` and, in a conditional run, y ``[n]``; on the CPU."""
    given = (z,) if y is None else (z, y)
    parts = zip(*(tensor.split(PART) for tensor in given), strict=True)
    return torch.cat([draw(*(tensor.to(where) for tensor in part)).cpu() for part in parts])


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


def _recorded_classes(run: Run) -> dict[str, int]:
    """The classes that a run has to do with, as config.json records them."""
    classes: dict[str, int] = run.record["data"].get("classes", {})
    return classes


def _recorded_units(run: Run) -> Units | None:
    """The units of a run's points, as config.json records them."""
    units = run.record["data"].get("units")
    return units and Units(torch.tensor(units["offset"]), torch.tensor(units["scale"]))


def _other_data(run: Run, dataset: Dataset) -> ForgeryError:
    """The error for data that is not what a run was trained on."""
    before, limit = run.record["data"], run.config.limit
    message = (
        f"{run.config.data} is no longer the data that {run.path} was trained on: that was "
        f"{before['name']} (fingerprint {before['fingerprint'][:12]}…), this is {dataset.name} "
        f"({dataset.fingerprint[:12]}…)"
    )
    if limit and before["name"].endswith(f"[:{limit}]"):
        message += (
            f". An earlier forgery took the first {limit} samples for --limit {limit}; this one "
            "takes a stratified random choice: start a new run with forgery train"
        )
    return ForgeryError(message)


def _refuse_changes(run: Run, config: Config) -> None:
    """A resumed run may differ in its length, its reporting and its machine; in nothing else."""
    before, after = run.config.to_dict(), config.to_dict()
    differing = [n for n in before if n not in RESUMABLE and before[n] != after[n]]
    if differing:
        changes = ", ".join(f"{n.replace('_', '-')} {before[n]} → {after[n]}" for n in differing)
        raise ForgeryError(
            f"{run.path} cannot be resumed with other settings ({changes}): that would be another "
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


def evaluate(
    path: Path | str,
    samples: int = 10_000,
    against: str = "test",
    seed: int = 0,
    extractor: Path | str | None = None,
    step: int | Literal["best"] | None = None,
    device_name: str = "auto",
) -> Card:
    """Measure a run's samples against held-out data, and write ``card.json`` into its folder.

    Parameters
    ----------
    path:
        The run folder.
    samples:
        How many samples are measured.
    against:
        A split of the run's data, or the path of other data.
    seed:
        Of the samples.
    extractor:
        A file of weights (the original Inception's, or a classifier of :func:`train_extractor`);
        by default the bundled digit classifier.
    step:
        Another checkpoint than the newest.
    """
    where = device.choose(device_name)
    model = load(path, str(where), step)
    settings = image_settings(model.config)
    with device.cpu_settings():
        try:
            evaluator = evaluator_of(
                model.config.data,
                model.dataset(),
                against,
                extractor,
                samples,
                seed,
                where,
                settings,
            )
        except Overlap as error:
            raise ForgeryError(
                f"{error}: name held-out data with --against (another split, or the path of other "
                "data)"
            ) from None
        card = evaluator.card(
            str(path),
            model.step,
            model.sample(samples, seed),
            model.labels(samples, seed),
            model.classify if hasattr(model.discriminator, "class_logits") else None,
            condition_of(model.config).invents,
        )
    try:
        card.write(model.path / "card.json")
    except OSError as error:
        raise ForgeryError(f"cannot write {model.path / 'card.json'}: {error.strerror}") from error
    return card


def train_extractor(
    data: str,
    out: Path,
    split: str = "train",
    test: str = "test",
    epochs: int = 12,
    device_name: str = "auto",
    report: Callable[[int, float], None] | None = None,
    settings: ImageSettings | None = None,
) -> tuple[str, float]:
    """Train a classifier on labelled data, write it to ``out``; its SHA-256 and test accuracy."""
    if out.suffix != ".safetensors":
        raise ForgeryError(f"{out}: a classifier is written as a .safetensors file")
    where = device.choose(device_name)
    settings = settings or ImageSettings()
    held_out = data_room.load(data, test, settings)  # before an hour of training, not after
    dataset = data_room.load(data, split, settings).to(where)
    with device.cpu_settings():
        network = train_classifier(dataset, epochs=epochs, report=report)
        sha256 = save_classifier(network, out, out.stem)
        return sha256, accuracy(network, held_out.to(where))


def examine(path: Path | str, samples: int = 1000) -> list[Finding]:
    """What went wrong in a run: from its reports, and whether its samples copy the training data.

    Parameters
    ----------
    path:
        The run folder; copies are looked for where its data has a ``test`` split of at least 100 to
        compare with.
    samples:
        How many samples, and test images, are compared with the training data.
    """
    run = open_run(Path(path))
    reports = run.read_metrics()
    if not reports:
        raise ForgeryError(f"{path} has no reports yet: there is nothing to examine")
    findings = diagnose(reports)
    try:
        held_out = data_of(run.config, "test")
    except ForgeryError:  # data of one split: nothing fresh to compare with
        return findings
    model = load(path)
    try:
        train = model.dataset()
    except ForgeryError as error:
        print(f"warning: no copies of training data were looked for: {error}", file=sys.stderr)
        return findings
    try:
        memory = memorisation_of(as_stored(model.sample(samples)), train, held_out, n=samples)
    except ForgeryError:  # too little of it is fresh
        return findings
    found = memorising(memory, model.step)
    return findings + ([found] if found else [])
