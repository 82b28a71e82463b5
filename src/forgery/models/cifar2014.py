"""The 2014 paper's networks for CIFAR-10, as its authors released them.

Source: goodfeli/adversarial, cifar10_convolutional.yaml and cifar10_fully_connected.yaml. The
original sizes are width 8000 and depth 2 for the generators, and width 32 for the convolutional
discriminator. The fully connected discriminator is ``maxout`` of goodfellow2014.py with width 1600
and depth 2, except for the range of its pixels.

The original trains on contrast-normalised images (each image's pixels have Euclidean norm 55, about
1 per pixel), and its generators end in a linear layer. Here images lie in [-1, 1] and the layer is
kept without rescaling, so an untrained G may produce pixels outside that range.
"""

import torch
from torch import Tensor, nn

from ..errors import ForgeryError
from .layers import Discriminator, Maxout
from .spec import Spec


def _uniform(layer: nn.Linear | nn.Conv2d | nn.ConvTranspose2d, limit: float) -> None:
    """Initialise weights from U(-limit, limit) (pylearn2's ``irange``) and biases to zero."""
    nn.init.uniform_(layer.weight, -limit, limit)
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)


def _hidden(spec: Spec, last: int) -> nn.Sequential:
    """Build ``depth`` layers: ``width`` ReLU units each, then ``last`` sigmoid units."""
    layers: list[nn.Module] = []
    inputs = spec.latent
    for _ in range(spec.depth - 1):
        layers += [nn.Linear(inputs, spec.width), nn.ReLU(inplace=True)]
        inputs = spec.width
    layers += [nn.Linear(inputs, last), nn.Sigmoid()]
    for layer in layers:
        if isinstance(layer, nn.Linear):
            _uniform(layer, 0.05)
    return nn.Sequential(*layers)


class ReLUSigmoidLinearGenerator(nn.Module):
    """z ``[N, latent]`` → ReLU, sigmoid and linear layers → images ``[N, C, H, W]``.

    Initial weights are U(-.05, .05), and U(-.5, .5) in the last layer.
    """

    def __init__(self, spec: Spec) -> None:
        super().__init__()
        self.shape = spec.image_shape
        output = nn.Linear(spec.width, spec.size)
        _uniform(output, 0.5)
        self.layers = nn.Sequential(*_hidden(spec, spec.width), output)

    def forward(self, z: Tensor, y: Tensor | None = None) -> Tensor:
        return self.layers(z).view(-1, *self.shape)


class DeconvGenerator(nn.Module):
    """z ``[N, latent]`` → ReLU layers, a sigmoid layer, a deconvolution → images ``[N, C, H, W]``.

    The sigmoid layer has ``width`` units in total, divided into maps: 80 maps of 10 × 10 for 32
    pixels (at least one map). The deconvolution has 5 × 5 kernels, stride 3 and one bias per pixel;
    its output is cropped to the size of the images (28 pixels also use 10 × 10 maps). Initial
    weights are U(-.05, .05).
    """

    def __init__(self, spec: Spec) -> None:
        super().__init__()
        self.shape = spec.image_shape
        channels, *size = self.shape
        # n positions give 3n + 2 pixels, of which 2·crop are cropped.
        crop_rows, crop_columns = ((pixels - 2) % 3 for pixels in size)
        rows, columns = (size[0] - 2 + 2 * crop_rows) // 3, (size[1] - 2 + 2 * crop_columns) // 3
        maps = max(1, spec.width // (rows * columns))
        self.hidden = _hidden(spec, maps * rows * columns)
        self.unflatten = nn.Unflatten(1, (maps, rows, columns))
        crop = (crop_rows, crop_columns)
        self.deconv = nn.ConvTranspose2d(maps, channels, 5, stride=3, padding=crop, bias=False)
        _uniform(self.deconv, 0.05)
        self.bias = nn.Parameter(torch.zeros(self.shape))

    def forward(self, z: Tensor, y: Tensor | None = None) -> Tensor:
        images: Tensor = self.deconv(self.unflatten(self.hidden(z))) + self.bias
        return images


class MaxoutConv(nn.Module):
    """Max-pooled maximum of two convolutions: ``[N, inputs, H, W]`` → ``[N, maps, H', W']``."""

    def __init__(self, inputs: int, maps: int, kernel: int, padding: int, pool: int) -> None:
        super().__init__()
        self.pieces = nn.Conv2d(inputs, maps * 2, kernel, padding=padding)
        _uniform(self.pieces, 0.005)
        # Like pylearn2, pool the partial windows at the edges too.
        self.pool = nn.MaxPool2d(pool, stride=2, ceil_mode=True)
        self.margin = kernel - 1 - 2 * padding + pool

    def output_size(self, pixels: int) -> int:
        """Return H' for an input of height H, or W' for W."""
        return -(-(pixels - self.margin) // 2) + 1

    def forward(self, x: Tensor) -> Tensor:
        pooled: Tensor = self.pool(self.pieces(x).unflatten(1, (-1, 2)).max(dim=2).values)
        return pooled


class MaxoutConvDiscriminator(Discriminator):
    """Images ``[N, C, H, W]`` of at least 10 × 10 pixels → logits ``[N]``.

    Three convolutional maxout layers with pooling (``width``, ``width`` and 6·``width`` maps), a
    dense maxout layer (125/8·``width`` units: 500 for width 32) and a linear layer; the spec's
    depth is ignored. Dropout keeps .8 of the pixels and .5 of each later layer's inputs, scaled by
    1.25 and 2. Initial weights are U(-.005, .005).
    """

    def __init__(self, spec: Spec) -> None:
        super().__init__()
        channels, *size = spec.image_shape
        if min(size) < 10:
            raise ForgeryError(
                f"this network needs images of at least 10 × 10 pixels, not {size[0]} × {size[1]}: "
                "choose another --discriminator, such as maxout"
            )
        maps, units = spec.width, max(1, spec.width * 125 // 8)
        first = MaxoutConv(channels, maps, kernel=8, padding=4, pool=4)
        second = MaxoutConv(maps, maps, kernel=8, padding=3, pool=4)
        third = MaxoutConv(maps, 6 * maps, kernel=5, padding=3, pool=2)
        for layer in (first, second, third):
            size = [layer.output_size(pixels) for pixels in size]
        height, width = size
        dense, output = Maxout(6 * maps * height * width, units), nn.Linear(units, 1)
        _uniform(dense.pieces, 0.005)
        _uniform(output, 0.005)
        self.layers = nn.Sequential(
            nn.Dropout(0.2),
            first,
            nn.Dropout(0.5),
            second,
            nn.Dropout(0.5),
            third,
            nn.Flatten(),
            nn.Dropout(0.5),
            dense,
            nn.Dropout(0.5),
            output,
        )
