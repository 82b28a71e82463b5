"""Networks that are told a class: made of any family's, whose own code knows nothing of it.

y ``[N]`` are numbers of classes, 0 to K - 1. G is always told by the one-hot code of y beside z;
the table says how D is.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn
from torch.nn import functional

from ..errors import ForgeryError
from .layers import Discriminator
from .spec import Spec

#: Makes a family's network.
Build = Callable[[Spec], nn.Module]


class ConditionalGenerator(nn.Module):
    """z ``[N, latent]`` and y ``[N]`` → samples: a family's G on z with the one-hot code of y.

    Mirza & Osindero 2014.
    """

    def __init__(self, build: Build, spec: Spec, classes: int) -> None:
        super().__init__()
        self.classes = classes
        self.network = build(replace(spec, latent=spec.latent + classes))

    def forward(self, z: Tensor, y: Tensor) -> Tensor:
        samples: Tensor = self.network(torch.cat([z, _one_hot(y, self.classes, z)], 1))
        return samples


class ConcatDiscriminator(nn.Module):
    """x and y ``[N]`` → logits ``[N]``: a family's D on x with the one-hot code of y.

    The code is K further numbers for a family that flattens its samples, else K constant maps.
    Mirza & Osindero 2014.
    """

    def __init__(self, build: Build, spec: Spec, classes: int) -> None:
        super().__init__()
        self.classes = classes
        self.flattens: bool = getattr(build, "flattens", False)
        if self.flattens:
            shape: tuple[int, ...] = (spec.size + classes,)
        else:
            channels, height, width = spec.image_shape
            shape = (channels + classes, height, width)
        self.network = build(replace(spec, shape=shape, mean=torch.zeros(shape)))

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        code = _one_hot(y, self.classes, x)
        if self.flattens:
            x = x.flatten(1)
        else:
            code = code[:, :, None, None].expand(-1, -1, *x.shape[2:])
        logits: Tensor = self.network(torch.cat([x, code], 1))
        return logits


class ProjectionDiscriminator(nn.Module):
    """x and y ``[N]`` → logits ``[N]``: ψ(h) + ⟨embed(y), h⟩ on a family's features h.

    Miyato & Koyama 2018; pfnet-research/sngan_projection. ψ is the family's own head.
    """

    def __init__(self, build: Build, spec: Spec, classes: int) -> None:
        super().__init__()
        self.network = with_features(build(spec))
        # Row y of the weights is embed(y): the layer's output number y is ⟨embed(y), h⟩.
        self.embed = _as_its_head(self.network, classes, bias=False)
        nn.init.xavier_uniform_(self.embed.weight)

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        h = self.network.features(x)
        own: Tensor = self.network.head(h).squeeze(1)
        return own + self.embed(h).gather(1, y[:, None]).squeeze(1)


class AuxiliaryDiscriminator(nn.Module):
    """x → logits ``[N]``, and beside them what it says of the class: ACGAN (Odena et al. 2017).

    Both come from a family's features h by a linear layer each. y has no part in the logits.
    """

    def __init__(self, build: Build, spec: Spec, classes: int) -> None:
        super().__init__()
        self.network = with_features(build(spec))
        self.classify = _as_its_head(self.network, classes, bias=True)

    def forward(self, x: Tensor, y: Tensor | None = None) -> Tensor:
        logits: Tensor = self.network(x)
        return logits

    def logits_and_class_losses(self, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        """From one pass: logits ``[N]`` and -log P(y | x) ``[N]``, which both players minimise."""
        h = self.network.features(x)
        losses = functional.cross_entropy(self.classify(h), y, reduction="none")
        return self.network.head(h).squeeze(1), losses


def _one_hot(y: Tensor, classes: int, like: Tensor) -> Tensor:
    return functional.one_hot(y, classes).to(like.dtype)


def with_features(network: nn.Module) -> Discriminator:
    """The network, if it has features to look at; a :class:`ForgeryError` if not."""
    if not isinstance(network, Discriminator):
        raise ForgeryError(
            f"{type(network).__name__} has no features that a class could be told by: choose "
            "another --discriminator, such as mlp, or --conditional concat"
        )
    return network


def _as_its_head(network: Discriminator, outputs: int, bias: bool) -> nn.Linear:
    """A linear layer from the features, beside the network's head."""
    assert isinstance(network.head, nn.Linear)
    return nn.Linear(network.head.in_features, outputs, bias=bias)


@dataclass(frozen=True)
class Condition:
    """How the players are told a class: each makes a network of (family, spec, classes)."""

    generator: Callable[[Build, Spec, int], nn.Module]
    discriminator: Callable[[Build, Spec, int], nn.Module]


def _unconditional(build: Build, spec: Spec, classes: int) -> nn.Module:
    return build(spec)


CONDITIONS: dict[str, Condition] = {
    "none": Condition(_unconditional, _unconditional),
    "concat": Condition(ConditionalGenerator, ConcatDiscriminator),
    "projection": Condition(ConditionalGenerator, ProjectionDiscriminator),
    "auxiliary": Condition(ConditionalGenerator, AuxiliaryDiscriminator),
}
