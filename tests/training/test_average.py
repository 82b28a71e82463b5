import pytest
import torch
from torch import nn
from torch.nn.utils.parametrizations import spectral_norm

from forgery.training.average import Average


def test_the_average_follows_closely_at_first_and_slowly_later():
    network = nn.Linear(1, 1, bias=False)
    nn.init.zeros_(network.weight)
    average = Average(network, decay=0.9)
    nn.init.ones_(network.weight)
    expected = 0.0
    for step in range(1, 200):
        average.update(step)
        decay = min(0.9, (1 + step) / (10 + step))
        expected = decay * expected + (1 - decay)
        torch.testing.assert_close(average.network.weight.item(), expected, rtol=1e-5, atol=1e-6)
    assert not average.network.weight.requires_grad
    assert network.weight.item() == 1


def test_spectral_normalisation_keeps_its_singular_vectors():
    """The mean of unit vectors is shorter, and weights divided by it would grow."""
    torch.manual_seed(0)
    network = nn.Sequential(spectral_norm(nn.Linear(8, 8)), nn.BatchNorm1d(8))
    average = Average(network, decay=0.9)
    for step in range(1, 200):
        with torch.no_grad():
            network[0].parametrizations.weight.original.normal_()
        network(torch.randn(20, 8))
        average.update(step)
    vectors = dict(average.network.named_buffers())
    assert vectors["0.parametrizations.weight.0._u"].norm().item() == pytest.approx(1, rel=1e-4)
    assert vectors["1.running_var"].mean() > 0


def test_batch_statistics_are_averaged():
    network = nn.BatchNorm1d(2)
    average = Average(network, decay=0.999)
    network(torch.randn(50, 2) + 5)
    average.update(1)
    share = 1 - 2 / 11
    torch.testing.assert_close(average.network.running_mean, share * network.running_mean)
    assert torch.equal(average.network.num_batches_tracked, network.num_batches_tracked)
