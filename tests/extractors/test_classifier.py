import pytest
import torch

from forgery.data import Dataset
from forgery.errors import ForgeryError
from forgery.extractors import Classifier, accuracy, attribute_accuracy, train_classifier
from forgery.extractors.classifier import FEATURES, _shifted
from forgery.pixels import to_model


def quadrants(count):
    """Colour images of 12×12 whose class is the bright quadrant."""
    labels = torch.arange(count) % 4
    images = torch.zeros(count, 3, 12, 12, dtype=torch.uint8)
    for image, label in zip(images, labels.tolist(), strict=True):
        top, left = 6 * (label // 2), 6 * (label % 2)
        image[:, top : top + 6, left : left + 6] = 200
    return Dataset("quadrants", images, labels, ("a", "b", "c", "d"))


def test_learns_labelled_images():
    data = quadrants(64)
    network = train_classifier(data, epochs=10, batch_size=16, shift=1)
    assert accuracy(network, data) == 1
    features, logits = network(torch.zeros(5, 3, 12, 12))
    assert features.shape == (5, FEATURES)
    assert logits.shape == (5, 4)


def test_learns_attributes():
    plain = quadrants(64)
    sides = torch.stack([plain.labels >= 2, plain.labels % 2 == 1], 1)
    data = Dataset("q", plain.values, attributes=sides, attribute_names=("lower", "right"))
    network = train_classifier(data, epochs=10, batch_size=16, shift=1, attributes=True)
    assert network.classes == ("lower", "right")
    assert attribute_accuracy(network, data).tolist() == [1, 1]
    both = network(to_model(data.values[plain.labels == 3]))[1]
    assert (both > 0).all()


def test_same_seed_same_network():
    data = quadrants(32)
    kwargs = {"epochs": 2, "batch_size": 16}
    first, again, other = (
        train_classifier(data, seed=seed, **kwargs).state_dict() for seed in (0, 0, 1)
    )
    assert all(torch.equal(first[key], again[key]) for key in first)
    assert not torch.equal(first["head.weight"], other["head.weight"])


def test_the_callers_random_state_is_unchanged():
    torch.manual_seed(7)
    expected = torch.rand(3)
    torch.manual_seed(7)
    train_classifier(quadrants(16), epochs=1, batch_size=16)
    assert torch.equal(torch.rand(3), expected)


def test_reports_each_epoch():
    reports = []
    train_classifier(
        quadrants(32), epochs=3, batch_size=16, report=lambda *given: reports.append(given)
    )
    assert [epoch for epoch, _ in reports] == [1, 2, 3]
    assert reports[-1][1] < reports[0][1]


def test_shifts_are_whole_pixels_within_the_limit():
    images = torch.full((200, 1, 9, 9), -1.0)
    images[:, :, 4, 4] = 1
    moved = _shifted(images, 2, torch.Generator().manual_seed(0))
    assert moved.shape == images.shape
    _, _, rows, columns = (moved == 1).nonzero().T
    assert len(rows) == 200
    assert set(rows.tolist()) == set(columns.tolist()) == {2, 3, 4, 5, 6}
    assert _shifted(images, 0, torch.Generator()) is images


def test_shifts_repeat_border_pixels():
    images = torch.arange(5.0).expand(50, 1, 5, 5)
    moved = _shifted(images, 1, torch.Generator().manual_seed(0))
    kinds = {tuple(row.tolist()) for row in moved[:, 0, 0]}
    assert kinds == {(0, 0, 1, 2, 3), (0, 1, 2, 3, 4), (1, 2, 3, 4, 4)}


def test_unsuitable_data_is_refused():
    images = torch.zeros(200, 1, 8, 8, dtype=torch.uint8)
    with pytest.raises(ForgeryError, match="needs labels"):
        train_classifier(Dataset("plain", images))
    with pytest.raises(ForgeryError, match="plain: an attribute classifier needs data with"):
        train_classifier(Dataset("plain", images), attributes=True)
    with pytest.raises(ForgeryError, match="16 images are fewer than one batch of 128"):
        train_classifier(quadrants(16))
    with pytest.raises(ForgeryError, match="at least 8×8 pixels, not 4×8"):
        Classifier((1, 4, 8), ("a", "b"))
    with pytest.raises(ForgeryError, match="needs labels"):
        accuracy(Classifier((1, 8, 8), ("a", "b")), Dataset("plain", images))
