"""Recipes on MNIST at their own length, three seeds each, beside real images."""

from collections.abc import Callable

import torch

import forgery
from forgery import recipes
from forgery.config import Config
from forgery.data.mnist import mnist
from forgery.evaluation import evaluate

from . import digits, table1
from .declaration import Column, Scores, Table
from .rows import Measured, Trained

NATS = Column("parzen", "Parzen log-likelihood, nats", ".1f")
ASKED = Column("asked_right", "class as requested", ".1f", percent=True)


def score(model: forgery.Model) -> Scores:
    """The scores of ``forgery evaluate``."""
    card = evaluate(model.path, step=model.step, device_name="cpu", keep=False, progress=False)
    names = [column.key for column in (*digits.COLUMNS, NATS, ASKED)]
    return {name: card.scores[name] for name in names if name in card.scores}


def of_real_images(seed: int) -> Scores:
    """The same of 10,000 training images, but for the classes, which nobody requested."""
    train = mnist("train").values
    generator = torch.Generator().manual_seed(seed)
    chosen = train[torch.randperm(len(train), generator=generator)[: digits.SAMPLES]]
    scores = digits.of_images(chosen.float() / 127.5 - 1)
    return {**scores, "parzen": table1.parzen(chosen / 255)["nats"]}


def _row(name: str, recipe: Callable[..., Config], steps: int) -> Trained:
    return Trained(
        name=f"{name}, {steps:,} steps",
        config=recipe,
        score=score,
        lengths=(steps,),
        seeds=(0, 1, 2),
        reference="none by these features",
    )


TABLE = Table(
    "mnist",
    "Recipes on MNIST",
    (*digits.COLUMNS, NATS, ASKED),
    ("whole length",),
    (
        Measured(
            name="10,000 real training images",
            seeds=(0,),
            reference="none by these features",
            few_seeds="nothing is trained",
            measure=of_real_images,
        ),
        _row("`mlp`", recipes.mlp, 18_000),
        _row("`mlp`", recipes.mlp, 44_000),
        _row("`tutorial`", recipes.tutorial, 120_000),
        _row("`conditional`", recipes.conditional, 12_000),
        _row("`vae`", recipes.vae, 20_000),
    ),
    "Scores of `forgery evaluate`: 10,000 samples against the test images.",
)
