"""The networks of InfoGAN for MNIST.

Source: Chen et al. 2016, and openai/InfoGAN, regularized_gan.py. The original has width 64 (maps of
the first convolution of D and before the last one of G, twice as many at a quarter of the image's
size, and a dense layer of 16 times as many units) at 28 pixels. Height and width are multiples of
4; the spec's depth is ignored.
"""

import torch
from torch import Tensor, nn

from .dcgan import Upsample, downsample, init_weights
from .layers import Discriminator
from .spec import Spec

KERNEL = 4
#: Units of the dense layers, in multiples of the width.
DENSE = 16
#: Units of the layer between D's features and a prediction, in multiples of the width.
PREDICTION = 2
#: Slope of D's leaky ReLUs below 0.
SLOPE = 0.01


def _quarter(spec: Spec) -> tuple[int, int, int]:
    """The shape of the innermost maps: (channels, a quarter of the height, of the width)."""
    _, height, width = spec.image_shape
    if height % 4 or width % 4:
        raise spec.unsuitable("images whose height and width are multiples of 4", "network infogan")
    return 2 * spec.width, height // 4, width // 4


class InfoGANGenerator(nn.Module):
    """z ``[N, latent]`` → images ``[N, C, H, W]`` in [-1, 1].

    Two dense layers, and two fractionally strided convolutions.
    """

    def __init__(self, spec: Spec) -> None:
        super().__init__()
        maps, height, width = _quarter(spec)
        dense, units = DENSE * spec.width, maps * height * width
        self.layers = nn.Sequential(
            nn.Linear(spec.latent, dense, bias=False),  # batch norm has one
            nn.BatchNorm1d(dense),
            nn.ReLU(inplace=True),
            nn.Linear(dense, units, bias=False),
            nn.BatchNorm1d(units),
            nn.ReLU(inplace=True),
            nn.Unflatten(1, (maps, height, width)),
            Upsample(maps, spec.width, KERNEL),
            nn.BatchNorm2d(spec.width),
            nn.ReLU(inplace=True),
            Upsample(spec.width, spec.image_shape[0], KERNEL, bias=True),
        )
        init_weights(self)

    def forward(self, z: Tensor, y: Tensor | None = None) -> Tensor:
        # The original's sigmoid, in [-1, 1]: 2 sigmoid(x) - 1 is tanh(x / 2).
        return torch.tanh(self.layers(z) / 2)


class InfoGANDiscriminator(Discriminator):
    """Images ``[N, C, H, W]`` in [-1, 1] → logits ``[N]``.

    Two strided convolutions, and a dense layer whose units are the features. All but the first have
    batch norm, so that a logit depends on the whole minibatch.
    """

    def __init__(self, spec: Spec) -> None:
        super().__init__()
        self.width = spec.width
        maps, height, width = _quarter(spec)
        dense, units = DENSE * spec.width, maps * height * width
        self.layers = nn.Sequential(
            downsample(spec.image_shape[0], spec.width, KERNEL, bias=True),
            nn.LeakyReLU(SLOPE, inplace=True),
            downsample(spec.width, maps, KERNEL),
            nn.BatchNorm2d(maps),
            nn.LeakyReLU(SLOPE, inplace=True),
            nn.Flatten(),
            nn.Linear(units, dense, bias=False),
            nn.BatchNorm1d(dense),
            nn.LeakyReLU(SLOPE, inplace=True),
            nn.Linear(dense, 1),
        )
        init_weights(self)

    def enter(self, x: Tensor) -> Tensor:
        return (x + 1) / 2  # in the original, black and the padding around the image are 0

    def prediction(self, outputs: int) -> nn.Module:
        units = PREDICTION * self.width
        layers = nn.Sequential(
            nn.Linear(self.feature_count, units, bias=False),
            nn.BatchNorm1d(units),
            nn.LeakyReLU(SLOPE, inplace=True),
            nn.Linear(units, outputs),
        )
        init_weights(layers)
        return layers
