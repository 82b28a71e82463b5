"""Plain residual networks without normalisation, after R3GAN.

Source: Huang et al., "The GAN is dead; long live the GAN!", NeurIPS 2024, from the paper's
description. Square images of 4·2^k or 7·2^k pixels. ``width`` is the channels at the full size,
doubled at each halving up to :data:`MOST` times it; ``depth`` the residual blocks at each size.

What the description leaves open is chosen here: the expansion and the groups of a block, the cap on
the channels, and that only the output and the layers before an activation have biases.

The ``patched`` versions are for a CPU: they take 2 × 2 pixels for one place with four times the
channels, and so leave out the blocks at the full size, where most of the time would go.
"""

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional

from .layers import Discriminator, doublings
from .spec import Spec

#: The channels at the small end are at most this many times the width.
MOST = 8
#: A block's inner channels for each outer one, before they are rounded up to whole groups.
EXPANSION = 2
#: Channels in a group of its 3 × 3 convolution.
GROUP = 16
SLOPE = 0.2


def _channels(width: int, k: int) -> list[int]:
    """Channels at each size, the smallest first."""
    return [width * min(2**i, MOST) for i in range(k, -1, -1)]


def _linear(layer: nn.Linear | nn.Conv2d) -> nn.Module:
    """Weights that keep the variance where no activation follows; bias at zero."""
    nn.init.kaiming_normal_(layer.weight, nonlinearity="linear")
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)
    return layer


class _Block(nn.Module):
    """``[N, C, H, W]`` → x + 1 × 1 → 3 × 3 in groups → 1 × 1 of x.

    The last layer begins at zero, so that the block begins as the identity; the others are scaled
    by L^(-1/(2m - 2)) with L = ``blocks`` in the network and m = 3 layers in each, after which the
    network's output changes as much in one step however deep it is (Zhang et al. 2019, Fixup).
    """

    def __init__(self, channels: int, blocks: int) -> None:
        super().__init__()
        groups = -(-channels * EXPANSION // GROUP)
        inner = groups * GROUP
        enter = nn.Conv2d(channels, inner, 1)
        mix = nn.Conv2d(inner, inner, 3, padding=1, groups=groups)
        leave = nn.Conv2d(inner, channels, 1, bias=False)
        for layer in (enter, mix):
            nn.init.kaiming_normal_(layer.weight, a=SLOPE)
            with torch.no_grad():
                layer.weight *= blocks**-0.25
            assert layer.bias is not None
            nn.init.zeros_(layer.bias)
        nn.init.zeros_(leave.weight)
        self.residual = nn.Sequential(
            enter, nn.LeakyReLU(SLOPE, inplace=True), mix, nn.LeakyReLU(SLOPE, inplace=True), leave
        )

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = x + self.residual(x)
        return y


class _Resample(nn.Module):
    """Twice or half the size by the filter [1, 2, 1] ⊗ [1, 2, 1]: bilinear, each way."""

    kernel: Tensor

    def __init__(self, up: bool) -> None:
        super().__init__()
        self.up = up
        line = torch.tensor([1.0, 2.0, 1.0]) / 4
        kernel = torch.outer(line, line)[None, None]
        # Enlarging, a pixel is spread over four times as many.
        self.register_buffer("kernel", kernel * 4 if up else kernel, persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        channels = x.shape[1]
        kernel = self.kernel.expand(channels, 1, 3, 3)
        if self.up:
            return functional.conv_transpose2d(
                x, kernel, stride=2, padding=1, output_padding=1, groups=channels
            )
        return functional.conv2d(x, kernel, stride=2, padding=1, groups=channels)


class ModernGenerator(nn.Module):
    """z ``[N, latent]`` → a learnt basis × linear(z) → blocks → images ``[N, C, S, S]``.

    Without tanh: images are meant to lie in [-1, 1], and may lie outside.
    """

    def __init__(self, spec: Spec, patched: bool = False) -> None:
        super().__init__()
        start, k = doublings(spec)
        channels = _channels(spec.width, k - patched)
        blocks = spec.depth * len(channels)
        self.linear = _linear(nn.Linear(spec.latent, channels[0], bias=False))
        self.basis = nn.Parameter(torch.randn(channels[0], start, start))
        layers: list[nn.Module] = [_Block(channels[0], blocks) for _ in range(spec.depth)]
        for inputs, outputs in pairwise(channels):
            if inputs != outputs:
                layers.append(_linear(nn.Conv2d(inputs, outputs, 1, bias=False)))
            layers.append(_Resample(up=True))
            layers += [_Block(outputs, blocks) for _ in range(spec.depth)]
        pixels = 2 if patched else 1
        layers.append(_linear(nn.Conv2d(channels[-1], spec.shape[0] * pixels**2, 1)))
        self.layers = nn.Sequential(*layers, nn.PixelShuffle(pixels))

    def forward(self, z: Tensor, y: Tensor | None = None) -> Tensor:
        images: Tensor = self.layers(self.basis * self.linear(z)[:, :, None, None])
        return images


class ModernDiscriminator(Discriminator):
    """Images ``[N, C, S, S]`` → blocks → the product with a learnt basis → logits ``[N]``.

    G's mirror image.
    """

    def __init__(self, spec: Spec, patched: bool = False) -> None:
        super().__init__()
        start, k = doublings(spec)
        channels = _channels(spec.width, k - patched)[::-1]
        blocks = spec.depth * len(channels)
        pixels = 2 if patched else 1
        layers: list[nn.Module] = [
            nn.PixelUnshuffle(pixels),
            _linear(nn.Conv2d(spec.shape[0] * pixels**2, channels[0], 1, bias=False)),
        ]
        layers += [_Block(channels[0], blocks) for _ in range(spec.depth)]
        for inputs, outputs in pairwise(channels):
            layers.append(_Resample(up=False))
            if inputs != outputs:
                layers.append(_linear(nn.Conv2d(inputs, outputs, 1, bias=False)))
            layers += [_Block(outputs, blocks) for _ in range(spec.depth)]
        # Over a map as large as its kernel, a depthwise convolution is the product with a basis.
        basis = nn.Conv2d(channels[-1], channels[-1], start, groups=channels[-1], bias=False)
        output = _linear(nn.Linear(channels[-1], 1))
        self.layers = nn.Sequential(*layers, _linear(basis), nn.Flatten(), output)
