"""The 2014 paper's networks for MNIST, as its authors released them.

Source: goodfeli/adversarial, mnist.yaml. The original sizes are width 1200 and depth 2 for G, width
240 and depth 2 for D. The original works on pixels in [0, 1]; the first operation of D and the last
one of G convert between that range and [-1, 1].
"""

from itertools import pairwise

import torch
from torch import Tensor, nn

from .layers import Discriminator, Maxout, with_unit_pixels
from .spec import Spec


def _uniform(linear: nn.Linear, limit: float) -> nn.Linear:
    """Initialise weights from U(-limit, limit) (pylearn2's ``irange``) and biases to zero."""
    nn.init.uniform_(linear.weight, -limit, limit)
    nn.init.zeros_(linear.bias)
    return linear


class ReLUSigmoidGenerator(nn.Module):
    """z ``[N, latent]`` → ReLU layers → sigmoid → images ``[N, C, H, W]`` in [-1, 1].

    Initial weights are U(-.05, .05). The output's bias is initialised to the logit of the training
    data's mean image, so that G starts near that mean.
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
    """Samples ``[N, *shape]`` → dropout and maxout layers → logits ``[N]``.

    Dropout keeps .8 of the pixels and .5 of each later layer's inputs, scaled by 1.25 and 2.
    Initial weights are U(-.005, .005).
    """

    flattens = True

    def __init__(self, spec: Spec) -> None:
        super().__init__()
        self.pixels = spec.pixel_count
        layers: list[nn.Module] = [nn.Dropout(0.2), _maxout(spec.size, spec.width, 0.005)]
        for _ in range(spec.depth - 1):
            layers += [nn.Dropout(0.5), _maxout(spec.width, spec.width, 0.005)]
        output = _uniform(nn.Linear(spec.width, 1), 0.005)
        self.layers = nn.Sequential(*layers, nn.Dropout(0.5), output)

    def enter(self, x: Tensor) -> Tensor:
        # Black must be 0, as in the original, since dropout sets pixels to 0.
        return with_unit_pixels(x, self.pixels)
