"""The networks of "Improved Techniques for Training GANs" for semi-supervised MNIST.

Source: Salimans et al. 2016 (arXiv:1606.03498), and openai/improved-gan, mnist_svhn_cifar10. The
original G has width 500 and depth 2 (100-500-500-784 with softplus and batch norm), D width 1000
and depth 5 (784-1000-500-250-250-250 with ReLU, weight normalisation and Gaussian noise). Here
weights are initialised as in PyTorch's layers; the original scales them by a first minibatch.
"""

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional

from .layers import Discriminator
from .spec import Spec


class SoftplusGenerator(nn.Module):
    """z ``[N, latent]`` → layers of linear, batch norm and softplus → samples ``[N, *shape]``."""

    def __init__(self, spec: Spec) -> None:
        super().__init__()
        self.shape = spec.shape
        layers: list[nn.Module] = []
        for inputs, outputs in pairwise([spec.latent] + [spec.width] * spec.depth):
            layers += [
                nn.Linear(inputs, outputs, bias=False),  # batch norm has one
                nn.BatchNorm1d(outputs),
                nn.Softplus(),
            ]
        layers.append(WeightNormLinear(spec.width, spec.size))
        # The original has a sigmoid; images are in [-1, 1] here.
        self.layers = nn.Sequential(*layers, *([nn.Tanh()] if spec.bounded else []))

    def forward(self, z: Tensor, y: Tensor | None = None) -> Tensor:
        return self.layers(z).view(-1, *self.shape)


class NoisyDiscriminator(Discriminator):
    """Samples ``[N, *shape]`` → logits ``[N]``, with noise added to each layer's input in training.

    The noise is N(0, .3²) on pixels in [0, 1] and N(0, .5²) on hidden units. The first hidden layer
    has ``width`` units, the second half as many, the others a quarter.
    """

    flattens = True

    def __init__(self, spec: Spec) -> None:
        super().__init__()
        self.bounded = spec.bounded
        widths = [max(1, spec.width >> min(i, 2)) for i in range(spec.depth)]
        layers: list[nn.Module] = [GaussianNoise(0.3)]
        for inputs, outputs in pairwise([spec.size, *widths]):
            layers += [WeightNormLinear(inputs, outputs), nn.ReLU(), GaussianNoise(0.5)]
        self.layers = nn.Sequential(*layers, nn.Linear(widths[-1], 1))

    def enter(self, x: Tensor) -> Tensor:
        x = x.flatten(1)
        return (x + 1) / 2 if self.bounded else x


class GaussianNoise(nn.Module):
    """x → x + N(0, std²) in training, x in evaluation."""

    def __init__(self, std: float) -> None:
        super().__init__()
        self.std = std

    def forward(self, x: Tensor) -> Tensor:
        return x + self.std * torch.randn_like(x) if self.training else x


class WeightNormLinear(nn.Linear):
    """A linear layer with weight normalisation: rows are w = g·v/‖v‖ (Salimans & Kingma 2016).

    g ``[outputs]`` is learnt, and initialised so that the layer starts as :class:`torch.nn.Linear`.
    """

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__(inputs, outputs)
        self.gain = nn.Parameter(self.weight.detach().norm(dim=1))

    def forward(self, x: Tensor) -> Tensor:
        scale = self.gain / self.weight.norm(dim=1)
        return functional.linear(x, self.weight * scale[:, None], self.bias)
