"""The latent space of a generator."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ..errors import ForgeryError
from ..sampler import Sampler

#: Samples are numbered from 0 to this minus 1.
NUMBERED = 1_000_000


@dataclass(frozen=True)
class Space:
    """The latent space of a trained generator of images.

    Parameters
    ----------
    sampler:
        The generator with its latent distribution; each component of z has mean 0 and variance 1.
    label:
        The class on which a conditional generator is conditioned; None for other generators.
    """

    sampler: Sampler
    label: int | None = None

    @property
    def generator(self) -> nn.Module:
        """The generator's network."""
        return self.sampler.generator

    @property
    def size(self) -> int:
        """Dimensions of z."""
        return self.sampler.latent

    @property
    def device(self) -> torch.device:
        """The device of the generator."""
        return self.sampler.device

    def z(self, n: int, seed: int) -> Tensor:
        """Return z of the samples 0 to n - 1 of ``Model.sample``, float32 ``[n, size]``."""
        if n < 1:
            raise ForgeryError(f"the number of samples must be at least 1, not {n}")
        if n > NUMBERED:
            raise ForgeryError(f"expected at most {NUMBERED:,} samples, got {n:,}")
        return self.sampler.z(n, seed)

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
        return self.sampler(z, self._labels(z))

    def pictures(self, z: Tensor) -> Tensor:
        """Return G(z) on the CPU, without gradients: float32 ``[N, C, H, W]`` in [-1, 1]."""
        return self.sampler.draw(z, self._labels(z))

    def _labels(self, z: Tensor) -> Tensor | None:
        return None if self.label is None else torch.full((len(z),), self.label)
