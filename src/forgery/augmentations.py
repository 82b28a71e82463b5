"""Random augmentation of D's inputs, for training on small datasets.

With little data, D memorises the real images. An augmentation randomly transforms every image that
D sees, real and generated, in the updates of both players. If only real images were transformed, G
would learn to generate the transformations. All transforms are differentiable, since G's gradient
passes through them.

A transform takes (images ``[N, C, H, W]`` in [-1, 1], p) and changes each image with probability p,
with independent random numbers. Padding repeats the border pixels: black around a digit on black,
so that a shifted digit looks natural. DiffAugment's code pads with 0, which is mid-grey in [-1, 1]
and frames the digit; ADA's reflects the image.

A new augmentation needs one function for each new transform, and one entry in the table.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from . import rows

#: (images [N, C, H, W], probability p that an image is changed) → images.
Transform = Callable[[Tensor, Tensor], Tensor]

#: Maximum shift of :func:`translate`, and side of the rectangle of :func:`cut_out`, as fractions of
#: the image's sides (mit-han-lab/data-efficient-gans).
SHIFT, HOLE = 0.125, 0.5
#: Standard deviation of the scale's logarithm to base 2 (NVlabs/stylegan2-ada-pytorch).
SCALE_STD = 0.2
#: Updates of D per adjustment of p, over which the sign is averaged (same source).
MOVE_EVERY = 4


def brightness(x: Tensor, p: Tensor) -> Tensor:
    """Add b ~ U(-.5, .5) (DiffAugment)."""
    return x + _sometimes(p, _uniform(x, -0.5, 0.5), 0.0)


def saturation(x: Tensor, p: Tensor) -> Tensor:
    """Scale the deviation from each pixel's channel mean by a factor ~ U(0, 2) (DiffAugment).

    This is the identity on grey images.
    """
    if x.shape[1] == 1:
        return x
    grey = x.mean(1, keepdim=True)
    return grey + (x - grey) * _sometimes(p, _uniform(x, 0.0, 2.0), 1.0)


def contrast(x: Tensor, p: Tensor) -> Tensor:
    """Scale the deviation from the image's mean by a factor ~ U(.5, 1.5) (DiffAugment)."""
    mean = x.mean((1, 2, 3), keepdim=True)
    return mean + (x - mean) * _sometimes(p, _uniform(x, 0.5, 1.5), 1.0)


def translate(x: Tensor, p: Tensor) -> Tensor:
    """Shift by an integer number of pixels, up to an eighth of each side (DiffAugment, ADA).

    With p = 1, and if the padding does not reveal the shift, G may learn to generate shifted
    images. With p well below 1 it does not (ADA, section 2.2).
    """
    moved = _sometimes(p, torch.ones_like(x[:, :1, :1, :1]), 0.0)
    for axis in (2, 3):
        length = x.shape[axis]
        furthest = int(length * SHIFT + 0.5)
        shift = (_uniform(x, -furthest - 0.5, furthest + 0.5).round() * moved).long()
        places = torch.arange(length, device=x.device) - shift.flatten(1)
        places = places.clamp_(0, length - 1).unsqueeze(1).unsqueeze(5 - axis)
        x = x.gather(axis, places.expand_as(x))
    return x


def cut_out(x: Tensor, p: Tensor) -> Tensor:
    """Set a rectangle with half the image's sides and a random centre to 0 (DiffAugment)."""
    covered = _sometimes(p, torch.ones_like(x[:, :1, :1, :1]), 0.0)
    for axis in (2, 3):
        length = x.shape[axis]
        size = int(length * HOLE + 0.5)
        centre = _uniform(x, 0.0, length + 1 - size % 2).floor()
        place = torch.arange(length, device=x.device).unsqueeze(-1 if axis == 2 else 0)
        first = centre - size // 2
        covered = covered * ((place >= first) & (place < first + size))
    return x * (1 - covered)


def turn_and_scale(x: Tensor, p: Tensor) -> Tensor:
    """Rotate by a uniform angle and scale by 2^N(0, .2), each with probability p (ADA).

    Both are applied in one step, so that pixels are interpolated (bilinearly) only once.
    """
    angle = _sometimes(p, _uniform(x, -math.pi, math.pi), 0.0).flatten()
    scale = _sometimes(p, torch.exp2(SCALE_STD * rows.randn_like(x[:, :1, :1, :1])), 1.0).flatten()
    # The inverse map, from each pixel of the result to its source, in units of half the sides,
    # which differ if the image is not square.
    height, width = x.shape[2:]
    cos, sin, none = angle.cos() / scale, angle.sin() / scale, torch.zeros_like(angle)
    matrix = [cos, -sin * height / width, none], [sin * width / height, cos, none]
    back = torch.stack([torch.stack(row, 1) for row in matrix], 1)
    places = functional.affine_grid(back, list(x.shape), align_corners=False)
    return functional.grid_sample(x, places, padding_mode="border", align_corners=False)


