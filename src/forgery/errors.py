"""The exception for user errors, and suggestions for mistyped names."""

import difflib
import shlex
from collections.abc import Iterable, Mapping, Sequence
from typing import TypeVar

T = TypeVar("T")


class ForgeryError(Exception):
    """An error that the user can fix: the message states what was given and what was expected.

    The command line prints the message without a traceback and exits with code 2.
    """


def command(*words: object) -> str:
    """``forgery`` with these words, quoted where a shell needs it, for a message."""
    return shlex.join(["forgery", *map(str, words)])


def refuse(problems: Sequence[str]) -> None:
    """Raise one :class:`ForgeryError` with all problems, one per line, if there are any."""
    if problems:
        raise ForgeryError("\n".join(problems))


def nearest(given: str, known: Iterable[str]) -> str | None:
    """Return the known name closest to a misspelt one, or None if none is close."""
    near = difflib.get_close_matches(given, list(known), n=1, cutoff=0.6)
    return near[0] if near else None


def did_you_mean(given: str, known: Iterable[str]) -> str:
    """Return ``": did you mean 'hinge'?"``, or the list of known names if none is close."""
    known = list(known)
    near = nearest(given, known)
    if near is not None:
        return f": did you mean {near!r}?"
    return f": choose from {', '.join(known)}" if known else ""


def lookup(table: Mapping[str, T], name: str, kind: str) -> T:
    """Return the entry called ``name``, or raise a :class:`ForgeryError` with the nearest one."""
    try:
        return table[name]
    except KeyError:
        raise ForgeryError(f"unknown {kind} {name!r}{did_you_mean(name, table)}") from None
