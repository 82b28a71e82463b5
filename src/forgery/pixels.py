"""Pixels: uint8 0 … 255 in data sets, float [-1, 1] in networks; conversion and resizing."""

import torch
from torch import Tensor
from torch.nn import functional as F


def to_model(images: Tensor) -> Tensor:
    """Convert uint8 0 … 255 to float32 in [-1, 1]."""
    return images.float().mul_(2 / 255).sub_(1)


def to_pixels(images: Tensor) -> Tensor:
    """Convert float in [-1, 1] (clamped) to uint8 0 … 255, rounding to nearest."""
    return images.add(1).mul_(127.5).round_().clamp_(0, 255).to(torch.uint8)


def as_stored(samples: Tensor) -> Tensor:
    """Convert samples to the form data sets use: images to uint8 pixels, points unchanged."""
    return to_pixels(samples) if samples.dim() == 4 else samples


def resized(images: Tensor, size: tuple[int, int]) -> Tensor:
    """Resize images ``[N, C, H, W]`` in [-1, 1] to (height, width): bicubic, with antialiasing.

    Values beyond [-1, 1], which bicubic interpolation gives at edges, are clamped.
    """
    if tuple(images.shape[2:]) == size:
        return images
    return F.interpolate(images, size, mode="bicubic", antialias=True).clamp(-1, 1)
