"""The metric card: every score of a generator with the protocol that it was measured by.

A score without its protocol means nothing, so the two are kept in one file, ``card.json``, and
cards of unlike protocols refuse to be compared. Each score stands beside its floor: what real
training images get by the same protocol.
"""

from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from . import metrics, strict_json
from .data import Dataset, Density, ImageSettings, holds_pictures, load, load_beside
from .errors import ForgeryError
from .extractors import (
    Coordinates,
    Extractor,
    load_classifier,
    load_digit_classifier,
    load_inception,
    load_stacked_digit_classifier,
)
from .extractors.inception import NAME as INCEPTION
from .pixels import as_stored


@dataclass(frozen=True)
class Protocol:
    """How the scores were measured; two cards compare when all but ``train`` agrees."""

    train: str
    train_fingerprint: str
    against: str
    against_fingerprint: str
    samples: int
    seed: int
    extractor: str
    extractor_sha256: str


@dataclass(frozen=True)
class Card:
    """A generator's scores, the floor, and the protocol.

    ``scores`` and ``floor`` map a measure's name to its number; a measure that cannot be taken (no
    labels, say) is in neither, and named in ``left_out`` with the reason. ``notes`` say what else
    must be known to read them.
    """

    run: str
    step: int
    protocol: Protocol
    scores: dict[str, float]
    floor: dict[str, float]
    nonfinite: int
    histogram: list[int]
    left_out: dict[str, str]
    notes: list[str] = field(default_factory=list)

    def write(self, path: Path) -> None:
        """Write the card as JSON."""
        path.write_text(strict_json.dumps(asdict(self), indent=1) + "\n", encoding="utf-8")


#: Measure → (what it is, whether lower or higher or neither is better).
MEASURES = {
    "frechet": ("Fréchet distance", "lower"),
    "kernel": ("kernel distance (KID) × 1000", "lower"),
    "kernel_std": ("  its std over subsets × 1000", ""),
    "precision": ("precision (k = 3)", "higher"),
    "recall": ("recall (k = 3)", "higher"),
    "density": ("density (k = 5)", "higher"),
    "coverage": ("coverage (k = 5)", "higher"),
    "class_kl": ("KL of drawn classes from the data's, nats", "lower"),
    "classes": ("classes drawn", "higher"),
    "asked_right": ("asked class right", "higher"),
    "code_right": ("class told by the code, best match", "higher"),
    "classified_right": ("held-out data that D classifies right", "higher"),
    "clustered_right": ("held-out data whose class D's code tells, best match", "higher"),
    "uniform_kl": ("KL of drawn classes from uniform, nats", "lower"),
    "parzen": ("Parzen log-likelihood, nats", "see note"),
    "parzen_se": ("  its standard error", ""),
    "parzen_sigma": ("  its σ", ""),
    "jsd": ("JSD to the density by grid, nats", "lower"),
    "kl": ("KL(data‖samples) by grid, nats", "lower"),
    "modes": ("modes covered", "higher"),
    "high_quality": ("share within 3 σ of a mode", "higher"),
    "near_train": ("share nearer to train than 99 % of fresh", "≈ .01"),
}


def title(measure: str, protocol: Protocol) -> str:
    """A measure's name as it may be printed: FID only on the original Inception."""
    if measure == "frechet" and protocol.extractor == INCEPTION:
        return "FID"
    return MEASURES[measure][0]


#: Measures that compare the features of an extractor.
BY_FEATURES = (
    "frechet", "kernel", "precision", "recall", "density", "coverage", "class_kl"
)  # fmt: skip

#: Copies are looked for among so many training samples, with so many held-out ones for the scale.
REMEMBERED, FRESH = 60_000, 2_000

#: Held-out data of which more than this share was trained on is refused.
MOST_TRAINED_ON = 0.5

#: Cells along each side of the grid on which a known density is compared.
GRID_CELLS = {1: 200, 2: 64}


class Overlap(ForgeryError):
    """Most of what should be held-out data was trained on."""


class KnownDensity:
    """Scores of points whose true distribution is known: JSD, KL and, where it has them, modes.

    The grid covers the density's bounds with :data:`GRID_CELLS`; the density's share of each cell
    is exact. Modes count by PacGAN's rule, within 3 standard deviations.
    """

    def __init__(self, density: Density) -> None:
        self.density = density
        cells = GRID_CELLS[density.dimensions]
        low, high = density.bounds.tolist()
        self.edges = [
            torch.linspace(a, b, cells + 1, dtype=torch.float64)
            for a, b in zip(low, high, strict=True)
        ]
        self.masses = density.cell_masses(self.edges)

    def scores(self, points: Tensor) -> dict[str, float]:
        """By measure, of points ``[N, D]``."""
        divergence = metrics.grid_divergence(self.masses, points, self.edges)
        scores = {"jsd": divergence.jsd, "kl": divergence.kl}
        if self.density.modes is not None and self.density.mode_std is not None:
            reached = metrics.mode_coverage(points, self.density.modes, self.density.mode_std)
            scores |= {"modes": reached.covered, "high_quality": reached.high_quality}
        return scores


