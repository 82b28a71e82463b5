"""Perceptual path length: how much a small step in z changes an extractor's features."""

from dataclasses import dataclass

import torch
from torch import Tensor

from ..errors import lookup
from ..extractors import Extractor
from .paths import WAYS
from .space import Space


@dataclass(frozen=True)
class Smoothness:
    """Perceptual path length by this package's protocol, which is **not** StyleGAN's.

    It is the mean of ‖f(G(z(t + ε))) - f(G(z(t)))‖² / ε² over pairs of z, where z(t) is the
    interpolation at a random t, and f are the extractor's features. StyleGAN's PPL (Karras et al.
    2019) uses LPIPS on VGG16's layers, a crop, ε = 10⁻⁴ and 100,000 pairs. Values for different
    extractors are not comparable.

    Parameters
    ----------
    path_length, standard_error:
        Mean over pairs, and its standard error. It equals ``apart`` if the features change at
        constant speed along a straight line.
    apart:
        Mean of ‖f(G(z₁)) - f(G(z₀))‖² over the same pairs.
    pairs, epsilon, way, extractor:
        The protocol: number of pairs, ε, kind of interpolation, and name of the extractor.
    """

    path_length: float
    standard_error: float
    apart: float
    pairs: int
    epsilon: float
    way: str
    extractor: str


def smoothness(
    space: Space,
    extractor: Extractor,
    pairs: int = 2000,
    epsilon: float = 0.01,
    way: str = "sphere",
    seed: int = 0,
) -> Smoothness:
    """Measure the perceptual path length of a generator; see :class:`Smoothness`."""
    go = lookup(WAYS, way, "way")
    a, b = space.z(2 * pairs, seed).chunk(2)
    t = torch.rand(pairs, generator=torch.Generator().manual_seed(seed)) * (1 - epsilon)

    def features(z: Tensor) -> Tensor:
        return extractor.features(space.pictures(z)).double().cpu()

    change = features(go(a, b, t + epsilon)) - features(go(a, b, t))
    lengths = change.square().sum(1) / epsilon**2
    return Smoothness(
        lengths.mean().item(),
        (lengths.std() / pairs**0.5).item(),
        (features(b) - features(a)).square().sum(1).mean().item(),
        pairs,
        epsilon,
        way,
        extractor.name,
    )
