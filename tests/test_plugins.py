"""Names and parts that other packages add through entry points."""

import sys

import pytest

from forgery import ForgeryError, plugins
from forgery.config import Config, choices


@pytest.fixture
def package(tmp_path, monkeypatch):
    """An installed package that adds an objective, and one that cannot be imported."""
    (tmp_path / "my_losses.py").write_text("gentle = object()\n")
    info = tmp_path / "my_losses-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: my-losses\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(
        "[forgery.objectives]\ngentle = my_losses:gentle\nbroken = my_losses:absent\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    yield
    sys.modules.pop("my_losses", None)


def test_names_are_known_without_importing_the_package(package):
    assert plugins.names("forgery.objectives") == ["broken", "gentle"]
    assert "gentle" in choices(Config, "objective")
    assert Config(objective="gentle").objective == "gentle"
    assert "my_losses" not in sys.modules
    assert "gentle" not in plugins.names("forgery.penalties")


def test_a_part_is_loaded_by_its_name(package):
    part = plugins.load("forgery.objectives", "gentle")
    assert part is sys.modules["my_losses"].gentle
    with pytest.raises(ForgeryError, match=r"adds 'gentel' .*did you mean 'gentle'"):
        plugins.load("forgery.objectives", "gentel")
    with pytest.raises(ForgeryError, match=r"cannot import 'broken' .*my_losses:absent"):
        plugins.load("forgery.objectives", "broken")
