"""From names to things: build, train, resume, load, sample.

The only room that knows all others. ``forgery train mnist`` comes here with a :class:`Config` and
goes on to ``training/loop.py`` and ``training/game.py``.
"""

import platform
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal

import numpy
import torch
from torch import Tensor, nn

from . import __version__, metrics, plots
from . import data as data_room
from .card import Card, Evaluator
from .config import LENGTHS, MACHINE, REPORTING, Config, section_of
from .data import Batches, Dataset
from .errors import ForgeryError, lookup
from .extractors import (
    Extractor,
    accuracy,
    load_classifier,
    load_digit_classifier,
    load_inception,
    save_classifier,
    train_classifier,
)
from .models import DISCRIMINATORS, GENERATORS, Spec
from .objectives import OBJECTIVES
from .penalties import PENALTIES, Penalty
from .pixels import to_model, to_pixels
from .training import checkpoint, device, loop, optimizers, randomness
from .training.average import Average
from .training.doctor import Finding, diagnose, memorising
from .training.game import Game, Player
from .training.loop import Watch
from .training.run import Run, create, open_run
from .training.state import Training, load_network


@dataclass(frozen=True)
class Model:
    """A trained generator, ready to draw.

    ``generator`` is G's moving average where the run keeps one. ``interrupted_by`` is the number
    of the signal that ended the training early, if one did.
    """

    path: Path
    config: Config
    step: int
    generator: nn.Module
    discriminator: nn.Module
    interrupted_by: int | None = None

    def sample(self, n: int, seed: int = 0) -> Tensor:
        """``n`` images, float32 ``[n, C, H, W]`` in [-1, 1], on the CPU.

        The same seed draws the same images, and image i does not depend on n.
        """
        if n < 1:
            raise ForgeryError(f"the number of samples must be at least 1, not {n}")
        where = next(self.generator.parameters()).device
        z = randomness.fixed_noise(self.config.noise, n, self.config.latent, seed)
        with torch.no_grad():
            return torch.cat([self.generator(part.to(where)).cpu() for part in z.split(500)])


def train(config: Config, out: Path | str | None = None, watch: Watch | None = None) -> Model:
    """Train a GAN in a new run folder and return it.

    Parameters
    ----------
    config:
        All settings, usually from a recipe: ``forgery.recipes.mlp(epochs=5)``.
    out:
        The run folder; by default ``runs/DATA-DATE-TIME``. An existing run is never overwritten.
    watch:
        Called after every step with its number, the share of the run that is done, and a report
        where there is one (:data:`forgery.training.loop.Watch`).

    Raises
    ------
    ForgeryError
        For a setting that does not fit, a folder that is taken, a disk that is full, or losses
        that are no longer finite.
    """
    config, where = _on_this_machine(config)
    dataset = data_room.load(config.data, config.split)
    # Everything that can be wrong with the settings is wrong before the folder is made.
    training = _build(config, dataset, where)
    batches = _batches(config, dataset, where)
    measure = _tracker(config, training)
    run = create(None if out is None else Path(out), config, _facts(dataset, where))
    with run.lock():
        return _play(run, training, batches, watch, measure)


