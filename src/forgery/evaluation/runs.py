"""Evaluation and diagnosis of run folders, and training of feature extractors."""

import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import torch

from .. import data as data_package
from .. import metrics
from ..addresses import is_path, name_of
from ..config import Config
from ..data import Dataset, ImageSettings
from ..errors import ForgeryError
from ..extractors import accuracy, save_classifier, train_classifier
from ..fine_tuning import pretrained_run
from ..model import load
from ..parts import condition_of, data_of
from ..pixels import as_stored
from ..progress import counting, is_shown
from ..run_data import Source, absolute, dataset_of
from ..training import device
from ..training.doctor import Finding, diagnose, memorising
from ..training.run import open_run
from .evaluator import evaluators_of
from .held_out import Overlap, memorisation_of
from .protocol import Card, Network, joined


def evaluate(
    run: Path | str,
    samples: int | None = None,
    against: str | Dataset = "test",
    seed: int = 0,
    extractor: Path | str | Sequence[Path | str] | None = None,
    step: int | Literal["best"] | None = None,
    device_name: str = "auto",
    *,
    data: Source | None = None,
    progress: bool | None = None,
    keep: bool = True,
    **given: Any,
) -> Card:
    """Measure a run's samples against held-out data, and write ``card.json`` into its folder.

    Parameters
    ----------
    run:
        The run folder.
    samples:
        Number of samples to measure; None takes as many as there are training samples, from 1,000
        to 10,000.
    against:
        A split of the run's data, or the path of other data, or other data.
    seed:
        Seed of the samples.
    extractor:
        The name or the file of an extractor (:func:`~forgery.extractors.load_extractor`); of
        several, in a list or separated by commas, all measure the same samples. None chooses one by
        the data (:func:`~forgery.extractors.default_extractor`).
    step:
        Step of the checkpoint, or ``"best"``; None is the newest.
    device_name:
        Device to measure on: ``auto``, ``cpu``, ``cuda`` …
    data:
        New path of the run's data, if it was moved after training; or the data itself, if it was
        given from Python.
    progress:
        Whether to show progress: bars, or a few lines where there are none. None shows it on a
        terminal and in a notebook.
    keep:
        Whether to write ``card.json``, except for a model of the zoo or on the hub. If this fails,
        a warning is printed and the card is returned nevertheless.
    given:
        ``generator`` and ``discriminator``, if they were given from Python.

    Raises
    ------
    ForgeryError
        If the run, its data, the held-out data or the extractor cannot be read or are incompatible.
    """
    where = device.choose(device_name)
    model = load(run, str(where), step, **given)
    train = model.dataset(data=data)
    config = _with_data(model.config, data)
    used = open_run(run).record.get("features")  # those that D was trained on
    used_by_d = Network(used["name"], used["sha256"]) if used else None
    with device.cpu_settings(), counting("", is_shown(progress), few=True) as report:
        try:
            evaluators = evaluators_of(
                config,
                train,
                against,
                _listed(extractor),
                samples,
                seed,
                where,
                used_by_d,
                report,
            )
        except Overlap as error:
            raise ForgeryError(
                f"{error}: give held-out data with --against (another split, or the path of other "
                "data)"
            ) from None
        number = evaluators[0].samples
        drawn = []
        for part in model.sample_parts(number, seed):
            drawn.append(part)
            report("drawing", sum(map(len, drawn)), number)
        values = torch.cat(drawn)
        cards = [
            evaluator.card(
                str(run),
                model.step,
                values,
                model.labels(number, seed),
                model.classify if model.can_classify else None,
                condition_of(config).invents_classes,
                features_only=evaluator is not evaluators[0],
            )
            for evaluator in evaluators
        ]
    card = joined(cards[0], cards[1:])
    held_out = evaluators[0].reference.against
    notes = [*card.notes, *_notes_of_pretraining(config, train, held_out)]
    if step == "best" and against == "test":
        notes.append(
            f"step {model.step:,} was chosen for its Fréchet distance to these held-out "
            f"{held_out.kind}, so that its scores are somewhat better than on other ones"
        )
    card = replace(card, notes=notes)
    if keep and is_path(run):
        try:
            card.write(model.path / "card.json")
        except ForgeryError as error:
            print(f"warning: the scores were not saved: {error}", file=sys.stderr)
    return card


