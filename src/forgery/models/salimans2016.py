"""The networks of "Improved Techniques for Training GANs" for semi-supervised MNIST.

Source: Salimans et al. 2016 (arXiv:1606.03498), and openai/improved-gan, mnist_svhn_cifar10. The
original G has width 500 and depth 2 (100-500-500-784 with softplus and batch norm), D width 1000
and depth 5 (784-1000-500-250-250-250 with ReLU, weight normalisation and Gaussian noise).
"""

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional

from .layers import DataDependent, Discriminator, with_unit_pixels
from .spec import Spec


class SoftplusGenerator(nn.Module):
    """z ``[N, latent]`` → layers of linear, batch norm and softplus → samples ``[N, *shape]``."""

    def __init__(self, spec: Spec) -> None:
        super().__init__()
        self.shape = spec.shape
        layers: list[nn.Module] = []
        for inputs, outputs in pairwise([spec.latent] + [spec.width] * spec.depth):
            linear = nn.Linear(inputs, outputs, bias=False)  # batch norm has one
            layers += [linear, nn.BatchNorm1d(outputs), nn.Softplus()]
        layers.append(WeightNormLinear(spec.width, spec.size))
        for layer in layers:
            if isinstance(layer, nn.Linear):
                nn.init.xavier_uniform_(layer.weight)
        self.layers = nn.Sequential(*layers)
        self.bounded = spec.bounded

    def forward(self, z: Tensor, y: Tensor | None = None) -> Tensor:
        x = self.layers(z)
        if self.bounded:
            # The original's sigmoid, in [-1, 1]: 2 sigmoid(x) - 1 is tanh(x / 2). Without the ½, G
            # cannot keep up with D.
            x = torch.tanh(x / 2)
        return x.view(-1, *self.shape)


class NoisyDiscriminator(Discriminator):
    """Samples ``[N, *shape]`` → logits ``[N]``, with noise added to each layer's input in training.

    The noise is N(0, .3²) on pixels in [0, 1] and N(0, .5²) on hidden units. The first hidden layer
    has ``width`` units, the second half as many, the others a quarter. The gains of hidden layers
    stay as they begin, so that D cannot drown the noise.
    """

    flattens = True

    def __init__(self, spec: Spec) -> None:
        super().__init__()
        self.pixels = spec.pixel_count
        widths = [max(1, spec.width >> min(i, 2)) for i in range(spec.depth)]
        layers: list[nn.Module] = [GaussianNoise(0.3)]
        for inputs, outputs in pairwise([spec.size, *widths]):
            hidden = WeightNormLinear(inputs, outputs, learn_gain=False)
            layers += [hidden, nn.ReLU(), GaussianNoise(0.5)]
        self.layers = nn.Sequential(*layers, nn.Linear(widths[-1], 1))

    def enter(self, x: Tensor) -> Tensor:
        return with_unit_pixels(x, self.pixels)

    def prediction(self, outputs: int) -> nn.Module:
        return WeightNormLinear(self.feature_count, outputs)


class GaussianNoise(nn.Module):
    """x → x + N(0, std²) in training, x in evaluation."""

    def __init__(self, std: float) -> None:
        super().__init__()
        self.std = std

    def forward(self, x: Tensor) -> Tensor:
        return x + self.std * torch.randn_like(x) if self.training else x


class WeightNormLinear(nn.Linear, DataDependent):
    """A linear layer with weight normalisation: rows are w = g·v/‖v‖ (Salimans & Kingma 2016).

    v is initialised from N(0, .1²), the biases to 0, and g ``[outputs]`` to 1; then g and the
    biases so that outputs on the first data have mean 0 and variance 1. g may be learnt.
    """

    normalises_weights = True

    def __init__(self, inputs: int, outputs: int, learn_gain: bool = True) -> None:
        super().__init__(inputs, outputs)
        nn.init.normal_(self.weight, std=0.1)
        nn.init.zeros_(self.bias)
        gain = torch.ones(outputs)
        self.gain: Tensor
        if learn_gain:
            self.gain = nn.Parameter(gain)
        else:
            self.register_buffer("gain", gain)

    def forward(self, x: Tensor) -> Tensor:
        scale = self.gain / self.weight.norm(dim=1)
        return functional.linear(x, self.weight * scale[:, None], self.bias)

    def initialise_from(self, x: Tensor) -> None:
        outputs = self(x)
        deviation = outputs.std(0, correction=0).clamp(min=1e-6)
        self.gain.div_(deviation)
        self.bias.sub_(outputs.mean(0)).div_(deviation)
