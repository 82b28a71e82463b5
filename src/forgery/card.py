"""The metric card: every score of a generator with the protocol that it was measured by.

A score without its protocol means nothing, so the two are kept in one file, ``card.json``, and
cards of unlike protocols refuse to be compared. Each score stands beside its floor: what real
training images get by the same protocol.
"""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from . import metrics
from .data import Dataset
from .errors import ForgeryError
from .extractors import Extractor
from .extractors.inception import NAME as INCEPTION
from .pixels import to_model, to_pixels


@dataclass(frozen=True)
class Protocol:
    """How the scores were measured; two cards compare when all of this agrees."""

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
    labels, say) is in neither, and named in ``left_out`` with the reason.
    """

    run: str
    step: int
    protocol: Protocol
    scores: dict[str, float]
    floor: dict[str, float]
    nonfinite: int
    histogram: list[int]
    left_out: dict[str, str]

    def write(self, path: Path) -> None:
        """Write the card as JSON."""
        path.write_text(json.dumps(asdict(self), indent=1) + "\n", encoding="utf-8")


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
    "parzen": ("Parzen log-likelihood, nats", "see note"),
    "parzen_se": ("  its standard error", ""),
    "parzen_sigma": ("  its σ", ""),
    "near_train": ("share nearer to train than 99 % of fresh data", "≈ .01"),
}


def title(measure: str, protocol: Protocol) -> str:
    """A measure's name as it may be printed: FID only on the original Inception."""
    if measure == "frechet" and protocol.extractor == INCEPTION:
        return "FID"
    return MEASURES[measure][0]


class Evaluator:
    """Measures samples against a data set's held-out part.

    Parameters
    ----------
    train:
        What the generator learnt from.
    against:
        Held-out data, the reference of every score.
    extractor:
        The network whose features are compared.
    samples:
        How many samples are measured: of the generator, and of real training images for the floor.
    seed:
        Of the samples, and of which training images make the floor.
    """

    def __init__(
        self, train: Dataset, against: Dataset, extractor: Extractor, samples: int, seed: int
    ) -> None:
        if train.shape != against.shape:
            raise ForgeryError(
                f"{train.name} has images of {list(train.shape)}, {against.name} of "
                f"{list(against.shape)}: they cannot be compared"
            )
        self.train, self.against, self.extractor = train, against, extractor
        self.samples, self.seed = samples, seed
        self.features, logits = extractor.features_and_logits(against.images)
        dimensions = self.features.shape[1]
        if samples <= dimensions or len(against) <= dimensions:
            raise ForgeryError(
                f"{min(samples, len(against))} images are too few for the {dimensions} features of "
                f"{extractor.name}: more than {dimensions} are needed, 10,000 are usual"
            )
        self._statistics = metrics.feature_statistics(self.features)
        self.classes = logits.shape[1]
        self.left_out: dict[str, str] = {}
        if against.labels is None:
            self.left_out["class_kl"] = f"{against.name} has no labels"
        elif len(against.classes) != self.classes:
            self.left_out["class_kl"] = (
                f"{extractor.name} tells {self.classes} classes, the data has "
                f"{len(against.classes)}"
            )
        # The paper's protocol chooses σ on train[50000:51000] of MNIST's 60,000.
        start = len(train) * 5 // 6
        self.validation = train.images[start : start + metrics.parzen.VALIDATION_IMAGES]

    @property
    def protocol(self) -> Protocol:
        return Protocol(
            self.train.name,
            self.train.fingerprint,
            self.against.name,
            self.against.fingerprint,
            self.samples,
            self.seed,
            self.extractor.name,
            self.extractor.sha256,
        )

    def frechet(self, images: Tensor) -> float:
        """The Fréchet distance alone, of images ``[N, C, H, W]`` in [-1, 1]."""
        return self._frechet(self.extractor.features(to_pixels(images)))

    def _frechet(self, features: Tensor) -> float:
        return metrics.frechet_distance(metrics.feature_statistics(features), self._statistics)

    def card(self, run: str, step: int, images: Tensor) -> Card:
        """Every score of generated images ``[samples, C, H, W]`` in [-1, 1], and the floor.

        Images with NaN or infinite pixels are counted, and the others measured.
        """
        nonfinite = metrics.count_nonfinite(images)
        finite = images[images.flatten(1).isfinite().all(1)] if nonfinite else images
        if len(finite) <= self.features.shape[1]:
            raise ForgeryError(
                f"{run}: {nonfinite} of {len(images)} samples hold NaN or infinity; too few are "
                "left to measure"
            )
        scores, histogram = self._scores(finite)
        scores["near_train"] = metrics.detect_memorisation(
            to_pixels(finite[:2000]).float() / 255,
            self.train.images.float() / 255,
            self.against.images[:2000].float() / 255,
        ).near
        generator = torch.Generator().manual_seed(self.seed)
        rows = torch.randperm(len(self.train), generator=generator)[: self.samples]
        floor, _ = self._scores(to_model(self.train.images[rows]))
        return Card(
            run, step, self.protocol, scores, floor, nonfinite, histogram, dict(self.left_out)
        )

    def _scores(self, images: Tensor) -> tuple[dict[str, float], list[int]]:
        features, logits = self.extractor.features_and_logits(to_pixels(images))
        scores = {"frechet": self._frechet(features)}
        size = min(1000, len(features), len(self.features))
        kernel = metrics.kernel_distance(self.features, features, subset_size=size, seed=self.seed)
        scores |= {"kernel": 1000 * kernel.mean, "kernel_std": 1000 * kernel.std}
        manifold = metrics.precision_and_recall(self.features, features)
        scores |= {"precision": manifold.precision, "recall": manifold.recall}
        local = metrics.density_and_coverage(self.features, features)
        scores |= {"density": local.density, "coverage": local.coverage}
        labels = logits.argmax(1).cpu()
        histogram = metrics.class_histogram(labels, self.classes).tolist()
        if "class_kl" not in self.left_out:
            assert self.against.labels is not None
            balance = metrics.class_balance(labels, self.against.labels, self.classes)
            scores["class_kl"] = balance.kl
        parzen = metrics.parzen_likelihood(
            images.add(1).div(2).clamp(0, 1),
            self.validation.float() / 255,
            self.against.images.float() / 255,
        )
        scores |= {
            "parzen": parzen.mean,
            "parzen_se": parzen.standard_error,
            "parzen_sigma": parzen.sigma,
        }
        return scores, histogram


def read_card(path: Path) -> Card:
    """The card in a file; a :class:`ForgeryError` if there is none or it is another program's."""
    try:
        content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return Card(**content | {"protocol": Protocol(**content["protocol"])})
    except FileNotFoundError:
        raise ForgeryError(
            f"{path.parent} has no card yet: forgery evaluate {path.parent}"
        ) from None
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise ForgeryError(f"{path} is not a card of this version of forgery: {error}") from None


def require_like(cards: list[Card]) -> None:
    """Refuse to compare cards of unlike protocols, naming the first difference."""
    first = cards[0]
    for other in cards[1:]:
        if other.protocol == first.protocol:
            continue
        ours, theirs = asdict(first.protocol), asdict(other.protocol)
        name = next(n for n in ours if ours[n] != theirs[n])
        raise ForgeryError(
            f"{first.run} and {other.run} were measured by unlike protocols ({name}: "
            f"{ours[name]} against {theirs[name]}); evaluate them alike"
        )
