"""SN-GAN's residual networks: batch norm in G, none in D.

Source: Miyato et al. 2018; pfnet-research/sngan_projection, gen_models/resnet_32.py and
dis_models/snresnet_32.py. Width 256 (G) and 128 (D) at 32 pixels are its networks. Square images of
4·2^k or 7·2^k pixels; their size says how many blocks there are, and the spec's depth is ignored.
All blocks are ``width`` maps wide, as at 32 pixels; the source's networks for larger images widen
towards the small end.
"""

from math import sqrt

from torch import Tensor, nn
from torch.nn import functional

from .layers import Discriminator, doublings
from .spec import Spec


def _glorot(layer: nn.Linear | nn.Conv2d, gain: float = 1.0) -> nn.Module:
    """Weights from U(-r, r), r = gain·√(6 / (fan in + fan out)); biases at zero."""
    nn.init.xavier_uniform_(layer.weight, gain)
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)
    return layer


def _conv(inputs: int, outputs: int) -> nn.Module:
    """A residual's 3 × 3 convolution."""
    return _glorot(nn.Conv2d(inputs, outputs, 3, padding=1), sqrt(2))


def _batch_norm(maps: int) -> nn.BatchNorm2d:
    return nn.BatchNorm2d(maps, eps=2e-5)  # Chainer's ε


def _enlarge(x: Tensor) -> Tensor:
    """``[N, C, H, W]`` → ``[N, C, 2H, 2W]``: every pixel twice each way."""
    return functional.interpolate(x, scale_factor=2, mode="nearest")


class _UpBlock(nn.Module):
    """``[N, maps, H, W]`` → ``[N, maps, 2H, 2W]``."""

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
        # A 1 × 1 convolution gives the same before as after the enlargement, for a quarter.
        shortcut = _enlarge(self.shortcut(x))
        return self.residual(x) + shortcut


class ResNetGenerator(nn.Module):
    """z ``[N, latent]`` → 4 × 4 or 7 × 7 maps → residual blocks → images ``[N, C, S, S]``.

    Images are in [-1, 1], by tanh.
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
    """Images ``[N, C, 2H, 2W]`` → ``[N, maps, H, W]``: no ReLU before the first convolution."""

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
    """``[N, maps, 2H, 2W]`` → ``[N, maps, H, W]``."""

    def __init__(self, maps: int) -> None:
        super().__init__()
        self.residual = nn.Sequential(
            nn.ReLU(), _conv(maps, maps), nn.ReLU(inplace=True), _conv(maps, maps), nn.AvgPool2d(2)
        )
        self.shortcut = _glorot(nn.Conv2d(maps, maps, 1))

    def forward(self, x: Tensor) -> Tensor:
        # There the average comes after the 1 × 1 convolution: the same, at four times the cost.
        shortcut: Tensor = self.shortcut(functional.avg_pool2d(x, 2))
        return self.residual(x) + shortcut


class _Block(nn.Module):
    """``[N, maps, H, W]`` → the same shape."""

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

    Blocks that halve the size down to 8 × 8 or 7 × 7, two that keep it, the sum over all places,
    one linear layer. The source's D is spectrally normalised: ``--spectral-norm``.
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
