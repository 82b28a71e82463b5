"""The 2014 paper's networks for MNIST, as its authors released them.

Source: goodfeli/adversarial, mnist.yaml. Width 1200, depth 2 (G) and width 240, depth 2 (D) are its
sizes. That program works on pixels in [0, 1]; the first and last operations here translate.
"""

from itertools import pairwise

import torch
from torch import Tensor, nn

from .layers import Discriminator, Maxout
from .spec import Spec


def _uniform(linear: nn.Linear, limit: float) -> nn.Linear:
    """Weights from U(-limit, limit) (pylearn2's ``irange``), biases at zero."""
    nn.init.uniform_(linear.weight, -limit, limit)
    nn.init.zeros_(linear.bias)
    return linear


class ReLUSigmoidGenerator(nn.Module):
    """z ``[N, latent]`` → ReLU layers → sigmoid → images ``[N, C, H, W]`` in [-1, 1].

    Weights start at U(-.05, .05); the output's bias at the logit of the training data's mean
    image, so that G begins by drawing that mean.
    """

    def __init__(self, spec: Spec) -> None:
        super().__init__()
        self.shape = spec.image_shape
        sizes = [spec.latent] + [spec.width] * spec.depth
        layers: list[nn.Module] = []
        for inputs, outputs in pairwise(sizes):
            layers += [_uniform(nn.Linear(inputs, outputs), 0.05), nn.ReLU(inplace=True)]
        output = _uniform(nn.Linear(sizes[-1], spec.size), 0.05)
        mean = ((spec.mean.flatten() + 1) / 2).clamp(1e-7, 1 - 1e-7)
        with torch.no_grad():
            output.bias.copy_(torch.logit(mean.double()))
        self.layers = nn.Sequential(*layers, output)

    def forward(self, z: Tensor, y: Tensor | None = None) -> Tensor:
        # 2 sigmoid(x) - 1 is tanh(x / 2), in one operation.
        return torch.tanh(self.layers(z) / 2).view(-1, *self.shape)


def _maxout(inputs: int, units: int, limit: float) -> Maxout:
    layer = Maxout(inputs, units)
    _uniform(layer.pieces, limit)
    return layer


class MaxoutDiscriminator(Discriminator):
    """Images ``[N, C, H, W]`` in [-1, 1] → dropout and maxout layers → logits ``[N]``.

    Dropout keeps .8 of the pixels and .5 of each later layer's inputs, scaled up by 1.25 and 2;
    weights start at U(-.005, .005).
    """

    flattens = True

    def __init__(self, spec: Spec) -> None:
        super().__init__()
        layers: list[nn.Module] = [nn.Dropout(0.2), _maxout(spec.size, spec.width, 0.005)]
        for _ in range(spec.depth - 1):
            layers += [nn.Dropout(0.5), _maxout(spec.width, spec.width, 0.005)]
        output = _uniform(nn.Linear(spec.width, 1), 0.005)
        self.layers = nn.Sequential(*layers, nn.Dropout(0.5), output)

    def enter(self, x: Tensor) -> Tensor:
        # Dropout must meet black as 0, as it did in [0, 1].
        return (x.flatten(1) + 1) / 2
