import pytest
import torch
from torch import nn

from forgery.errors import ForgeryError
from forgery.extractors import Extractor
from forgery.pixels import to_model


class Sums(nn.Module):
    """Two features, the sums of either half; one logit, the largest."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(1))
        self.batches = []

    def forward(self, images):
        self.batches.append(len(images))
        features = images.flatten(1).unflatten(1, (2, -1)).sum(2) * self.weight
        return features, features.amax(1, keepdim=True)


@pytest.fixture
def extractor():
    return Extractor("sums", "0" * 64, Sums().train(), (1, 4, 4), ("largest",), batch_size=3)


@pytest.fixture
def images():
    random = torch.Generator().manual_seed(0)
    return torch.randint(0, 256, (7, 1, 4, 4), generator=random, dtype=torch.uint8)


def test_pixels_and_floats_give_the_same_features(extractor, images):
    features = extractor.features(images)
    assert features.shape == (7, 2)
    assert features.dtype == torch.float32
    torch.testing.assert_close(extractor.features(to_model(images)), features)
    torch.testing.assert_close(extractor.features(to_model(images).double()), features)


def test_both_come_from_one_pass_in_batches(extractor, images):
    features, logits = extractor.features_and_logits(images)
    assert extractor.network.batches == [3, 3, 1]
    assert torch.equal(features, extractor.features(images))
    assert torch.equal(logits, extractor.logits(images))


def test_extraction_has_no_side_effects(extractor, images):
    assert not extractor.network.training
    assert not extractor.features(images).requires_grad
    before = images.clone()
    extractor.features(images)
    assert torch.equal(images, before)


def test_a_non_finite_image_only_affects_its_own_features(extractor, images):
    spoilt = to_model(images)
    spoilt[4, 0, 0, 0] = torch.nan
    finite = torch.isfinite(extractor.features(spoilt)).all(1)
    assert finite.tolist() == [True] * 4 + [False] + [True] * 2


def test_none_accepts_any_size(images):
    extractor = Extractor("sums", "0" * 64, Sums(), (1, None, None), ("largest",))
    assert extractor.features(images[..., :2]).shape == (7, 2)


@pytest.mark.parametrize("shape", [(7, 3, 4, 4), (7, 1, 4, 5), (1, 4, 4), (7, 16), (0, 1, 4, 4)])
def test_refuses_other_shapes(extractor, shape):
    with pytest.raises(ForgeryError, match=r"sums: expected images \[N, 1, 4, 4\]"):
        extractor.features(torch.zeros(shape))


def test_refuses_other_dtypes(extractor, images):
    with pytest.raises(ForgeryError, match=r"uint8 images or .* got torch.int64"):
        extractor.features(images.long())
