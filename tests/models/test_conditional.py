"""Networks that are told a class, made of every family's."""

from itertools import product

import pytest
import torch
from torch import nn
from torch.nn import functional

from forgery import ForgeryError
from forgery.models import (
    CONDITIONS,
    DISCRIMINATORS,
    GENERATORS,
    Spec,
    spectrally_normalised,
)
from forgery.models.conditional import ConditionalGenerator, ProjectionDiscriminator

TOLD = [name for name in CONDITIONS if name != "none"]
K = 4


def spec(shape=(1, 28, 28), latent=6, width=8, depth=1):
    return Spec(shape, latent, width, depth, torch.zeros(shape))


@pytest.mark.parametrize("name", GENERATORS)
def test_every_generator_draws_by_class(name):
    torch.manual_seed(0)
    network = ConditionalGenerator(GENERATORS[name], spec(), K).eval()
    z = torch.randn(1, 6).expand(K, -1)
    images = network(z, torch.arange(K))
    assert images.shape == (K, 1, 28, 28)
    # The same z: only the class can make a difference.
    assert all(not torch.equal(images[0], other) for other in images[1:])
    assert torch.allclose(network(z, torch.zeros(K, dtype=torch.int64))[1:], images[:1], atol=1e-5)


@pytest.mark.parametrize(("name", "told"), list(product(DISCRIMINATORS, TOLD)))
@pytest.mark.parametrize("shape", [(1, 28, 28), (3, 32, 32)])
def test_every_discriminator_judges_by_class(name, told, shape):
    torch.manual_seed(0)
    network = CONDITIONS[told].discriminator(DISCRIMINATORS[name], spec(shape), K).eval()
    with torch.no_grad():  # away from the start, where some weights are zero
        for parameter in network.parameters():
            parameter += 0.1 * torch.randn_like(parameter)
    x, y = torch.randn(1, *shape).expand(K, -1, -1, -1), torch.arange(K)
    logits = network(x, y)
    assert logits.shape == (K,)
    if told == "auxiliary":
        assert torch.allclose(logits, logits[:1].expand(K), atol=1e-4)
        same, losses = network.logits_and_class_losses(x, y)
        assert torch.equal(same, logits)
        # One image: what it loses by each class is -log of a distribution.
        assert losses.neg().exp().sum().item() == pytest.approx(1, abs=1e-4)
    else:
        assert len(logits.unique()) == K


@pytest.mark.parametrize("told", TOLD)
def test_points_are_told_too(told):
    g = CONDITIONS[told].generator(GENERATORS["mlp"], spec((2,)), K)
    d = CONDITIONS[told].discriminator(DISCRIMINATORS["mlp"], spec((2,)), K)
    y = torch.tensor([3, 0, 1])
    points = g(torch.randn(3, 6), y)
    assert points.shape == (3, 2)
    assert d(points, y).shape == (3,)


def test_projection_is_what_the_paper_says():
    torch.manual_seed(0)
    d = CONDITIONS["projection"].discriminator(DISCRIMINATORS["mlp"], spec(), K)
    x, y = torch.randn(5, 1, 28, 28), torch.tensor([0, 3, 3, 1, 2])
    h = d.network.features(x)
    expected = d.network(x) + (d.embed.weight[y] * h).sum(1)
    torch.testing.assert_close(d(x, y), expected)


def test_concatenation_is_a_number_a_class_to_an_mlp_and_a_map_to_a_convolution():
    x, y = torch.randn(2, 1, 28, 28), torch.tensor([2, 0])
    d = CONDITIONS["concat"].discriminator(DISCRIMINATORS["mlp"], spec(), K)
    seen = []
    d.network.register_forward_hook(lambda _, inputs, output: seen.append(inputs[0]))
    d(x, y)
    assert torch.equal(seen[0], torch.cat([x.flatten(1), functional.one_hot(y, K)], 1))
    d = CONDITIONS["concat"].discriminator(DISCRIMINATORS["dcgan"], spec(), K)
    d.network.register_forward_hook(lambda _, inputs, output: seen.append(inputs[0]))
    d(x, y)
    maps = seen[1][:, 1:]
    assert maps.shape == (2, K, 28, 28)
    assert torch.equal(maps.amax((2, 3)), functional.one_hot(y, K).float())
    assert torch.equal(maps.amin((2, 3)), maps.amax((2, 3)))


def test_what_tells_the_class_is_spectrally_normalised_as_the_rest_is():
    d = spectrally_normalised(ProjectionDiscriminator(DISCRIMINATORS["resnet"], spec(), K))
    for _ in range(30):
        d(torch.randn(2, 1, 28, 28), torch.tensor([0, 1]))
    assert torch.linalg.matrix_norm(d.embed.weight, 2).item() == pytest.approx(1, rel=0.05)


@pytest.mark.parametrize("told", ["projection", "auxiliary"])
def test_a_family_without_features_is_refused(told):
    with pytest.raises(ForgeryError, match=r"Flatten has no features .* --conditional concat"):
        CONDITIONS[told].discriminator(lambda spec: nn.Flatten(), spec(), K)