@dataclass(frozen=True)
class Augmentation:
    """Transforms in the order of application.

    If ``adaptive``, p starts at 0 and is adjusted during training; otherwise p = 1.
    """

    transforms: tuple[Transform, ...]
    adaptive: bool = False


class Augment(nn.Module):
    """Apply an augmentation with probability p: images ``[N, C, H, W]`` → images.

    p and its statistics are buffers: they are saved in checkpoints, and stay on the device so that
    no step waits for it.

    Adaptive augmentation (ADA; Karras et al. 2020, "Training Generative Adversarial Networks with
    Limited Data") measures the overfitting of D by r = E[sign D(x)] over the real minibatches of
    :data:`MOVE_EVERY` updates of D: about 0 without overfitting, 1 if D is sure of every real
    image. Above the target, p increases by a fixed amount; below, it decreases by the same amount.
    p stays in [0, 1].

    Parameters
    ----------
    augmentation:
        The transforms.
    target:
        Target value of r; .6 in the paper.
    ramp:
        Number of real images over which p would rise from 0 to 1.
    parts:
        Number of parts in which the minibatch of an update is judged.
    """

    p: Tensor
    signs: Tensor

    def __init__(
        self,
        augmentation: Augmentation,
        target: float = 0.6,
        ramp: int = 500_000,
        parts: int = 1,
    ):
        super().__init__()
        self.augmentation, self.target, self.ramp = augmentation, target, ramp
        self.move_every = MOVE_EVERY * parts
        self.register_buffer("p", torch.tensor(0.0 if augmentation.adaptive else 1.0))
        # Since the last adjustment: sum of signs, number of logits, number of parts.
        self.register_buffer("signs", torch.zeros(3))

    def forward(self, x: Tensor) -> Tensor:
        for transform in self.augmentation.transforms:
            x = transform(x, self.p)
        return x

    @torch.no_grad()
    def adjust(self, margins: Tensor, images: int) -> None:
        """Adjust p after a part of an update of D, if the augmentation is adaptive.

        Parameters
        ----------
        margins:
            D's logits on real samples minus its undecided logit, ``[n]``.
        images:
            Number of real images behind these logits (n times the packing).
        """
        if not self.augmentation.adaptive:
            return
        n = torch.full_like(self.p, len(margins))
        self.signs += torch.stack([margins.sign().sum().to(n.dtype), n, torch.ones_like(n)])
        total, count, parts = self.signs
        step = (total / count - self.target).sign() * images * self.move_every / self.ramp
        due = parts >= self.move_every
        self.p.copy_(torch.where(due, self.p + step, self.p).clamp(0, 1))
        self.signs *= ~due


def _uniform(x: Tensor, low: float, high: float) -> Tensor:
    """Draw one number ~ U(low, high) per image, ``[N, 1, 1, 1]``."""
    return low + (high - low) * rows.rand_like(x[:, :1, :1, :1])


def _sometimes(p: Tensor, value: Tensor, otherwise: float) -> Tensor:
    """``value`` with probability p for each image, else ``otherwise``, the neutral value."""
    return value.where(rows.rand_like(value) < p, otherwise)


GEOMETRY = (translate, turn_and_scale)
COLOUR = (brightness, saturation, contrast)

AUGMENTATIONS: dict[str, Augmentation | None] = {
    "none": None,
    # Zhao et al. 2020, "Differentiable Augmentation for Data-Efficient GAN Training"; its policy
    # combines three groups (mit-han-lab/data-efficient-gans). Below, the groups without colour.
    "diffaugment": Augmentation((*COLOUR, translate, cut_out)),
    "translation-cutout": Augmentation((translate, cut_out)),
    "translation": Augmentation((translate,)),
    # A subset of ADA's 18 transforms (pixel blitting, geometry and colour): integer translation,
    # isotropic scaling and rotation with ADA's strengths; brightness, contrast and saturation with
    # DiffAugment's. Omitted: mirroring (--flip applies it to the data), rotation by 90°
    # (included in rotation), anisotropic scaling, fractional translation, luma flip, hue, and the
    # transforms outside the paper's recommended pipeline: filters, noise, cutout.
    "adaptive": Augmentation((*GEOMETRY, *COLOUR), adaptive=True),
    "adaptive-geometry": Augmentation(GEOMETRY, adaptive=True),
}
