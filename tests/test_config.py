"""Settings: valid values, conditions for having an effect, and records."""

import dataclasses
import json

import pytest

from forgery import (
    ForgeryError,
    augmentations,
    build,
    data,
    models,
    objectives,
    penalties,
    plugins,
    randomness,
)
from forgery.config import (
    BUNDLED_IMAGES,
    BUNDLED_POINTS,
    EXTENSIBLE,
    GROUPS,
    Config,
    OptimizerSettings,
    choices,
    field_of,
    fields_of,
    flag,
    group_of,
)
from forgery.data import settings as data_settings
from forgery.parts import TABLES
from forgery.recipes import RECIPES
from forgery.training import algorithm1, optimizers

#: Setting → the table of its choices.
TABLES = {
    "model": build.GAMES,
    "generator": models.GENERATORS,
    "discriminator": TABLES["discriminator"],
    "noise": randomness.NOISES,
    "conditional": models.CONDITIONS,
    "objective": objectives.OBJECTIVES,
    "penalty": penalties.PENALTIES,
    "updates": algorithm1.UPDATES,
    "augment": augmentations.AUGMENTATIONS,
    "optimizer": optimizers.OPTIMIZERS,
    "burn_in_shape": optimizers.SHAPES,
    "precision": build.PRECISIONS,
    "fit": data_settings.FITS,
    "colour": data_settings.COLOURS,
}


@pytest.mark.parametrize("setting", [name for name in fields_of(Config) if choices(Config, name)])
def test_the_choices_of_a_setting_are_the_entries_of_its_table(setting):
    assert set(choices(Config, setting)) == set(TABLES[setting])


def test_every_table_has_a_setting_whose_choices_are_checked():
    assert {name for name in fields_of(Config) if choices(Config, name)} == set(TABLES)
    assert {*BUNDLED_IMAGES, *BUNDLED_POINTS} == set(data.SOURCES)
    assert set(BUNDLED_POINTS) == set(data.DENSITIES)


@pytest.mark.parametrize("recipe", RECIPES)
def test_every_recipe_can_be_read_from_its_record(recipe):
    config = RECIPES[recipe]()
    assert config.recipe == recipe
    for record in (config.effective(), config.to_dict()):
        assert Config.from_record(json.loads(json.dumps(record))) == config


def test_every_field_has_a_help_text_and_a_group():
    for name in fields_of(Config):
        assert field_of(name).metadata["help"].endswith("."), name
        assert group_of(name).title, name
    assert sum(len(fields_of(group)) for group in GROUPS) == len(fields_of(Config))
    in_order = [name for group in GROUPS for name in fields_of(group)]
    assert list(fields_of(Config)) == in_order


def test_a_group_can_be_used_alone_and_a_config_is_one_of_each():
    assert OptimizerSettings(beta1=0.5).beta1 == 0.5
    with pytest.raises(ForgeryError, match="beta1 must be below 1"):
        OptimizerSettings(beta1=2.0)
    assert all(isinstance(Config(), group) for group in GROUPS)


