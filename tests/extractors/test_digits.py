from pathlib import Path

import pytest
import torch

import forgery.extractors
from forgery.data import Dataset
from forgery.data.mnist import mnist
from forgery.errors import ForgeryError
from forgery.extractors import bundled_classifier, digits, load_digit_classifier
from forgery.metrics import class_balance, feature_statistics, frechet_distance

FILE = Path(forgery.extractors.__file__).with_name(digits.FILE)


@pytest.fixture(scope="module")
def extractor():
    return load_digit_classifier()


@pytest.mark.slow
def test_accuracy_on_test_digits(extractor):
    test = mnist("test")
    predicted = extractor.logits(test.values).argmax(1)
    assert (predicted == test.labels).double().mean() > 0.994
    assert extractor.classes == tuple("0123456789")
    balance = class_balance(predicted, test.labels, 10)
    assert balance.kl < 1e-4


def test_name_and_hash(extractor):
    assert extractor.name == "mnist-digits"
    assert extractor.sha256 == digits.SHA256
    assert FILE.stat().st_size < 2_000_000


def test_data_is_recognised_by_its_labels_and_not_by_its_shape_or_name():
    test = mnist("test")
    values, labels, names = test.values[:600], test.labels[:600], test.classes
    assert bundled_classifier(Dataset("photos", values, labels, names)).name == "mnist-digits"
    assert bundled_classifier(Dataset("mnist[test]", values, labels.roll(1), names)) is None
    assert bundled_classifier(Dataset("mnist[test]", values, labels, tuple("abcdefghij"))) is None
    assert bundled_classifier(Dataset("mnist[test]", values)) is None
    assert bundled_classifier(Dataset("points", torch.zeros(5, 2))) is None
    # Two of the digits, numbered from 0.
    some = values[(labels == 3) | (labels == 8)]
    which = (labels[(labels == 3) | (labels == 8)] == 8).long()
    assert bundled_classifier(Dataset("3 and 8", some, which, ("3", "8"))) is not None
    stacked = torch.cat([values[:200], values[200:400], values[400:]], 1)
    triples = labels[:200] * 100 + labels[200:400] * 10 + labels[400:]
    thousand = tuple(f"{i:03d}" for i in range(1000))
    found = bundled_classifier(Dataset("stacked", stacked, triples, thousand))
    assert found.name == "mnist-digits of each channel"


@pytest.mark.slow
def test_distance_between_real_digits_is_small(extractor):
    """The Fréchet distance of training and test images is far below that of a slight blur."""
    train, test = mnist("train").values[:4000], mnist("test").values[:4000]
    blurred = torch.nn.functional.avg_pool2d(test.float(), 3, stride=1, padding=1).byte()
    real, held_out, worse = (
        feature_statistics(extractor.features(images)) for images in (train, test, blurred)
    )
    floor = frechet_distance(real, held_out)
    assert floor < 0.1 * frechet_distance(real, worse)


def test_refuses_a_modified_file(monkeypatch):
    monkeypatch.setattr(digits, "SHA256", "0" * 64)
    with pytest.raises(ForgeryError, match="expected 0000"):
        load_digit_classifier()
