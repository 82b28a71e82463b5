"""A generator whose images show the signs of z, and a classifier that reads them."""

import pytest
import torch
from torch import nn

from forgery.extractors import Extractor
from forgery.latent import AttributeClassifier, Space
from forgery.sampler import Sampler


class Halves(nn.Module):
    """z ``[N, 4]`` → grey 8 × 8: the left half shows the sign of z₀, the right half that of z₁."""

    def __init__(self):
        super().__init__()
        self.steepness = nn.Parameter(torch.tensor(4.0), requires_grad=False)

    def forward(self, z, y=None):
        left, right = (torch.tanh(self.steepness * z[:, i]) for i in (0, 1))
        if y is not None:  # a class inverts the left half
            left = left * (1 - 2 * y)
        halves = torch.stack([left, right], 1)[:, None, None, :]
        return halves.expand(-1, 1, 8, 2).repeat_interleave(4, 3)


class Eyes(nn.Module):
    """Features are the mean of each half; logits are ten times the features."""

    def __init__(self):
        super().__init__()
        self.scale = nn.Parameter(torch.tensor(10.0))

    def forward(self, x):
        means = torch.stack([x[..., :4].mean((1, 2, 3)), x[..., 4:].mean((1, 2, 3))], 1)
        return means, self.scale * means


@pytest.fixture
def space():
    return Space(Sampler(Halves(), "normal", 4, (1, 8, 8)))


@pytest.fixture
def classifier():
    names = ("glasses", "woman")
    return AttributeClassifier(
        Extractor("halves", "0" * 64, Eyes(), (1, 8, 8), names), exclusive=False
    )
