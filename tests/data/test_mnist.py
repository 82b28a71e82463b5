import hashlib

import pytest
import torch

from forgery import data
from forgery.data.mnist import SPLITS, mnist
from forgery.errors import ForgeryError


def test_training_images_match_the_published_ones():
    train = mnist("train")
    header = bytes.fromhex("00000803 0000ea60 0000001c 0000001c")
    digest = hashlib.sha256(header + train.values.numpy().tobytes()).hexdigest()
    assert digest == "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db"
    assert train.labels.bincount().tolist() == [
        5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949,
    ]  # fmt: skip


def test_splits():
    sizes = {split: len(mnist(split)) for split in SPLITS}
    assert sizes == {"train": 60_000, "test": 10_000, "train50k": 50_000, "valid10k": 10_000}
    train, valid = mnist("train"), mnist("valid10k")
    assert torch.equal(train.values[50_000:], valid.values)
    assert len({mnist(split).fingerprint for split in SPLITS}) == 4


def test_unknown_names():
    with pytest.raises(ForgeryError, match="did you mean 'train'"):
        mnist("trian")
    with pytest.raises(ForgeryError, match="did you mean 'mnist'"):
        data.load("mnits")