def resume(path: Path | str, watch: Watch | None = None, **changes: Any) -> Model:
    """Go on with a run exactly where its last good checkpoint left it.

    Parameters
    ----------
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
    config, where = _on_this_machine(config)
    dataset = data_room.load(config.data, config.split)
    if dataset.fingerprint != run.record["data"]["fingerprint"]:
        raise ForgeryError(
            f"{config.data} is no longer the data that {run.path} was trained on "
            f"(fingerprint {dataset.fingerprint[:12]}…, the run's is "
            f"{run.record['data']['fingerprint'][:12]}…)"
        )
    training = _build(config, dataset, where)
    batches = _batches(config, dataset, where)
    measure = _tracker(config, training)
    with run.lock():
        last, problems = checkpoint.read_last(run.checkpoints)
        for problem in problems:
            print(f"warning: {problem}; going back to step {last.step}", file=sys.stderr)
        training.restore(last)
        _refuse_shorter(run, config, training, batches)
        run.rewrite_config(config)
        run.rewind(last.step)
        return _play(run, training, batches, watch, measure)


def load(
    path: Path | str, device_name: str = "cpu", step: int | Literal["best"] | None = None
) -> Model:
    """A checkpoint of a run, ready to draw: ``load(run).sample(64, seed=0)``.

    The newest whole one, unless ``step`` asks for another, or for the ``"best"`` of a run that was
    evaluated while it trained (``evaluate_every``).
    """
    run = open_run(Path(path))
    if step is None:
        last, _ = checkpoint.read_last(run.checkpoints)
    elif step == "best":
        best = run.best_step()
        if best is None:
            raise ForgeryError(f"{path} was not evaluated while it trained: no best step is known")
        last = checkpoint.read(run.checkpoints, best)
    elif step in (kept := list(checkpoint.steps(run.checkpoints))):
        last = checkpoint.read(run.checkpoints, step)
    else:
        raise ForgeryError(f"{path} keeps no checkpoint of step {step}: it has {kept}")
    # Only the checkpoint's numbers are needed, not the data: the mean image may be anything.
    channels, height, width = run.record["data"]["shape"]
    generator, discriminator = _networks(run.config, torch.zeros(channels, height, width))
    averaged = any(name.startswith("average.") for name in last.model)
    load_network(generator, "average" if averaged else "generator", last)
    load_network(discriminator, "discriminator", last)
    where = device.choose(device_name)
    return Model(
        run.path,
        run.config,
        last.step,
        generator.to(where).eval().requires_grad_(False),
        discriminator.to(where).eval().requires_grad_(False),
    )


def _play(
    run: Run,
    training: Training,
    batches: Batches,
    watch: Watch | None,
    measure: Callable[[], float] | None,
) -> Model:
    """The loop, and the pictures that are drawn once it ends, however it ends."""

    def draw(step: int, images: Tensor) -> None:
        plots.grid(images).save(run.samples / f"{step:08d}.png")

    config = run.config
    devices = [training.device] if training.device.type == "cuda" else []
    try:
        run.samples.mkdir(exist_ok=True)
        real = batches.data.images[: config.grid].cpu()
        plots.grid(to_model(real)).save(run.path / "real.png")
        with torch.random.fork_rng(devices=devices):  # the caller's random state stays its own
            stopped_by = loop.train(
                training,
                batches.__getitem__,
                batches.per_epoch,
                run,
                draw,
                watch or (lambda step, done, report: None),
                measure,
            )
        draw_summary(run)
    except OSError as error:
        raise ForgeryError(
            f"cannot write to {run.path}: {error.strerror or error}; go on with it once there is "
            f"room: forgery resume {run.path}"
        ) from error
    return Model(
        run.path,
        config,
        training.step,
        training.sampler.eval(),
        training.game.discriminator.network.eval(),
        stopped_by,
    )


def _tracker(config: Config, training: Training) -> Callable[[], float] | None:
    """The Fréchet distance of the generator as it stands, where the config asks to track it.

    10,000 samples against the test split.
    """
    if not config.evaluate_every:
        return None
    n = 10_000
    evaluator = _evaluator(config, "test", None, n, config.seed, training.device)
    z = randomness.fixed_noise(config.noise, n, config.latent, config.seed)

    def measure() -> float:
        parts = z.split(500)
        images = [training.draw(part.to(training.device)) for part in parts]
        return evaluator.frechet(torch.cat(images))

    return measure


def draw_summary(run: Run) -> None:
    """evolution.gif from the sample grids and curves.png from the reports."""
    pictures = sorted(p for p in run.samples.glob("*.png") if p.stem.isdigit())
    if pictures:
        captions = [f"step {int(p.stem):,}" for p in pictures]
        plots.evolution(pictures, run.path / "evolution.gif", captions)
    reports = run.read_metrics()
    if reports:
        title = f"{run.config.recipe} on {run.config.data}"
        plots.curves(reports, run.path / "curves.png", title)


def _build(config: Config, dataset: Dataset, where: torch.device) -> Training:
    """The players, the average and the counters at the start of a run, on their device."""
    objective = lookup(OBJECTIVES, config.objective, "objective")
    lookup(randomness.NOISES, config.noise, "noise")
    generator, discriminator = _networks(config, dataset.mean_image)
    game = Game(
        _player(generator.to(where), config.g_learning_rate, config),
        _player(discriminator.to(where), config.d_learning_rate, config),
        objective,
        lambda m: randomness.noise(config.noise, m, config.latent, where),
        config.d_steps,
        config.updates,
        _penalty(config),
    )
    return Training(game, Average(generator, config.ema) if config.ema else None)


def _penalty(config: Config) -> Penalty | None:
    penalty = lookup(PENALTIES, config.penalty, "penalty")
    if penalty is None:
        return None
    return lambda judge, real, fake: config.penalty_weight * penalty(judge, real, fake)


def _networks(config: Config, mean_image: Tensor) -> tuple[nn.Module, nn.Module]:
    """G and D as they begin: their weights follow from the seed."""
    channels, height, width = mean_image.shape
    spec = partial(Spec, shape=(channels, height, width), mean_image=mean_image)
    build_g = lookup(GENERATORS, config.generator, "generator")
    build_d = lookup(DISCRIMINATORS, config.discriminator, "discriminator")
    with torch.random.fork_rng(devices=[]):  # the caller's random state stays its own
        torch.default_generator.manual_seed(randomness.derive(config.seed, "weights"))
        return (
            build_g(spec(latent=config.latent, width=config.g_width, depth=config.g_depth)),
            build_d(spec(latent=config.latent, width=config.d_width, depth=config.d_depth)),
        )


def _player(network: nn.Module, learning_rate: float, config: Config) -> Player:
    optimizer = optimizers.build(network.parameters(), learning_rate, config)
    return Player(network, optimizer)


def _batches(config: Config, dataset: Dataset, where: torch.device) -> Batches:
    order = partial(randomness.permutation, config.seed)
    return Batches(dataset.to(where), config.batch_size, order)


def _on_this_machine(config: Config) -> tuple[Config, torch.device]:
    """The config with its device and threads decided, and the device."""
    where = device.choose(config.device)
    threads = device.prepare_cpu(config.threads)
    return config.replace(device=str(where), threads=threads), where


def _facts(dataset: Dataset, where: torch.device) -> dict[str, Any]:
    """What config.json records beside the settings."""
    return {
        "forgery": __version__,
        "torch": torch.__version__,
        "python": platform.python_version(),
        "machine": {"device": device.describe(where), "system": platform.platform()},
        "data": {
            "name": dataset.name,
            "images": len(dataset),
            "shape": list(dataset.shape),
            "fingerprint": dataset.fingerprint,
        },
    }


def _refuse_changes(run: Run, config: Config) -> None:
    """A resumed run may differ in its length, its reporting and its machine; in nothing else."""
    before, after = run.config.to_dict(), config.to_dict()
    free = {name for name in before if section_of(name) in (REPORTING, MACHINE)} | set(LENGTHS)
    differing = [n for n in before if n not in free and before[n] != after[n]]
    if differing:
        changes = ", ".join(f"{n.replace('_', '-')} {before[n]} → {after[n]}" for n in differing)
        raise ForgeryError(
            f"{run.path} cannot be resumed with other settings ({changes}): that would be another "
            "run. Start it with forgery train."
        )


def _refuse_shorter(run: Run, config: Config, training: Training, batches: Batches) -> None:
    end = loop.length_in_steps(config, batches.per_epoch, training.game.batches_per_step)
    if config.minutes is not None and training.seconds >= 60 * config.minutes:
        end = training.step
    if end is not None and training.step >= end:
        raise ForgeryError(
            f"{run.path} has made {training.step} steps in {training.seconds / 60:.1f} minutes, "
            f"which is all that {config.length} asks for; extend it with a larger --steps, "
            "--epochs or --minutes"
        )


def save_images(images: Tensor, out: Path) -> None:
    """Images ``[N, C, H, W]`` in [-1, 1] as a grid (``.png`` …), ``.npz``, or a folder of PNGs."""
    suffix = out.suffix.lower()
    try:
        if suffix == ".npz":
            numpy.savez_compressed(out, images=to_pixels(images).numpy())
        elif suffix in (".png", ".jpg", ".jpeg", ".webp", ".bmp"):
            plots.grid(images).save(out)
        elif suffix == "":
            out.mkdir(parents=True, exist_ok=True)
            for i, pixels in enumerate(to_pixels(images)):
                plots.image(pixels).save(out / f"{i:06d}.png")
        else:
            raise ForgeryError(f"cannot write {out}: use .png, .npz, or a name without a suffix")
    except OSError as error:
        raise ForgeryError(f"cannot write {out}: {error.strerror or error}") from error


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
        A split of the run's data, or the path of an IDX file.
    seed:
        Of the samples.
    extractor:
        A file of weights (the original Inception's, or a classifier of :func:`train_extractor`);
        by default the bundled digit classifier.
    step:
        Another checkpoint than the newest.
    """
    where = device.choose(device_name)
    device.prepare_cpu(0)
    model = load(path, str(where), step)
    evaluator = _evaluator(model.config, against, extractor, samples, seed, where)
    card = evaluator.card(str(path), model.step, model.sample(samples, seed))
    try:
        card.write(model.path / "card.json")
    except OSError as error:
        raise ForgeryError(f"cannot write {model.path / 'card.json'}: {error.strerror}") from error
    return card


