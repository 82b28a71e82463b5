"""How images are changed at random before D sees them, so that a few hundred are enough.

With little data D learns the real images by heart. An augmentation shows it each image changed at
random, real and fake alike, in both players' steps: G is then never taught to draw the changes, as
it would be if only the real images were changed. All transforms are differentiable, since G learns
through them.

Each transform takes (images ``[N, C, H, W]`` in [-1, 1], p) and changes a share p of them, every
image by random numbers of its own; the others come back as they were. What comes in from beyond an
image's rim repeats the rim: black round a digit on black, so that a moved digit looks like one.
DiffAugment's code puts 0 there, mid-grey in [-1, 1], a frame round a digit; ADA's reflects it.

A new augmentation is one function for each transform that is missing, and one line in the table.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from . import rows

#: (images [N, C, H, W], the probability p of each to be changed) → images.
Transform = Callable[[Tensor, Tensor], Tensor]

#: The furthest that :func:`translate` moves an image, and the side of what :func:`cut_out` covers,
#: in shares of the image's own sides (mit-han-lab/data-efficient-gans).
SHIFT, HOLE = 0.125, 0.5
#: Standard deviation of the scale's logarithm to base 2 (NVlabs/stylegan2-ada-pytorch).
SCALE_STD = 0.2
#: Updates of D between two moves of p (the same; on as many minibatches the sign is averaged).
MOVE_EVERY = 4


def brightness(x: Tensor, p: Tensor) -> Tensor:
    """x + b, b ~ U(-.5, .5) (DiffAugment)."""
    return x + _sometimes(p, _uniform(x, -0.5, 0.5), 0.0)


def saturation(x: Tensor, p: Tensor) -> Tensor:
    """Away from each pixel's mean over the channels by a factor ~ U(0, 2) (DiffAugment).

    The identity on grey images, whose one channel is its own mean.
    """
    if x.shape[1] == 1:
        return x
    grey = x.mean(1, keepdim=True)
    return grey + (x - grey) * _sometimes(p, _uniform(x, 0.0, 2.0), 1.0)


def contrast(x: Tensor, p: Tensor) -> Tensor:
    """Away from the image's mean by a factor ~ U(.5, 1.5) (DiffAugment)."""
    mean = x.mean((1, 2, 3), keepdim=True)
    return mean + (x - mean) * _sometimes(p, _uniform(x, 0.5, 1.5), 1.0)


def translate(x: Tensor, p: Tensor) -> Tensor:
    """Moved by whole pixels, up to an eighth of each side's length (DiffAugment, ADA).

    Always applied (p = 1), where the rim shows nothing of the move, it may be learnt as if it were
    the data's own: G then draws off-centre. With p well below 1 that is not so (ADA, section 2.2).
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
    """A rectangle of half the sides' lengths set to 0, its centre anywhere (DiffAugment)."""
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
    """Turned by any angle, and scaled by 2^N(0, .2), each with probability p (ADA).

    Both at once, so that pixels are interpolated (bilinearly) once.
    """
    angle = _sometimes(p, _uniform(x, -math.pi, math.pi), 0.0).flatten()
    scale = _sometimes(p, torch.exp2(SCALE_STD * rows.randn_like(x[:, :1, :1, :1])), 1.0).flatten()
    # The way back from each place of the result to where it is taken from, in units of half the
    # sides, which differ where an image is not square.
    height, width = x.shape[2:]
    cos, sin, none = angle.cos() / scale, angle.sin() / scale, torch.zeros_like(angle)
    matrix = [cos, -sin * height / width, none], [sin * width / height, cos, none]
    back = torch.stack([torch.stack(row, 1) for row in matrix], 1)
    places = functional.affine_grid(back, list(x.shape), align_corners=False)
    return functional.grid_sample(x, places, padding_mode="border", align_corners=False)


@dataclass(frozen=True)
class Augmentation:
    """Transforms in the order in which they are applied.

    ``adaptive`` ones begin with p = 0, which training then moves; the others always have p = 1.
    """

    transforms: tuple[Transform, ...]
    adaptive: bool = False


