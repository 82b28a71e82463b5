"""Conditional networks of every family."""

import math
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

CONDITIONAL = [name for name in CONDITIONS if name != "none"]
#: Conditions whose D takes the class as an input; the others predict it.
IN_LOGITS = ["concat", "projection"]
K = 4


def spec(shape=(1, 28, 28), latent=6, width=8, depth=1):
    return Spec(shape, latent, width, depth, torch.zeros(shape), continuous=2)


@pytest.mark.parametrize("name", GENERATORS)
def test_every_generator_can_be_conditioned(name):
    torch.manual_seed(0)
    network = ConditionalGenerator(GENERATORS[name], spec(), K).eval()
    z = torch.randn(1, 6).expand(K, -1)
    images = network(z, torch.arange(K))
    assert images.shape == (K, 1, 28, 28)
    # z is the same, so that differences are due to the class.
    assert all(not torch.equal(images[0], other) for other in images[1:])
    assert torch.allclose(network(z, torch.zeros(K, dtype=torch.int64))[1:], images[:1], atol=1e-5)


@pytest.mark.parametrize(("name", "conditional"), list(product(DISCRIMINATORS, CONDITIONAL)))
@pytest.mark.parametrize("shape", [(1, 28, 28), (3, 32, 32)])
def test_every_discriminator_can_be_conditioned(name, conditional, shape):
    torch.manual_seed(0)
    network = CONDITIONS[conditional].discriminator(DISCRIMINATORS[name], spec(shape), K).eval()
    with torch.no_grad():  # perturb the initial weights, some of which are zero
        for parameter in network.parameters():
            parameter += 0.1 * torch.randn_like(parameter)
    x, y = torch.randn(1, *shape).expand(K, -1, -1, -1), torch.arange(K)
    logits = network(x, y)
    assert logits.shape == (K,)
    same, h = network.look(x, y)
    assert torch.equal(same, logits)
    assert h.shape[0] == K
    assert h.dim() == 2
    if conditional in IN_LOGITS:
        assert len(logits.unique()) == K
        return
    assert torch.allclose(logits, logits[:1].expand(K), atol=1e-4)
    assert network.class_logits(h).shape == (K, K)
    # For one image, the losses of the K classes are -log of a distribution, plus a term for z.
    z = torch.randn(1, 6).expand(K, -1)
    losses = network.class_losses(h, y, z)
    term = (
        (z[:, :2] - network.classify(h)[:, :2]).square().sum(1) / 6
        if conditional == "infogan"
        else 0
    )
    assert (losses - term).neg().exp().sum().item() == pytest.approx(1, abs=1e-4)


@pytest.mark.parametrize("conditional", CONDITIONAL)
def test_networks_of_points_can_be_conditioned(conditional):
    g = CONDITIONS[conditional].generator(GENERATORS["mlp"], spec((2,)), K)
    d = CONDITIONS[conditional].discriminator(DISCRIMINATORS["mlp"], spec((2,)), K)
    y = torch.tensor([3, 0, 1])
    points = g(torch.randn(3, 6), y if CONDITIONS[conditional].choose_classes else None)
    assert points.shape == (3, 2)
    assert d(points, y).shape == (3,)


def test_projection_matches_the_paper():
    torch.manual_seed(0)
    d = CONDITIONS["projection"].discriminator(DISCRIMINATORS["mlp"], spec(), K)
    x, y = torch.randn(5, 1, 28, 28), torch.tensor([0, 3, 3, 1, 2])
    h = d.network.features(x)
    expected = d.network(x) + (d.embed.weight[y] * h).sum(1)
    torch.testing.assert_close(d(x, y), expected)


def test_classes_are_concatenated_as_inputs_or_maps():
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


@pytest.mark.parametrize("name", ["maxout", "mlp-noisy"])
@pytest.mark.parametrize("shape", [(1, 4, 4), (2,)])
def test_only_pixels_are_converted_to_the_range_of_0_to_1(name, shape):
    x, y = torch.linspace(-1, 1, math.prod(shape)).view(1, *shape), torch.tensor([2])
    expected = (x.flatten(1) + 1) / 2 if len(shape) == 3 else x
    assert torch.equal(DISCRIMINATORS[name](spec(shape)).enter(x), expected)
    d = CONDITIONS["concat"].discriminator(DISCRIMINATORS[name], spec(shape), K)
    seen = d.network.enter(d.concatenate(x, y))
    assert torch.equal(seen, torch.cat([expected, functional.one_hot(y, K)], 1))


def test_the_embedding_is_spectrally_normalised():
    d = spectrally_normalised(ProjectionDiscriminator(DISCRIMINATORS["resnet"], spec(), K))
    for _ in range(30):
        d(torch.randn(2, 1, 28, 28), torch.tensor([0, 1]))
    assert torch.linalg.matrix_norm(d.embed.weight, 2).item() == pytest.approx(1, rel=0.05)


def test_a_discriminator_of_k_plus_1_classes():
    torch.manual_seed(0)
    d = CONDITIONS["semi-supervised"].discriminator(DISCRIMINATORS["mlp"], spec(), K)
    x = torch.randn(5, 1, 28, 28)
    logits, h = d.look(x)
    z = d.class_logits(h).exp().sum(1)
    torch.testing.assert_close(logits.sigmoid(), z / (z + 1))
    # Class logits 0 and log 2 give Z = 3 and D(x) = 3/4.
    d.class_logits = lambda h: torch.tensor([[0.0, 0.6931472]]).expand(len(h), 2)
    torch.testing.assert_close(d(x).sigmoid(), torch.full((5,), 0.75))


def test_an_infogans_code_is_as_large_beside_z_as_in_the_source():
    """There, z is from U(-1, 1) and the code 0 or 1; here z is from U(-√3, √3)."""
    z = torch.zeros(2, 6)
    for conditional, one in (("concat", 1.0), ("infogan", 3**0.5)):
        g = CONDITIONS[conditional].generator(lambda spec: nn.Identity(), spec(), K)
        expected = torch.tensor([[0, 0, one, 0], [one, 0, 0, 0]])
        torch.testing.assert_close(g(z, torch.tensor([2, 0]))[:, 6:], expected)


def test_infogan_loss_computed_by_hand():
    d = CONDITIONS["infogan"].discriminator(DISCRIMINATORS["mlp"], spec(), K)
    with torch.no_grad():
        d.classify.weight.zero_()
        d.classify.bias.copy_(
            torch.cat([torch.tensor([0.5, -1]), torch.tensor([3.0, 1, 1, 2]).log()])
        )
    z = torch.tensor([[1.5, -1, 9, 9, 9, 9], [0.5, 1, 9, 9, 9, 9]])
    losses = d.class_losses(torch.zeros(2, 8), torch.tensor([0, 3]), z)
    expected = torch.tensor([-math.log(3 / 7) + 1 / 6, -math.log(2 / 7) + 4 / 6])
    torch.testing.assert_close(losses, expected)


@pytest.mark.parametrize("conditional", [name for name in CONDITIONAL if name != "concat"])
def test_a_family_without_features_is_refused(conditional):
    with pytest.raises(
        ForgeryError,
        match=r"Flatten is not a forgery\.models\.Discriminator, and so has no features",
    ):
        CONDITIONS[conditional].discriminator(lambda spec: nn.Flatten(), spec(), K)
