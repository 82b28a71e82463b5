"""Games built from configs: every recipe with every objective, and incompatible settings."""

import pytest
import torch

from forgery import ForgeryError, data, recipes
from forgery.build import batches_of, ensemble_of, training_of
from forgery.config import Config, choices, fields_of
from forgery.objectives import OBJECTIVES
from forgery.recipes import RECIPES
from forgery.training.end import End
from forgery.training.loop import iterate

CPU = torch.device("cpu")
SMALL = {"g_width": 12, "d_width": 12, "latent": 3, "batch_size": 6, "threads": 1, "device": "cpu"}


@pytest.fixture(scope="module")
def digits():
    return data.load("mnist", "test")


def begin(config, dataset):
    return training_of(config, dataset, CPU), batches_of(config, dataset, CPU)


def play(config, dataset, steps=1):
    training, batches = begin(config, dataset)
    for _ in range(steps):
        iterate(training, batches, End(100))
    return training


#: All pairs; those of a recipe with its objective and of the default recipe are not slow.
PAIRS = [
    pytest.param(name, o, marks=[] if name == "mlp" or make().objective == o else pytest.mark.slow)
    for name, make in RECIPES.items()
    for o in OBJECTIVES
    if make().model == "gan"
]


@pytest.mark.parametrize(("recipe", "objective"), PAIRS)
def test_every_objective_trains_the_networks_of_every_recipe(recipe, objective, digits):
    config = RECIPES[recipe](**SMALL, objective=objective)
    if not OBJECTIVES[objective].d_bounded and config.penalty == "none":
        config = config.replace(clip=0.05)
    dataset = digits if config.data == "mnist" else data.load(config.data, config.split)
    training, _ = begin(config, dataset)
    players = (training.game.generator, training.game.discriminator)
    before = [[w.detach().clone() for w in player.parameters] for player in players]
    training = play(config, dataset, steps=2)  # the initial weights are a function of the seed
    assert training.totals.isfinite().all()
    for player, start in zip(
        (training.game.generator, training.game.discriminator), before, strict=True
    ):
        after = player.parameters
        assert all(w.isfinite().all() for w in after)
        assert any(not torch.equal(a, b) for a, b in zip(after, start, strict=True))


@pytest.mark.parametrize(
    ("setting", "name"),
    [
        (setting, name)
        for setting in fields_of(Config)
        if setting not in ("fit", "colour")  # settings of pictures
        for name in choices(Config, setting)
    ],
)
def test_every_entry_of_every_table_can_be_trained(setting, name, digits):
    needs = {
        "burn_in_shape": {"burn_in": 0.5, "learning_rate_final": 0.5},
        "wasserstein": {"clip": 0.05},
        "semi-supervised": {"labels": 30},
        "conditional infogan": {"continuous": 1},
        "vae": {"beta1": 0.9},
    }
    config = recipes.mlp(**SMALL).replace(
        **{setting: name},
        **needs.get(setting, {}),
        **needs.get(name, {}),
        **needs.get(f"{setting} {name}", {}),
    )
    assert play(config, digits).totals.isfinite().all()


def test_the_weight_of_the_penalty_follows_the_burn_in(digits):
    config = recipes.modern(**SMALL, steps=8, burn_in=0.5, epochs=None)
    training, batches = begin(config, digits)
    weights = []
    for _ in range(6):
        iterate(training, batches, End(config.steps or 100))
        weights.append(training.game.terms[0].weight)
    assert weights[0] == 1.0
    assert weights[2] == pytest.approx(0.55)
    assert weights[4:] == pytest.approx([0.1, 0.1])


def test_spectral_normalisation_works_with_any_discriminator(digits):
    plain, _ = begin(recipes.mlp(**SMALL), digits)
    config = recipes.mlp(**SMALL, spectral_norm=True)
    normal = play(config, digits, steps=30).game.discriminator.network.eval()
    for network, bounded in ((plain.game.discriminator.network.eval(), False), (normal, True)):
        x, y = torch.randn(2, 500, 1, 28, 28)
        slopes = (network(x) - network(y)).abs() / (x - y).flatten(1).norm(dim=1)
        assert (slopes.max() <= 1.0) or not bounded
    with torch.no_grad():  # however large the weights are
        for w in normal.parameters():
            w *= 100 if w.dim() > 1 else 1
    assert ((normal(x) - normal(y)).abs() / (x - y).flatten(1).norm(dim=1)).max() <= 1.1


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"objective": "wasserstein"}, r"wasserstein has no lower bound.*--clip 0.01"),
        (
            {"generator": "dcgan", "discriminator": "dcgan", "penalty": "r1"},
            r"penalty r1 .* dcgan .*batch norm.*--discriminator, such as mlp",
        ),
        ({"discriminator": "modern", "spectral_norm": True}, r"start at zero .*--discriminator"),
        (
            {"discriminator": "mlp-noisy", "spectral_norm": True},
            "no effect on weights",
        ),
        ({"objective": "wasserstein", "penalty": "r1", "penalty_weight": 0.0}, "no lower bound"),
        ({"d_steps": 2000}, r"2000 updates of D .* has only 1666: give fewer --d-steps"),
        ({"generator": "mlp-batchnorm", "batch_size": 1}, r"mlp-batchnorm .*at least 2 samples"),
        (
            {"objective": "wasserstein", "d_steps": 2000, "generator": "mlp-softplus", "pack": 99},
            r"2000 updates of D .*\n.*has no lower bound",
        ),
        (
            {"conditional": "semi-supervised", "labels": 5},
            r"labels 5 is less than the 10 classes",
        ),
        ({"batch_size": 20_000}, r"a batch of 20000 is larger than the data"),
        ({"burn_in_shape": "cosin"}, r"'cosin'.*did you mean 'cosine'"),
        ({"conditional": "proyection"}, r"'proyection'.*did you mean 'projection'"),
    ],
)
def test_incompatible_settings_are_refused_before_the_first_step(changes, says, digits):
    with pytest.raises(ForgeryError, match=f"(?s){says}"):
        play(recipes.mlp(**SMALL).replace(**changes), digits)


@pytest.mark.parametrize("network", ["dcgan", "resnet", "modern", "modern-patched"])
def test_an_image_size_that_a_network_does_not_support_is_refused(network):
    odd = data.Dataset("odd", torch.zeros(50, 1, 30, 30, dtype=torch.uint8))
    with pytest.raises(ForgeryError, match=r"8, 14, 16, 28, 32.*the data are 30 × 30: choose"):
        begin(recipes.mlp(**SMALL, generator=network), odd)
    wide = data.Dataset("wide", torch.zeros(50, 1, 32, 64, dtype=torch.uint8))
    with pytest.raises(ForgeryError, match=r"square.*the data are 32 × 64 \(height × width\)"):
        begin(recipes.mlp(**SMALL, generator=network), wide)


def test_many_seeds_cannot_share_the_state_of_spectral_normalisation():
    config = recipes.points(**SMALL, spectral_norm=True)
    with pytest.raises(ForgeryError, match="--no-spectral-norm"):
        ensemble_of(config, [0, 1], data.load("ring8", "train"), CPU)
