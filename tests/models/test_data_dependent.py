"""Layers whose initial weights depend on data."""

import pytest
import torch
from torch import nn

from forgery import build, data, recipes
from forgery.models.layers import initialise_from_data
from forgery.models.salimans2016 import NoisyDiscriminator, WeightNormLinear
from forgery.models.spec import Spec

SMALL = {"d_width": 16, "d_depth": 2, "g_width": 8, "latent": 4, "batch_size": 50}


def test_outputs_on_the_first_data_have_mean_0_and_variance_1():
    torch.manual_seed(0)
    layers = nn.Sequential(WeightNormLinear(7, 5), nn.ReLU(), WeightNormLinear(5, 3))
    x = 3 + 2 * torch.randn(200, 7)
    initialise_from_data(layers, lambda: layers(x))
    for outputs in (layers[0](x), layers(x)):
        torch.testing.assert_close(
            outputs.mean(0), torch.zeros(outputs.shape[1]), atol=1e-5, rtol=0
        )
        torch.testing.assert_close(outputs.std(0, correction=0), torch.ones(outputs.shape[1]))


def test_layers_are_initialised_once_and_not_in_later_passes():
    layer = WeightNormLinear(4, 3)
    initialise_from_data(layer, lambda: layer(torch.randn(50, 4)))
    before = layer.gain.clone()
    layer(10 * torch.randn(50, 4))
    assert torch.equal(layer.gain, before)


def test_a_constant_input_leaves_finite_weights():
    layer = WeightNormLinear(4, 3)
    initialise_from_data(layer, lambda: layer(torch.ones(50, 4)))
    assert layer(torch.ones(2, 4)).isfinite().all()


def test_the_hooks_are_removed_if_the_pass_fails():
    layer = WeightNormLinear(4, 3)
    with pytest.raises(RuntimeError):
        initialise_from_data(layer, lambda: layer(torch.ones(2, 9)))
    before = layer.gain.clone()
    layer(torch.randn(50, 4))
    assert torch.equal(layer.gain, before)


def test_gains_of_hidden_layers_are_saved_but_not_trained():
    network = NoisyDiscriminator(Spec((1, 4, 4), 3, 8, 2, torch.zeros(1, 4, 4)))
    trained = {name for name, _ in network.named_parameters()}
    assert not any(name.endswith("gain") for name in trained)
    assert sum(name.endswith("gain") for name in network.state_dict()) == 2


@pytest.mark.parametrize(
    "changes",
    [{}, {"conditional": "semi-supervised", "labels": 20}, {"conditional": "concat"}, {"pack": 2}],
)
def test_d_starts_from_real_samples_as_a_function_of_the_seed(changes):
    config = recipes.mlp(**SMALL, split="test", discriminator="mlp-noisy", **changes)
    dataset = data.load("mnist", "test")

    def gain(seed):
        training = build.training_of(config.replace(seed=seed), dataset, torch.device("cpu"))
        state = training.game.discriminator.network.state_dict()
        return next(value for name, value in state.items() if name.endswith("layers.1.gain"))

    assert not torch.equal(gain(0), torch.ones(16))
    assert torch.equal(gain(0), gain(0))
    assert not torch.equal(gain(0), gain(1))
