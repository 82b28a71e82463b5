import pytest
import torch
from torch import nn

from forgery.extractors import Extractor
from forgery.latent import Space, smoothness
from forgery.sampler import Sampler


class Linear(nn.Module):
    """z ``[N, 8]`` scaled by a number, as an image of 8 × 1."""

    def __init__(self, scale):
        super().__init__()
        self.scale = nn.Parameter(torch.tensor(scale))

    def forward(self, z):
        return self.scale * z[:, None, :, None]


class Pixels(nn.Module):
    def __init__(self):
        super().__init__()
        self.p = nn.Parameter(torch.zeros(()))

    def forward(self, x):
        return x.flatten(1), x.flatten(1)


def measure(scale, way):
    eyes = Extractor("pixels", "0" * 64, Pixels(), (1, 8, 1), ())
    space = Space(Sampler(Linear(scale), "normal", 8, (1, 8, 1)))
    return smoothness(space, eyes, pairs=300, way=way)


def test_a_straight_path_is_as_long_as_the_distance():
    found = measure(0.1, "line")
    assert found.path_length == pytest.approx(found.apart, rel=0.01)
    assert found.apart == pytest.approx(0.01 * 16, rel=0.15)  # E‖a - b‖² = 2 · 8
    assert found.pairs == 300


def test_path_length_grows_with_scale_and_detours():
    assert measure(0.1, "line").path_length == pytest.approx(
        4 * measure(0.05, "line").path_length, rel=1e-3
    )
    round_about = measure(0.1, "sphere")
    assert round_about.path_length > 1.05 * round_about.apart
