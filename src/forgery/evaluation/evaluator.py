"""Computation of all scores of a generator against a reference."""

from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor

from .. import metrics
from ..config import Config
from ..data import Dataset, load
from ..errors import ForgeryError
from ..extractors import (
    Coordinates,
    Extractor,
    bundled_classifier,
    load_classifier,
    load_digit_classifier,
    load_inception,
)
from ..extractors.digits import NAME as DIGITS
from ..parts import image_settings
from ..pixels import as_stored
from .held_out import load_held_out
from .measures import all_measures
from .protocol import Card, Protocol
from .subject import Reference, Subject

#: Called before each measure: (name of the task, measures computed, number of measures).
Report = Callable[[str, int, int], None]


class Evaluator:
    """Measure samples against held-out data.

    Parameters
    ----------
    train, against, extractor, validation:
        As in :class:`Reference`.
    samples:
        Number of generated samples, and of real training samples for the floor.
    seed:
        Seed of the samples, and of the choice of training samples for the floor.

    Raises
    ------
    ForgeryError
        If the shapes differ, or there are too few samples for the extractor's features.
    Overlap
        If the run was trained on most of the held-out data.
    """

    def __init__(
        self,
        train: Dataset,
        against: Dataset,
        extractor: Extractor | Coordinates | None,
        samples: int,
        seed: int,
        validation: Tensor | None = None,
    ) -> None:
        self.reference = Reference(train, against, extractor, seed, validation)
        self.samples, self.seed = samples, seed
        dimensions = self.reference.features.shape[1]
        if extractor and min(samples, len(against)) <= dimensions:
            raise ForgeryError(
                f"{min(samples, len(against))} {train.kind} are too few for the {dimensions} "
                f"features of {extractor.name}: at least {dimensions + 1} are needed, 10,000 are "
                "usual"
            )

    @property
    def protocol(self) -> Protocol:
        """The protocol of this evaluator."""
        train, against, extractor = (
            self.reference.train,
            self.reference.against,
            self.reference.extractor,
        )
        return Protocol(
            train.name,
            train.fingerprint,
            against.name,
            against.fingerprint,
            self.samples,
            self.seed,
            extractor.name if extractor else "none",
            extractor.sha256 if extractor else "",
        )

    def notes(self) -> list[str]:
        """Notes on reading the scores."""
        train, against = self.reference.train, self.reference.against
        notes = []
        if trained_on := len(against) - len(self.reference.fresh):
            notes.append(
                f"{trained_on:,} of the {len(against):,} {against.kind} of "
                f"{against.name} are also in {train.name}, which the run was trained on"
            )
        if len(train) < self.samples:
            notes.append(
                f"the floor is measured on all {len(train):,} training {train.kind}, fewer than "
                f"the {self.samples:,} samples"
            )
        return notes

    def score(self, name: str, samples: Tensor) -> float:
        """Compute one measure of samples in the format of :meth:`card`, all of them finite."""
        return all_measures()[name].compute(Subject(self.reference, as_stored(samples)))

    def card(
        self,
        run: str,
        step: int,
        samples: Tensor,
        requested: Tensor | None = None,
        classify: Callable[[Tensor], Tensor] | None = None,
        codes: bool = False,
        report: Report = lambda task, done, total: None,
    ) -> Card:
        """Compute all scores of samples, and the floor.

        Samples with NaN or infinity are counted, and left out of the scores.

        Parameters
        ----------
        run, step:
            The run folder, and the training step of the weights.
        samples:
            Images ``[N, C, H, W]`` in [-1, 1] or points ``[N, D]``.
        requested, classify, codes:
            As in :class:`Subject`.
        report:
            Called before each measure.

        Raises
        ------
        ForgeryError
            If too few samples are finite.
        """
        reference = self.reference
        nonfinite = metrics.count_nonfinite(samples)
        are_finite = samples.flatten(1).isfinite().all(1)
        finite = samples[are_finite] if nonfinite else samples
        if len(finite) <= reference.features.shape[1]:
            raise ForgeryError(
                f"{run}: {nonfinite} of {len(samples)} samples have NaN or infinity; too few are "
                "left to measure"
            )
        if requested is not None:
            requested = requested[are_finite]
        subject = Subject(reference, as_stored(finite), requested, classify, codes)
        real = self._real_subject(requested is not None, codes)
        scores: dict[str, float] = {}
        floor: dict[str, float] = {}
        left_out: dict[str, str] = {}
        measures = all_measures()
        for i, (name, measure) in enumerate(measures.items()):
            report("measuring", i, len(measures))
            if not measure.applies(subject):
                continue
            if reason := measure.requires(subject):
                left_out[name] = reason
                continue
            scores[name] = measure.compute(subject)
            if measure.has_floor and measure.applies(real) and not measure.requires(real):
                floor[name] = measure.compute(real)
        report("measuring", len(measures), len(measures))
        histogram = [] if not _has_classes(reference) else subject.histogram.tolist()
        return Card(
            run, step, self.protocol, scores, floor, nonfinite, histogram, left_out, self.notes()
        )

    def _real_subject(self, with_labels: bool, codes: bool) -> Subject:
        """Real training data for the floor, as many as samples."""
        train = self.reference.train
        generator = torch.Generator().manual_seed(self.seed)
        rows = torch.randperm(len(train), generator=generator)[: self.samples]
        labels = train.labels[rows] if with_labels and train.labels is not None else None
        return Subject(self.reference, train.values[rows], labels, codes=codes)


def _has_classes(reference: Reference) -> bool:
    return reference.no_classes() is None and reference.class_count > 0


def evaluator_of(
    config: Config,
    train: Dataset,
    against: str | Dataset,
    extractor: Path | str | None,
    samples: int,
    seed: int,
    where: torch.device,
) -> Evaluator:
    """Create the evaluator of a run.

    Parameters
    ----------
    config:
        Settings of the run.
    train:
        The training data.
    against:
        A split of the run's data, or the path of other data: a file, or pictures (a folder, an
        archive, a table), which are converted to the size and colour of the run's; or other data.
    extractor:
        A file of weights, or ``mnist-digits``; None chooses the bundled classifier if it
        recognises the data, and coordinates for points.
    samples, seed:
        As in :class:`Evaluator`.
    where:
        Device of the extractor.
    """
    held_out = against
    if not isinstance(held_out, Dataset):
        held_out = load_held_out(config.data, held_out, train, image_settings(config))
    validation = None
    # The 2014 paper chooses σ on these images, which must not be scored as well.
    if config.data == "mnist" and against != "valid10k":
        valid = load(config.data, "valid10k", image_settings(config)).values
        validation = valid[: metrics.parzen.VALIDATION_IMAGES]
    chosen = _extractor(extractor, train, held_out)
    if isinstance(chosen, Extractor):
        chosen = chosen.to(where)
    return Evaluator(train, held_out, chosen, samples, seed, validation)


def _extractor(
    given: Path | str | None, train: Dataset, held_out: Dataset
) -> Extractor | Coordinates | None:
    if given is None and train.kind == "points":
        return Coordinates()
    if given is None:
        return bundled_classifier(train) or bundled_classifier(held_out)
    if str(given) == DIGITS:
        return load_digit_classifier()
    path = Path(given)
    return load_classifier(path) if path.suffix == ".safetensors" else load_inception(path)
