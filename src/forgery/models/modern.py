"""Residual networks without normalisation, after R3GAN.

Source: Huang et al., "The GAN is dead; long live the GAN!", NeurIPS 2024, from the paper's
description. Images are square, of 4·2^k or 7·2^k pixels. ``width`` is the number of channels at
full resolution; they double at each halving, up to ``width`` times :data:`MAX_WIDENING`. ``depth``
is the number of residual blocks per resolution.

The description leaves some choices open: the expansion and groups of a block, the cap on the
channels, and biases, which only the output and layers before an activation have here.

The ``patched`` versions are for a CPU: they fold 2 × 2 pixels into one position with four times the
channels, and so omit the blocks at full resolution, which would take most of the time.
"""

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional

from .layers import Discriminator, doublings
from .spec import Spec

#: Limit on the number of channels, as a multiple of the width.
MAX_WIDENING = 8
#: A block's inner channels per outer channel, before rounding up to whole groups.
EXPANSION = 2
#: Channels per group of a block's 3 × 3 convolution.
GROUP = 16
SLOPE = 0.2


def _channels(width: int, k: int) -> list[int]:
    """Return the number of channels at each resolution, lowest resolution first."""
    return [width * min(2**i, MAX_WIDENING) for i in range(k, -1, -1)]


def _linear(layer: nn.Linear | nn.Conv2d) -> nn.Module:
    """Initialise weights to preserve the variance without an activation, and the bias to zero."""
    nn.init.kaiming_normal_(layer.weight, nonlinearity="linear")
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)
    return layer


class Block(nn.Module):
    """x ``[N, C, H, W]`` → x + f(x), where f is 1 × 1, grouped 3 × 3 and 1 × 1 convolutions.

    The last layer is initialised to zero, so that the block starts as the identity. The others are
    scaled by L^(-1/(2m - 2)) with L = ``blocks`` in the network and m = 3 layers in each, so that
    the size of an update does not depend on the depth (Zhang et al. 2019, Fixup).
    """

    def __init__(self, channels: int, blocks: int) -> None:
        super().__init__()
        groups = -(-channels * EXPANSION // GROUP)
        inner = groups * GROUP
        expand = nn.Conv2d(channels, inner, 1)
        mix = nn.Conv2d(inner, inner, 3, padding=1, groups=groups)
        reduce = nn.Conv2d(inner, channels, 1, bias=False)
        for layer in (expand, mix):
            nn.init.kaiming_normal_(layer.weight, a=SLOPE)
            with torch.no_grad():
                layer.weight *= blocks**-0.25
            assert layer.bias is not None
            nn.init.zeros_(layer.bias)
        nn.init.zeros_(reduce.weight)
        self.residual = nn.Sequential(
            expand,
            nn.LeakyReLU(SLOPE, inplace=True),
            mix,
            nn.LeakyReLU(SLOPE, inplace=True),
            reduce,
        )

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = x + self.residual(x)
        return y


class _Resample(nn.Module):
    """Double or halve the resolution with the bilinear filter [1, 2, 1] ⊗ [1, 2, 1]."""

    kernel: Tensor

    def __init__(self, up: bool) -> None:
        super().__init__()
        self.up = up
        line = torch.tensor([1.0, 2.0, 1.0]) / 4
        kernel = torch.outer(line, line)[None, None]
        # Upsampling spreads each pixel over four times as many.
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
    """z ``[N, latent]`` → learnt basis × linear(z) → blocks → images ``[N, C, S, S]``.

    There is no tanh, so pixels may lie outside [-1, 1].
    """

    def __init__(self, spec: Spec, patched: bool = False) -> None:
        super().__init__()
        start, k = doublings(spec)
        channels = _channels(spec.width, k - patched)
        blocks = spec.depth * len(channels)
        self.linear = _linear(nn.Linear(spec.latent, channels[0], bias=False))
        self.basis = nn.Parameter(torch.randn(channels[0], start, start))
        layers: list[nn.Module] = [Block(channels[0], blocks) for _ in range(spec.depth)]
        for inputs, outputs in pairwise(channels):
            if inputs != outputs:
                layers.append(_linear(nn.Conv2d(inputs, outputs, 1, bias=False)))
            layers.append(_Resample(up=True))
            layers += [Block(outputs, blocks) for _ in range(spec.depth)]
        pixels = 2 if patched else 1
        layers.append(_linear(nn.Conv2d(channels[-1], spec.shape[0] * pixels**2, 1)))
        self.layers = nn.Sequential(*layers, nn.PixelShuffle(pixels))

    def forward(self, z: Tensor, y: Tensor | None = None) -> Tensor:
        images: Tensor = self.layers(self.basis * self.linear(z)[:, :, None, None])
        return images


class ModernDiscriminator(Discriminator):
    """Images ``[N, C, S, S]`` → blocks → product with a learnt basis → logits ``[N]``.

    The mirror image of :class:`ModernGenerator`.
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
        layers += [Block(channels[0], blocks) for _ in range(spec.depth)]
        for inputs, outputs in pairwise(channels):
            layers.append(_Resample(up=False))
            if inputs != outputs:
                layers.append(_linear(nn.Conv2d(inputs, outputs, 1, bias=False)))
            layers += [Block(outputs, blocks) for _ in range(spec.depth)]
        # A depthwise convolution whose kernel covers the whole map is a product with a basis.
        basis = nn.Conv2d(channels[-1], channels[-1], start, groups=channels[-1], bias=False)
        output = _linear(nn.Linear(channels[-1], 1))
        self.layers = nn.Sequential(*layers, _linear(basis), nn.Flatten(), output)
