"""Networks that extract the features and class logits on which measures are computed."""

from .choose import default_extractor, is_same_family, load_extractor
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
from .dinov2 import load_dinov2
from .efficientnet import load_efficientnet
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
    "default_extractor",
    "is_same_family",
    "load_classifier",
    "load_digit_classifier",
    "load_dinov2",
    "load_efficientnet",
    "load_extractor",
    "load_inception",
    "load_stacked_digit_classifier",
    "save_classifier",
    "train_classifier",
]
