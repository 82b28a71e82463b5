"""What the program says when a person asks for something that it cannot do."""

import difflib
from collections.abc import Iterable, Mapping
from typing import TypeVar

T = TypeVar("T")


class ForgeryError(Exception):
    """A mistake that the user can mend: the message says what was given and what was expected.

    The command line prints the message alone, without a traceback, and exits with code 2.
    """


def did_you_mean(given: str, known: Iterable[str]) -> str:
    """``": did you mean 'hinge'?"``, or the list of what is known when nothing is near."""
    known = list(known)
    near = difflib.get_close_matches(given, known, n=1, cutoff=0.5)
    return f": did you mean {near[0]!r}?" if near else f": choose from {', '.join(known)}"


def lookup(table: Mapping[str, T], name: str, kind: str) -> T:
    """The entry of that name; a :class:`ForgeryError` with the nearest one if there is none."""
    try:
        return table[name]
    except KeyError:
        raise ForgeryError(f"unknown {kind} {name!r}{did_you_mean(name, table)}") from None