def test_a_new_length_replaces_the_old_one():
    config = Config(epochs=3).replace(steps=10)
    assert (config.steps, config.epochs, config.minutes, config.images) == (10, None, None, None)
    assert config.length == "10 steps"
    assert config.replace(images=1_800_000).length == "1,800,000 images"
    assert config.replace(minutes=2.5).length == "2.5 minutes"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"batch_size": 0}, "batch-size must be at least 1, not 0"),
        ({"latent": -5}, "latent must be at least 1, not -5"),
        ({"ema": 1.0}, "ema must be below 1"),
        ({"beta1": float("nan")}, "beta1"),
        ({"g_learning_rate": 0.0}, "g-learning-rate must be above 0"),
        ({"g_learning_rate": float("inf")}, "must be finite"),
        ({"batch_size": "many"}, "batch-size must be a whole number, not 'many'"),
        ({"batch_size": True}, "batch-size must be a whole number"),
        ({"data": 5}, "data must be text, not 5"),
        ({"steps": 5, "epochs": 2.0}, "one length"),
        ({"evaluate_every": 300}, "evaluate-every must be a multiple of report-every"),
        ({"learning_rate_min": 0.1, "learning_rate_decay": 1.01}, "is above the learning rates"),
        ({"epochs": None}, "one length, not none"),
        ({"batch_sise": 5}, "did you mean 'batch_size'"),
        ({"generator": "mpl"}, "unknown generator 'mpl': did you mean 'mlp'? The choices are mlp,"),
        ({"objective": "xyz"}, "unknown objective 'xyz': the choices are minimax, non-saturating"),
        ({"noise": "a:b"}, "unknown noise 'a:b'"),
        ({"conditional": "concat", "pack": 2}, "joins samples of different classes"),
        ({"penalty": "r1", "compile": True}, "needs second derivatives"),
        ({"updates": "simultaneous", "d_steps": 2, "compile": True}, "--d-steps 1 or --updates"),
        ({"discriminator": "projected", "pack": 3}, "give --pack 1"),
        ({"discriminator": "projected", "conditional": "concat"}, "give --conditional projection"),
        ({"accumulate": 2, "pack": 2}, "a pack cannot be split"),
        ({"accumulate": 3}, "a minibatch of 100 cannot be split into 3 equal parts"),
        ({"conditional": "infogan", "continuous": 65}, "more than the 64 dimensions of z"),
    ],
)
def test_wrong_settings_are_refused(changes, message):
    with pytest.raises(ForgeryError) as refused:
        Config().replace(**changes)
    assert message in str(refused.value)


def test_all_problems_are_reported_at_once():
    with pytest.raises(ForgeryError) as refused:
        Config().replace(batch_size=0, generator="mpl", momentum=0.9)
    lines = str(refused.value).splitlines()
    assert [line.split()[0] for line in lines] == ["momentum", "unknown", "batch-size"]
    with pytest.raises(ForgeryError) as refused:
        Config(penalty="r1", compile=True, evaluate_every=7, accumulate=3)
    assert len(str(refused.value).splitlines()) == 3


def test_a_part_from_python_or_another_package_is_a_choice(monkeypatch):
    for setting in EXTENSIBLE:
        assert getattr(Config(**{setting: "my_script:Mine"}), setting) == "my_script:Mine"
    monkeypatch.setattr(
        plugins, "names", lambda group: ["theirs"] if group == "forgery.objectives" else []
    )
    assert Config(objective="theirs").objective == "theirs"
    with pytest.raises(ForgeryError, match="did you mean 'theirs'"):
        Config(objective="theers")


#: Field → values of other fields with which it has no effect, and a value for it.
IDLE = {
    "labels": ({}, 5),
    "image_size": ({"data": "ring8"}, 28),
    "fit": ({"data": "mnist"}, "pad"),
    "colour": ({"data": "points.csv"}, "rgb"),
    "background": ({"data": "faces"}, "red"),
    "image_column": ({"data": "a.npz"}, "image"),
    "label_column": ({"data": "mnist"}, "label"),
    "strict": ({"data": "a.npy"}, True),
    "g_depth": ({"generator": "dcgan"}, 3),
    "d_depth": ({"discriminator": "resnet"}, 3),
    "noise": ({"model": "vae"}, "uniform"),
    "conditional": ({"model": "vae"}, "concat"),
    "codes": ({}, 12),
    "continuous": ({"conditional": "auxiliary"}, 3),
    "freeze_d": ({}, 1),
    "objective": ({"model": "vae"}, "hinge"),
    "penalty": ({"model": "vae"}, "r1"),
    "penalty_weight": ({}, 2.0),
    "penalty_weight_final": ({"penalty": "r1"}, 2.0),
    "class_weight": ({"conditional": "projection"}, 2.0),
    "clip": ({"model": "vae"}, 0.1),
    "spectral_norm": ({"model": "vae"}, True),
    "updates": ({"model": "vae"}, "simultaneous"),
    "d_steps": ({"model": "vae"}, 2),
    "accumulate": ({"model": "vae"}, 2),
    "pack": ({"model": "vae"}, 2),
    "augment": ({"model": "vae"}, "adaptive"),
    "augment_target": ({"augment": "diffaugment"}, 0.5),
    "augment_ramp": ({}, 1000),
    "beta1": ({"optimizer": "rmsprop"}, 0.5),
    "beta2": ({"optimizer": "momentum"}, 0.5),
    "beta2_final": ({}, 0.5),
    "momentum": ({}, 0.9),
    "momentum_final": ({"optimizer": "rmsprop"}, 0.9),
    "momentum_epochs": ({}, 10),
    "learning_rate_min": ({}, 1e-6),
    "learning_rate_final": ({}, 0.1),
    "burn_in": ({}, 0.5),
    "burn_in_shape": ({}, "linear"),
    "grid": ({"data": "moons"}, 9),
}


