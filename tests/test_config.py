import dataclasses
import json

import pytest

from forgery.config import Config, read_toml
from forgery.errors import ForgeryError
from forgery.recipes import RECIPES


@pytest.mark.parametrize("recipe", RECIPES)
def test_every_recipe_is_a_config_that_survives_json(recipe):
    config = RECIPES[recipe]()
    assert config.recipe == recipe
    assert Config(**json.loads(json.dumps(config.to_dict()))) == config


def test_every_field_has_a_help_text_and_a_section():
    for field in dataclasses.fields(Config):
        assert field.metadata["help"].endswith("."), field.name
        assert field.metadata["section"], field.name


def test_a_new_length_takes_the_old_ones_place():
    config = Config(epochs=3).replace(steps=10)
    assert (config.steps, config.epochs, config.minutes) == (10, None, None)
    assert config.length == "10 steps"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"batch_size": 0}, "batch-size must be at least 1, not 0"),
        ({"latent": -5}, "latent must be at least 1, not -5"),
        ({"ema": 1.0}, "ema must be below 1"),
        ({"beta1": float("nan")}, "beta1"),
        ({"g_learning_rate": 0.0}, "g-learning-rate must be above 0"),
        ({"g_learning_rate": float("inf")}, "must be finite"),
        ({"batch_size": "many"}, "batch-size must be int, not 'many'"),
        ({"batch_size": True}, "batch-size must be int"),
        ({"steps": 5, "epochs": 2.0}, "one length"),
        ({"evaluate_every": 300}, "evaluate-every must be a multiple of report-every"),
        ({"epochs": None}, "one length, not none"),
        ({"batch_sise": 5}, "did you mean 'batch_size'"),
    ],
)
def test_wrong_settings_are_refused(changes, message):
    with pytest.raises(ForgeryError, match=message.replace("(", r"\(")):
        Config().replace(**changes)


def test_toml(tmp_path):
    path = tmp_path / "settings.toml"
    path.write_text('objective = "minimax"\nepochs = 3\n')
    assert Config().replace(**read_toml(path)).epochs == 3.0
    path.write_text("objectiv = 3")
    with pytest.raises(ForgeryError, match=r"settings.toml: unknown setting .* 'objective'"):
        read_toml(path)
    path.write_text("= nonsense")
    with pytest.raises(ForgeryError, match="is not TOML"):
        read_toml(path)
    with pytest.raises(ForgeryError, match="cannot read"):
        read_toml(tmp_path / "absent.toml")
