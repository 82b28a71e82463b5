"""What a network is built from."""

from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True)
class Spec:
    """The sizes that a generator or a discriminator must fit.

    Parameters
    ----------
    shape:
        (channels, height, width) of an image.
    latent:
        Dimensions of z.
    width, depth:
        Units a hidden layer, and hidden layers (a family may read them in its own way).
    mean_image:
        The training data's mean in [-1, 1], of the given shape: where an output layer may start.
    """

    shape: tuple[int, int, int]
    latent: int
    width: int
    depth: int
    mean_image: Tensor

    @property
    def pixels(self) -> int:
        """Numbers in one image."""
        channels, height, width = self.shape
        return channels * height * width
