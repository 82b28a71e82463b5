"""Parsing of expressions of concepts such as ``"man+glasses - man + woman"``."""

from dataclasses import dataclass

import torch
from torch import Tensor

from ..errors import ForgeryError, did_you_mean

#: Word → equivalent attributes of other names, as (attribute, value). The first one that the data
#: has is used.
WORDS: dict[str, tuple[tuple[str, bool], ...]] = {
    "man": (("woman", False), ("male", True)),
    "woman": (("male", False),),
    "glasses": (("eyeglasses", True),),
}


@dataclass(frozen=True)
class Concept:
    """Required values of some attributes: ``man+glasses`` is woman: False, glasses: True."""

    text: str
    wanted: dict[str, bool]

    def shown(self, probabilities: Tensor, names: tuple[str, ...], sure: float = 0.5) -> Tensor:
        """Return which images show the concept, bool ``[N]``, from probabilities ``[N, K]``.

        Every attribute must have the wanted value with a probability above ``sure``.
        """
        fits = torch.ones(len(probabilities), dtype=torch.bool)
        for name, value in self.wanted.items():
            p = probabilities[:, names.index(name)]
            fits &= (p if value else 1 - p) > sure
        return fits


@dataclass(frozen=True)
class Expression:
    """Concepts with signs, and the concept that they add up to; None if there is none."""

    terms: tuple[tuple[int, Concept], ...]
    target: Concept | None

    def __str__(self) -> str:
        words = [f"{'+' if sign > 0 else '−'} {concept.text}" for sign, concept in self.terms]
        return " ".join(words).removeprefix("+ ")


def parse(text: str, names: tuple[str, ...], exclusive: bool = False) -> Expression:
    """Parse an expression such as ``"man+glasses - man + woman"``.

    A concept is an attribute, or several joined by ``+`` without spaces; ``no-glasses`` is the
    absence of one. Concepts are separated by ``+`` or ``-`` with spaces around it. Attributes that
    occur anywhere in the expression must be absent from concepts that do not name them: the man in
    ``man+glasses - man`` has no glasses, as in the paper (Radford et al. 2015, section 6.3.2).

    The target is given by the same sum, with 1 for presence and 0 for absence; there is none if an
    attribute sums to another value.

    Parameters
    ----------
    text:
        The expression.
    names:
        Names of the attributes or classes.
    exclusive:
        Whether the names are classes, of which an image has exactly one.

    Raises
    ------
    ForgeryError
        A name is unknown, or the expression is invalid.
    """
    tokens = text.split()
    if not tokens or len(tokens) % 2 == 0:
        raise ForgeryError(
            f"cannot parse {text!r}: expected concepts separated by ' + ' or ' - ', including the "
            "spaces, as in 'man+glasses - man + woman'"
        )
    signs = [1]
    for sign in tokens[1::2]:
        if sign not in ("+", "-", "−"):
            raise ForgeryError(
                f"cannot parse {text!r}: expected + or - with spaces around it, got {sign!r}"
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
    """Return the attribute that a word refers to, and its value.

    Case is ignored, and ``_`` is equivalent to ``-``, except to tell names apart that differ in
    nothing else.

    Raises
    ------
    ForgeryError
        The word is not an attribute; the message has the nearest one. Or it may be several.
    """
    if word in names:
        return word, True
    wanted = _plain(word)
    alike = [name for name in names if _plain(name) == wanted]
    if len(alike) > 1:
        raise ForgeryError(f"{word!r} may be {' or '.join(alike)}: write it exactly")
    if alike:
        return alike[0], True
    known = {_plain(name): name for name in names}
    for name, value in WORDS.get(wanted, ()):
        if name in known:
            return known[name], value
    if wanted.startswith("no-"):
        name, value = attribute(wanted.removeprefix("no-"), names)
        return name, not value
    also = [w for w, means in WORDS.items() if any(name in known for name, _ in means)]
    raise ForgeryError(f"unknown attribute {word!r}{did_you_mean(wanted, [*known, *also])}")


def _plain(word: str) -> str:
    return word.strip().lower().replace("_", "-")


def _attributes(concept: str, names: tuple[str, ...]) -> dict[str, bool]:
    wanted: dict[str, bool] = {}
    for word in concept.split("+"):
        name, value = attribute(word, names)
        if wanted.setdefault(name, value) != value:
            raise ForgeryError(f"{concept!r} requires both presence and absence of {name}")
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
            raise ForgeryError(f"{text!r}: for this data, a concept must be the name of one class")
    concepts = [Concept(text, wanted) for text, wanted in zip(texts, named, strict=True)]
    terms = tuple(zip(signs, concepts, strict=True))
    sums = {name: _sum(terms, name) for wanted in named for name in wanted}
    left = {name: value for name, value in sums.items() if value}
    if list(left.values()) != [1]:
        return Expression(terms, None)
    (only,) = left
    return Expression(terms, Concept(only, {only: True}))
