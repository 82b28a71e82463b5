"""SN-GAN's residual networks: batch norm in G, none in D.

Source: Miyato et al. 2018; pfnet-research/sngan_projection, gen_models/resnet_32.py and
dis_models/snresnet_32.py. The original networks for 32 pixels have width 256 (G) and 128 (D).
Images are square, of 4·2^k or 7·2^k pixels; their size determines the number of blocks, and the
spec's depth is ignored. All blocks have ``width`` maps, as at 32 pixels; the original networks for
larger images have more maps at lower resolutions.
"""

from math import sqrt

from torch import Tensor, nn
from torch.nn import functional

from .layers import Discriminator, doublings
from .spec import Spec


def _glorot(layer: nn.Linear | nn.Conv2d, gain: float = 1.0) -> nn.Module:
    """Initialise weights from U(-r, r), r = gain·√(6 / (fan in + fan out)), and biases to zero."""
    nn.init.xavier_uniform_(layer.weight, gain)
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)
    return layer


def _conv(inputs: int, outputs: int) -> nn.Module:
    """Create a 3 × 3 convolution of a residual branch."""
    return _glorot(nn.Conv2d(inputs, outputs, 3, padding=1), sqrt(2))


def _batch_norm(maps: int) -> nn.BatchNorm2d:
    return nn.BatchNorm2d(maps, eps=2e-5)  # Chainer's ε


def _upsample(x: Tensor) -> Tensor:
    """Repeat each pixel twice along both axes: ``[N, C, H, W]`` → ``[N, C, 2H, 2W]``."""
    return functional.interpolate(x, scale_factor=2, mode="nearest")


class _UpBlock(nn.Module):
    """A residual block that upsamples: ``[N, maps, H, W]`` → ``[N, maps, 2H, 2W]``."""

    def __init__(self, maps: int) -> None:
        super().__init__()
        self.residual = nn.Sequential(
            _batch_norm(maps),
            nn.ReLU(inplace=True),
            nn.Upsample(scale_factor=2, mode="nearest"),
            _conv(maps, maps),
            _batch_norm(maps),
            nn.ReLU(inplace=True),
            _conv(maps, maps),
        )
        self.shortcut = _glorot(nn.Conv2d(maps, maps, 1))

    def forward(self, x: Tensor) -> Tensor:
        # Upsampling commutes with a 1 × 1 convolution, which costs a quarter if it comes first.
        shortcut = _upsample(self.shortcut(x))
        return self.residual(x) + shortcut


class ResNetGenerator(nn.Module):
    """z ``[N, latent]`` → 4 × 4 or 7 × 7 maps → residual blocks → images ``[N, C, S, S]``.

    A final tanh keeps the images in [-1, 1].
    """

    def __init__(self, spec: Spec) -> None:
        super().__init__()
        start, k = doublings(spec)
        self.layers = nn.Sequential(
            _glorot(nn.Linear(spec.latent, spec.width * start**2)),
            nn.Unflatten(1, (spec.width, start, start)),
            *(_UpBlock(spec.width) for _ in range(k)),
            _batch_norm(spec.width),
            nn.ReLU(inplace=True),
            _glorot(nn.Conv2d(spec.width, spec.shape[0], 3, padding=1)),
            nn.Tanh(),
        )

    def forward(self, z: Tensor, y: Tensor | None = None) -> Tensor:
        images: Tensor = self.layers(z)
        return images


class _FirstBlock(nn.Module):
    """D's first block, without the initial ReLU: ``[N, C, 2H, 2W]`` → ``[N, maps, H, W]``."""

    def __init__(self, channels: int, maps: int) -> None:
        super().__init__()
        self.residual = nn.Sequential(
            _conv(channels, maps), nn.ReLU(inplace=True), _conv(maps, maps), nn.AvgPool2d(2)
        )
        self.shortcut = _glorot(nn.Conv2d(channels, maps, 1))

    def forward(self, x: Tensor) -> Tensor:
        shortcut: Tensor = self.shortcut(functional.avg_pool2d(x, 2))
        return self.residual(x) + shortcut


class _DownBlock(nn.Module):
    """A residual block that downsamples: ``[N, maps, 2H, 2W]`` → ``[N, maps, H, W]``."""

    def __init__(self, maps: int) -> None:
        super().__init__()
        self.residual = nn.Sequential(
            nn.ReLU(), _conv(maps, maps), nn.ReLU(inplace=True), _conv(maps, maps), nn.AvgPool2d(2)
        )
        self.shortcut = _glorot(nn.Conv2d(maps, maps, 1))

    def forward(self, x: Tensor) -> Tensor:
        # The original averages after the 1 × 1 convolution: the same at four times the cost.
        shortcut: Tensor = self.shortcut(functional.avg_pool2d(x, 2))
        return self.residual(x) + shortcut


class _Block(nn.Module):
    """A residual block that keeps the shape ``[N, maps, H, W]``."""

    def __init__(self, maps: int) -> None:
        super().__init__()
        self.residual = nn.Sequential(
            nn.ReLU(), _conv(maps, maps), nn.ReLU(inplace=True), _conv(maps, maps)
        )

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = x + self.residual(x)
        return y


class ResNetDiscriminator(Discriminator):
    """Images ``[N, C, S, S]`` in [-1, 1] → logits ``[N]``.

    Blocks halve the size down to 8 × 8 or 7 × 7; two more keep it; a sum over positions and a
    linear layer follow. The original D is spectrally normalised: use ``--spectral-norm``.
    """

    def __init__(self, spec: Spec) -> None:
        super().__init__()
        start, k = doublings(spec)
        halvings = k if start == 7 else max(k - 1, 1)
        self.blocks = nn.Sequential(
            _FirstBlock(spec.shape[0], spec.width),
            *(_DownBlock(spec.width) for _ in range(halvings - 1)),
            _Block(spec.width),
            _Block(spec.width),
            nn.ReLU(inplace=True),
        )
        self.output: nn.Module = _glorot(nn.Linear(spec.width, 1, bias=False))

    @property
    def head(self) -> nn.Module:
        return self.output

    def drop_head(self) -> None:
        self.output = nn.Identity()

    def features(self, x: Tensor) -> Tensor:
        h: Tensor = self.blocks(x).sum((2, 3))
        return h
