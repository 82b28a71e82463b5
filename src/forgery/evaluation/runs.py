"""What is measured of a run folder: its card, its problems; and how an extractor is trained."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import torch

from .. import data as data_package
from ..data import ImageSettings
from ..errors import ForgeryError
from ..extractors import accuracy, save_classifier, train_classifier
from ..model import load
from ..parts import condition_of, data_of
from ..pixels import as_stored
from ..progress import counting, is_shown
from ..run_data import absolute, dataset_of
from ..training import device
from ..training.doctor import Finding, diagnose, memorising
from ..training.run import open_run
from .evaluator import evaluator_of
from .held_out import Overlap, memorisation_of
from .protocol import Card


def evaluate(
    run: Path | str,
    samples: int = 10_000,
    against: str = "test",
    seed: int = 0,
    extractor: Path | str | None = None,
    step: int | Literal["best"] | None = None,
    device_name: str = "auto",
    *,
    data: Path | str | None = None,
    progress: bool | None = None,
    keep: bool = True,
) -> Card:
    """Measure a run's samples against held-out data, and write ``card.json`` into its folder.

    Parameters
    ----------
    run:
        The run folder.
    samples:
        Number of samples that are measured.
    against:
        A split of the run's data, or the path of other data.
    seed:
        Of the samples.
    extractor:
        A file of weights (the original Inception's, or a classifier of :func:`train_extractor`),
        or ``mnist-digits``. None chooses the bundled digit classifier if it recognises the data.
    step:
        Another checkpoint than the newest.
    data:
        Where the run's data is now, if it was moved since the training.
    progress:
        Whether to show a bar; None shows it on a terminal and in a notebook.
    keep:
        Whether to write ``card.json``. If the file cannot be written, a warning says so and the
        card is returned all the same.

    Raises
    ------
    ForgeryError
        If the run, its data, the held-out data or the extractor cannot be read or do not fit.
    """
    where = device.choose(device_name)
    model = load(run, str(where), step)
    train = model.dataset(data=data)
    config = model.config if data is None else model.config.replace(data=absolute(data))
    with device.cpu_settings(), counting("", is_shown(progress)) as report:
        try:
            evaluator = evaluator_of(config, train, against, extractor, samples, seed, where)
        except Overlap as error:
            raise ForgeryError(
                f"{error}: name held-out data with --against (another split, or the path of other "
                "data)"
            ) from None
        drawn = []
        for part in model.sample_parts(samples, seed):
            drawn.append(part)
            report("drawing", sum(map(len, drawn)), samples)
        card = evaluator.card(
            str(run),
            model.step,
            torch.cat(drawn),
            model.labels(samples, seed),
            model.classify if model.can_classify else None,
            condition_of(config).invents,
            report,
        )
    if keep:
        try:
            card.write(model.path / "card.json")
        except ForgeryError as error:
            print(f"warning: the scores are not kept: {error}", file=sys.stderr)
    return card


def doctor(
    run: Path | str, samples: int = 1000, *, data: Path | str | None = None
) -> list[Finding]:
    """The problems of a run: from its reports, and whether its samples copy the training data.

    Copies are searched for if the data has a ``test`` split with at least 100 samples that were
    not trained on. If the data is not found, or has changed, a warning says so.

    Parameters
    ----------
    run:
        The run folder.
    samples:
        Number of samples, and of test images, that are compared with the training data.
    data:
        Where the run's data is now, if it was moved since the training.

    Raises
    ------
    ForgeryError
        If the run has no reports yet, or ``data`` is not what it was trained on.
    """
    opened = open_run(Path(run))
    reports = opened.read_metrics()
    if not reports:
        raise ForgeryError(f"{run} has no reports yet: there is nothing to examine")
    findings = diagnose(reports)
    try:
        train = dataset_of(opened, data=data)
    except ForgeryError as error:
        if data is not None:
            raise
        print(f"warning: not checked for copies of training data: {error}", file=sys.stderr)
        return findings
    config = opened.config if data is None else opened.config.replace(data=absolute(data))
    try:
        held_out = data_of(config, "test")
    except ForgeryError:  # data of one split: nothing to compare with
        return findings
    model = load(run)
    try:
        memory = memorisation_of(as_stored(model.sample(samples)), train, held_out, n=samples)
    except ForgeryError:  # too little of it was not trained on
        return findings
    found = memorising(memory, model.step)
    return findings + ([found] if found else [])


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
    """Train a classifier on labelled data and write it; returns its SHA-256 and test accuracy.

    Parameters
    ----------
    data, split, test:
        The source, the split that is trained on and the split that is tested on.
    out:
        The ``.safetensors`` file to write.
    epochs:
        Passes over the data.
    report:
        Called after each epoch with its number, from 1, and the mean loss.

    Raises
    ------
    ForgeryError
        If the data cannot be read or has no labels, or the file cannot be written.
    """
    if out.suffix != ".safetensors":
        raise ForgeryError(f"{out}: a classifier is written as a .safetensors file")
    where = device.choose(device_name)
    settings = settings or ImageSettings()
    held_out = data_package.load(data, test, settings)  # before an hour of training, not after
    dataset = data_package.load(data, split, settings).to(where)
    with device.cpu_settings():
        network = train_classifier(dataset, epochs=epochs, report=report)
        sha256 = save_classifier(network, out, out.stem)
        return sha256, accuracy(network, held_out.to(where))
