import math

import pytest
import torch

from forgery import randomness
from forgery.errors import ForgeryError

CPU = torch.device("cpu")


def test_seeds_differ_by_seed_purpose_and_counter():
    keys = {
        randomness.derive(seed, purpose, counter)
        for seed in range(10)
        for purpose in ("step", "data", "weights")
        for counter in range(10)
    }
    assert len(keys) == 300


def test_the_noise_of_a_step_is_a_function_of_seed_and_step():
    def draw(seed, step):
        randomness.seed_step(seed, step, CPU)
        return randomness.noise("normal", 5, 3, CPU)

    assert torch.equal(draw(0, 7), draw(0, 7))
    assert not torch.equal(draw(0, 7), draw(0, 8))
    assert not torch.equal(draw(0, 7), draw(1, 7))


@pytest.mark.parametrize("kind", randomness.NOISES)
def test_noise_has_mean_0_and_variance_1(kind):
    z = randomness.fixed_noise(kind, 20_000, 4, seed=0)
    assert z.shape == (20_000, 4)
    # 80,000 numbers: the tolerance is five standard errors of the mean, .0035 each.
    assert abs(z.mean()) < 0.018
    assert abs(z.var() - 1) < 0.025
    if kind == "uniform":
        assert z.abs().max() <= math.sqrt(3)
        assert z.abs().max() > 1.72


@pytest.mark.parametrize("kind", randomness.NOISES)
def test_sample_i_does_not_depend_on_the_number_of_samples(kind):
    many = randomness.fixed_noise(kind, 1000, 7, seed=3)
    for n in (1, 5, 256, 257, 999):
        assert torch.equal(randomness.fixed_noise(kind, n, 7, seed=3), many[:n])


def test_unknown_noise():
    with pytest.raises(ForgeryError, match="did you mean 'normal'"):
        randomness.fixed_noise("norml", 3, 2, 0)
