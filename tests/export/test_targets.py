"""The table of targets, and the flags and docs that name it."""

import re
from pathlib import Path
from typing import get_args, get_type_hints

import pytest

import forgery
from forgery import ForgeryError
from forgery.cli.export import export
from forgery.export import TARGETS, to_page

from .made_runs import KINDS, make_run

DOCS = Path(__file__).parents[2] / "docs"


@pytest.fixture
def digits(tmp_path):
    """A run of three classes."""
    return make_run(tmp_path / "runs" / "digits", **KINDS["conditional"])


def test_the_command_takes_every_target():
    assert get_args(get_type_hints(export)["to"]) == tuple(TARGETS)
    help_page = export.__doc__ or ""
    for name in TARGETS:
        assert f"{name}: " in help_page


def test_every_target_is_documented():
    text = (DOCS / "export.md").read_text(encoding="utf-8")
    for name, target in TARGETS.items():
        (row,) = re.findall(rf"^\| `{name}` \| (.*)$", text, re.M)
        assert (f"forgery[{target.extra}]" in row) == bool(target.extra)


def test_the_functions_are_a_module_of_the_package():
    assert "export" in dir(forgery)
    assert all(
        callable(getattr(forgery.export, f"to_{name.replace('-', '_')}")) for name in TARGETS
    )
    assert callable(forgery.export.push)


def test_a_page_draws_the_model(digits, tmp_path):
    pytest.importorskip("forgery.export.page")
    to_page(forgery.load(digits), tmp_path / "digits.html")
    assert (tmp_path / "digits.html").read_text().lstrip().lower().startswith("<!doctype html>")
    with pytest.raises(ForgeryError, match="already exists"):
        to_page(forgery.load(digits), tmp_path / "digits.html")
