import pytest
import torch

from forgery.errors import ForgeryError
from forgery.latent import features_of_all_layers, linear_score
from forgery.latent.learnt import ACTIVATIONS
from forgery.models import DISCRIMINATORS, Spec
from forgery.models.layers import Discriminator


def network(name, shape=(1, 28, 28), width=4):
    return DISCRIMINATORS[name](Spec(shape, 8, width, 2, torch.zeros(shape))).eval()


@pytest.mark.parametrize("name", [*DISCRIMINATORS])
def test_every_discriminator_has_features_or_is_refused(name):
    discriminator = network(name)
    images = torch.rand(3, 1, 28, 28) * 2 - 1
    if not isinstance(discriminator, Discriminator) or not hasattr(discriminator, "layers"):
        with pytest.raises(ForgeryError, match="not a single stack"):
            features_of_all_layers(discriminator, images)
        return
    features = features_of_all_layers(discriminator, images)
    assert features.dim() == 2
    assert len(features) == 3
    assert features.isfinite().all()


@pytest.mark.parametrize(("name", "layers"), [("maxout-conv2014", 4), ("modern", 6)])
def test_blocks_are_layers(name, layers):
    """Three convolutional maxout layers and a dense one; two blocks for each size of maps."""
    discriminator = network(name)
    activated = [layer for layer in discriminator.layers if isinstance(layer, ACTIVATIONS)]
    assert len(activated) == layers


def test_dcgan_features_are_pooled_to_four_by_four():
    # 28 → 14 → 7, so two layers of width and twice the width.
    features = features_of_all_layers(network("dcgan"), torch.rand(2, 1, 28, 28))
    assert features.shape == (2, 16 * 4 + 16 * 8)


def test_a_linear_classifier_only_learns_linear_classes():
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(600, 6, generator=generator)
    x = x[(x[:, 0].abs() > 0.2) & (x[:, 1].abs() > 0.2)]

    def parts(y):
        return [(x[rows], y[rows]) for rows in torch.arange(len(x)).chunk(3)]

    straight = linear_score(*parts((x[:, 0] > 0).long()))
    assert straight.accuracy > 0.95
    assert straight.features == 6
    crossed = linear_score(*parts(((x[:, 0] > 0) ^ (x[:, 1] > 0)).long()))
    assert crossed.accuracy < 0.7


def test_constant_features_are_harmless():
    x = torch.cat(
        [torch.randn(60, 2, generator=torch.Generator().manual_seed(0)), torch.ones(60, 1)], 1
    )
    part = (x, (x[:, 0] > 0).long())
    assert linear_score(part, part, part).accuracy > 0.95
