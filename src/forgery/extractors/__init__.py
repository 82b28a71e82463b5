"""Networks that extract the features and class logits on which measures are computed."""

from .classifier import (
    Classifier,
    accuracy,
    attribute_accuracy,
    train_classifier,
)
from .coordinates import Coordinates
from .digits import (
    bundled_classifier,
    load_digit_classifier,
    load_stacked_digit_classifier,
)
from .extractor import Extractor
from .files import load_classifier, save_classifier
from .inception import load_inception

__all__ = [
    "Classifier",
    "Coordinates",
    "Extractor",
    "accuracy",
    "attribute_accuracy",
    "bundled_classifier",
    "load_classifier",
    "load_digit_classifier",
    "load_inception",
    "load_stacked_digit_classifier",
    "save_classifier",
    "train_classifier",
]
