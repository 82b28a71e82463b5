from pathlib import Path

import pytest
import torch

import forgery.extractors
from forgery.data.mnist import mnist
from forgery.errors import ForgeryError
from forgery.extractors import digits, load_digit_classifier
from forgery.metrics import class_balance, feature_statistics, frechet_distance

FILE = Path(forgery.extractors.__file__).with_name(digits.FILE)


@pytest.fixture(scope="module")
def extractor():
    return load_digit_classifier()


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
