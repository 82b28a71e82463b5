"""The 2014 paper's networks for CIFAR-10, as its authors released them.

Source: goodfeli/adversarial, cifar10_convolutional.yaml and cifar10_fully_connected.yaml. Width
8000 and depth 2 are the generators' sizes; width 32 is the convolutional discriminator's. The
fully connected discriminator is ``maxout`` of goodfellow2014.py with width 1600 and depth 2, but
for the range of its pixels.

That program trains on images whose contrast is normalised (each image's pixels have the Euclidean
norm 55, about 1 a pixel), and its generators are linear at the end. Here images lie in [-1, 1] and
nothing is translated: what G draws may lie outside until it has learnt not to.
"""

import torch
from torch import Tensor, nn

from ..errors import ForgeryError
from .layers import Discriminator, Maxout
from .spec import Spec


def _uniform(layer: nn.Linear | nn.Conv2d | nn.ConvTranspose2d, limit: float) -> None:
    """Weights from U(-limit, limit) (pylearn2's ``irange``), biases at zero."""
    nn.init.uniform_(layer.weight, -limit, limit)
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)


def _hidden(spec: Spec, last: int) -> nn.Sequential:
    """``depth`` layers from z to ``last`` sigmoid units, all but the last ``width`` ReLUs."""
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
    """z ``[N, latent]`` → ReLU layers, a sigmoid layer, a linear one → images ``[N, C, H, W]``.

    Weights start at U(-.05, .05), the last layer's at U(-.5, .5).
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

    The sigmoid layer is as many maps as make ``width`` units, at least one: 80 of 10 × 10 for 32
    pixels. The deconvolution has 5 × 5 kernels, a stride of 3 and one bias for each pixel; where
    the size that it makes is not the images', the edge is cut away (10 × 10 maps for 28 pixels
    too). Weights start at U(-.05, .05).
    """

    def __init__(self, spec: Spec) -> None:
        super().__init__()
        self.shape = spec.image_shape
        channels, *size = self.shape
        # n places make 3n + 2 pixels, of which 2·cut are cut away.
        cut_rows, cut_columns = ((pixels - 2) % 3 for pixels in size)
        rows, columns = (size[0] - 2 + 2 * cut_rows) // 3, (size[1] - 2 + 2 * cut_columns) // 3
        maps = max(1, spec.width // (rows * columns))
        self.hidden = _hidden(spec, maps * rows * columns)
        self.unflatten = nn.Unflatten(1, (maps, rows, columns))
        cut = (cut_rows, cut_columns)
        self.deconv = nn.ConvTranspose2d(maps, channels, 5, stride=3, padding=cut, bias=False)
        _uniform(self.deconv, 0.05)
        self.bias = nn.Parameter(torch.zeros(self.shape))

    def forward(self, z: Tensor, y: Tensor | None = None) -> Tensor:
        images: Tensor = self.deconv(self.unflatten(self.hidden(z))) + self.bias
        return images


class _MaxoutConv(nn.Module):
    """``[N, inputs, H, W]`` → ``[N, maps, H', W']``: the larger of two convolutions, pooled."""

    def __init__(self, inputs: int, maps: int, kernel: int, padding: int, pool: int) -> None:
        super().__init__()
        self.pieces = nn.Conv2d(inputs, maps * 2, kernel, padding=padding)
        _uniform(self.pieces, 0.005)
        # pylearn2 pools the remainder at the edges too.
        self.pool = nn.MaxPool2d(pool, stride=2, ceil_mode=True)
        self.margin = kernel - 1 - 2 * padding + pool

    def places(self, pixels: int) -> int:
        """H' for H: as many windows as it takes for every place to lie in one."""
        return -(-(pixels - self.margin) // 2) + 1

    def forward(self, x: Tensor) -> Tensor:
        pooled: Tensor = self.pool(self.pieces(x).unflatten(1, (-1, 2)).max(dim=2).values)
        return pooled


class MaxoutConvDiscriminator(Discriminator):
    """Images ``[N, C, H, W]`` of at least 10 × 10 → logits ``[N]``.

    Three convolutional maxout layers with pooling (``width``, ``width`` and 6·``width`` maps), a
    dense one (125/8·``width`` units, 500 for 32) and a linear one; the spec's depth is ignored.
    Dropout keeps .8 of the pixels and .5 of each later layer's inputs, scaled up by 1.25 and 2;
    weights start at U(-.005, .005).
    """

    def __init__(self, spec: Spec) -> None:
        super().__init__()
        channels, *size = spec.image_shape
        if min(size) < 10:
            raise ForgeryError(
                f"this network is for images of at least 10 × 10 pixels, not {size[0]} × {size[1]}:"
                " choose another --discriminator, such as maxout"
            )
        maps, units = spec.width, max(1, spec.width * 125 // 8)
        first = _MaxoutConv(channels, maps, kernel=8, padding=4, pool=4)
        second = _MaxoutConv(maps, maps, kernel=8, padding=3, pool=4)
        third = _MaxoutConv(maps, 6 * maps, kernel=5, padding=3, pool=2)
        height, width = (third.places(second.places(first.places(pixels))) for pixels in size)
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
