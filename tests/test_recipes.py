"""The lengths of recipes, on the data that they were tuned on and on less data."""

from types import SimpleNamespace

import pytest

from forgery.objectives import OBJECTIVES
from forgery.recipes import MNIST, RECIPES
from forgery.training.end import End

#: Steps on the training images of MNIST; goodfellow2014 trains on 50,000 of them.
STEPS = {
    "mlp": 18_000,
    "tutorial": 120_000,
    "goodfellow2014": 125_000,
    "conditional": 12_000,
    "semi-supervised": 6_000,
    "infogan": 5_000,
    "lsgan": 46_850,
    "wgan": 9_370,
    "wgan-gp": 9_370,
    "dragan": 46_850,
    "dcgan": 11_700,
    "sngan": 9_370,
    "modern": 4_685,
    "modern-large": 93_700,
    "vae": 18_000,
    "points": 12_000,
    "pacgan": 400_000,
}


def steps(config, n):
    """Number of steps of a run on n samples."""
    minibatches = config.d_steps
    if config.model == "gan" and config.updates == "alternating":
        minibatches += OBJECTIVES[config.objective].g_needs_real
    m = config.batch_size * config.pack
    batches = SimpleNamespace(per_epoch=n // m, batch_size=m)
    return End.of(config, batches, minibatches).step


@pytest.mark.parametrize("recipe", [name for name in RECIPES if RECIPES[name]().minutes is None])
def test_the_length_of_a_recipe_in_steps(recipe):
    config = RECIPES[recipe]()
    assert steps(config, 50_000 if config.split == "train50k" else MNIST) == STEPS[recipe]
    if config.images:  # whatever the size of the data
        assert steps(config, 3_000) == STEPS[recipe]
        halved = config.replace(batch_size=config.batch_size // 2)
        assert steps(halved, 3_000) == 2 * STEPS[recipe]


def test_a_run_has_at_least_one_step():
    assert steps(RECIPES["mlp"](images=1), MNIST) == 1
    assert steps(RECIPES["mlp"](images=2_000, pack=2), MNIST) == 10
