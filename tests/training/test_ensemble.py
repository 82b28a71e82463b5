import pytest
import torch
from torch import nn

import forgery
from forgery import ForgeryError, build, data
from forgery.models import DISCRIMINATORS, Spec
from forgery.training.end import End
from forgery.training.ensemble import Ensemble
from forgery.training.loop import iterate

CPU = torch.device("cpu")
SEEDS = [0, 1, 5]


def play(config, seeds, steps):
    """An ensemble after some steps, and single runs of its members."""
    dataset = data.load(config.data)
    together = build.ensemble_of(config, seeds, dataset, CPU)
    batches = build.batches_of(config, dataset, CPU, seeds)
    for _ in range(steps):
        iterate(together, batches, End(config.steps))
    alone = []
    for seed in seeds:
        one = build.training_of(config.replace(seed=seed), dataset, CPU)
        own = build.batches_of(config.replace(seed=seed), dataset, CPU)
        for _ in range(steps):
            iterate(one, own, End(config.steps))
        alone.append(one)
    return together, alone


@pytest.mark.parametrize(
    "changes",
    [
        {"recipe": "pacgan", "g_width": 12, "d_width": 10},
        {"recipe": "pacgan", "g_width": 12, "d_width": 10, "pack": 4, "updates": "alternating"},
        {"recipe": "points", "g_width": 12, "d_width": 10, "batch_size": 20, "pack": 2},
        {"recipe": "points", "g_width": 12, "d_width": 10, "objective": "minimax", "d_steps": 2},
    ],
)
def test_each_member_equals_a_single_run(changes):
    changes = dict(changes)
    config = forgery.recipes.RECIPES[changes.pop("recipe")](device="cpu", **changes)
    together, alone = play(config, SEEDS, 20)
    z = torch.randn(50, config.latent)
    drawn = together.draw(z.expand(len(SEEDS), -1, -1))
    for i, one in enumerate(alone):
        torch.testing.assert_close(drawn[i], one.draw(z), atol=2e-5, rtol=2e-4)
        x = torch.randn(50, 2 * config.pack)
        # Without their mean: if only differences count, D's last bias is rounding error.
        logits, own = together.game.discriminator.network.member(i)(x), one.game.discriminator(x)
        # Adam turns a gradient that is rounding error into a step of the learning rate, here 1e-3.
        torch.testing.assert_close(logits - logits.mean(), own - own.mean(), atol=5e-4, rtol=1e-3)
        losses = together.totals[:2, i]
        torch.testing.assert_close(losses, one.totals[:2], atol=1e-3, rtol=1e-4)
    assert not torch.allclose(drawn[0], drawn[1])


def test_an_ensemble_is_restored_from_its_checkpoint():
    config = forgery.recipes.pacgan(g_width=6, d_width=5, ema=0.9)
    dataset = data.load("ring8")
    trained, _ = play(config, SEEDS, 3)
    fresh = build.ensemble_of(config, SEEDS, dataset, CPU)
    fresh.restore(trained.checkpoint())
    assert fresh.step == 3
    z = torch.randn(3, 7, 2)
    assert torch.equal(fresh.draw(z), trained.draw(z))
    assert torch.equal(fresh.totals, trained.totals)


def test_layers_that_draw_random_numbers_or_are_unknown_are_refused():
    spec = Spec((1, 2, 2), 2, 4, 1, torch.zeros(1, 2, 2))
    with pytest.raises(ForgeryError, match=r"Dropout layers cannot .* random numbers would differ"):
        Ensemble([DISCRIMINATORS["maxout"](spec)])
    with pytest.raises(ForgeryError, match="Bilinear layers cannot"):
        Ensemble([nn.Sequential(nn.Bilinear(2, 2, 2))])
