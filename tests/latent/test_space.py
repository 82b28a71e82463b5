import pytest
import torch

from forgery import randomness
from forgery.errors import ForgeryError
from forgery.latent import Space


def test_sample_numbers_match_forgery_sample(space):
    z = randomness.fixed_noise("normal", 50, 4, seed=3)
    assert torch.equal(space.z(50, 3), z)
    assert torch.equal(space.numbered([42, 0, 42], 3), z[[42, 0, 42]])


def test_numbers_out_of_range_are_refused(space):
    for number in (-1, 1_000_000):
        with pytest.raises(ForgeryError, match=f"no sample number {number}: .* 0 to 999999"):
            space.numbered([0, number], 0)


def test_all_samples_are_conditioned_on_the_class(space):
    z = space.z(20, 0)
    first, second = (Space(space.sampler, label) for label in (0, 1))
    assert torch.equal(first.pictures(z)[..., :4], -second.pictures(z)[..., :4])
    assert torch.equal(first.pictures(z)[..., 4:], second.pictures(z)[..., 4:])


def test_samples_are_differentiable_in_z(space):
    z = space.z(3, 0).requires_grad_(True)
    space.draw(z).sum().backward()
    assert z.grad[:, :2].abs().min() > 0
    assert torch.equal(z.grad[:, 2:], torch.zeros(3, 2))
