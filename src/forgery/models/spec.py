"""What a network is built from."""

import math
from dataclasses import dataclass

from torch import Tensor

from ..errors import ForgeryError


@dataclass(frozen=True)
class Spec:
    """The sizes that a generator or a discriminator must fit.

    Parameters
    ----------
    shape:
        (channels, height, width) of an image, or (dimensions,) of a point.
    latent:
        Dimensions of z.
    width, depth:
        Units a hidden layer, and hidden layers (a family may read them in its own way).
    mean:
        The training data's mean as the networks see it, of the given shape: where an output layer
        may start.
    continuous:
        How many of z's dimensions D must tell (InfoGAN).
    """

    shape: tuple[int, ...]
    latent: int
    width: int
    depth: int
    mean: Tensor
    continuous: int = 0

    @property
    def size(self) -> int:
        """Numbers in one image or point."""
        return math.prod(self.shape)

    @property
    def bounded(self) -> bool:
        """Whether samples lie in [-1, 1]: images do, points may lie anywhere."""
        return len(self.shape) == 3

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """The shape, for networks that only know images."""
        if not self.bounded:
            raise ForgeryError(
                f"this network is for images, and the data are points of {self.size} dimensions: "
                "choose another --generator and --discriminator, such as mlp"
            )
        channels, height, width = self.shape
        return channels, height, width
