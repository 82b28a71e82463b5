"""Score cards: all scores of a generator, and the protocol of their measurement.

Scores are meaningful only with their protocol: both are stored in one file, ``card.json``, and
cards of different protocols are not compared. Each score has a floor, the score of real training
data by the same protocol.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from .. import strict_json
from ..errors import ForgeryError, command
from ..writing import writing

#: Between the name of a measure and that of an extractor other than the card's first.
AT = "@"


@dataclass(frozen=True)
class Network:
    """An extractor, as it is recorded.

    Parameters
    ----------
    name, sha256:
        Those of the extractor.
    axes:
        Number of principal axes of the training data's features on which features are compared; 0
        compares the features themselves.
    """

    name: str
    sha256: str
    axes: int = 0

    def __str__(self) -> str:
        return f"{self.name}, {self.axes} axes" if self.axes else self.name


@dataclass(frozen=True)
class Protocol:
    """The protocol of the scores; cards are comparable if it agrees, except for ``train``.

    Principal axes depend on the training data, which must then agree as well.

    Parameters
    ----------
    train, train_fingerprint, against, against_fingerprint:
        The training data and the held-out data.
    samples, seed:
        Number of samples, and their seed.
    extractor, extractor_sha256, axes:
        The network that features are extracted by, as in :class:`Network`.
    also:
        Further networks, by which the same samples were measured.
    """

    train: str
    train_fingerprint: str
    against: str
    against_fingerprint: str
    samples: int
    seed: int
    extractor: str
    extractor_sha256: str
    axes: int = 0
    also: tuple[Network, ...] = ()

    @property
    def networks(self) -> tuple[Network, ...]:
        """All networks, the first one first; empty without features."""
        if not self.extractor_sha256:
            return ()
        return (Network(self.extractor, self.extractor_sha256, self.axes), *self.also)

    @property
    def kind(self) -> str:
        """``images`` or ``points``; ``data`` if no extractor tells which."""
        known = {"coordinates": "points", "none": "data"}
        return known.get(self.extractor, "images")


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
        real training data. Scores by a further extractor are named ``frechet@EXTRACTOR``.
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
        content = asdict(self)
        for name in ("axes", "also"):  # which most cards do not have
            if not content["protocol"][name]:
                del content["protocol"][name]
        text = strict_json.dumps(content, indent=1) + "\n"
        with writing(path):
            path.write_text(text, encoding="utf-8")


def read_card(path: Path) -> Card:
    """Read the card in a file; a :class:`ForgeryError` if it is missing or not a card."""
    try:
        content: dict[str, Any] = strict_json.loads(path.read_text(encoding="utf-8"))
        protocol = content["protocol"]
        also = tuple(Network(**network) for network in protocol.get("also", ()))
        return Card(**content | {"protocol": Protocol(**protocol | {"also": also})})
    except FileNotFoundError:
        raise ForgeryError(
            f"{path.parent} has no card yet: run {command('evaluate', path.parent)}"
        ) from None
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise ForgeryError(f"{path} is not a card of this version of forgery: {error}") from None


def require_like(cards: list[Card]) -> None:
    """Refuse to compare cards of different protocols, naming the first difference.

    The training data may differ, since each card has a floor for its training data, unless features
    are compared on its principal axes.
    """
    first = cards[0]
    for other in cards[1:]:
        ours, theirs = first.protocol, other.protocol
        named = [f.name for f in fields(Protocol) if not f.name.startswith("train")]
        differing = [n for n in named if getattr(ours, n) != getattr(theirs, n)]
        if differing:
            name = differing[0]
            raise ForgeryError(
                f"{first.run} and {other.run} were measured by different protocols ({name}: "
                f"{_text(getattr(ours, name))} against {_text(getattr(theirs, name))}); evaluate "
                "them in the same way"
            )
        fitted = [network for network in ours.networks if network.axes]
        if fitted and ours.train_fingerprint != theirs.train_fingerprint:
            raise ForgeryError(
                f"{first.run} and {other.run} were trained on different data ({ours.train} and "
                f"{theirs.train}), and the axes of {fitted[0].name} are those of the training "
                "data: compare runs that were trained on the same data"
            )


def joined_name(measure: str, extractor: str) -> str:
    """The name of a score, ``measure@extractor``; just the measure if ``extractor`` is empty."""
    return f"{measure}{AT}{extractor}" if extractor else measure


def split_name(score: str) -> tuple[str, str]:
    """(measure, extractor) of the name of a score; the extractor is empty for the first one."""
    measure, _, extractor = score.partition(AT)
    return measure, extractor


def joined(first: Card, others: Sequence[Card]) -> Card:
    """One card of the same samples measured by several extractors."""
    card = first
    for other in others:
        (network,) = other.protocol.networks

        def named(values: dict[str, Any], extractor: str = network.name) -> dict[str, Any]:
            return {joined_name(name, extractor): value for name, value in values.items()}

        card = replace(
            card,
            protocol=replace(card.protocol, also=(*card.protocol.also, network)),
            scores=card.scores | named(other.scores),
            floor=card.floor | named(other.floor),
            left_out=card.left_out | named(other.left_out),
            notes=[*card.notes, *(note for note in other.notes if note not in card.notes)],
        )
    return card


def _text(value: object) -> str:
    """A value of a protocol as text."""
    if isinstance(value, tuple):
        return " and ".join(map(str, value)) or "none"
    return str(value)
