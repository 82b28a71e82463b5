"""The discriminator of Projected GAN: small networks on the features of a frozen one.

Source: Sauer et al. 2021, "Projected GANs Converge Faster"; sizes and rates for a CPU were chosen
here (docs/pictures.md). D judges the pixels of an image, and the maps of EfficientNet-Lite0, which
was trained on ImageNet, at several scales. The maps are mixed by fixed random weights, within each
scale and from coarse to fine.

Frozen features say little about colours: without a strong judge of the pixels, all samples of a
minibatch share one. That judge is DCGAN's discriminator. Its batch norm lets it see the minibatch
as a whole, and it is shown augmented images, or it would soon win.

The frozen part, :class:`Projection`, is computed before D's own layers, and once for all real
samples if nothing changes them (``training/view.py``, ``data/dataset.py``).
"""

import functools
import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.parametrizations import spectral_norm

from .augmentations import AUGMENTATIONS, Augment
from .data import Dataset
from .errors import ForgeryError
from .extractors.efficientnet import (
    VARIANTS,
    EfficientNetLite,
    channels,
    is_installed,
    load_efficientnet,
)
from .models import Spec
from .models.dcgan import init_weights
from .models.layers import Discriminator

#: The frozen network.
NETWORK = "efficientnet-lite0"
#: Number of maps of each scale, after the random mixing.
MAPS = 64
#: Scales of the frozen maps: the size of the images is divided by these.
SCALES = (4, 8, 16, 32)
#: Least height and width of the coarsest maps.
COARSEST = 2
#: The network on the pixels halves their longer side until it is at most this.
LEAST_SIZE = 7
#: Number of real samples from which the maps' statistics are measured, and samples per pass.
CALIBRATED, PART = 1024, 128


