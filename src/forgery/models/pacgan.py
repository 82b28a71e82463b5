"""The networks of PacGAN's mode-coverage experiments on rings and grids.

Source: fjxmlzn/PacGAN, synthetic_data_experiments. The original sizes are width 400 and depth 4 for
G, width 200 and depth 3 for D. Initial weights are N(0, .02²), biases zero.
"""

from itertools import pairwise

from torch import Tensor, nn

from .layers import Discriminator, Maxout
from .spec import Spec


def _normal(linear: nn.Linear) -> nn.Linear:
    nn.init.normal_(linear.weight, std=0.02)
    if linear.bias is not None:
        nn.init.zeros_(linear.bias)
    return linear


class BatchNormGenerator(nn.Module):
    """z ``[N, latent]`` → layers of linear, batch norm and ReLU → samples ``[N, *shape]``."""

    def __init__(self, spec: Spec) -> None:
        super().__init__()
        self.shape = spec.shape
        sizes = [spec.latent] + [spec.width] * spec.depth
        layers: list[nn.Module] = []
        for inputs, outputs in pairwise(sizes):
            linear = _normal(nn.Linear(inputs, outputs, bias=False))  # batch norm has one
            # The original's running averages decay by .95 per step.
            layers += [linear, nn.BatchNorm1d(outputs, momentum=0.05), nn.ReLU(inplace=True)]
        layers.append(_normal(nn.Linear(sizes[-1], spec.size)))
        self.layers = nn.Sequential(*layers, *([nn.Tanh()] if spec.bounded else []))

    def forward(self, z: Tensor, y: Tensor | None = None) -> Tensor:
        return self.layers(z).view(-1, *self.shape)


class PlainMaxoutDiscriminator(Discriminator):
    """Samples ``[N, *shape]`` → maxout layers without dropout → logits ``[N]``."""

    flattens = True

    def __init__(self, spec: Spec) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for inputs, outputs in pairwise([spec.size] + [spec.width] * spec.depth):
            layer = Maxout(inputs, outputs)
            _normal(layer.pieces)
            layers.append(layer)
        self.layers = nn.Sequential(*layers, _normal(nn.Linear(spec.width, 1)))

    def enter(self, x: Tensor) -> Tensor:
        return x.flatten(1)