def test_every_field_that_needs_another_is_tested():
    assert {n for n in fields_of(Config) if field_of(n).metadata["needs"]} == set(IDLE)


@pytest.mark.parametrize("name", IDLE)
def test_a_setting_without_effect_is_refused_with_a_setting_that_gives_it_one(name):
    beside, value = IDLE[name]
    base = Config().replace(**beside)
    others = [need.setting for clause in field_of(name).metadata["needs"] for need in clause]
    for attempt in (
        lambda: base.replace(**{name: value}),
        lambda: Config(**beside, **{name: value}),
    ):
        with pytest.raises(ForgeryError) as refused:
            attempt()
        line = next(x for x in str(refused.value).splitlines() if x.startswith(f"{flag(name)} "))
        assert "has no effect with" in line
        assert (
            "give data that are" in line
            or "give pictures" in line
            or any(f"--{flag(other)} " in line for other in others)
        )
    assert name not in {setting for group in base.effective().values() for setting in group}


@pytest.mark.parametrize("name", IDLE)
def test_the_default_of_a_setting_without_effect_is_refused_unless_it_disables_something(name):
    base = Config().replace(**IDLE[name][0])
    default = {name: field_of(name).default}
    if field_of(name).metadata["neutral"]:
        assert base.replace(**default) == base
    else:
        with pytest.raises(ForgeryError, match=f"{flag(name)} has no effect"):
            base.replace(**default)


def test_inherited_settings_that_lose_their_effect_return_to_their_defaults():
    modern = RECIPES["modern"]()
    changed = modern.replace(optimizer="momentum", penalty="none", learning_rate_final=1.0)
    for name in ("beta1", "beta2", "beta2_final", "penalty_weight", "burn_in"):
        assert getattr(changed, name) == field_of(name).default, name
    assert modern.replace(model="vae").penalty == "none"
    both = Config().replace(burn_in=0.5, learning_rate_final=0.1, burn_in_shape="linear")
    assert both.burn_in == 0.5


def test_a_record_of_an_earlier_version_is_read():
    # It listed all settings, including those without effect, and had no length in images.
    old = Config(epochs=30.0, batch_size=20).to_dict() | {"momentum": 0.9, "codes": 12}
    del old["images"]
    config = Config.from_record(old)
    assert config == Config(epochs=30.0, batch_size=20)
    with pytest.raises(ForgeryError, match="unknown setting 'batch_sise': did you mean"):
        Config.from_record(old | {"batch_sise": 3})
    timed = Config.from_record({"Length": {"minutes": 3.0}, "Game": {"pack": 2}})
    assert (timed.minutes, timed.epochs, timed.pack) == (3.0, None, 2)


def test_the_record_lists_settings_that_have_an_effect():
    effective = RECIPES["mlp"]().effective()
    assert effective["Length"] == {"images": 1_800_000}
    assert set(effective["Optimizer"]) == {
        *("optimizer", "g_learning_rate", "d_learning_rate", "beta1", "beta2"),
        "learning_rate_decay",
    }
    assert "Pictures" not in RECIPES["points"]().effective()


def test_settings_cannot_be_assigned():
    with pytest.raises(dataclasses.FrozenInstanceError):
        Config().seed = 3
