"""The exception for user errors, and suggestions for mistyped names."""

import difflib
from collections.abc import Iterable, Mapping
from typing import TypeVar

T = TypeVar("T")


class ForgeryError(Exception):
    """An error that the user can fix: the message states what was given and what was expected.

    The command line prints the message without a traceback and exits with code 2.
    """


def did_you_mean(given: str, known: Iterable[str]) -> str:
    """Suggest the nearest known name, or list all of them if none is close.

    Returns the end of an error message: ``": did you mean 'hinge'?"``.
    """
    known = list(known)
    near = difflib.get_close_matches(given, known, n=1, cutoff=0.5)
    return f": did you mean {near[0]!r}?" if near else f": choose from {', '.join(known)}"


def lookup(table: Mapping[str, T], name: str, kind: str) -> T:
    """Return the entry called ``name``, or raise a :class:`ForgeryError` with the nearest one."""
    try:
        return table[name]
    except KeyError:
        raise ForgeryError(f"unknown {kind} {name!r}{did_you_mean(name, table)}") from None
