"""DINOv2 ViT-S/14 (Oquab et al. 2023, arXiv:2304.07193), loaded from a user's file.

The vision transformer of facebookresearch/dinov2 (Apache-2.0, dinov2/models/vision_transformer.py),
trained without labels. Its weights are public in the file ``dinov2_vits14_pretrain.pth``. Module
names match the keys in the file.
"""

import io
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..errors import ForgeryError
from ..pixels import resized
from .extractor import Extractor, three_channels
from .files import read_checked

NAME = "dinov2-vits14"
FILE = "dinov2_vits14_pretrain.pth"
SHA256 = "b938bf1bc15cd2ec0feacfe3a1bb553fe8ea9ca46a7e1d8d00217f29aef60cd9"

#: Height and width of the network's input and of a patch, in pixels.
SIDE, PATCH = 224, 14
#: Patches along each side of the images that the positions were learnt on (518 pixels).
GRID = 37
#: Width of the network, which is the dimension of the features; number of blocks and of heads.
WIDTH, BLOCKS, HEADS = 384, 12, 6
#: ε of the layer norms.
EPSILON = 1e-6
#: Mean and standard deviation of ImageNet's pixels in [0, 1], by which the input is normalised.
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
#: Principal axes on which the features are compared.
AXES = 64


class DinoV2(nn.Module):
    """Images ``[N, C, H, W]`` in [-1, 1] → features ``[N, 384]``, logits ``[N, 0]``.

    Features are the class token after the last norm. Grey images are shown as three equal
    channels, and images of any size are resized to 224 × 224.
    """

    mean: Tensor
    std: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.cls_token = nn.Parameter(torch.zeros(1, 1, WIDTH))
        self.pos_embed = nn.Parameter(torch.zeros(1, 1 + GRID**2, WIDTH))
        self.patch_embed = Patches()
        self.blocks = nn.Sequential(*(Block() for _ in range(BLOCKS)))
        self.norm = nn.LayerNorm(WIDTH, EPSILON)
        self.register_buffer("mean", torch.tensor(MEAN).view(3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(STD).view(3, 1, 1), persistent=False)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        pixels = (resized(three_channels(images, NAME), (SIDE, SIDE)) + 1) / 2
        features = self.class_token((pixels - self.mean) / self.std)
        return features, features.new_empty(len(features), 0)

    def class_token(self, x: Tensor) -> Tensor:
        """The class token ``[N, 384]`` of normalised images; sides are multiples of 14 pixels."""
        rows, columns = x.shape[2] // PATCH, x.shape[3] // PATCH
        tokens = torch.cat((self.cls_token.expand(len(x), -1, -1), self.patch_embed(x)), 1)
        h = self.blocks(tokens + self.positions(rows, columns))
        token: Tensor = self.norm(h[:, 0])
        return token

    def positions(self, rows: int, columns: int) -> Tensor:
        """Learnt positions ``[1, 1 + rows · columns, 384]``, interpolated bicubically."""
        if (rows, columns) == (GRID, GRID):
            return self.pos_embed
        grid = self.pos_embed[:, 1:].transpose(1, 2).unflatten(2, (GRID, GRID))
        # As the published code does: the factor of the size is a little too large, so that rounding
        # down gives the right number of patches, and it also scales the coordinates.
        factors = ((rows + 0.1) / GRID, (columns + 0.1) / GRID)
        grid = F.interpolate(grid, scale_factor=factors, mode="bicubic")
        return torch.cat((self.pos_embed[:, :1], grid.flatten(2).transpose(1, 2)), 1)


class Patches(nn.Module):
    """Images ``[N, 3, H, W]`` → a token for each patch ``[N, patches, 384]``, row by row."""

    def __init__(self) -> None:
        super().__init__()
        self.proj = nn.Conv2d(3, WIDTH, PATCH, PATCH)

    def forward(self, x: Tensor) -> Tensor:
        tokens: Tensor = self.proj(x)
        return tokens.flatten(2).transpose(1, 2)


class Block(nn.Module):
    """Attention and a two-layer perceptron, each normalised before, scaled after, and added."""

    def __init__(self) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(WIDTH, EPSILON)
        self.attn = Attention()
        self.ls1 = LayerScale()
        self.norm2 = nn.LayerNorm(WIDTH, EPSILON)
        self.mlp = Perceptron()
        self.ls2 = LayerScale()

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.ls1(self.attn(self.norm1(x)))
        h: Tensor = x + self.ls2(self.mlp(self.norm2(x)))
        return h


class Attention(nn.Module):
    """Self-attention ``[N, T, 384]`` → the same."""

    def __init__(self) -> None:
        super().__init__()
        self.qkv = nn.Linear(WIDTH, 3 * WIDTH)
        self.proj = nn.Linear(WIDTH, WIDTH)

    def forward(self, x: Tensor) -> Tensor:
        # [N, T, 3 · heads · d] → three tensors [N, heads, T, d]
        q, k, v = self.qkv(x).unflatten(2, (3, HEADS, -1)).permute(2, 0, 3, 1, 4)
        h = F.scaled_dot_product_attention(q, k, v)
        out: Tensor = self.proj(h.transpose(1, 2).flatten(2))
        return out


class Perceptron(nn.Module):
    """Two layers with a GELU between them; the inner one is four times as wide."""

    def __init__(self) -> None:
        super().__init__()
        self.fc1 = nn.Linear(WIDTH, 4 * WIDTH)
        self.fc2 = nn.Linear(4 * WIDTH, WIDTH)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.fc2(F.gelu(self.fc1(x)))
        return out


class LayerScale(nn.Module):
    """A learnt factor for each dimension (Touvron et al. 2021)."""

    def __init__(self) -> None:
        super().__init__()
        self.gamma = nn.Parameter(torch.ones(WIDTH))

    def forward(self, x: Tensor) -> Tensor:
        return x * self.gamma


def load_dinov2(path: Path) -> Extractor:
    """Load the extractor of 384 features from ``dinov2_vits14_pretrain.pth``.

    Raises
    ------
    ForgeryError
        The file cannot be read, its SHA-256 is not that of the published file (checked before the
        file is parsed), or its tensors do not match the network.
    """
    content = read_checked(path, SHA256, f"expected the weights of DINOv2 ViT-S/14, {FILE}")
    try:
        weights = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
    except Exception as error:
        raise ForgeryError(f"{path}: not a file of PyTorch tensors ({error})") from error
    network = DinoV2()
    expected = {key: value.shape for key, value in network.state_dict().items()}
    given = dict(weights) if isinstance(weights, dict) else {}
    given.pop("mask_token", None)  # stands for masked patches, which only training has
    if {key: getattr(value, "shape", None) for key, value in given.items()} != expected:
        raise ForgeryError(f"{path}: its tensors do not match those of {NAME}")
    network.load_state_dict(given)
    return Extractor(NAME, SHA256, network, (None, None, None), (), batch_size=50, axes=AXES)
