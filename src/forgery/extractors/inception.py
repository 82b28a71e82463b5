"""The original Inception network of the FID (Heusel et al. 2017), loaded from a user's file.

The network is Inception-v3 (Szegedy et al. 2016, arXiv:1512.00567) as in TensorFlow's
``inception-2015-12-05.tgz``. Its weights are public as PyTorch tensors in the file
``pt_inception-2015-12-05-6726825d.pth`` (released by mseitzer/pytorch-fid; torch-fidelity releases
the same bytes as ``weights-inception-2015-12-05-6726825d.pth``). The graph differs from the
paper's: average pooling excludes the padding, the last block uses max pooling, there are 1008
logits, and images are resized as in TensorFlow 1.

Module names match the keys in the file.
"""

import io
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..errors import ForgeryError
from .extractor import Extractor, three_channels
from .files import read_checked

#: The only network whose Fréchet distance may be called the FID.
NAME = "inception-2015-12-05"
SHA256 = "6726825d0af5f729cebd5821db510b11b1cfad8faad88a03f1befd49fb9129b2"

#: The name of the file.
FILE = "pt_inception-2015-12-05-6726825d.pth"

COUNTER = "num_batches_tracked"

#: Height and width of the network's input, in pixels.
SIDE = 299


def load_inception(path: Path) -> Extractor:
    """Load the FID's extractor of 2048 features from ``pt_inception-2015-12-05-6726825d.pth``.

    Images may have any size, and be uint8 or in [-1, 1]; one channel is repeated to three. The
    published protocol uses 8-bit images, so pass uint8, and 50,000 samples.

    Raises
    ------
    ForgeryError
        The file cannot be read, its SHA-256 is not that of the original (checked before the file
        is parsed), or its tensors do not match the network.
    """
    content = read_checked(path, SHA256, f"expected the original Inception's weights, {FILE}")
    try:
        weights = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
    except Exception as error:
        raise ForgeryError(f"{path}: not a file of PyTorch tensors ({error})") from error
    with torch.device("meta"):  # skip the random initialisation, which would be overwritten
        network = Inception()
    weights = _checked_weights(weights, network, path)
    network.to_empty(device="cpu").load_state_dict(weights, strict=False)
    return Extractor(NAME, SHA256, network, (None, None, None), classes=(), batch_size=50)


def _checked_weights(weights: object, network: nn.Module, path: Path) -> dict[str, Tensor]:
    """Check names and shapes, dropping batch counters, which some files omit and nothing uses."""
    given = weights if isinstance(weights, dict) else {}
    kept = {key: value for key, value in given.items() if not str(key).endswith(COUNTER)}
    expected = {k: v.shape for k, v in network.state_dict().items() if not k.endswith(COUNTER)}
    if {key: getattr(value, "shape", None) for key, value in kept.items()} != expected:
        raise ForgeryError(f"{path}: its tensors do not match those of {NAME}")
    return kept


def resize_like_tensorflow(images: Tensor, side: int) -> Tensor:
    """Resize ``[N, C, H, W]`` to ``[N, C, side, side]`` like TensorFlow 1's resize_bilinear.

    Pixel i of the result is interpolated at i·H/side: only the top left corners are aligned, and
    there is no antialiasing.
    """
    down = _interpolation(images.shape[2], side).to(images)
    across = _interpolation(images.shape[3], side).to(images)
    return down @ images @ across.T


def _interpolation(size: int, side: int) -> Tensor:
    """Return the matrix ``[side, size]`` that interpolates along one axis; its rows sum to 1."""
    position = torch.arange(side, dtype=torch.float64) * size / side
    before = position.floor().long()
    after = (before + 1).clamp(max=size - 1)
    share = position - before
    row = torch.arange(side)
    matrix = torch.zeros(side, size, dtype=torch.float64)
    matrix[row, before] += 1 - share
    matrix[row, after] += share
    return matrix