class Evaluator:
    """Measures samples against a data set's held-out part.

    Parameters
    ----------
    train:
        What the generator learnt from.
    against:
        Held-out data, the reference of every score.
    extractor:
        The network whose features are compared; without one, the measures of features are left out.
    samples:
        How many samples are measured: of the generator, and of real training images for the floor.
    seed:
        Of the samples, and of which training images make the floor.
    validation:
        Images that choose the Parzen window's width, uint8 ``[V, C, H, W]``; by default a fifth of
        the held-out data, at most 1,000, which the Parzen score then leaves out.

    Raises
    ------
    ForgeryError
        When the sizes differ, the data are too few for the extractor's features, or most of the
        held-out data was trained on.
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
        if train.shape != against.shape:
            raise ForgeryError(
                f"{train.name} has {train.kind} of {list(train.shape)}, {against.name} of "
                f"{list(against.shape)}: they cannot be compared"
            )
        self.train, self.against, self.extractor = train, against, extractor
        self.samples, self.seed = samples, seed
        self.notes: list[str] = []
        self.left_out: dict[str, str] = {}
        rows = against.stratified(len(against))
        self._fresh = _fresh(rows, against, train)
        if trained_on := len(rows) - len(self._fresh):
            self.notes.append(
                f"{trained_on:,} of the {len(against):,} {against.kind} of "
                f"{against.name} are in {train.name} too, which the run was trained on"
            )
        if len(train) < samples:
            self.notes.append(
                f"the floor is measured on all {len(train):,} training {train.kind}, which are "
                f"fewer than the {samples:,} samples"
            )
        self.features, self.classes = torch.empty(len(against), 0), 0
        if extractor is None:
            reason = no_extractor(train)
            self.left_out |= dict.fromkeys(BY_FEATURES, reason)
        else:
            self._look_through(extractor)
        self.validation, self._tested = validation, against.values
        if train.kind == "points":
            self.left_out["parzen"] = "its protocol is for pixels in [0, 1]"
        elif validation is None:
            n = min(metrics.parzen.VALIDATION_IMAGES, max(1, len(rows) // 5))
            self.validation, self._tested = against.values[rows[:n]], against.values[rows[n:]]
            if not len(self._tested):
                self.left_out["parzen"] = f"{against.name} holds one image, and it takes two"
        self.known = KnownDensity(train.density) if train.density else None

    def _look_through(self, extractor: Extractor | Coordinates) -> None:
        """Take the features of the held-out data."""
        train, against = self.train, self.against
        self.features, logits = extractor.features_and_logits(against.values)
        dimensions = self.features.shape[1]
        if self.samples <= dimensions or len(against) <= dimensions:
            raise ForgeryError(
                f"{min(self.samples, len(against))} {train.kind} are too few for the {dimensions} "
                f"features of {extractor.name}: more than {dimensions} are needed, 10,000 are usual"
            )
        self._statistics = metrics.feature_statistics(self.features)
        self.classes = logits.shape[1]
        if against.labels is None:
            self.left_out["class_kl"] = f"{against.name} has no labels"
        elif len(against.classes) != self.classes:
            self.left_out["class_kl"] = (
                f"{extractor.name} distinguishes {self.classes} classes, but the data has "
                f"{len(against.classes)}"
            )

    @property
    def protocol(self) -> Protocol:
        return Protocol(
            self.train.name,
            self.train.fingerprint,
            self.against.name,
            self.against.fingerprint,
            self.samples,
            self.seed,
            self.extractor.name if self.extractor else "none",
            self.extractor.sha256 if self.extractor else "",
        )

    def frechet(self, samples: Tensor) -> float:
        """The Fréchet distance alone, of samples as :meth:`card` takes them."""
        assert self.extractor is not None
        return self._frechet(self.extractor.features(as_stored(samples)))

    def _frechet(self, features: Tensor) -> float:
        return metrics.frechet_distance(metrics.feature_statistics(features), self._statistics)

    def card(
        self,
        run: str,
        step: int,
        samples: Tensor,
        asked: Tensor | None = None,
        classify: Callable[[Tensor], Tensor] | None = None,
        codes: bool = False,
    ) -> Card:
        """Every score of samples, and the floor.

        Samples with NaN or infinite values are counted, and the others measured.

        Parameters
        ----------
        run, step:
            What they are of.
        samples:
            Images ``[N, C, H, W]`` in [-1, 1] or points ``[N, D]``.
        asked:
            The classes ``[N]`` that a generator was asked for.
        classify:
            What a discriminator takes samples for: → classes ``[N]``.
        codes:
            Whether those classes are the run's own codes, so that the class that each stands for
            is found by the best one-to-one match.
        """
        nonfinite = metrics.count_nonfinite(samples)
        are_finite = samples.flatten(1).isfinite().all(1)
        finite = samples[are_finite] if nonfinite else samples
        if len(finite) <= self.features.shape[1]:
            raise ForgeryError(
                f"{run}: {nonfinite} of {len(samples)} samples hold NaN or infinity; too few are "
                "left to measure"
            )
        values = as_stored(finite)
        left_out, labels = dict(self.left_out), None
        right = "code_right" if codes else "asked_right"
        if asked is not None and "class_kl" in left_out:
            left_out[right] = left_out["class_kl"]
        elif asked is not None:
            asked, labels = asked[are_finite], self.train.labels
        scores, histogram = self._scores(values, None if labels is None else asked, codes)
        if classify and self.against.labels is not None:
            told = classify(self.against.to_model(self.against.values))
            scores["clustered_right" if codes else "classified_right"] = _share_right(
                told, self.against.labels, codes
            )
        try:
            memory = memorisation_of(values, self.train, self.against, self._fresh)
            scores["near_train"] = memory.near
        except ForgeryError as error:  # too little held-out data to set the scale
            left_out["near_train"] = str(error)
        generator = torch.Generator().manual_seed(self.seed)
        rows = torch.randperm(len(self.train), generator=generator)[: self.samples]
        real = self.train.values[rows]
        floor, _ = self._scores(real, None if labels is None else labels[rows], codes)
        return Card(
            run, step, self.protocol, scores, floor, nonfinite, histogram, left_out, self.notes
        )

    def _scores(
        self, values: Tensor, asked: Tensor | None, codes: bool
    ) -> tuple[dict[str, float], list[int]]:
        """Every score of values as a data set keeps them, and how often each class was drawn.

        ``asked`` are the classes that they should be of ``[N]``, or ``codes``, where that is known.
        """
        scores: dict[str, float] = {}
        histogram = []
        if self.extractor:
            features, logits = self.extractor.features_and_logits(values)
            scores |= self._of_features(features)
        if self.classes:
            labels = logits.argmax(1).cpu()
            drawn = metrics.class_histogram(labels, self.classes)
            histogram = drawn.tolist()
            uniform = torch.ones_like(drawn)
            scores |= {
                "classes": int((drawn > 0).sum()),
                "uniform_kl": metrics.kl_divergence(drawn, uniform),
            }
        if "class_kl" not in self.left_out:
            assert self.against.labels is not None
            scores["class_kl"] = metrics.class_balance(labels, self.against.labels, self.classes).kl
        if asked is not None:
            right = "code_right" if codes else "asked_right"
            scores[right] = _share_right(asked, labels, codes)
        if "parzen" not in self.left_out:
            assert self.validation is not None
            parzen = metrics.parzen_likelihood(
                _raw(values), _raw(self.validation), _raw(self._tested)
            )
            scores |= {
                "parzen": parzen.mean,
                "parzen_se": parzen.standard_error,
                "parzen_sigma": parzen.sigma,
            }
        if self.known:
            scores |= self.known.scores(values)
        return scores, histogram

    def _of_features(self, features: Tensor) -> dict[str, float]:
        """The scores of features ``[N, F]`` against those of the held-out data."""
        size = min(1000, len(features), len(self.features))
        kernel = metrics.kernel_distance(self.features, features, subset_size=size, seed=self.seed)
        manifold = metrics.precision_and_recall(self.features, features)
        local = metrics.density_and_coverage(self.features, features)
        return {
            "frechet": self._frechet(features),
            "kernel": 1000 * kernel.mean,
            "kernel_std": 1000 * kernel.std,
            "precision": manifold.precision,
            "recall": manifold.recall,
            "density": local.density,
            "coverage": local.coverage,
        }


def memorisation_of(
    values: Tensor, train: Dataset, held_out: Dataset, fresh: Tensor | None = None, n: int = FRESH
) -> metrics.Memorisation:
    """Whether samples, as a data set keeps them ``[N, …]``, are copies of training data.

    Parameters
    ----------
    held_out:
        Sets the scale, but for those of it that were trained on.
    fresh:
        The rows of held-out data that was not trained on, in an order whose beginning represents
        all of it; found here if not given.
    n:
        How many samples, and as many held-out ones, are looked at.

    Raises
    ------
    ForgeryError
        Fewer than 100 held-out samples that were not trained on, or most of them were.
    """
    if fresh is None:
        fresh = _fresh(held_out.stratified(len(held_out)), held_out, train)
    least = round(1 / metrics.memorisation.QUANTILE)
    if len(fresh) < least:
        raise ForgeryError(
            f"it takes {least} held-out {held_out.kind} that were not trained on, and "
            f"{held_out.name} has {len(fresh)}"
        )
    return metrics.detect_memorisation(
        _raw(values[:n]),
        _raw(train.values[train.stratified(REMEMBERED)]),
        _raw(held_out.values[fresh[:n]]),
    )


def _fresh(rows: Tensor, held_out: Dataset, train: Dataset) -> Tensor:
    """Those of all rows of held-out data that were not trained on; refused where most were."""
    found = metrics.occurs_in(held_out.values, train.values)
    train.release()
    held_out.release()
    if found.double().mean() > MOST_TRAINED_ON:
        which = "all" if found.all() else f"{int(found.sum()):,} of the {len(found):,}"
        raise Overlap(
            f"{which} {held_out.kind} of {held_out.name} are in {train.name}, which the run was "
            "trained on"
        )
    return rows[~found[rows]]


def no_extractor(data: Dataset) -> str:
    """Why measures by features are left out, and what to do about it."""
    return (
        f"no feature extractor is known for {data.kind} of {list(data.shape)}: give one with "
        "--extractor FILE, either a classifier trained by forgery classifier on labelled images or "
        "the weights of the original Inception network"
    )


def _share_right(told: Tensor, labels: Tensor, codes: bool) -> float:
    """The share of ``told`` classes that are the ``labels``, both ``[N]``; matched, if codes."""
    if codes:
        return metrics.matched_accuracy(told, labels.cpu())
    return (told == labels.cpu()).double().mean().item()


def _raw(values: Tensor) -> Tensor:
    """Pixels in [0, 1], or points as they are."""
    return values.float() / 255 if values.dtype == torch.uint8 else values


def evaluator_of(
    source: str,
    train: Dataset,
    against: str,
    extractor: Path | str | None,
    samples: int,
    seed: int,
    where: torch.device,
    settings: ImageSettings,
) -> Evaluator:
    """The evaluator of a run that was trained on ``train``, a part of ``source``.

    Parameters
    ----------
    against:
        A split of the source, or other data: the path of a file, or pictures (a folder, an archive,
        a table), all of which are then taken and made like those of the run.
    extractor:
        A file of weights; without one, digits are looked at through the bundled classifier, and
        points as they are.
    """
    held_out = _held_out(source, against, train, settings)
    validation = None
    # The paper's protocol names the images that choose σ; they are not to be scored as well.
    if source == "mnist" and against != "valid10k":
        valid = load(source, "valid10k", settings).values
        validation = valid[: metrics.parzen.VALIDATION_IMAGES]
    looks_through = _extractor(extractor, train, where)
    return Evaluator(train, held_out, looks_through, samples, seed, validation)


def _held_out(data: str, against: str, train: Dataset, settings: ImageSettings) -> Dataset:
    """A file, else a split of the run's data, else a folder: one may be named as a split is."""
    if not Path(against).is_file():
        try:
            return load(data, against, settings)
        except ForgeryError:
            if not holds_pictures(against):
                raise
    split = "all" if holds_pictures(against) else "train"
    return load_beside(against, split, train, settings)


