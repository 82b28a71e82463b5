"""Classifiers of a data set's attributes or classes, applied to generated images."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor

from ..data import Dataset
from ..errors import ForgeryError
from ..extractors import (
    Classifier,
    Extractor,
    accuracy,
    attribute_accuracy,
    bundled_classifier,
    load_classifier,
    save_classifier,
    train_classifier,
)
from ..user_cache import cache_folder

#: Epochs for training a classifier of attributes or of classes.
EPOCHS = {"attributes": 2, "classes": 6}


@dataclass(frozen=True)
class AttributeClassifier:
    """A classifier that predicts which concepts an image shows.

    Parameters
    ----------
    extractor:
        The classifier, with one logit per concept.
    exclusive:
        Whether an image shows exactly one concept (classes) or any number of them (attributes).
    """

    extractor: Extractor
    exclusive: bool

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the concepts."""
        return self.extractor.classes

    def probabilities(self, images: Tensor) -> Tensor:
        """Predict the probability of each concept: ``[N, C, H, W]`` → float32 ``[N, K]``, CPU."""
        return self.features_and_probabilities(images)[1]

    def features_and_probabilities(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Return also the features of the last hidden layer, float32 ``[N, d]``, CPU."""
        features, logits = (part.cpu() for part in self.extractor.features_and_logits(images))
        return features, logits.softmax(1) if self.exclusive else logits.sigmoid()

    def accuracy(self, data: Dataset) -> dict[str, float]:
        """Return the accuracy on ``data`` for each attribute, or for classes as ``class``."""
        network = self.extractor.network
        assert isinstance(network, Classifier)
        if self.exclusive:
            return {"class": accuracy(network, data)}
        return dict(zip(self.names, attribute_accuracy(network, data).tolist(), strict=True))


def attribute_classifier(
    train: Dataset, report: Callable[[int, float], None] | None = None
) -> AttributeClassifier:
    """Load or train the classifier of a data set's attributes, or of its classes if it has none.

    MNIST uses the bundled classifier. Any other is trained when it is first needed, which
    takes a minute or two, and cached by the data's fingerprint.

    Parameters
    ----------
    train:
        The training data.
    report:
        Called after each epoch of training with its number, from 1, and its mean loss.

    Raises
    ------
    ForgeryError
        The data are points, or have neither attributes nor classes.
    """
    if train.kind == "points":
        raise ForgeryError(f"{train.name}: the data are points, but concepts need images")
    if train.attributes is None and len(train.classes) < 2:
        raise ForgeryError(
            f"{train.name} has neither attributes nor classes for a classifier to learn"
        )
    if train.attributes is None and train.shape[0] == 1 and (known := bundled_classifier(train)):
        return AttributeClassifier(known, exclusive=True)
    kind = "classes" if train.attributes is None else "attributes"
    # The name of earlier versions, so that their classifiers are found.
    path = cache_folder() / f"judge-{kind}-{EPOCHS[kind]}-{train.fingerprint[:32]}.safetensors"
    try:
        return AttributeClassifier(_named(load_classifier(path), train), kind == "classes")
    except ForgeryError:  # missing or damaged: train it
        pass
    with torch.enable_grad():
        network = train_classifier(
            train, EPOCHS[kind], shift=1, report=report, attributes=kind == "attributes"
        )
    _make_folder(path)
    save_classifier(network, path, f"{train.name} {kind}")
    return AttributeClassifier(load_classifier(path), kind == "classes")


def _named(extractor: Extractor, train: Dataset) -> Extractor:
    """The classifier with the classes' present names, which the fingerprint does not contain."""
    if train.attributes is not None:
        return extractor
    return replace(extractor, classes=train.classes)


def _make_folder(path: Path) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ForgeryError(
            f"cannot write to {path.parent}: {error.strerror}; set FORGERY_CACHE to another folder"
        ) from error
