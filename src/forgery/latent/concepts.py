"""Concepts in words: ``"man+glasses - man + woman"`` as signs, attributes and what it comes to."""

from dataclasses import dataclass

import torch
from torch import Tensor

from ..errors import ForgeryError, did_you_mean

#: Word → (attribute, whether it is true), where an attribute of another name says it. The first
#: attribute that the data has counts.
WORDS: dict[str, tuple[tuple[str, bool], ...]] = {
    "man": (("woman", False), ("male", True)),
    "woman": (("male", False),),
    "glasses": (("eyeglasses", True),),
}


@dataclass(frozen=True)
class Concept:
    """What a picture shows of some attributes: ``man+glasses`` is woman: no, glasses: yes."""

    text: str
    wanted: dict[str, bool]

    def shown(self, probabilities: Tensor, names: tuple[str, ...], sure: float = 0.5) -> Tensor:
        """Which pictures show it, by the judge's probabilities ``[N, K]``: bool ``[N]``.

        Every wanted attribute must be as wanted with a probability above ``sure``.
        """
        fits = torch.ones(len(probabilities), dtype=torch.bool)
        for name, value in self.wanted.items():
            p = probabilities[:, names.index(name)]
            fits &= (p if value else 1 - p) > sure
        return fits


@dataclass(frozen=True)
class Expression:
    """Concepts with signs, and the concept that they come to; None where it is none."""

    terms: tuple[tuple[int, Concept], ...]
    target: Concept | None

    def __str__(self) -> str:
        words = [f"{'+' if sign > 0 else '−'} {concept.text}" for sign, concept in self.terms]
        return " ".join(words).removeprefix("+ ")


def parse(text: str, names: tuple[str, ...], exclusive: bool = False) -> Expression:
    """``"man+glasses - man + woman"``, of attributes or classes with these names.

    A concept is one attribute, or several joined by ``+`` without spaces; ``no-glasses`` asks for
    its absence. Between concepts stands a ``+`` or a ``-`` with spaces around it. An attribute that
    the expression speaks of anywhere and a concept does not name must be absent from that concept:
    the man of ``man+glasses - man`` has none, as in the paper (Radford et al. 2015, section 6.3.2).

    What it comes to is found by the same sum: yes counts 1, no 0, and each attribute must end as
    one of the two.

    Parameters
    ----------
    exclusive:
        The names are classes, of which a picture has exactly one.

    Raises
    ------
    ForgeryError
        For an unknown name, with the nearest that is known, and for anything else than the above.
    """
    tokens = text.split()
    if not tokens or len(tokens) % 2 == 0:
        raise ForgeryError(
            f"cannot read {text!r}: expected concepts with ' + ' or ' - ' between them, spaces "
            "included, as in 'man+glasses - man + woman'"
        )
    signs = [1]
    for sign in tokens[1::2]:
        if sign not in ("+", "-", "−"):
            raise ForgeryError(
                f"cannot read {text!r}: expected + or - with spaces around it, found {sign!r}"
            )
        signs.append(1 if sign == "+" else -1)
    named = [_attributes(concept, names) for concept in tokens[::2]]
    if exclusive:
        return _of_classes(signs, tokens[::2], named)
    spoken_of = {name: False for wanted in named for name in wanted}
    concepts = [
        Concept(concept, spoken_of | wanted)
        for concept, wanted in zip(tokens[::2], named, strict=True)
    ]
    terms = tuple(zip(signs, concepts, strict=True))
    return Expression(terms, _target({n: _sum(terms, n) for n in spoken_of}))


def attribute(word: str, names: tuple[str, ...]) -> tuple[str, bool]:
    """The attribute that a word names, and whether the word says that it is true.

    Case counts for nothing, and ``_`` is ``-``.

    Raises
    ------
    ForgeryError
        For a word that is no attribute, with the nearest that is.
    """
    known = {_plain(name): name for name in names}
    asked = _plain(word)
    if asked in known:
        return known[asked], True
    for name, value in WORDS.get(asked, ()):
        if name in known:
            return known[name], value
    if asked.startswith("no-"):
        name, value = attribute(asked.removeprefix("no-"), names)
        return name, not value
    also = [w for w, means in WORDS.items() if any(name in known for name, _ in means)]
    raise ForgeryError(f"unknown attribute {word!r}{did_you_mean(asked, [*known, *also])}")


def _plain(word: str) -> str:
    return word.strip().lower().replace("_", "-")


def _attributes(concept: str, names: tuple[str, ...]) -> dict[str, bool]:
    wanted: dict[str, bool] = {}
    for word in concept.split("+"):
        name, value = attribute(word, names)
        if wanted.setdefault(name, value) != value:
            raise ForgeryError(f"{concept!r} asks for {name} and for its absence")
    return wanted


def _sum(terms: tuple[tuple[int, Concept], ...], name: str) -> int:
    return sum(sign * concept.wanted.get(name, False) for sign, concept in terms)


def _target(sums: dict[str, int]) -> Concept | None:
    if any(value not in (0, 1) for value in sums.values()):
        return None
    text = "+".join(name if value else f"no-{name}" for name, value in sums.items())
    return Concept(text, {name: value == 1 for name, value in sums.items()})


def _of_classes(signs: list[int], texts: list[str], named: list[dict[str, bool]]) -> Expression:
    for text, wanted in zip(texts, named, strict=True):
        if list(wanted.values()) != [True]:
            raise ForgeryError(f"{text!r}: a concept of this data is one class by its name")
    concepts = [Concept(text, wanted) for text, wanted in zip(texts, named, strict=True)]
    terms = tuple(zip(signs, concepts, strict=True))
    sums = {name: _sum(terms, name) for wanted in named for name in wanted}
    left = {name: value for name, value in sums.items() if value}
    if list(left.values()) != [1]:
        return Expression(terms, None)
    (only,) = left
    return Expression(terms, Concept(only, {only: True}))