def _extractor(
    path: Path | str | None, data: Dataset, where: torch.device
) -> Extractor | Coordinates | None:
    if path is None and data.kind == "points":
        return Coordinates()
    if path is None and len(data.classes) == 1000 and data.shape == (3, 28, 28):
        return load_stacked_digit_classifier().to(where)
    if path is None:
        return load_digit_classifier().to(where) if data.shape == (1, 28, 28) else None
    path = Path(path)
    extractor = load_classifier(path) if path.suffix == ".safetensors" else load_inception(path)
    return extractor.to(where)


def read_card(path: Path) -> Card:
    """The card in a file; a :class:`ForgeryError` if there is none or it is another program's."""
    try:
        content: dict[str, Any] = strict_json.loads(path.read_text(encoding="utf-8"))
        return Card(**content | {"protocol": Protocol(**content["protocol"])})
    except FileNotFoundError:
        raise ForgeryError(
            f"{path.parent} has no card yet: forgery evaluate {path.parent}"
        ) from None
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise ForgeryError(f"{path} is not a card of this version of forgery: {error}") from None


def require_like(cards: list[Card]) -> None:
    """Refuse to compare cards of unlike protocols, naming the first difference.

    Runs may have been trained on different parts of the data: what they are measured against is the
    same, and each has its own floor.
    """
    first = cards[0]
    for other in cards[1:]:
        ours, theirs = asdict(first.protocol), asdict(other.protocol)
        unlike = [n for n in ours if not n.startswith("train") and ours[n] != theirs[n]]
        if not unlike:
            continue
        name = unlike[0]
        raise ForgeryError(
            f"{first.run} and {other.run} were measured by unlike protocols ({name}: "
            f"{ours[name]} against {theirs[name]}); evaluate them alike"
        )
