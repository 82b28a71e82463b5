import pytest
import torch
from torch import nn

from forgery.models import CONDITIONS, DISCRIMINATORS, Spec, spectrally_normalised
from forgery.models.freezing import freeze, lower_layers

SPEC = Spec((3, 32, 32), 4, 8, 2, torch.zeros(3, 32, 32))


@pytest.mark.parametrize(
    ("family", "layers"),
    [("mlp", 2), ("maxout", 2), ("mlp-noisy", 2), ("dcgan", 3), ("resnet", 4)],
)
def test_the_number_of_lower_layers(family, layers):
    assert len(lower_layers(DISCRIMINATORS[family](SPEC))) == layers


@pytest.mark.parametrize("family", DISCRIMINATORS)
@pytest.mark.parametrize("conditional", CONDITIONS)
def test_the_first_layers_are_frozen_and_the_output_is_not(family, conditional):
    network = CONDITIONS[conditional].discriminator(DISCRIMINATORS[family], SPEC, 3)
    # Some weights start at zero, or are normalised already.
    if family not in ("modern", "modern-patched", "mlp-noisy"):
        spectrally_normalised(network)
    layers = lower_layers(network)
    assert len(layers) >= 1
    freeze(network, len(layers) - 1)
    last = {p for module in layers[-1] for p in module.parameters()}
    frozen = {p for p in network.parameters() if not p.requires_grad}
    assert frozen == {p for layer in layers[:-1] for m in layer for p in m.parameters()}
    assert last
    freeze(network, len(layers))
    trained = [p for p in network.parameters() if p.requires_grad]
    assert trained
    assert not last & set(trained)


def test_batch_norm_belongs_to_the_layer_before_it():
    layers = lower_layers(DISCRIMINATORS["dcgan"](SPEC))
    assert [[type(m) for m in layer] for layer in layers] == [
        [nn.Conv2d],
        [nn.Conv2d, nn.BatchNorm2d],
        [nn.Conv2d, nn.BatchNorm2d],
    ]


def test_a_network_of_one_s_own_ends_in_its_output():
    class Mine(nn.Module):
        def __init__(self):
            super().__init__()
            self.first = nn.Conv2d(3, 4, 3)
            self.body = nn.Sequential(nn.Conv2d(4, 4, 3), nn.GroupNorm(2, 4), nn.ReLU())
            self.scale = nn.Parameter(torch.ones(()))
            self.output = nn.Linear(4, 1)

    mine = Mine()
    assert lower_layers(mine) == [[mine.first], [mine.body[0], mine.body[1]]]
    plain = nn.Sequential(nn.Flatten(), nn.Linear(4, 2), nn.ReLU(), nn.Linear(2, 1))
    assert lower_layers(plain) == [[plain[1]]]
    assert lower_layers(nn.Linear(2, 1)) == []
