"""The samples to be measured and the reference data, with cached intermediate results."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from .. import metrics, pixels
from ..data import Dataset
from ..errors import ForgeryError
from ..extractors import Coordinates, Extractor
from ..extractors.choose import NOT_INSTALLED
from . import held_out, real_features
from .held_out import unit_range
from .known_density import KnownDensity

#: Addition for images that may be digits.
MAYBE_DIGITS = "; --extractor mnist-digits is the bundled classifier of handwritten digits"
#: Called with (name of a task, how much of it is done, and of how much).
Report = Callable[[str, int, int], None]
#: Maximum number of training samples whose features determine principal axes.
FITTED = 10_000
#: Maximum number of samples, and of held-out samples, of the energy distance.
COMPARED = 2_000


@dataclass(eq=False)
class Reference:
    """The data that samples are compared with, and its features.

    Parameters
    ----------
    train:
        The training data.
    against:
        Held-out data, the reference of every score.
    extractor:
        The network whose features are compared, or None.
    seed:
        Seed of the random subsets that measures use.
    validation:
        Images that determine the width of the Parzen window, uint8 ``[V, C, H, W]``; by default a
        fifth of the held-out data, at most 1,000, which are then excluded from the Parzen score.
    no_extractor:
        The reason why there is no extractor.
    fitted:
        Maximum number of training samples whose features determine the principal axes, if the
        extractor's features are compared on axes.
    report:
        Called while features are computed.

    Raises
    ------
    ForgeryError
        If the shapes differ.
    Overlap
        If most of the held-out data was trained on.
    """

    train: Dataset
    against: Dataset
    extractor: Extractor | Coordinates | None
    seed: int = 0
    validation: Tensor | None = None
    no_extractor: str = NOT_INSTALLED
    fitted: int = FITTED
    report: Report = lambda task, done, total: None

    def __post_init__(self) -> None:
        train, against = self.train, self.against
        if train.shape != against.shape:
            raise ForgeryError(
                f"{train.name} has {train.kind} of {list(train.shape)}, {against.name} of "
                f"{list(against.shape)}: they cannot be compared"
            )
        #: Rows of the held-out data that were not trained on.
        self.fresh = held_out.fresh_rows(against, train)
        #: Row of the training data → its features and logits, as far as they were computed.
        self._seen: dict[int, tuple[Tensor, Tensor]] = {}
        #: The density that points were drawn from, if it is known.
        self.known = KnownDensity(train.density) if train.density else None

    @cached_property
    def _features_and_logits(self) -> tuple[Tensor, Tensor]:
        if self.extractor is None:
            empty = torch.empty(len(self.against), 0)
            return empty, empty
        what = f"held-out {self.against.kind}"
        return self._on_axes(*self._of_real(self.against, None, what))

    @cached_property
    def _axes(self) -> metrics.PrincipalAxes | None:
        if self.extractor is None or self.extractor.axes is None:
            return None
        features, _ = self._of_training(self.train.stratified(self.fitted))
        return metrics.principal_axes(features, self.extractor.axes)

    def extract(self, values: Tensor) -> tuple[Tensor, Tensor]:
        """Features ``[N, F]`` of samples, on the principal axes if there are any, and logits."""
        return self._on_axes(*self._computed(values, "samples"))

    def extract_training(self, rows: Tensor) -> tuple[Tensor, Tensor]:
        """The same of rows of the training data."""
        return self._on_axes(*self._of_training(rows))

    def _computed(self, values: Tensor, what: str, before: int = 0) -> tuple[Tensor, Tensor]:
        """Features and logits; those of ``before`` others of ``what`` are known already."""
        assert self.extractor is not None
        task = f"features of {what}, {self.extractor.name}"
        return self.extractor.features_and_logits(
            values, lambda done, total: self.report(task, before + done, before + total)
        )

    def _on_axes(self, features: Tensor, logits: Tensor) -> tuple[Tensor, Tensor]:
        return (self._axes.project(features) if self._axes else features), logits

    def _of_training(self, rows: Tensor) -> tuple[Tensor, Tensor]:
        """Features and logits of rows of the training data, each row's computed once."""
        new = [row for row in rows.tolist() if row not in self._seen]
        if new:
            what, before = f"training {self.train.kind}", len(self._seen)
            found = self._of_real(self.train, new, what, before)
            self._seen |= dict(zip(new, zip(*found, strict=True), strict=True))
        features, logits = zip(*(self._seen[row] for row in rows.tolist()), strict=True)
        return torch.stack(features), torch.stack(logits)

    def _of_real(
        self, data: Dataset, rows: Sequence[int] | None, what: str, before: int = 0
    ) -> tuple[Tensor, Tensor]:
        """Features and logits of rows of a dataset, or of all."""

        def compute() -> tuple[Tensor, Tensor]:
            values = data.values
            if rows is not None:
                values = values[torch.tensor(rows).to(values.device)]
            found = self._computed(values, what, before)
            data.release()
            return found

        if isinstance(self.extractor, Extractor):
            return real_features.kept(data, rows, self.extractor, compute)
        return compute()

    @property
    def features(self) -> Tensor:
        """Features of the held-out data ``[M, F]``; F is 0 without an extractor."""
        return self._features_and_logits[0]

    @property
    def class_count(self) -> int:
        """Number of classes that the extractor predicts; 0 if it predicts none."""
        return len(self.extractor.classes) if self.extractor else 0

    @cached_property
    def statistics(self) -> metrics.FeatureStatistics:
        """Mean and covariance of the features."""
        return metrics.feature_statistics(self.features)

    @cached_property
    def compared(self) -> Tensor:
        """Held-out values for the energy distance, pixels in [0, 1]."""
        return unit_range(self.against.values[self.against.stratified(COMPARED)])

    @cached_property
    def parzen_images(self) -> tuple[Tensor, Tensor]:
        """(validation, test) images for the Parzen score, float32 in [0, 1]."""
        values = self.against.values
        if self.validation is not None:
            return unit_range(self.validation), unit_range(values)
        rows = self.against.stratified(len(values))
        n = min(metrics.parzen.VALIDATION_IMAGES, max(1, len(rows) // 5))
        return unit_range(values[rows[:n]]), unit_range(values[rows[n:]])

    def no_features(self) -> str | None:
        """The reason why features cannot be compared, or None."""
        if self.extractor is not None:
            return None
        may_be_digits = self.no_extractor == NOT_INSTALLED and self.train.shape == (1, 28, 28)
        return self.no_extractor + (MAYBE_DIGITS if may_be_digits else "")

    def no_classes(self) -> str | None:
        """The reason why the classes of samples cannot be predicted, or None."""
        if reason := self.no_features():
            return reason
        assert self.extractor is not None
        if not self.extractor.classes:
            return f"{self.extractor.name} does not predict the classes of the data"
        for data in (self.train, self.against):
            if set(self.extractor.classes) <= set(data.attribute_names):
                return f"{self.extractor.name} predicts attributes, not classes"
        return None

    def no_labels(self) -> str | None:
        """The reason why predicted classes cannot be compared with labels, or None."""
        if reason := self.no_classes():
            return reason
        if self.against.labels is None:
            return "the data has no labels"
        if len(self.against.classes) != self.class_count:
            assert self.extractor is not None
            return (
                f"{self.extractor.name} predicts {self.class_count} classes, but the data has "
                f"{len(self.against.classes)}"
            )
        return self._not_predicted(self.against)

    def no_requested(self) -> str | None:
        """The reason why predicted classes cannot be compared with requested ones, or None."""
        return self.no_classes() or self._not_predicted(self.train)

    def _not_predicted(self, data: Dataset) -> str | None:
        """A message if some classes of the data are not among the extractor's."""
        assert self.extractor is not None
        missing = _missing(data.classes, self.extractor.classes)
        return missing and f"{self.extractor.name} does not predict {missing} of {data.name}"

    def no_trained_labels(self) -> str | None:
        """The reason why the held-out labels are not among the training data's, or None."""
        if self.against.labels is None:
            return "the data has no labels"
        missing = _missing(self.against.classes, self.train.classes)
        return missing and f"{self.train.name} does not have {missing} of {self.against.name}"


def _missing(classes: Sequence[str], among: Sequence[str]) -> str | None:
    """``class 'cat'``, the first one that is not among others; None if all are."""
    return next((f"class {name!r}" for name in classes if name not in among), None)


def renumbered(labels: Tensor, classes: Sequence[str], like: Sequence[str]) -> Tensor:
    """Labels ``[n]`` of ``classes`` as those of the same names in ``like``, on the CPU."""
    return torch.tensor([like.index(name) for name in classes])[labels.cpu()]


@dataclass(eq=False)
class Subject:
    """Samples to be measured, with cached results that several measures use.

    Parameters
    ----------
    reference:
        The data to compare with.
    values:
        Samples without NaN or infinity, in the format of a dataset: uint8 ``[N, C, H, W]``, or
        points float32 ``[N, D]``.
    requested:
        The class that each sample is conditioned on, int64 ``[N]``, if any.
    classify:
        The discriminator's classifier: samples in the format of :meth:`forgery.Model.sample` →
        classes int64 ``[n]``. None if it predicts no classes.
    codes:
        Whether ``requested`` and the predictions are codes of an InfoGAN, which are assigned to
        classes by the best one-to-one match.
    rows:
        Rows of the training data, if the samples are these.
    """

    reference: Reference
    values: Tensor
    requested: Tensor | None = None
    classify: Callable[[Tensor], Tensor] | None = None
    codes: bool = False
    rows: Tensor | None = None

    @cached_property
    def _features_and_logits(self) -> tuple[Tensor, Tensor]:
        if self.rows is not None:
            return self.reference.extract_training(self.rows)
        return self.reference.extract(self.values)

    @property
    def features(self) -> Tensor:
        """Features of the samples ``[N, F]``."""
        return self._features_and_logits[0]

    @cached_property
    def class_labels(self) -> Tensor:
        """The class that the extractor predicts for each sample, int64 ``[N]``, on the CPU."""
        return self._features_and_logits[1].argmax(1).cpu()

    @cached_property
    def histogram(self) -> Tensor:
        """Number of samples of each predicted class, int64 ``[K]``."""
        return metrics.class_histogram(self.class_labels, self.reference.class_count)

    @cached_property
    def statistics(self) -> metrics.FeatureStatistics:
        """Mean and covariance of the features."""
        return metrics.feature_statistics(self.features)

    @cached_property
    def kernel(self) -> metrics.KernelDistance:
        """The kernel distance of the features over subsets of at most 1,000.

        A subset has at most half of the samples: subsets that share more would hardly differ, and
        their standard deviation would hide the noise.
        """
        reference = self.reference
        smaller = min(len(self.features), len(reference.features))
        size = min(1000, max(2, smaller // 2))
        return metrics.kernel_distance(
            reference.features, self.features, subset_size=size, seed=reference.seed
        )

    @cached_property
    def manifold(self) -> metrics.PrecisionRecall:
        """Precision and recall of the features."""
        return metrics.precision_and_recall(self.reference.features, self.features)

    @cached_property
    def neighbourhood(self) -> metrics.DensityCoverage:
        """Density and coverage of the features."""
        return metrics.density_and_coverage(self.reference.features, self.features)

    @cached_property
    def energy(self) -> float:
        """The energy distance of the values to the held-out ones, at most 2,000 of each."""
        return metrics.energy_distance(unit_range(self.values[:COMPARED]), self.reference.compared)

    @cached_property
    def parzen(self) -> metrics.ParzenLikelihood:
        """The Parzen-window log-likelihood of the held-out images."""
        return metrics.parzen_likelihood(unit_range(self.values), *self.reference.parzen_images)

    @cached_property
    def memorisation(self) -> metrics.Memorisation:
        """Distances of the samples to the training data, compared with those of held-out data."""
        reference = self.reference
        return held_out.memorisation_of(
            self.values, reference.train, reference.against, reference.fresh
        )

    @cached_property
    def divergence(self) -> metrics.GridDivergence:
        """JSD and KL to the known density."""
        assert self.reference.known is not None
        return self.reference.known.divergence(self.values)

    @cached_property
    def modes(self) -> metrics.Modes:
        """The modes of the known density that the samples cover."""
        assert self.reference.known is not None
        return self.reference.known.modes(self.values)

    def requested_share(self) -> float:
        """Fraction of samples whose predicted class is the requested one."""
        assert self.requested is not None
        given, reference = self.requested, self.reference
        if not self.codes:
            assert reference.extractor is not None
            given = renumbered(given, reference.train.classes, reference.extractor.classes)
        return self._accuracy(given, self.class_labels)

    def classified_share(self) -> float:
        """Fraction of the held-out data whose class the discriminator predicts correctly."""
        assert self.classify is not None
        against = self.reference.against
        assert against.labels is not None
        values, labels = against.values, against.labels.cpu()
        if not self.codes:
            labels = renumbered(labels, against.classes, self.reference.train.classes)
        shown = pixels.to_model(values) if against.kind == "images" else values
        return self._accuracy(self.classify(shown), labels)

    def _accuracy(self, given: Tensor, labels: Tensor) -> float:
        if self.codes:
            return metrics.matched_accuracy(given, labels)
        return (given == labels).double().mean().item()