class ProjectedDiscriminator(Discriminator):
    """Images ``[N, C, H, W]`` in [-1, 1], or their projections ``[N, F]``, → logits ``[N, V]``.

    A head of ``width`` maps on the frozen maps of each scale gives a logit at each of its
    positions. A network on the pixels gives one for the image, which is repeated to count as much
    as all positions together. The heads are spectrally normalised. The spec's depth is ignored.
    """

    def __init__(self, spec: Spec) -> None:
        super().__init__()
        self.projection = Projection(spec.image_shape)
        pixels, *maps = self.projection.layout
        self.heads = nn.ModuleList(_head(MAPS, spec.width) for _ in maps)
        self.outputs = nn.ModuleList(_normalised(nn.Conv2d(spec.width, 1, 1)) for _ in maps)
        self.augment = _augment()
        self.on_pixels, shape = _on_pixels(pixels, max(8, spec.width * 2 // 3))
        self.of_pixels: nn.Module = nn.Sequential(nn.Flatten(), nn.Linear(math.prod(shape), 1))
        init_weights(self.of_pixels)
        self._feature_count = spec.width * len(maps) + shape[0]

    @property
    def head(self) -> nn.Module:
        return self.of_pixels

    @property
    def feature_count(self) -> int:
        return self._feature_count

    def drop_head(self) -> None:
        self.outputs, self.of_pixels = nn.ModuleList(), nn.Identity()

    def features(self, x: Tensor) -> Tensor:
        return _means(self._maps(x))

    def look(self, x: Tensor, y: Tensor | None = None) -> tuple[Tensor, Tensor]:
        *maps, pixels = self._maps(x)
        positions = [output(h).flatten(1) for output, h in zip(self.outputs, maps, strict=True)]
        logits = torch.cat(positions, 1)
        whole = self.of_pixels(pixels).expand_as(logits)
        return torch.cat([logits, whole], 1), _means([*maps, pixels])

    def _maps(self, x: Tensor) -> list[Tensor]:
        """What the heads see at each scale, and last the network on the pixels."""
        pixels, *parts = self.projection.separate(x if x.dim() == 2 else self.projection(x))
        if self.training:
            pixels = self.augment(pixels)
        maps = [head(part) for head, part in zip(self.heads, parts, strict=True)]
        return [*maps, self.on_pixels(pixels)]


class Projection(nn.Module):
    """Images ``[N, C, H, W]`` in [-1, 1] → pixels and frozen maps, joined: ``[N, F]``.

    Maps are normalised to mean 0 and standard deviation 1 on real samples. The mixing and these
    statistics are saved with D; the frozen network, which is always the same, is not.

    Parameters
    ----------
    image_shape:
        (channels, height, width).

    Raises
    ------
    ForgeryError
        If the images are neither grey nor RGB, or too small.
    """

    def __init__(self, image_shape: tuple[int, int, int]) -> None:
        super().__init__()
        #: The shapes of the parts: the image, and the maps of each scale.
        self.layout = layout(image_shape)
        self.scales = len(self.layout) - 1
        for i, inputs in enumerate(channels(self.scales)):
            self.register_buffer(f"mixing{i}", _random(inputs))
            self.register_buffer(f"fusion{i}", _random(MAPS))
            self.register_buffer(f"mean{i}", torch.zeros(MAPS, 1, 1))
            self.register_buffer(f"deviation{i}", torch.ones(MAPS, 1, 1))

    @property
    def size(self) -> int:
        """The number F of values for an image."""
        return sum(map(math.prod, self.layout))

    def forward(self, images: Tensor) -> Tensor:
        maps = [
            (m - self._get("mean", i)) / self._get("deviation", i)
            for i, m in enumerate(self._mixed(images))
        ]
        return torch.cat([part.flatten(1) for part in (images, *maps)], 1)

    def separate(self, projected: Tensor) -> list[Tensor]:
        """``[N, F]`` → pixels ``[N, C, H, W]``, and the maps of each scale ``[N, 64, H', W']``."""
        parts = projected.split([math.prod(shape) for shape in self.layout], 1)
        return [p.unflatten(1, shape) for p, shape in zip(parts, self.layout, strict=True)]

    @torch.no_grad()
    def calibrate(self, dataset: Dataset) -> None:
        """Measure the statistics of the maps on a representative part of the data."""
        rows = dataset.stratified(CALIBRATED).to(dataset.values.device)
        where = self._get("mean", 0).device
        parts = [
            self._mixed(dataset.to_model(dataset.values[some].to(where)))
            for some in rows.split(PART)
        ]
        for i, maps in enumerate(map(torch.cat, zip(*parts, strict=True))):
            self._get("mean", i).copy_(maps.mean((0, 2, 3))[:, None, None])
            self._get("deviation", i).copy_(maps.std((0, 2, 3))[:, None, None] + 1e-5)

    def record(self) -> dict[str, str]:
        """Name and hash of the frozen network, for config.json."""
        return {"name": NETWORK, "sha256": VARIANTS[NETWORK].sha256}

    def _mixed(self, images: Tensor) -> list[Tensor]:
        """The mixed maps of each scale, from fine to coarse."""
        taps = _frozen(images.device).taps(images, self.scales)
        mixed: list[Tensor] = []
        for i in reversed(range(self.scales)):
            h = F.conv2d(taps[i], self._get("mixing", i))
            if mixed:
                coarse = F.conv2d(mixed[-1], self._get("fusion", i))
                h = h + F.interpolate(coarse, h.shape[2:], mode="bilinear")
            mixed.append(h)
        return mixed[::-1]

    def _get(self, name: str, scale: int) -> Tensor:
        return self.get_buffer(f"{name}{scale}")


def projection_in(discriminator: nn.Module) -> Projection | None:
    """The projection of a discriminator, or of the one inside its conditional version."""
    found = (m for m in discriminator.modules() if isinstance(m, Projection))
    return next(found, None)


def is_available() -> bool:
    """Whether the weights of the frozen network are installed."""
    return is_installed(NETWORK)


def layout(image_shape: tuple[int, int, int]) -> list[tuple[int, int, int]]:
    """The shapes in D's input: that of the images, then those of the frozen maps.

    There are as many scales as leave maps of at least 2 × 2: three for 32 × 32 images.

    Raises
    ------
    ForgeryError
        If the images are neither grey nor RGB, or too small.
    """
    channels, height, width = image_shape
    if channels not in (1, 3):
        raise ForgeryError(
            "discriminator projected shows each image to a network for RGB images, but D's inputs "
            f"have {channels} channels: give --pack 1, --conditional projection or none, or choose "
            "another --discriminator"
        )
    sizes = [(math.ceil(height / s), math.ceil(width / s)) for s in SCALES]
    maps = [(MAPS, *size) for size in sizes if min(size) >= COARSEST]
    if len(maps) < 2:
        raise ForgeryError(
            f"discriminator projected needs images of at least 9 × 9 pixels, not {height} × "
            f"{width}: choose another --discriminator, such as mlp"
        )
    return [image_shape, *maps]


@functools.cache
def _frozen(where: torch.device) -> EfficientNetLite:
    """The frozen network on a device; not a module of D, so neither trained nor saved."""
    network: Any = load_efficientnet(NETWORK).network
    return network.to(where)


def _random(inputs: int) -> Tensor:
    """Weights ``[MAPS, inputs, 1, 1]`` that keep the variance."""
    return torch.randn(MAPS, inputs, 1, 1) / math.sqrt(inputs)


def _on_pixels(shape: tuple[int, int, int], width: int) -> tuple[nn.Module, tuple[int, int, int]]:
    """DCGAN's discriminator without its last layer, for images of any shape; its output's shape.

    Each layer halves the size, down to about 4 × 4, and doubles the number of maps, from ``width``
    to at most eight times that.
    """
    channels, height, wide = shape
    layers: list[nn.Module] = []
    while not layers or max(height, wide) > LEAST_SIZE:
        maps = min(channels * 2, 8 * width) if layers else width
        norm = [nn.BatchNorm2d(maps)] if layers else []
        convolution = nn.Conv2d(channels, maps, 4, 2, padding=1, bias=not norm)
        layers += [convolution, *norm, nn.LeakyReLU(0.2, inplace=True)]
        channels, height, wide = maps, height // 2, wide // 2
    network = nn.Sequential(*layers)
    init_weights(network)
    return network, (channels, height, wide)


def _augment() -> Augment:
    """DiffAugment, whatever the augmentation of the run."""
    augmentation = AUGMENTATIONS["diffaugment"]
    assert augmentation is not None
    return Augment(augmentation)


def _means(maps: Sequence[Tensor]) -> Tensor:
    """The mean of each map: ``[N, C₁ + C₂ + …]``."""
    return torch.cat([h.mean((2, 3)) for h in maps], 1)


def _head(inputs: int, width: int) -> nn.Module:
    convolution = _normalised(nn.Conv2d(inputs, width, 3, padding=1))
    return nn.Sequential(convolution, nn.LeakyReLU(0.2))


def _normalised(layer: nn.Conv2d) -> nn.Module:
    """Orthogonal weights, divided by their largest singular value in every pass."""
    nn.init.orthogonal_(layer.weight)
    return spectral_norm(layer)
