"""Score cards: all scores of a generator, and the protocol of their measurement.

Scores are meaningful only with their protocol: both are stored in one file, ``card.json``, and
cards of different protocols are not compared. Each score has a floor, the score of real training
data by the same protocol.
"""

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from .. import strict_json
from ..errors import ForgeryError


@dataclass(frozen=True)
class Protocol:
    """The protocol of the scores; cards are comparable if it agrees, except for ``train``."""

    train: str
    train_fingerprint: str
    against: str
    against_fingerprint: str
    samples: int
    seed: int
    extractor: str
    extractor_sha256: str

    @property
    def kind(self) -> str:
        """``images`` or ``points``."""
        return "points" if self.extractor == "coordinates" else "images"


@dataclass(frozen=True)
class Card:
    """A generator's scores, the floor, and the protocol.

    Parameters
    ----------
    run, step:
        The run folder, and the training step of the weights.
    protocol:
        How the scores were measured.
    scores, floor:
        Name of a measure (:data:`~forgery.evaluation.MEASURES`) → score of the samples, and of
        real training data.
    nonfinite:
        Number of samples with NaN or infinity, which were left out.
    histogram:
        Number of samples of each class predicted by the extractor; empty without classes.
    left_out:
        Name of a skipped measure → reason.
    notes:
        Notes on reading the scores.
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
        """Write the card as JSON; a :class:`ForgeryError` if the file cannot be written."""
        try:
            text = strict_json.dumps(asdict(self), indent=1) + "\n"
            path.write_text(text, encoding="utf-8")
        except OSError as error:
            raise ForgeryError(f"cannot write {path}: {error.strerror or error}") from error


def read_card(path: Path) -> Card:
    """Read the card in a file; a :class:`ForgeryError` if it is missing or not a card."""
    try:
        content: dict[str, Any] = strict_json.loads(path.read_text(encoding="utf-8"))
        return Card(**content | {"protocol": Protocol(**content["protocol"])})
    except FileNotFoundError:
        raise ForgeryError(
            f"{path.parent} has no card yet: run forgery evaluate {path.parent}"
        ) from None
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise ForgeryError(f"{path} is not a card of this version of forgery: {error}") from None


def require_like(cards: list[Card]) -> None:
    """Refuse to compare cards of different protocols, naming the first difference.

    The training data may differ, since each card has a floor for its training data.
    """
    first = cards[0]
    for other in cards[1:]:
        ours, theirs = asdict(first.protocol), asdict(other.protocol)
        differing = [n for n in ours if not n.startswith("train") and ours[n] != theirs[n]]
        if differing:
            name = differing[0]
            raise ForgeryError(
                f"{first.run} and {other.run} were measured by different protocols ({name}: "
                f"{ours[name]} against {theirs[name]}); evaluate them in the same way"
            )