class Inception(nn.Module):
    """float ``[N, 1 or 3, H, W]`` in [-1, 1] → (pooled features ``[N, 2048]``, ``[N, 1008]``)."""

    def __init__(self) -> None:
        super().__init__()
        self.Conv2d_1a_3x3 = Convolution(3, 32, 3, stride=2)
        self.Conv2d_2a_3x3 = Convolution(32, 32, 3)
        self.Conv2d_2b_3x3 = Convolution(32, 64, 3, padding=1)
        self.Conv2d_3b_1x1 = Convolution(64, 80, 1)
        self.Conv2d_4a_3x3 = Convolution(80, 192, 3)
        self.Mixed_5b = Mixed35(192, pooled=32)
        self.Mixed_5c = Mixed35(256, pooled=64)
        self.Mixed_5d = Mixed35(288, pooled=64)
        self.Mixed_6a = Shrink35(288)
        self.Mixed_6b = Mixed17(768, inner=128)
        self.Mixed_6c = Mixed17(768, inner=160)
        self.Mixed_6d = Mixed17(768, inner=160)
        self.Mixed_6e = Mixed17(768, inner=192)
        self.Mixed_7a = Shrink17(768)
        self.Mixed_7b = Mixed8(1280, pool=_average)
        self.Mixed_7c = Mixed8(2048, pool=_maximum)
        self.fc = nn.Linear(2048, 1008)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        # TensorFlow's graph takes pixels 0…255, resizes them, and then computes (x − 128)/128.
        pixels = (three_channels(images, NAME) + 1) * 127.5
        x = (resize_like_tensorflow(pixels, SIDE) - 128) / 128
        x = self.Conv2d_2b_3x3(self.Conv2d_2a_3x3(self.Conv2d_1a_3x3(x)))
        x = F.max_pool2d(x, 3, 2)
        x = self.Conv2d_4a_3x3(self.Conv2d_3b_1x1(x))
        x = F.max_pool2d(x, 3, 2)
        x = self.Mixed_5d(self.Mixed_5c(self.Mixed_5b(x)))
        x = self.Mixed_6a(x)
        x = self.Mixed_6e(self.Mixed_6d(self.Mixed_6c(self.Mixed_6b(x))))
        x = self.Mixed_7c(self.Mixed_7b(self.Mixed_7a(x)))
        features = x.mean((2, 3))
        return features, self.fc(features)


class Convolution(nn.Module):
    """Convolution without bias, batch normalisation and ReLU."""

    def __init__(
        self,
        inputs: int,
        outputs: int,
        kernel: int | tuple[int, int],
        stride: int = 1,
        padding: int | tuple[int, int] = 0,
    ) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, kernel, stride, padding, bias=False)
        self.bn = nn.BatchNorm2d(outputs, eps=0.001)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.bn(self.conv(x)))


def _average(x: Tensor) -> Tensor:
    return F.avg_pool2d(x, 3, stride=1, padding=1, count_include_pad=False)


def _maximum(x: Tensor) -> Tensor:
    return F.max_pool2d(x, 3, stride=1, padding=1)


def _row(inputs: int, outputs: int) -> Convolution:
    return Convolution(inputs, outputs, (1, 7), padding=(0, 3))


def _column(inputs: int, outputs: int) -> Convolution:
    return Convolution(inputs, outputs, (7, 1), padding=(3, 0))


class Mixed35(nn.Module):
    """Block at 35×35 with four branches: 1×1; 5×5; two 3×3; pooling."""

    def __init__(self, inputs: int, pooled: int) -> None:
        super().__init__()
        self.branch1x1 = Convolution(inputs, 64, 1)
        self.branch5x5_1 = Convolution(inputs, 48, 1)
        self.branch5x5_2 = Convolution(48, 64, 5, padding=2)
        self.branch3x3dbl_1 = Convolution(inputs, 64, 1)
        self.branch3x3dbl_2 = Convolution(64, 96, 3, padding=1)
        self.branch3x3dbl_3 = Convolution(96, 96, 3, padding=1)
        self.branch_pool = Convolution(inputs, pooled, 1)

    def forward(self, x: Tensor) -> Tensor:
        branches = (
            self.branch1x1(x),
            self.branch5x5_2(self.branch5x5_1(x)),
            self.branch3x3dbl_3(self.branch3x3dbl_2(self.branch3x3dbl_1(x))),
            self.branch_pool(_average(x)),
        )
        return torch.cat(branches, 1)


