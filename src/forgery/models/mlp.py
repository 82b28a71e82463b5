"""Multi-layer perceptrons, as in the well-known PyTorch tutorial.

Source: yunjey/pytorch-tutorial, generative_adversarial_network/main.py. Its networks have width 256
and depth 2: 64-256-256-784 with ReLU and tanh, 784-256-256-1 with LeakyReLU(.2).
"""

from itertools import pairwise

from torch import Tensor, nn

from .layers import Discriminator
from .spec import Spec


class MLPGenerator(nn.Module):
    """z ``[N, latent]`` → images ``[N, C, H, W]`` in [-1, 1], or points ``[N, D]``."""

    def __init__(self, spec: Spec) -> None:
        super().__init__()
        self.shape = spec.shape
        sizes = [spec.latent] + [spec.width] * spec.depth
        layers: list[nn.Module] = []
        for inputs, outputs in pairwise(sizes):
            layers += [nn.Linear(inputs, outputs), nn.ReLU(inplace=True)]
        layers.append(nn.Linear(sizes[-1], spec.size))
        self.layers = nn.Sequential(*layers, *([nn.Tanh()] if spec.bounded else []))

    def forward(self, z: Tensor, y: Tensor | None = None) -> Tensor:
        return self.layers(z).view(-1, *self.shape)


class MLPDiscriminator(Discriminator):
    """Images ``[N, C, H, W]`` in [-1, 1], or points ``[N, D]`` → logits ``[N]``."""

    flattens = True

    def __init__(self, spec: Spec) -> None:
        super().__init__()
        sizes = [spec.size] + [spec.width] * spec.depth
        layers: list[nn.Module] = []
        for inputs, outputs in pairwise(sizes):
            layers += [nn.Linear(inputs, outputs), nn.LeakyReLU(0.2, inplace=True)]
        self.layers = nn.Sequential(*layers, nn.Linear(sizes[-1], 1))

    def enter(self, x: Tensor) -> Tensor:
        return x.flatten(1)
