"""Layers shared by several families."""

import copy

import pytest
import torch

from forgery import ForgeryError
from forgery.models import DISCRIMINATORS, Spec
from forgery.models.layers import evaluation_mode, spectrally_normalised
from forgery.penalties import r1

#: Families that cannot be normalised: with a layer that starts at zero, or is normalised already.
REFUSED = {
    "modern": r"start at zero \(layers\.",
    "modern-patched": r"start at zero \(layers\.",
    "mlp-noisy": r"divides by their norm \(layers\.",
}


def normalised(name="resnet", seed=0):
    torch.manual_seed(seed)
    return spectrally_normalised(DISCRIMINATORS[name](spec()))


def spec():
    return Spec(shape=(1, 28, 28), latent=5, width=6, depth=2, mean=torch.zeros(1, 28, 28))


def images(n=4):
    return torch.randn(n, 1, 28, 28, generator=torch.Generator().manual_seed(1))


def vectors(network):
    return {k: v.clone() for k, v in network.named_buffers() if k.endswith(("._u", "._v"))}


def weighted(network):
    kinds = (torch.nn.Linear, torch.nn.Conv2d)
    return [m for m in network.modules() if isinstance(m, kinds)]


@pytest.mark.parametrize("name", sorted(set(DISCRIMINATORS) - set(REFUSED)))
def test_every_weight_of_any_discriminator_has_the_spectral_norm_one(name):
    network = normalised(name)
    for _ in range(30):
        network(images())
    network.eval()
    for layer in weighted(network):
        norm = torch.linalg.matrix_norm(layer.weight.detach().flatten(1), 2)
        assert norm.item() == pytest.approx(1, rel=0.05)
    assert network(images()).shape == (4,)


def test_no_layer_is_normalised_twice():
    network = normalised("mlp")
    before = [key for key, _ in network.named_parameters()]
    assert [key for key, _ in spectrally_normalised(network).named_parameters()] == before
    assert sum("original" in key for key in before) == 3


@pytest.mark.parametrize("name", REFUSED)
def test_layers_that_cannot_be_normalised(name):
    with pytest.raises(ForgeryError, match=REFUSED[name]):
        normalised(name)


def test_the_power_iteration_only_runs_in_training():
    network = normalised()
    start = vectors(network)
    network(images())
    moved = vectors(network)
    assert any(not torch.equal(start[key], moved[key]) for key in start)
    network.eval()
    first, second = network(images()), network(images())
    assert torch.equal(first, second)
    assert all(torch.equal(moved[key], value) for key, value in vectors(network).items())


def test_a_copy_is_equal_but_independent():
    network = normalised()
    network(images())
    twin = copy.deepcopy(network)
    assert torch.equal(twin(images()), network(images()))
    step(twin)
    network.eval(), twin.eval()
    assert not torch.equal(twin(images()), network(images()))


def step(network):
    """One update by the gradients of a loss and of a penalty, as in training."""
    weights = list(network.parameters())
    optimizer = torch.optim.Adam(weights, lr=1e-2, fused=True)
    optimizer.zero_grad()
    loss = network(images()).square().mean() + r1(network, images(), images()).mean()
    loss.backward(inputs=weights)
    assert all(w.grad.isfinite().all() for w in weights)
    assert all(w.grad.any() for w in weights if w.dim() > 1)
    optimizer.step()


def test_a_saved_state_resumes_exactly():
    network, fresh = normalised(seed=0), normalised(seed=1)
    step(network)
    fresh.load_state_dict(copy.deepcopy(network.state_dict()))
    for one in (network, fresh):
        step(one)
    assert torch.equal(network(images()), fresh(images()))
    state, other = network.state_dict(), fresh.state_dict()
    assert all(torch.equal(state[key], other[key]) for key in state)


def test_evaluation_mode_restores_the_mode_of_every_layer():
    network = torch.nn.Sequential(torch.nn.Dropout(), torch.nn.Sequential(torch.nn.Dropout()))
    network[1].eval()  # a part that its owner keeps in evaluation mode
    with evaluation_mode(network):
        assert not any(layer.training for layer in network.modules())
    assert [layer.training for layer in network.modules()] == [True, True, False, False]
