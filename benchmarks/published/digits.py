"""Scores of digits against held-out images, on the features of the bundled classifier."""

from functools import cache

import torch

import forgery
from quality_over_time import Judge

from .declaration import Column, Scores

SAMPLES = 10_000
COLUMNS = (
    Column("frechet", "Fréchet distance", ".2f"),
    Column("precision", "precision", ".3f"),
    Column("recall", "recall", ".3f"),
    Column("class_kl", "KL of classes", ".3f"),
)


@cache
def _judge(split: str) -> Judge:
    return Judge(torch.device("cpu"), neighbours=split == "test", split=split)


def of_images(images: torch.Tensor) -> Scores:
    """Fréchet distance, KL of the classes, precision and recall of images in [-1, 1]."""
    return _judge("test")(images)


def against_test(model: forgery.Model) -> Scores:
    """The same of 10,000 samples."""
    return of_images(model.sample(SAMPLES, seed=1))


def against_validation(model: forgery.Model) -> Scores:
    """Fréchet distance and KL of the classes, to choose settings."""
    return _judge("valid10k")(model.sample(SAMPLES, seed=1))