def _evaluator(
    config: Config,
    against: str,
    extractor: Path | str | None,
    samples: int,
    seed: int,
    where: torch.device,
) -> Evaluator:
    train = data_room.load(config.data, "train")
    held_out = data_room.load(against) if Path(against).is_file() else None
    held_out = held_out or data_room.load(config.data, against)
    if held_out.fingerprint == train.fingerprint:
        raise ForgeryError(
            f"{held_out.name} is the data that the run was trained on: name other data with "
            "--against (a split, or the path of an IDX file)"
        )
    return Evaluator(train, held_out, _extractor(extractor).to(where), samples, seed)


def _extractor(path: Path | str | None) -> Extractor:
    if path is None:
        return load_digit_classifier()
    path = Path(path)
    if path.suffix == ".safetensors":
        return load_classifier(path)
    return load_inception(path)


def train_extractor(
    data: str,
    out: Path,
    split: str = "train",
    test: str = "test",
    epochs: int = 12,
    device_name: str = "auto",
    report: Callable[[int, float], None] | None = None,
) -> tuple[str, float]:
    """Train a classifier on labelled data, write it to ``out``; its SHA-256 and test accuracy."""
    if out.suffix != ".safetensors":
        raise ForgeryError(f"{out}: a classifier is written as a .safetensors file")
    where = device.choose(device_name)
    device.prepare_cpu(0)
    held_out = data_room.load(data, test)  # before an hour of training, not after
    dataset = data_room.load(data, split).to(where)
    network = train_classifier(dataset, epochs=epochs, report=report)
    sha256 = save_classifier(network, out, out.stem)
    return sha256, accuracy(network, held_out.to(where))


def examine(path: Path | str, samples: int = 1000) -> list[Finding]:
    """What went wrong in a run: from its reports, and whether its samples copy the training data.

    Parameters
    ----------
    path:
        The run folder; copies are looked for where its data has a ``test`` split to compare with.
    samples:
        How many samples, and test images, are compared with the training data.
    """
    run = open_run(Path(path))
    reports = run.read_metrics()
    if not reports:
        raise ForgeryError(f"{path} has no reports yet: there is nothing to examine")
    findings = diagnose(reports)
    try:
        held_out = data_room.load(run.config.data, "test")
    except ForgeryError:  # data of one split: nothing fresh to compare with
        return findings
    if held_out.name == run.record["data"]["name"]:
        return findings
    model = load(path)
    memory = metrics.detect_memorisation(
        to_pixels(model.sample(samples)).float(),
        data_room.load(run.config.data, run.config.split).images.float(),
        held_out.images[:samples].float(),
    )
    found = memorising(memory, model.step)
    return findings + ([found] if found else [])
