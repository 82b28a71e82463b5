"""How far a small step in z moves the picture, in the eyes of an extractor."""

from dataclasses import dataclass

import torch
from torch import Tensor

from ..errors import lookup
from ..extractors import Extractor
from .paths import WAYS
from .space import Space


@dataclass(frozen=True)
class Smoothness:
    """Perceptual path length by this package's own protocol; it is **not** StyleGAN's number.

    Between pairs of z, at a random place t of the way from one to the other, the pictures of t and
    t + ε are compared: ‖f(G(z(t + ε))) - f(G(z(t)))‖² / ε², f being the extractor's features.
    StyleGAN's PPL (Karras et al. 2019) does so with LPIPS on VGG16's layers, a crop, ε = 10⁻⁴ and
    100,000 pairs; figures of unlike extractors do not compare.

    Parameters
    ----------
    path_length, standard_error:
        The mean over pairs, and its standard error. A generator that goes straight from one
        picture to the other, in the extractor's features, has the ``apart`` of the same pairs.
    apart:
        The mean of ‖f(G(z₁)) - f(G(z₀))‖² over the pairs.
    pairs, epsilon, way, extractor:
        The protocol.
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
    """The :class:`Smoothness` of a generator; see there for what is measured."""
    go = lookup(WAYS, way, "way")
    a, b = space.z(2 * pairs, seed).chunk(2)
    t = torch.rand(pairs, generator=torch.Generator().manual_seed(seed)) * (1 - epsilon)

    def features(z: Tensor) -> Tensor:
        return extractor.features(space.pictures(z)).double().cpu()

    moved = features(go(a, b, t + epsilon)) - features(go(a, b, t))
    lengths = moved.square().sum(1) / epsilon**2
    return Smoothness(
        lengths.mean().item(),
        (lengths.std() / pairs**0.5).item(),
        (features(b) - features(a)).square().sum(1).mean().item(),
        pairs,
        epsilon,
        way,
        extractor.name,
    )
