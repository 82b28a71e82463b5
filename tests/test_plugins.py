"""Names and parts that other packages add through entry points."""

import inspect
import sys

import pytest

from forgery import ForgeryError, data, plugins
from forgery.config import Config, choices
from forgery.recipes import find_recipe


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


@pytest.fixture
def data_package(tmp_path, monkeypatch):
    """An installed package with data and recipes, some of them broken."""
    (tmp_path / "my_data.py").write_text(
        "import torch\n"
        "from forgery.data import Dataset\n"
        "def ones(split):\n"
        "    value = {'train': 1, 'test': 2}[split]\n"
        "    return Dataset('ones', torch.full((30, 1, 8, 8), value, dtype=torch.uint8))\n"
        "def wrong(split): return None\n"
        "def recipe(**changes):\n"
        "    from forgery import recipes\n"
        "    return recipes.mlp(**changes)\n"
    )
    info = tmp_path / "my_data-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: my-data\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(
        "[forgery.data]\nones = my_data:ones\nmnist = my_data:ones\nwrong = my_data:wrong\n"
        "[forgery.recipes]\nplain = my_data:recipe\nnothing = my_data:wrong_recipe\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    yield
    sys.modules.pop("my_data", None)


def test_data_of_a_package(data_package):
    assert data.load("ones", "test").values.unique().tolist() == [2]
    assert data.load("mnist", "test").name == "mnist[test]"  # the bundled one
    with pytest.raises(ForgeryError, match=r"'ones' of a package has no split 'valid'.*KeyErr"):
        data.load("ones", "valid")
    with pytest.raises(ForgeryError, match="are a NoneType: expected a forgery"):
        data.load("wrong")


def test_a_recipe_of_a_package_without_a_docstring(data_package):
    assert find_recipe("plain")(steps=3).steps == 3
    assert inspect.getdoc(find_recipe("plain")) is None


def test_a_part_is_loaded_by_its_name(package):
    part = plugins.load("forgery.objectives", "gentle")
    assert part is sys.modules["my_losses"].gentle
    with pytest.raises(ForgeryError, match=r"adds 'gentel' .*did you mean 'gentle'"):
        plugins.load("forgery.objectives", "gentel")
    with pytest.raises(ForgeryError, match=r"cannot import 'broken' .*my_losses:absent"):
        plugins.load("forgery.objectives", "broken")