class Shrink35(nn.Module):
    """Block that reduces 35×35 to 17×17."""

    def __init__(self, inputs: int) -> None:
        super().__init__()
        self.branch3x3 = Convolution(inputs, 384, 3, stride=2)
        self.branch3x3dbl_1 = Convolution(inputs, 64, 1)
        self.branch3x3dbl_2 = Convolution(64, 96, 3, padding=1)
        self.branch3x3dbl_3 = Convolution(96, 96, 3, stride=2)

    def forward(self, x: Tensor) -> Tensor:
        branches = (
            self.branch3x3(x),
            self.branch3x3dbl_3(self.branch3x3dbl_2(self.branch3x3dbl_1(x))),
            F.max_pool2d(x, 3, 2),
        )
        return torch.cat(branches, 1)


class Mixed17(nn.Module):
    """Block at 17×17 with four branches: 1×1; 7×7 factorised; two 7×7 factorised; pooling."""

    def __init__(self, inputs: int, inner: int) -> None:
        super().__init__()
        self.branch1x1 = Convolution(inputs, 192, 1)
        self.branch7x7_1 = Convolution(inputs, inner, 1)
        self.branch7x7_2 = _row(inner, inner)
        self.branch7x7_3 = _column(inner, 192)
        self.branch7x7dbl_1 = Convolution(inputs, inner, 1)
        self.branch7x7dbl_2 = _column(inner, inner)
        self.branch7x7dbl_3 = _row(inner, inner)
        self.branch7x7dbl_4 = _column(inner, inner)
        self.branch7x7dbl_5 = _row(inner, 192)
        self.branch_pool = Convolution(inputs, 192, 1)

    def forward(self, x: Tensor) -> Tensor:
        double = self.branch7x7dbl_3(self.branch7x7dbl_2(self.branch7x7dbl_1(x)))
        branches = (
            self.branch1x1(x),
            self.branch7x7_3(self.branch7x7_2(self.branch7x7_1(x))),
            self.branch7x7dbl_5(self.branch7x7dbl_4(double)),
            self.branch_pool(_average(x)),
        )
        return torch.cat(branches, 1)


class Shrink17(nn.Module):
    """Block that reduces 17×17 to 8×8."""

    def __init__(self, inputs: int) -> None:
        super().__init__()
        self.branch3x3_1 = Convolution(inputs, 192, 1)
        self.branch3x3_2 = Convolution(192, 320, 3, stride=2)
        self.branch7x7x3_1 = Convolution(inputs, 192, 1)
        self.branch7x7x3_2 = _row(192, 192)
        self.branch7x7x3_3 = _column(192, 192)
        self.branch7x7x3_4 = Convolution(192, 192, 3, stride=2)

    def forward(self, x: Tensor) -> Tensor:
        strips = self.branch7x7x3_3(self.branch7x7x3_2(self.branch7x7x3_1(x)))
        branches = (
            self.branch3x3_2(self.branch3x3_1(x)),
            self.branch7x7x3_4(strips),
            F.max_pool2d(x, 3, 2),
        )
        return torch.cat(branches, 1)


class Mixed8(nn.Module):
    """Block at 8×8 with four branches: 1×1; 1×3 and 3×1; the same after a 3×3; pooling."""

    def __init__(self, inputs: int, pool: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.branch1x1 = Convolution(inputs, 320, 1)
        self.branch3x3_1 = Convolution(inputs, 384, 1)
        self.branch3x3_2a = Convolution(384, 384, (1, 3), padding=(0, 1))
        self.branch3x3_2b = Convolution(384, 384, (3, 1), padding=(1, 0))
        self.branch3x3dbl_1 = Convolution(inputs, 448, 1)
        self.branch3x3dbl_2 = Convolution(448, 384, 3, padding=1)
        self.branch3x3dbl_3a = Convolution(384, 384, (1, 3), padding=(0, 1))
        self.branch3x3dbl_3b = Convolution(384, 384, (3, 1), padding=(1, 0))
        self.branch_pool = Convolution(inputs, 192, 1)
        self._pool = pool

    def forward(self, x: Tensor) -> Tensor:
        single = self.branch3x3_1(x)
        double = self.branch3x3dbl_2(self.branch3x3dbl_1(x))
        branches = (
            self.branch1x1(x),
            self.branch3x3_2a(single),
            self.branch3x3_2b(single),
            self.branch3x3dbl_3a(double),
            self.branch3x3dbl_3b(double),
            self.branch_pool(self._pool(x)),
        )
        return torch.cat(branches, 1)
