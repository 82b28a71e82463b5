import copy

import pytest
import torch

from forgery import recipes
from forgery.training.optimizers import (
    Adam,
    ClassicalMomentum,
    Moment,
    burnt_in,
    learning_rate,
    momentum,
    schedule,
)


def test_classical_momentum_keeps_the_learning_rate_inside_the_velocity():
    weight = torch.tensor([1.0, -2.0], dtype=torch.float64, requires_grad=True)
    optimizer = ClassicalMomentum([weight], lr=0.1, momentum=0.5)
    expected, velocity = weight.detach().clone(), torch.zeros(2, dtype=torch.float64)
    for lr, mu in ((0.1, 0.5), (0.05, 0.6), (0.01, 0.7)):
        optimizer.param_groups[0].update(lr=lr, momentum=mu)
        weight.grad = 2 * weight.detach()
        velocity = mu * velocity - lr * 2 * expected
        expected = expected + velocity
        optimizer.step()
        torch.testing.assert_close(weight.detach(), expected)


def test_the_2014_schedules():
    config = recipes.goodfellow2014()
    assert learning_rate(0.1, 0, 0.0, config) == 0.1
    assert learning_rate(0.1, 1000, 0.0, config) == pytest.approx(0.1 / 1.000004**1000)
    assert learning_rate(0.1, 10**9, 0.0, config) == 1e-6
    assert momentum(0, config) == 0.5
    assert momentum(249, config) == pytest.approx(0.7)
    assert momentum(5000, config) == pytest.approx(0.7)
    assert 0.5 < momentum(100, config) < 0.7


def test_a_schedule_sets_the_hyperparameters_of_the_optimizer():
    weight = torch.zeros(1, requires_grad=True)
    config = recipes.goodfellow2014()
    sgd = ClassicalMomentum([weight], lr=1, momentum=0)
    schedule(sgd, 0.1, config)(Moment(500, 1, 0.0))
    assert sgd.param_groups[0]["lr"] == learning_rate(0.1, 500, 0.0, config)
    assert sgd.param_groups[0]["momentum"] == momentum(1, config)
    adam = torch.optim.Adam([weight])
    schedule(adam, 2e-4, recipes.tutorial())(Moment(500, 1, 0.0))
    assert adam.param_groups[0]["lr"] == 2e-4
    assert "momentum" not in adam.param_groups[0]


def test_the_minimum_learning_rate_also_applies_after_a_burn_in():
    config = recipes.mlp(
        learning_rate_min=1e-3, learning_rate_final=0.01, burn_in=1.0, burn_in_shape="linear"
    )
    weight = torch.zeros(1, requires_grad=True)
    adam = torch.optim.Adam([weight])
    for share, expected in ((0.0, 0.1), (0.5, 0.0505), (1.0, 1e-3)):
        schedule(adam, 0.1, config)(Moment(500, 1, share))
        assert adam.param_groups[0]["lr"] == pytest.approx(expected)
    schedule(adam, 0.01, config)(Moment(500, 1, 1.0))
    assert adam.param_groups[0]["lr"] == 1e-3


def test_a_burn_in_ends_at_its_fraction_of_the_run():
    config = recipes.mlp(burn_in=0.5, learning_rate_final=0.1)
    assert [burnt_in(done, config) for done in (0.0, 0.25, 0.5, 0.9)] == pytest.approx(
        [0.0, 0.5, 1.0, 1.0]
    )
    assert burnt_in(0.125, config) == pytest.approx((1 - 2**-0.5) / 2)  # half a cosine
    assert burnt_in(0.125, config.replace(burn_in_shape="linear")) == 0.25
    assert burnt_in(0.7, recipes.mlp()) == 0


def test_a_burn_in_moves_the_rate_and_beta2_to_their_final_values():
    adam = torch.optim.Adam([torch.zeros(1, requires_grad=True)])
    config = recipes.mlp(
        beta1=0.1, beta2=0.9, beta2_final=0.99, learning_rate_final=0.25, burn_in=1.0,
        burn_in_shape="linear",
    )  # fmt: skip
    for share, rate, beta2 in ((0.0, 1e-3, 0.9), (0.5, 0.625e-3, 0.945), (1.0, 0.25e-3, 0.99)):
        schedule(adam, 1e-3, config)(Moment(7, 0, share))
        assert adam.param_groups[0]["lr"] == pytest.approx(rate)
        assert adam.param_groups[0]["betas"] == pytest.approx((0.1, beta2))


def test_adam_is_bit_identical_to_torchs_adam():
    torch.manual_seed(0)
    start = [torch.randn(5, 3), torch.randn(4, 2, 3, 3).to(memory_format=torch.channels_last)]
    ours, theirs = ([w.clone().requires_grad_() for w in start] for _ in range(2))
    adams = (
        Adam(ours, lr=0.1, betas=(0.5, 0.9)),
        torch.optim.Adam(theirs, 0.1, (0.5, 0.9), fused=True),
    )
    for step in range(4):
        for adam, weights in zip(adams, (ours, theirs), strict=True):
            generator = torch.Generator().manual_seed(step)
            for w in weights:
                gradient = torch.randn(w.shape, generator=generator)
                # Ours also accepts a gradient with a memory layout unlike that of its weight.
                w.grad = gradient if adam is adams[0] else torch.empty_like(w).copy_(gradient)
            adam.step()
        if step == 1:
            adams[0].load_state_dict(copy.deepcopy(adams[0].state_dict()))
    assert all(torch.equal(a, b) for a, b in zip(ours, theirs, strict=True))
    for a, b in zip(*(adam.state_dict()["state"].values() for adam in adams), strict=True):
        assert all(torch.equal(a[name], b[name]) for name in b)
