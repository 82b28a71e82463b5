"""Computation of all scores of a generator against a reference."""

from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from torch import Tensor

from .. import metrics
from ..config import Config
from ..data import FROM_PYTHON, Dataset, load
from ..errors import ForgeryError
from ..extractors import (
    Coordinates,
    Extractor,
    default_extractor,
    is_same_family,
    load_extractor,
)
from ..extractors.choose import NONE, NOT_INSTALLED
from ..parts import image_settings
from ..pixels import as_stored
from .held_out import load_held_out
from .measures import all_measures
from .protocol import Card, Network, Protocol
from .subject import FITTED, Reference, Report, Subject


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
    no_extractor, fitted:
        As in :class:`Reference`.
    used_by_d:
        The network whose features the discriminator was trained on, if any.
    report:
        Called while features are computed, and between measures.

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
        no_extractor: str = NOT_INSTALLED,
        fitted: int = FITTED,
        used_by_d: Network | None = None,
        report: Report = lambda task, done, total: None,
    ) -> None:
        self.reference = Reference(
            train, against, extractor, seed, validation, no_extractor, fitted, report
        )
        self.samples, self.seed, self.used_by_d = samples, seed, used_by_d
        if extractor is None:
            return
        if extractor.axes:
            dimensions, what = extractor.axes, "axes"
            fewest = min(samples, len(against), len(train))
        else:
            dimensions, what = self.reference.features.shape[1], "features"
            fewest = min(samples, len(against))
        if fewest <= dimensions:
            usual = "" if extractor.axes else ", 10,000 are usual"
            raise ForgeryError(
                f"{fewest} {train.kind} are too few for the {dimensions} {what} of "
                f"{extractor.name}: at least {dimensions + 1} are needed{usual}"
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
            (extractor.axes or 0) if extractor else 0,
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
        if note := self._note_of_d():
            notes.append(note)
        return notes

    def _note_of_d(self) -> str | None:
        """A note if D was trained on the features of the extractor, or of a similar network."""
        extractor, used = self.reference.extractor, self.used_by_d
        if extractor is None or used is None:
            return None
        if extractor.sha256 == used.sha256:
            return (
                f"D was trained on the features of this network: {used.name}; its scores flatter "
                "the run; measure it by another network with --extractor"
            )
        if is_same_family(extractor.name, used.name):
            return (
                f"D was trained on the features of {used.name}, a network of the same family as "
                f"{extractor.name}: add one of another family (--extractor {extractor.name},FILE)"
            )
        return None

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
        features_only: bool = False,
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
        features_only:
            Whether to compute only the measures that depend on the extractor.

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
        notes = self.notes()
        measures = {
            name: measure
            for name, measure in all_measures().items()
            if measure.depends_on_extractor or not features_only
        }
        for i, (name, measure) in enumerate(measures.items()):
            if i:  # the features of the samples and of the floor are computed in the first one
                reference.report("measuring", i, len(measures))
            if not measure.applies(subject):
                continue
            if reason := measure.requires(subject):
                left_out[name] = reason
                continue
            scores[name] = measure.compute(subject)
            if measure.has_floor and measure.applies(real) and not measure.requires(real):
                try:
                    floor[name] = measure.compute(real)
                except ForgeryError as error:  # there is too little training data
                    notes.append(f"the floor is incomplete: {error}")
        reference.report("measuring", len(measures), len(measures))
        histogram = [] if reference.no_classes() else subject.histogram.tolist()
        return Card(run, step, self.protocol, scores, floor, nonfinite, histogram, left_out, notes)

    def _real_subject(self, with_labels: bool, codes: bool) -> Subject:
        """Real training data for the floor, as many as samples."""
        train = self.reference.train
        generator = torch.Generator().manual_seed(self.seed)
        rows = torch.randperm(len(train), generator=generator)[: self.samples]
        labels = train.labels[rows] if with_labels and train.labels is not None else None
        return Subject(self.reference, train.values[rows], labels, codes=codes, rows=rows)


def default_samples(train: Dataset) -> int:
    """Number of samples if none is given: that of the training data, from 1,000 to 10,000.

    The floor is then measured on as many training samples, if there are enough.
    """
    return min(max(len(train), 1_000), 10_000)


def evaluators_of(
    config: Config,
    train: Dataset,
    against: str | Dataset,
    extractors: Sequence[Path | str],
    samples: int | None,
    seed: int,
    where: torch.device,
    used_by_d: Network | None = None,
    report: Report = lambda task, done, total: None,
) -> list[Evaluator]:
    """Create the evaluators of a run, one an extractor.

    Parameters
    ----------
    config:
        Settings of the run.
    train:
        The training data.
    against:
        A split of the run's data, or the path of other data: a file, or pictures (a folder, an
        archive, a table), which are converted to the size and colour of the run's; or other data.
    extractors:
        Names or files, see :func:`~forgery.extractors.load_extractor`, or ``none`` alone; if the
        list is empty, :func:`~forgery.extractors.default_extractor` chooses.
    samples:
        Number of samples; None is :func:`default_samples`.
    seed, used_by_d, report:
        As in :class:`Evaluator`.
    where:
        Device of the extractors.

    Raises
    ------
    ForgeryError
        If the data or an extractor cannot be read or are incompatible, or two extractors have the
        same name.
    """
    held_out = against
    if not isinstance(held_out, Dataset):
        try:
            held_out = load_held_out(config.data, held_out, train, image_settings(config))
        except ForgeryError:
            if held_out != "test" or Path(held_out).exists():
                raise
            raise ForgeryError(
                f"{config.data.removeprefix(FROM_PYTHON)} has no test split: give held-out data, "
                "which the run was not trained on, with --against PATH"
            ) from None
    validation = None
    # The 2014 paper chooses σ on these images, which must not be scored as well.
    if config.data == "mnist" and against != "valid10k":
        valid = load(config.data, "valid10k", image_settings(config)).values
        validation = valid[: metrics.parzen.VALIDATION_IMAGES]
    chosen, reason = _chosen(extractors, train, held_out, used_by_d)
    return [
        Evaluator(
            train,
            held_out,
            extractor.to(where) if isinstance(extractor, Extractor) else extractor,
            default_samples(train) if samples is None else samples,
            seed,
            validation,
            reason,
            used_by_d=used_by_d,
            report=report,
        )
        for extractor in chosen
    ]


def _chosen(
    given: Sequence[Path | str], train: Dataset, held_out: Dataset, used_by_d: Network | None
) -> tuple[list[Extractor | Coordinates | None], str]:
    """The extractors, and why there is none if the only one is None."""
    if not given:
        used = used_by_d.sha256 if used_by_d else None
        default, reason = default_extractor(train, held_out, used)
        return [default], reason
    if list(given) == [NONE]:
        return [None], "--extractor none was given"
    extractors = [load_extractor(extractor) for extractor in given]
    names = [extractor.name for extractor in extractors]
    for name in names:
        if names.count(name) > 1:
            raise ForgeryError(f"two extractors are called {name}: give each one once")
    return [*extractors], ""
