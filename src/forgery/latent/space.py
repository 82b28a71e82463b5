"""A generator seen from its z: what the other files of this room walk in."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ..errors import ForgeryError
from ..training import randomness

#: Samples are numbered from 0 to one less than this.
NUMBERED = 1_000_000
#: How many z go through the generator at a time.
BLOCK = 500


@dataclass(frozen=True)
class Space:
    """The latent space of a generator of images, its weights fixed.

    Parameters
    ----------
    generator:
        z ``[N, size]`` (and y ``[N]``, if conditional) → images ``[N, C, H, W]`` in [-1, 1].
    noise:
        The distribution of z by name; each number of z has mean 0 and variance 1.
    size:
        Dimensions of z.
    label:
        The class that a conditional generator is asked for throughout; None for other generators.
    """

    generator: nn.Module
    noise: str
    size: int
    label: int | None = None

    @property
    def device(self) -> torch.device:
        return next(self.generator.parameters()).device

    def z(self, n: int, seed: int) -> Tensor:
        """z of the samples 0 to n - 1, as ``Model.sample`` draws them: float32 ``[n, size]``."""
        if n > NUMBERED:
            raise ForgeryError(f"{n:,} samples are more than {NUMBERED:,}")
        return randomness.fixed_noise(self.noise, n, self.size, seed)

    def numbered(self, numbers: Sequence[int], seed: int) -> Tensor:
        """z of the samples with these numbers, ``[len(numbers), size]``.

        Raises
        ------
        ForgeryError
            For a number below 0 or beyond :data:`NUMBERED`.
        """
        for number in numbers:
            if not 0 <= number < NUMBERED:
                raise ForgeryError(
                    f"there is no sample number {number}: samples are numbered 0 to {NUMBERED - 1}"
                )
        return self.z(max(numbers) + 1, seed)[list(numbers)]

    def draw(self, z: Tensor) -> Tensor:
        """G(z) on the generator's device, with gradients to z where it asks for them."""
        z = z.to(self.device)
        if self.label is None:
            images: Tensor = self.generator(z)
        else:
            y = torch.full((len(z),), self.label, device=self.device)
            images = self.generator(z, y)
        return images.clamp(-1, 1)  # not every generator ends in a tanh

    @torch.no_grad()
    def pictures(self, z: Tensor) -> Tensor:
        """G(z) on the CPU, in parts: float32 ``[N, C, H, W]`` in [-1, 1]."""
        return torch.cat([self.draw(part).cpu() for part in z.split(BLOCK)])
