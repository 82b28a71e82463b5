"""Small trained models of images, and their pages."""

from collections.abc import Callable
from pathlib import Path

import pytest

import forgery
from forgery import model, recipes
from forgery.model import Model

SMALL = {
    "g_width": 8,
    "d_width": 8,
    "latent": 6,
    "batch_size": 20,
    "steps": 3,
    "checkpoint_every": 3,
    "sample_every": 3,
    "grid": 4,
    "threads": 1,
    "device": "cpu",
    "split": "test",
    "images": None,
    "epochs": None,
}


@pytest.fixture(scope="session")
def trained(tmp_path_factory) -> Callable[..., Model]:
    """name, recipe, settings → a model of a run called so, trained for three steps."""
    folder: Path = tmp_path_factory.mktemp("models")

    def train(name: str, recipe: str = "mlp", **settings) -> Model:
        config = recipes.RECIPES[recipe](**SMALL | settings)
        forgery.train(config, folder / name)
        return model.load(folder / name)

    return train


@pytest.fixture(scope="session")
def digits(trained) -> Model:
    """A generator of digits."""
    return trained("digits")


@pytest.fixture(scope="session")
def conditional(trained) -> Model:
    """A generator of digits that takes a class."""
    return trained("of-class", "conditional")
