"""DCGAN's deep convolutional networks.

Source: Radford et al. 2015, and Newmu/dcgan_code, faces/train_uncond_dcgan.py. The original
networks have width 128 at 64 pixels, with 1024 maps at 4 × 4. Images are square, of 4·2^k or 7·2^k
pixels; their size determines the number of layers, and the spec's depth is ignored.

As in the original, only batch norm has biases. The original always normalises by the minibatch's
statistics; here samples are generated in evaluation mode, with running averages.
"""

from typing import Any

import torch
from torch import Tensor, nn

from .layers import Discriminator, doublings
from .spec import Spec


def init_weights(network: nn.Module) -> None:
    """Initialise weights from N(0, .02²), batch norm's gains from N(1, .02²), biases to 0."""
    for layer in network.modules():
        if isinstance(layer, nn.modules.batchnorm._BatchNorm):
            nn.init.normal_(layer.weight, 1, 0.02)
            nn.init.zeros_(layer.bias)
        elif isinstance(layer, nn.Linear | nn.Conv2d | nn.ConvTranspose2d):
            nn.init.normal_(layer.weight, std=0.02)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)


class Upsample(nn.ConvTranspose2d):
    """A fractionally strided convolution: ``[N, inputs, H, W]`` → ``[N, outputs, 2H, 2W]``."""

    def __init__(self, inputs: int, outputs: int, kernel: int = 5, bias: bool = False) -> None:
        padding, added = (kernel - 1) // 2, kernel % 2
        super().__init__(
            inputs, outputs, kernel, 2, padding=padding, output_padding=added, bias=bias
        )

    def forward(self, x: Tensor, output_size: list[int] | None = None) -> Tensor:
        if self.out_channels > 1 or x.device.type != "cpu" or torch.compiler.is_compiling():
            return super().forward(x, output_size)
        onednn: Any = torch.backends.mkldnn
        usual = onednn.enabled
        # For one output map, oneDNN's forward kernel takes twice as long as torch's own.
        onednn.enabled = False
        try:
            return super().forward(x, output_size)
        finally:
            onednn.enabled = usual


def downsample(inputs: int, outputs: int, kernel: int = 5, bias: bool = False) -> nn.Conv2d:
    """A strided convolution: ``[N, inputs, 2H, 2W]`` → ``[N, outputs, H, W]``."""
    return nn.Conv2d(inputs, outputs, kernel, 2, padding=(kernel - 1) // 2, bias=bias)


class DCGANGenerator(nn.Module):
    """z ``[N, latent]`` → images ``[N, C, S, S]`` in [-1, 1].

    z is projected to 4 × 4 or 7 × 7 maps. Each layer doubles the size and halves the number of
    maps, down to ``width`` before the last layer.
    """

    def __init__(self, spec: Spec) -> None:
        super().__init__()
        start, k = doublings(spec)
        maps = spec.width << (k - 1)
        units = maps * start**2
        layers: list[nn.Module] = [
            nn.Linear(spec.latent, units, bias=False),
            nn.BatchNorm1d(units),
            nn.ReLU(inplace=True),
            nn.Unflatten(1, (maps, start, start)),
        ]
        for _ in range(k - 1):
            layers += [Upsample(maps, maps // 2), nn.BatchNorm2d(maps // 2), nn.ReLU(inplace=True)]
            maps //= 2
        self.layers = nn.Sequential(*layers, Upsample(maps, spec.shape[0]), nn.Tanh())
        init_weights(self)

    def forward(self, z: Tensor, y: Tensor | None = None) -> Tensor:
        images: Tensor = self.layers(z)
        return images


class DCGANDiscriminator(Discriminator):
    """Images ``[N, C, S, S]`` in [-1, 1] → logits ``[N]``.

    Each layer halves the size and doubles the number of maps, from ``width`` after the first. All
    layers but the first have batch norm, so that a logit depends on the whole minibatch.
    """

    def __init__(self, spec: Spec) -> None:
        super().__init__()
        start, k = doublings(spec)
        maps = spec.width
        layers: list[nn.Module] = [
            downsample(spec.shape[0], maps),
            nn.LeakyReLU(0.2, inplace=True),
        ]
        for _ in range(k - 1):
            layers += [downsample(maps, 2 * maps), nn.BatchNorm2d(2 * maps)]
            layers.append(nn.LeakyReLU(0.2, inplace=True))
            maps *= 2
        output = nn.Linear(maps * start**2, 1, bias=False)
        self.layers = nn.Sequential(*layers, nn.Flatten(), output)
        init_weights(self)
