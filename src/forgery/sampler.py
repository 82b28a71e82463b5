"""Drawing from a generator: latents in, images or points in the units of the data out."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from . import randomness
from .data import Units
from .models.layers import evaluation_mode

#: Number of samples per forward pass of a generator.
PART = 500


@dataclass(frozen=True)
class Sampler:
    """A generator with the distribution of z and the shape and units of its samples.

    Samples are drawn in evaluation mode; afterwards the generator's mode is restored.

    Parameters
    ----------
    generator:
        z ``[N, latent]``, and y int64 ``[N]`` if it is conditional → samples ``[N, *shape]``.
    noise:
        Distribution of z, a name of :data:`forgery.randomness.NOISES`.
    latent:
        Dimension of z.
    shape:
        (channels, height, width) of an image, or (dimensions,) of a point.
    units:
        Units of the data's points; None leaves points as the generator returns them.
    """

    generator: nn.Module
    noise: str
    latent: int
    shape: tuple[int, ...]
    units: Units | None = None

    @property
    def device(self) -> torch.device:
        """The device of the generator."""
        return next(self.generator.parameters()).device

    def z(self, n: int, seed: int) -> Tensor:
        """Latents of samples 0 to n - 1 of a seed: float32 ``[n, latent]``, on the CPU."""
        return randomness.fixed_noise(self.noise, n, self.latent, seed)

    def z_parts(self, n: int, seed: int) -> Iterator[Tensor]:
        """:meth:`z` in parts of :data:`PART`; the last part may be smaller."""
        return randomness.noise_parts(self.noise, n, self.latent, seed, PART)

    def __call__(self, z: Tensor, y: Tensor | None = None) -> Tensor:
        """G(z), or G(z, y), on the generator's device; differentiable in z.

        Images are clamped to [-1, 1]; points are in the units of the data.
        """
        given = (z,) if y is None else (z, y)
        with evaluation_mode(self.generator):
            samples: Tensor = self.generator(*(tensor.to(self.device) for tensor in given))
        return self.finished(samples)

    def finished(self, samples: Tensor) -> Tensor:
        """The generator's outputs as samples: images in [-1, 1], points in the data's units."""
        if len(self.shape) == 3:
            return samples.clamp(-1, 1)  # not every generator ends in a tanh
        return self.units.from_model(samples) if self.units else samples

    def parts(self, z: Iterable[Tensor], y: Iterable[Tensor] | None = None) -> Iterator[Tensor]:
        """Samples on the CPU without gradients, one part for each part of z."""
        for given in zip(z) if y is None else zip(z, y, strict=True):
            with torch.no_grad():
                samples = self(*given).cpu()
            yield samples

    def draw(self, z: Tensor, y: Tensor | None = None) -> Tensor:
        """:meth:`__call__` without gradients, computed in parts: ``[N, *shape]`` on the CPU."""
        return torch.cat(list(self.parts(z.split(PART), None if y is None else y.split(PART))))