def _notes_of_pretraining(config: Config, train: Dataset, held_out: Dataset) -> list[str]:
    """Notes on held-out data that a fine-tuned run's weights were trained on before."""
    notes = []
    while config.start_from is not None:
        start = f"the weights that the run started from ({name_of(config.start_from)})"
        try:
            run = pretrained_run(config)
            if run.record["data"]["fingerprint"] != train.fingerprint:
                before = dataset_of(run)
                if seen := int(metrics.occurs_in(held_out.values, before.values).sum()):
                    notes.append(
                        f"{start} were trained on {seen:,} of the {len(held_out):,} "
                        f"{held_out.kind} of {held_out.name}"
                    )
        except ForgeryError as error:
            notes.append(
                f"not checked whether {start} were trained on some of {held_out.name}: {error}"
            )
            break
        config = run.config
    return notes


def _listed(extractor: Path | str | Sequence[Path | str] | None) -> list[Path | str]:
    """The extractors of an argument; a file whose name contains a comma is one."""
    if extractor is None:
        return []
    if isinstance(extractor, Path) or (isinstance(extractor, str) and Path(extractor).exists()):
        return [extractor]
    if isinstance(extractor, str):
        return [name.strip() for name in extractor.split(",") if name.strip()]
    return list(extractor)


def _with_data(config: Config, data: Source | None) -> Config:
    """The settings with the present path of the data."""
    if data is None or isinstance(data, Dataset):
        return config
    return config.replace(data=absolute(data))


def doctor(
    run: Path | str, samples: int = 1000, *, data: Source | None = None, **given: Any
) -> list[Finding]:
    """Diagnose a run from its reports, and check its samples for copies of the training data.

    The check for copies needs a ``test`` split with at least 100 samples that were not trained on.
    If the data is missing or has changed, a warning is printed.

    Parameters
    ----------
    run:
        The run folder.
    samples:
        Number of samples, and of test images, to compare with the training data.
    data:
        New path of the run's data, if it was moved after training; or the data itself, if it was
        given from Python.
    given:
        ``generator`` and ``discriminator``, if they were given from Python.

    Raises
    ------
    ForgeryError
        If the run has no reports, as an exported model has none, or ``data`` is not the data of
        the run.
    """
    opened = open_run(run)
    reports = opened.read_metrics()
    if not reports:
        why = "is an exported model: it has no reports" if opened.exported else "has no reports yet"
        raise ForgeryError(f"{run} {why}")
    findings = diagnose(reports, opened.config.objective)
    try:
        train = dataset_of(opened, data=data)
    except ForgeryError as error:
        if data is not None:
            raise
        return findings + _unchecked(error)
    model = load(run, **given)
    try:
        held_out = data_of(_with_data(opened.config, data), "test")
        memory = memorisation_of(as_stored(model.sample(samples)), train, held_out, n=samples)
    except ForgeryError as error:  # a single split, or too few held-out samples
        return findings + _unchecked(error)
    found = memorising(memory, model.step)
    return findings + ([found] if found else [])


def _unchecked(reason: ForgeryError) -> list[Finding]:
    """Warn that samples were not compared with the training data; no findings."""
    print(f"warning: not checked for copies of training data: {reason}", file=sys.stderr)
    return []


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
    """Train a classifier on labelled data and save it; returns its SHA-256 and test accuracy.

    Parameters
    ----------
    data, split, test:
        The data source, the split to train on and the split to test on.
    out:
        The ``.safetensors`` file to write.
    epochs:
        Number of passes over the data.
    device_name:
        Device to train on: ``auto``, ``cpu``, ``cuda`` …
    report:
        Called after each epoch with its number, from 1, and the mean loss.
    settings:
        How pictures are read.

    Raises
    ------
    ForgeryError
        If the data cannot be read or has no labels, or the file cannot be written.
    """
    if out.suffix != ".safetensors":
        raise ForgeryError(f"{out}: the file of a classifier must end in .safetensors")
    where = device.choose(device_name)
    settings = settings or ImageSettings()
    held_out = data_package.load(data, test, settings)  # fail before training if it is missing
    dataset = data_package.load(data, split, settings).to(where)
    with device.cpu_settings():
        network = train_classifier(dataset, epochs=epochs, report=report)
        sha256 = save_classifier(network, out, out.stem)
        return sha256, accuracy(network, held_out.to(where))
