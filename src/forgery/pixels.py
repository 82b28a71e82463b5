"""The two ranges of a pixel: 0 … 255 on disk and in memory, [-1, 1] where the networks speak."""

import torch
from torch import Tensor


def to_model(images: Tensor) -> Tensor:
    """uint8 0 … 255 → float32 [-1, 1]."""
    return images.float().mul_(2 / 255).sub_(1)


def to_pixels(images: Tensor) -> Tensor:
    """float [-1, 1] (clamped) → uint8 0 … 255, rounded to the nearest."""
    return images.add(1).mul_(127.5).round_().clamp_(0, 255).to(torch.uint8)


def as_stored(samples: Tensor) -> Tensor:
    """Samples as data sets keep them: images as uint8 pixels, points as they are."""
    return to_pixels(samples) if samples.dim() == 4 else samples
