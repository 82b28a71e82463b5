import hashlib
import json

import pytest
import torch
from safetensors.torch import save

from forgery.errors import ForgeryError
from forgery.extractors import Classifier, load_classifier, save_classifier
from forgery.extractors.files import read_checked


@pytest.fixture
def network():
    torch.manual_seed(0)
    return Classifier((3, 12, 10), ("cat", "dog", "neither")).eval()


def test_round_trip_of_a_classifier(network, tmp_path):
    path = tmp_path / "animals.safetensors"
    sha256 = save_classifier(network, path, "animals")
    extractor = load_classifier(path, sha256)
    assert extractor.name == "animals"
    assert extractor.sha256 == sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert extractor.classes == ("cat", "dog", "neither")
    assert extractor.image_shape == (3, 12, 10)
    images = torch.rand(4, 3, 12, 10) * 2 - 1
    features, logits = network(images)
    assert torch.equal(extractor.features(images), features)
    assert torch.equal(extractor.logits(images), logits)


def test_same_network_same_hash(network, tmp_path):
    hashes = {save_classifier(network, tmp_path / f"{i}", "animals") for i in range(5)}
    assert len(hashes) == 1


def test_refuses_a_different_hash(network, tmp_path):
    path = tmp_path / "animals.safetensors"
    sha256 = save_classifier(network, path, "animals")
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    with pytest.raises(ForgeryError, match=rf"its SHA-256 is [0-9a-f]{{64}}, expected {sha256}"):
        load_classifier(path, sha256)
    assert load_classifier(path).sha256 != sha256  # without a hash, any is accepted


def about(**changes):
    whole = {"name": "x", "image_shape": [1, 8, 8], "classes": ["a", "b"]} | changes
    return {"classifier": json.dumps(whole)}


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"not safetensors at all",
        save({"x": torch.zeros(1)}),
        save({"x": torch.zeros(1)}, metadata={"classifier": "{"}),
        save({"x": torch.zeros(1)}, metadata={"classifier": "[]"}),
        save({"x": torch.zeros(1)}, metadata=about()),
        save(Classifier((1, 8, 8), ("a", "b")).state_dict(), metadata=about(classes=["a"])),
        save(Classifier((1, 8, 8), ("a", "b")).state_dict(), metadata=about(image_shape=[3, 8, 8])),
        save(Classifier((1, 8, 8), ("a", "b")).state_dict(), metadata=about(image_shape=[1])),
    ],
)
def test_refuses_what_is_not_a_classifier(content, tmp_path):
    path = tmp_path / "odd.safetensors"
    path.write_bytes(content)
    with pytest.raises(ForgeryError, match=r"odd\.safetensors: not a classifier"):
        load_classifier(path)


def test_unreadable_and_unwritable_files_are_named(network, tmp_path):
    with pytest.raises(ForgeryError, match=r"cannot read .*absent"):
        read_checked(tmp_path / "absent", None)
    with pytest.raises(ForgeryError, match=r"cannot write .*absent"):
        save_classifier(network, tmp_path / "absent" / "file", "x")