class Augment(nn.Module):
    """An augmentation at work: images ``[N, C, H, W]`` → images, with its p.

    p and what moves it are buffers: they stay on the device, so that no step waits for it, and are
    saved in checkpoints.

    Adaptive (ADA; Karras et al. 2020, "Training Generative Adversarial Networks with Limited
    Data"): r = E[sign D(x)] over the real minibatches of :data:`MOVE_EVERY` updates of D says how
    much D overfits, from about 0 (it cannot tell) to 1 (it is sure of every real image). Above the
    target p goes up by a fixed amount, below it goes down by as much; p stays within [0, 1].

    Parameters
    ----------
    augmentation:
        What is done.
    target:
        Of r; .6 in the paper.
    ramp:
        Real images that D sees while p goes from 0 to 1 without turning.
    """

    p: Tensor
    signs: Tensor

    def __init__(self, augmentation: Augmentation, target: float = 0.6, ramp: int = 500_000):
        super().__init__()
        self.augmentation, self.target, self.ramp = augmentation, target, ramp
        self.register_buffer("p", torch.tensor(0.0 if augmentation.adaptive else 1.0))
        # Since p was last moved: the sum of the signs, the logits, the minibatches.
        self.register_buffer("signs", torch.zeros(3))

    def forward(self, x: Tensor) -> Tensor:
        for transform in self.augmentation.transforms:
            x = transform(x, self.p)
        return x

    @torch.no_grad()
    def adjust(self, margins: Tensor, images: int) -> None:
        """Move p after an update of D, where it adapts.

        Parameters
        ----------
        margins:
            D's logits on real samples, ``[n]``, less the logit at which it is undecided.
        images:
            How many real images they judge (n times the packing).
        """
        if not self.augmentation.adaptive:
            return
        n = torch.full_like(self.p, len(margins))
        self.signs += torch.stack([margins.sign().sum().to(n.dtype), n, torch.ones_like(n)])
        total, count, minibatches = self.signs
        step = (total / count - self.target).sign() * images * MOVE_EVERY / self.ramp
        due = minibatches >= MOVE_EVERY
        self.p.copy_(torch.where(due, self.p + step, self.p).clamp(0, 1))
        self.signs *= ~due


def _uniform(x: Tensor, low: float, high: float) -> Tensor:
    """One number ~ U(low, high) an image, ``[N, 1, 1, 1]``."""
    return low + (high - low) * rows.rand_like(x[:, :1, :1, :1])


def _sometimes(p: Tensor, value: Tensor, otherwise: float) -> Tensor:
    """``value`` for each image with probability p, else the number that changes nothing."""
    return value.where(rows.rand_like(value) < p, otherwise)


GEOMETRY = (translate, turn_and_scale)
COLOUR = (brightness, saturation, contrast)

AUGMENTATIONS: dict[str, Augmentation | None] = {
    "none": None,
    # Zhao et al. 2020, "Differentiable Augmentation for Data-Efficient GAN Training", whose policy
    # is all three of its groups (mit-han-lab/data-efficient-gans); and its groups without colour.
    "diffaugment": Augmentation((*COLOUR, translate, cut_out)),
    "translation-cutout": Augmentation((translate, cut_out)),
    "translation": Augmentation((translate,)),
    # ADA's pixel blitting, geometry and colour, in short. Of its 18 transforms here are integer
    # translation, isotropic scaling and rotation, as strong as there; brightness, contrast and
    # saturation, as strong as DiffAugment's. Not here: mirroring (--flip does it to the data, where
    # it is right) and quarter turns (rotation has them), anisotropic scaling, fractional
    # translation, luma flip, hue, and what the paper leaves out of its recommended pipeline too:
    # filters, noise, cutout.
    "adaptive": Augmentation((*GEOMETRY, *COLOUR), adaptive=True),
    "adaptive-geometry": Augmentation(GEOMETRY, adaptive=True),
}
