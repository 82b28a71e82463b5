import pytest
import torch

from forgery.penalties import PENALTIES


def quadratic(x):
    """D(x) = ½‖x‖², whose gradient is x itself."""
    return x.flatten(1).square().sum(1) / 2


@pytest.fixture
def images():
    generator = torch.Generator().manual_seed(0)
    return torch.randn(2, 5, 1, 3, 3, generator=generator, dtype=torch.float64)


def test_r1_and_r2_are_half_the_squared_gradient(images):
    real, fake = images
    squared = [x.flatten(1).square().sum(1) for x in (real, fake)]
    torch.testing.assert_close(PENALTIES["r1"](quadratic, real, fake), squared[0] / 2)
    torch.testing.assert_close(PENALTIES["r2"](quadratic, real, fake), squared[1] / 2)
    both = PENALTIES["r1+r2"](quadratic, real, fake)
    torch.testing.assert_close(both, (squared[0] + squared[1]) / 2)


@pytest.mark.parametrize("name", [n for n, p in PENALTIES.items() if p])
def test_penalties_differentiate_in_the_weights_of_d(name, images):
    weight = torch.tensor(3.0, dtype=torch.float64, requires_grad=True)
    real, fake = images
    penalty = PENALTIES[name](lambda x: weight * quadratic(x), real, fake).mean()
    penalty.backward()
    # The penalty is w²/2 of a constant, so its slope is 2/w of its value.
    torch.testing.assert_close(weight.grad, 2 * penalty.detach() / 3)
