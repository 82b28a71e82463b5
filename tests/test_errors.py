"""Suggestions in messages, and errors with several problems."""

from pathlib import Path

import pytest

from forgery.data import SOURCES
from forgery.errors import ForgeryError, command, did_you_mean, lookup, refuse


@pytest.mark.parametrize(
    ("given", "suggested"), [("mnits", "mnist"), ("ring", "ring8"), ("face64", "faces64")]
)
def test_a_misspelt_name_suggests_the_nearest(given, suggested):
    assert did_you_mean(given, SOURCES) == f": did you mean {suggested!r}?"


@pytest.mark.parametrize("given", ["nope", "cats", "x" * 300, ""])
def test_a_name_that_is_near_to_none_lists_all(given):
    assert did_you_mean(given, SOURCES) == f": choose from {', '.join(SOURCES)}"


def test_without_known_names_nothing_is_suggested():
    assert did_you_mean("x", []) == ""


def test_all_problems_are_one_error_and_none_is_no_error():
    refuse([])
    with pytest.raises(ForgeryError, match=r"^one\ntwo$"):
        refuse(["one", "two"])


@pytest.mark.parametrize(
    ("path", "written"),
    [("runs/first", "runs/first"), ("zoo:mnist", "zoo:mnist"), ("My Photos", "'My Photos'")],
)
def test_a_suggested_command_quotes_only_what_needs_it(path, written):
    assert command("resume", Path(path)) == f"forgery resume {written}"


def test_lookup():
    assert lookup({"a": 1}, "a", "letter") == 1
    with pytest.raises(ForgeryError, match="unknown letter 'q': choose from a"):
        lookup({"a": 1}, "q", "letter")
