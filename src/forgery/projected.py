"""The discriminator of Projected GAN: small networks on the features of a frozen one.

Source: Sauer et al. 2021, "Projected GANs Converge Faster"; sizes and rates for a CPU were chosen
here (docs/pictures.md). D judges the pixels of an image, and the maps of EfficientNet-Lite0, which
was trained on ImageNet, at several scales. The maps are mixed by fixed random weights, within each
scale and from coarse to fine.

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
from .models.layers import Discriminator

#: The frozen network.
NETWORK = "efficientnet-lite0"
#: Number of maps of each scale, after the random mixing.
MAPS = 64
#: Scales of the frozen maps: the size of the images is divided by these.
SCALES = (4, 8, 16, 32)
#: Least height and width of the coarsest maps.
COARSEST = 2
#: D's head on the pixels halves their size until it is at most this.
HEAD_SIZE = 8
#: Number of real samples from which the maps' statistics are measured, and samples per pass.
CALIBRATED, PART = 1024, 128


class ProjectedDiscriminator(Discriminator):
    """Images ``[N, C, H, W]`` in [-1, 1], or their projections ``[N, F]``, → logits ``[N, V]``.

    One head of ``width`` maps on the pixels, and one on the maps of each scale. Each gives a logit
    at each of its positions. All layers are spectrally normalised. In the heads, batch norm follows
    each convolution but the first on the pixels: without it, all samples come to share a few
    colours (docs/pictures.md). The spec's depth is ignored.
    """

    def __init__(self, spec: Spec) -> None:
        super().__init__()
        self.projection = Projection(spec.image_shape)
        pixels, *maps = self.projection.layout
        heads = [_pixel_head(pixels, spec.width), *(_head(MAPS, spec.width) for _ in maps)]
        self.heads = nn.ModuleList(heads)
        self.outputs = nn.ModuleList(_normalised(nn.Conv2d(spec.width, 1, 1)) for _ in heads)
        self.width = spec.width

    @property
    def head(self) -> nn.Module:
        return self.outputs[0] if self.outputs else nn.Identity()

    @property
    def feature_count(self) -> int:
        return self.width * len(self.heads)

    def drop_head(self) -> None:
        self.outputs = nn.ModuleList()

    def features(self, x: Tensor) -> Tensor:
        return torch.cat([h.mean((2, 3)) for h in self._maps(x)], 1)

    def look(self, x: Tensor, y: Tensor | None = None) -> tuple[Tensor, Tensor]:
        return self._judged(self._maps(x))

    def look_along(self, x: Tensor, directions: Tensor) -> tuple[Tensor, Tensor]:
        return self._judged(self._maps(x), directions.split(self.width, 1))

    def _judged(self, maps: list[Tensor], along: Sequence[Tensor] = ()) -> tuple[Tensor, Tensor]:
        """The logits, plus ⟨v, h⟩ at every position of each head's maps h, and the features."""
        logits = [output(h) for output, h in zip(self.outputs, maps, strict=True)]
        if along:
            logits = [
                logit + torch.einsum("nchw,nc->nhw", h, v)[:, None]
                for logit, h, v in zip(logits, maps, along, strict=True)
            ]
        joined = torch.cat([logit.flatten(1) for logit in logits], 1)
        return joined, torch.cat([h.mean((2, 3)) for h in maps], 1)

    def _maps(self, x: Tensor) -> list[Tensor]:
        parts = self.projection.separate(x if x.dim() == 2 else self.projection(x))
        return [head(part) for head, part in zip(self.heads, parts, strict=True)]


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
        # In float32 whatever D computes in, as the features that are kept are.
        with torch.autocast(images.device.type, enabled=False):
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
        taps = self._taps(images)
        mixed: list[Tensor] = []
        for i in reversed(range(self.scales)):
            h = F.conv2d(taps[i], self._get("mixing", i))
            if mixed:
                coarse = F.conv2d(mixed[-1], self._get("fusion", i))
                h = h + F.interpolate(coarse, h.shape[2:], mode="bilinear")
            mixed.append(h)
        return mixed[::-1]

    def _taps(self, images: Tensor) -> list[Tensor]:
        """The frozen network's maps of each scale, from fine to coarse."""
        return _frozen(images.device).taps(images, self.scales)

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


def _pixel_head(shape: tuple[int, int, int], width: int) -> nn.Module:
    """Strided convolutions down to :data:`HEAD_SIZE`, then one that keeps the size.

    The larger side decides, but no side is halved below one pixel.
    """
    inputs, *sides = shape
    halvings = max(1, math.ceil(math.log2(max(sides) / HEAD_SIZE)))
    layers: list[nn.Module] = []
    for i in range(min(halvings, math.floor(math.log2(min(sides))))):
        maps = min(max(1, width // 3) << i, width)
        norm = [nn.BatchNorm2d(maps)] if i else []
        layers += [_normalised(nn.Conv2d(inputs, maps, 4, 2, padding=1)), *norm, nn.LeakyReLU(0.2)]
        inputs = maps
    return nn.Sequential(*layers, *_head(inputs, width))


def _head(inputs: int, width: int) -> nn.Sequential:
    convolution = _normalised(nn.Conv2d(inputs, width, 3, padding=1))
    return nn.Sequential(convolution, nn.BatchNorm2d(width), nn.LeakyReLU(0.2))


def _normalised(layer: nn.Conv2d) -> nn.Module:
    """Orthogonal weights, divided by their largest singular value in every pass."""
    nn.init.orthogonal_(layer.weight)
    return spectral_norm(layer)
