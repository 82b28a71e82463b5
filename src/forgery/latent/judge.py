"""Who says what is in a picture: a classifier of the data's attributes, or of its classes."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from ..data import Dataset
from ..data.cache import cache_folder
from ..errors import ForgeryError
from ..extractors import (
    Classifier,
    Extractor,
    accuracy,
    attribute_accuracy,
    load_classifier,
    load_digit_classifier,
    save_classifier,
    train_classifier,
)

#: Passes over the data when a judge of attributes, or of classes, is trained.
EPOCHS = {"attributes": 2, "classes": 6}


@dataclass(frozen=True)
class Judge:
    """A classifier that says which concepts an image shows.

    Parameters
    ----------
    extractor:
        Its logits are one for each concept.
    exclusive:
        Whether an image shows exactly one of them (classes), or each on its own (attributes).
    """

    extractor: Extractor
    exclusive: bool

    @property
    def names(self) -> tuple[str, ...]:
        """The concepts."""
        return self.extractor.classes

    def probabilities(self, images: Tensor) -> Tensor:
        """How sure the judge is of each concept: ``[N, C, H, W]`` → float32 ``[N, K]``, CPU."""
        logits = self.extractor.logits(images).cpu()
        return logits.softmax(1) if self.exclusive else logits.sigmoid()

    def accuracy(self, data: Dataset) -> dict[str, float]:
        """The share of data that it is right about, by attribute; for classes under ``class``."""
        network = self.extractor.network
        assert isinstance(network, Classifier)
        if self.exclusive:
            return {"class": accuracy(network, data)}
        return dict(zip(self.names, attribute_accuracy(network, data).tolist(), strict=True))


def judge_of(train: Dataset, report: Callable[[int, float], None] | None = None) -> Judge:
    """The judge of some data: of its attributes where it has them, else of its classes.

    Digits are judged by the bundled classifier. Any other is trained on the data when it is first
    asked for, a minute or two, and kept in the cache under the data's fingerprint.

    Parameters
    ----------
    train:
        The data that it learns from.
    report:
        Called after each epoch of its training with the number, from 1, and the mean loss.

    Raises
    ------
    ForgeryError
        The data are points, or have neither attributes nor classes.
    """
    if train.kind == "points":
        raise ForgeryError(f"{train.name} are points: concepts are found in images")
    if train.attributes is None and len(train.classes) < 2:
        raise ForgeryError(
            f"{train.name} has neither attributes nor classes, so that no classifier can learn "
            "its concepts: give samples by number"
        )
    if train.attributes is None and train.name.startswith("mnist["):
        return Judge(load_digit_classifier(), exclusive=True)
    kind = "classes" if train.attributes is None else "attributes"
    path = cache_folder() / f"judge-{kind}-{EPOCHS[kind]}-{train.fingerprint[:32]}.safetensors"
    try:
        return Judge(load_classifier(path), kind == "classes")
    except ForgeryError:  # not there, or damaged: made anew
        pass
    with torch.enable_grad():
        network = train_classifier(
            train, EPOCHS[kind], shift=1, report=report, attributes=kind == "attributes"
        )
    _make_folder(path)
    save_classifier(network, path, f"{train.name} {kind}")
    return Judge(load_classifier(path), kind == "classes")


def _make_folder(path: Path) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ForgeryError(
            f"cannot write to {path.parent}: {error.strerror}; FORGERY_CACHE names another folder"
        ) from error
