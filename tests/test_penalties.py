import pytest
import torch

from forgery.config.choices import RANDOM_PENALTIES
from forgery.penalties import PENALTIES


def quadratic(x):
    """D(x) = ½‖x‖², with gradient x."""
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
    if name not in RANDOM_PENALTIES:
        # The penalty is proportional to w², so that its derivative is 2/w times its value.
        torch.testing.assert_close(weight.grad, 2 * penalty.detach() / 3)
    assert weight.grad.isfinite()
    assert weight.grad != 0


def test_a_slope_of_one_costs_nothing(images):
    real, fake = images
    direction = torch.zeros(9, dtype=torch.float64)
    direction[4] = 1
    for name in ("wgan-gp", "dragan"):
        for slope, expected in ((1.0, 0.0), (3.0, 4.0), (0.0, 1.0)):
            penalty = PENALTIES[name](lambda x, s=slope: s * x.flatten(1) @ direction, real, fake)
            assert penalty.shape == (5,)
            torch.testing.assert_close(
                penalty, torch.full_like(penalty, expected), atol=1e-5, rtol=0
            )


def test_wgan_gp_samples_between_pairs_and_dragan_near_the_data(images):
    real, fake = images
    seen = []

    def d(x):
        seen.append(x.detach())
        return quadratic(x)

    PENALTIES["wgan-gp"](d, real, fake)
    share = ((seen[0] - real) / (fake - real)).flatten(1)
    assert ((share >= 0) & (share <= 1)).all()
    torch.testing.assert_close(share, share[:, :1].expand_as(share))  # one ε per sample
    assert share[:, 0].std() > 0.05
    PENALTIES["dragan"](d, real, fake)
    offset = seen[1] - real
    assert (offset >= 0).all()
    assert (offset <= real.std() / 2).all()
    assert offset.flatten(1).std(1).min() > 0


def test_a_flat_d_has_a_finite_gradient(images):
    """‖∇D‖ = 0, for which the gradient of a plain square root would be NaN."""
    weight = torch.zeros(9, dtype=torch.float64, requires_grad=True)
    for name in ("wgan-gp", "dragan"):
        PENALTIES[name](lambda x: x.flatten(1) @ weight, *images).mean().backward()
        assert weight.grad.isfinite().all()
