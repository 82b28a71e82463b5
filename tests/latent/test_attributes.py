import pytest
import torch

from forgery.data import Dataset
from forgery.data.mnist import mnist
from forgery.errors import ForgeryError
from forgery.latent import attribute_classifier, attributes


def bright_halves(n, seed=0):
    """Noise whose top half is bright where it is "top", the left half blue where "blue"."""
    generator = torch.Generator().manual_seed(seed)
    images = torch.randint(0, 60, (n, 3, 12, 12), generator=generator, dtype=torch.uint8)
    attributes = torch.rand(n, 2, generator=generator) > 0.5
    images[attributes[:, 0], :, :6] += 120
    images[attributes[:, 1], 2, :, :6] += 75
    return Dataset("halves", images, attributes=attributes, attribute_names=("top", "blue"))


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("FORGERY_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def test_a_classifier_of_attributes_is_trained_once_and_cached(cache, monkeypatch):
    reports = []
    trained = attribute_classifier(bright_halves(600), lambda *given: reports.append(given))
    assert [epoch for epoch, _ in reports] == [1, 2]
    assert trained.names == ("top", "blue")
    assert min(trained.accuracy(bright_halves(300, seed=1)).values()) > 0.95
    monkeypatch.setattr(attributes, "train_classifier", None)  # it is not trained again
    again = attribute_classifier(bright_halves(600))
    images = bright_halves(5).values
    assert torch.equal(again.probabilities(images), trained.probabilities(images))
    (file,) = cache.iterdir()
    file.write_bytes(b"damaged")
    monkeypatch.undo()
    monkeypatch.setenv("FORGERY_CACHE", str(cache))
    assert torch.equal(
        attribute_classifier(bright_halves(600)).probabilities(images),
        trained.probabilities(images),
    )


def test_renamed_classes_keep_their_classifier(cache, monkeypatch):
    """The fingerprint of data is that of its values and labels, not of names."""
    found = bright_halves(300)
    named = Dataset("pets", found.values, found.attributes[:, 0].long(), ("cat", "dog"))
    attribute_classifier(named)
    monkeypatch.setattr(attributes, "train_classifier", None)
    renamed = Dataset("pets", found.values, named.labels, ("cats", "dogs"))
    assert attribute_classifier(renamed).names == ("cats", "dogs")


def test_attributes_are_not_exclusive(cache):
    data = bright_halves(600)
    both = attribute_classifier(data).probabilities(data.values[data.attributes.all(1)][:50])
    assert (both > 0.5).float().mean() > 0.95


def test_digits_use_the_bundled_classifier(cache):
    whole = mnist("test")
    data = Dataset(whole.name, whole.values[:300], whole.labels[:300], whole.classes)
    digits = attribute_classifier(data)
    assert digits.exclusive
    assert digits.accuracy(data)["class"] > 0.97
    assert torch.allclose(digits.probabilities(data.values[:9]).sum(1), torch.ones(9))
    assert not cache.exists()


def test_refusals(cache, tmp_path, monkeypatch):
    with pytest.raises(ForgeryError, match="neither attributes nor classes"):
        attribute_classifier(Dataset("plain", torch.zeros(9, 1, 8, 8, dtype=torch.uint8)))
    with pytest.raises(ForgeryError, match="the data are points"):
        attribute_classifier(Dataset("points", torch.zeros(9, 2)))
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("FORGERY_CACHE", str(tmp_path / "file"))
    with pytest.raises(ForgeryError, match="set FORGERY_CACHE to another"):
        attribute_classifier(bright_halves(200))
