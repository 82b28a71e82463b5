import pytest
import torch
from torch import nn

from forgery.errors import ForgeryError
from forgery.latent import Space, principal_directions
from forgery.sampler import Sampler


class Linear(nn.Module):
    """z ``[N, 5]`` → grey 4 × 4: a linear layer of known singular vectors, and a tanh.

    The layer's outputs are the same ones ``repeats`` times.
    """

    def __init__(self, repeats=1):
        super().__init__()
        left, _ = torch.linalg.qr(torch.randn(16, 5, generator=torch.Generator().manual_seed(1)))
        self.right, _ = torch.linalg.qr(
            torch.randn(5, 5, generator=torch.Generator().manual_seed(2))
        )
        weight = left @ torch.diag(torch.tensor([8.0, 4, 2, 1, 0])) @ self.right
        self.first = nn.Linear(5, 16 * repeats, bias=False)
        with torch.no_grad():
            self.first.weight.copy_(weight.repeat(repeats, 1))

    def forward(self, z, y=None):
        h = self.first(z).tanh_()  # in place, as many generators work
        return h[:, :16].view(-1, 1, 4, 4)


def space_of(generator):
    return Space(Sampler(generator, "normal", 5, (1, 4, 4)))


def test_they_are_the_right_singular_vectors_of_a_linear_first_layer():
    generator = Linear()
    found = principal_directions(space_of(generator), samples=20_000)
    assert found.layer == "first"
    assert found.vectors.shape == (4, 5)  # the fifth direction changes nothing
    alike = (found.vectors * generator.right[:4]).sum(1).abs()
    assert (alike > 0.99).all()
    assert torch.allclose(found.vectors.norm(dim=1), torch.ones(4))
    expected = torch.tensor([64.0, 16, 4, 1]) / 85
    assert torch.allclose(found.shares, expected, atol=0.02)


def test_more_features_than_samples_give_the_same_directions():
    one, other = (
        principal_directions(space_of(Linear(repeats)), samples=500) for repeats in (1, 80)
    )
    assert torch.allclose(one.vectors, other.vectors, atol=1e-3)
    assert torch.allclose(one.shares, other.shares, atol=1e-4)


def test_the_number_of_directions_and_the_generator_stay_as_they_are():
    generator = Linear()
    space = space_of(generator)
    before = space.pictures(space.z(3, 0))
    assert principal_directions(space, count=2).vectors.shape == (2, 5)
    assert not generator.first._forward_hooks
    assert torch.equal(space.pictures(space.z(3, 0)), before)


def test_a_generator_that_ignores_z_has_none():
    generator = Linear()
    with torch.no_grad():
        generator.first.weight.zero_()
    with pytest.raises(ForgeryError, match="do not vary with z"):
        principal_directions(space_of(generator))
