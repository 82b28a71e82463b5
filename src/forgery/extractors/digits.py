"""The bundled extractor: a classifier of MNIST digits, trained by this package.

There is no standard extractor for MNIST. This one is small, identified by its hash, and trained on
the 60,000 training images with the defaults of ``train_classifier``, which were chosen on the
paper's ``valid10k`` split (``benchmarks/train_digit_classifier.py`` repeats both). With any Fréchet
distance on its features, report that between the training and the test images as a lower bound.
"""

from dataclasses import replace
from importlib.resources import as_file, files

from torch import Tensor, nn

from ..data import Dataset
from .extractor import Extractor
from .files import load_classifier

FILE = "mnist-digits.safetensors"
NAME = "mnist-digits"
SHA256 = "584807bf9fc5770cd060055c3d036e4a75659b3f2692c21e2f6259d57ad8f13f"
#: The data are taken for digits if this fraction of this many labelled images is classified
#: correctly; 28×28 grey pixels and ten classes are not enough.
RECOGNISED, TRIED = 0.9, 500


def bundled_classifier(data: Dataset) -> Extractor | None:
    """The bundled classifier whose predictions agree with the labels of the data, if there is one.

    One digit for grey images, three digits for images of three channels (Stacked MNIST). Data
    without labels has none.
    """
    loaders = {(1, 28, 28): load_digit_classifier, (3, 28, 28): load_stacked_digit_classifier}
    if data.labels is None or data.shape not in loaders:
        return None
    extractor = loaders[data.shape]()
    if not set(data.classes) <= set(extractor.classes):
        return None
    rows = data.stratified(TRIED)
    predicted = extractor.logits(data.values[rows.to(data.values.device)]).argmax(1).tolist()
    labels = data.labels[rows.to(data.labels.device)].tolist()
    pairs = zip(predicted, labels, strict=True)
    right = sum(extractor.classes[p] == data.classes[y] for p, y in pairs)
    return extractor if right >= RECOGNISED * len(rows) else None


def load_digit_classifier() -> Extractor:
    """Load the extractor of 64 features and 10 logits for 28×28 grey images of digits.

    Raises
    ------
    ForgeryError
        The packaged file does not have the expected hash.
    """
    with as_file(files("forgery.extractors") / FILE) as path:
        return load_classifier(path, SHA256)


def load_stacked_digit_classifier() -> Extractor:
    """Load the extractor for Stacked MNIST, whose images have one digit per channel.

    Its 192 features are those of the three digits; its 1000 logits are the log-probabilities of
    all triples of digits.
    """
    one = load_digit_classifier()
    classes = tuple(a + b + c for a in one.classes for b in one.classes for c in one.classes)
    return replace(
        one,
        name=f"{NAME} of each channel",
        network=_EachChannel(one.network),
        image_shape=(3, 28, 28),
        classes=classes,
    )


class _EachChannel(nn.Module):
    """Apply a one-channel network per channel: ``[N, 3, H, W]`` → ``[N, 3d]`` and ``[N, K³]``."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        features, logits = self.network(x.flatten(0, 1)[:, None])
        a, b, c = logits.log_softmax(1).unflatten(0, (-1, 3)).unbind(1)
        triples = a[:, :, None, None] + b[:, None, :, None] + c[:, None, None, :]
        return features.unflatten(0, (-1, 3)).flatten(1), triples.flatten(1)
