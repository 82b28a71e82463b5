"""Augmentation on 500 digits and on 500 faces."""

from typing import Any

import forgery
from forgery import recipes
from forgery.config import Config
from forgery.evaluation import evaluate

from . import digits
from .declaration import Column, Scores, Table, package
from .rows import Trained

LIMIT = 500
AUGMENTATIONS = {"none": "none", "DiffAugment": "diffaugment", "ADA": "adaptive"}
STEPS = (1_000, 3_000, 6_000)


def of_digits(augment: str) -> Config:
    """Recipe ``mlp`` with convolutions, which most augmentations need, of width 16."""
    networks = {"generator": "dcgan", "discriminator": "dcgan", "g_width": 16, "d_width": 16}
    return recipes.mlp(split="train50k", limit=LIMIT, augment=augment, **networks)


def of_faces(augment: str) -> Config:
    return recipes.dcgan(data="faces", limit=LIMIT, augment=augment, batch_size=64, ema=0.999)


def faces_score(model: forgery.Model) -> Scores:
    card = evaluate(model.path, samples=2048, step=model.step, device_name="cpu", keep=False)
    return {key: card.scores[key] for key in ("frechet", "precision", "recall")}


def _row(what: str, name: str, **more: Any) -> Trained:
    make = {"digits": of_digits, "faces": of_faces}[what]
    return Trained(
        name=f"500 {what}, {name}",
        config=lambda: make(AUGMENTATIONS[name]),
        score=digits.against_test if what == "digits" else faces_score,
        lengths=STEPS,
        seeds=(0, 1, 2),
        reference="on other data only (Zhao et al. 2020, Karras et al. 2020)",
        **more,
    )


TABLE = Table(
    "small-data",
    "Fréchet distance to the test images after training on 500 images",
    (
        Column("frechet", "Fréchet distance", ".1f"),
        Column("precision", "precision", ".2f"),
        Column("recall", "recall", ".2f"),
    ),
    tuple(f"{n:,} steps" for n in STEPS),
    (
        *(_row("digits", name) for name in AUGMENTATIONS),
        *(_row("faces", name, missing=package("dicebear", "faces")) for name in AUGMENTATIONS),
    ),
    "Digits: a stratified 500 of the training images, networks `dcgan` of width 16 with the rates "
    "and the average of `mlp`, on the bundled classifier's features. Faces: 500 drawn faces of 32 "
    "× 32 pixels, recipe `dcgan` with minibatches of 64 and an average of .999, 2,048 samples, on "
    "64 axes of EfficientNet-Lite2's features. Distances of digits and faces do not compare.",
)
