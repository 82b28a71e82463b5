"""The latent space of a generator."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ..errors import ForgeryError
from ..training import randomness

#: Samples are numbered from 0 to this minus 1.
NUMBERED = 1_000_000
#: Samples per forward pass of the generator.
BLOCK = 500


@dataclass(frozen=True)
class Space:
    """The latent space of a trained generator of images.

    Parameters
    ----------
    generator:
        z ``[N, size]`` (and y ``[N]``, if conditional) → images ``[N, C, H, W]`` in [-1, 1].
    noise:
        Name of the distribution of z, whose components have mean 0 and variance 1.
    size:
        Number of dimensions of z.
    label:
        The class on which a conditional generator is conditioned; None for other generators.
    """

    generator: nn.Module
    noise: str
    size: int
    label: int | None = None

    @property
    def device(self) -> torch.device:
        return next(self.generator.parameters()).device

    def z(self, n: int, seed: int) -> Tensor:
        """Return z of the samples 0 to n - 1 of ``Model.sample``, float32 ``[n, size]``."""
        if n > NUMBERED:
            raise ForgeryError(f"expected at most {NUMBERED:,} samples, got {n:,}")
        return randomness.fixed_noise(self.noise, n, self.size, seed)

    def numbered(self, numbers: Sequence[int], seed: int) -> Tensor:
        """Return z of the samples with the given numbers, ``[len(numbers), size]``.

        Raises
        ------
        ForgeryError
            A number is below 0, or not below :data:`NUMBERED`.
        """
        for number in numbers:
            if not 0 <= number < NUMBERED:
                raise ForgeryError(
                    f"there is no sample number {number}: samples are numbered 0 to {NUMBERED - 1}"
                )
        return self.z(max(numbers) + 1, seed)[list(numbers)]

    def draw(self, z: Tensor) -> Tensor:
        """Return G(z) on the generator's device, differentiable in z."""
        z = z.to(self.device)
        if self.label is None:
            images: Tensor = self.generator(z)
        else:
            y = torch.full((len(z),), self.label, device=self.device)
            images = self.generator(z, y)
        return images.clamp(-1, 1)  # some generators have no final tanh

    @torch.no_grad()
    def pictures(self, z: Tensor) -> Tensor:
        """Return G(z) on the CPU, computed in blocks: float32 ``[N, C, H, W]`` in [-1, 1]."""
        return torch.cat([self.draw(part).cpu() for part in z.split(BLOCK)])
