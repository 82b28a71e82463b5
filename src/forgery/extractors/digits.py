"""The bundled extractor: a classifier of MNIST's digits, trained by this package.

There is no standard extractor for MNIST. This one is small, fixed by its hash, and trained on the
60,000 training images with the defaults of ``train_classifier``, which were judged on the paper's
``valid10k`` split (``benchmarks/train_digit_classifier.py`` repeats both). Beside any Fréchet
distance on its features print the distance between the training and the test images: the floor.
"""

from importlib.resources import as_file, files

from .extractor import Extractor
from .files import load_classifier

FILE = "mnist-digits.safetensors"
NAME = "mnist-digits"
SHA256 = "584807bf9fc5770cd060055c3d036e4a75659b3f2692c21e2f6259d57ad8f13f"


def load_digit_classifier() -> Extractor:
    """64 features and 10 logits of 28×28 grey images of digits.

    Raises
    ------
    ForgeryError
        The file in the package is not the one whose hash this module states.
    """
    with as_file(files("forgery.extractors") / FILE) as path:
        return load_classifier(path, SHA256)
