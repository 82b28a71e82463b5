"""The sizes that a network is built from."""

import math
from dataclasses import dataclass

from torch import Tensor

from ..errors import ForgeryError
from ..sizes import in_words


@dataclass(frozen=True)
class Spec:
    """The sizes of a generator or a discriminator.

    Parameters
    ----------
    shape:
        (channels, height, width) of an image, or (dimensions,) of a point.
    latent:
        Number of dimensions of z.
    width, depth:
        Units per hidden layer, and number of hidden layers (each family documents its own use).
    mean:
        Mean of the training data in the networks' range, of shape ``shape``; a family may use it
        to initialise its output layer.
    continuous:
        Number of dimensions of z that D predicts (InfoGAN).
    pixels:
        Number of values of a flattened sample, from its start, that are pixels; others may follow,
        such as a class's code. None if the sample is an image, or a point, as its shape says.
    """

    shape: tuple[int, ...]
    latent: int
    width: int
    depth: int
    mean: Tensor
    continuous: int = 0
    pixels: int | None = None

    @property
    def size(self) -> int:
        """Number of values in an image or a point."""
        return math.prod(self.shape)

    @property
    def pixel_count(self) -> int:
        """Number of values of a flattened sample, from its start, that are pixels."""
        return (self.size if self.bounded else 0) if self.pixels is None else self.pixels

    @property
    def bounded(self) -> bool:
        """Whether samples lie in [-1, 1], as images do and points need not."""
        return len(self.shape) == 3

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """(channels, height, width); raises a :class:`ForgeryError` if the data are points."""
        if not self.bounded:
            raise self.unsuitable("images")
        channels, height, width = self.shape
        return channels, height, width

    def unsuitable(self, needed: str, network: str = "this network") -> ForgeryError:
        """The error of a network that needs other data."""
        are = in_words(self.shape) if self.bounded else f"points of {self.size} dimensions"
        return ForgeryError(
            f"{network} needs {needed}, but the data are {are}: choose another --generator and "
            "--discriminator, such as mlp"
        )
