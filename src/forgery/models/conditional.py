"""Networks that are told a class or tell it: made of any family's, whose code knows nothing of it.

y ``[N]`` are numbers of classes, 0 to K - 1. A G that is told one is told by the one-hot code of y
beside z. A D is told the class too, or has to tell it: then ``class_logits`` says what it makes of
features, and ``class_losses`` what it loses by that. The table says which, and whose classes.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from .. import rows
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

    def beside(self, x: Tensor, y: Tensor) -> Tensor:
        """x with the code of y, as the family's network takes them."""
        code = _one_hot(y, self.classes, x)
        if self.flattens:
            return torch.cat([x.flatten(1), code], 1)
        return torch.cat([x, code[:, :, None, None].expand(-1, -1, *x.shape[2:])], 1)

    def look(self, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        return with_features(self.network).look(self.beside(x, y))

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        logits: Tensor = self.network(self.beside(x, y))
        return logits


class ProjectionDiscriminator(nn.Module):
    """x and y ``[N]`` → logits ``[N]``: ψ(h) + ⟨embed(y), h⟩ on a family's features h.

    Miyato & Koyama 2018; pfnet-research/sngan_projection. ψ is the family's own head.
    """

    def __init__(self, build: Build, spec: Spec, classes: int) -> None:
        super().__init__()
        self.network = with_features(build(spec))
        # Row y of the weights is embed(y): the layer's output number y is ⟨embed(y), h⟩.
        self.embed = as_its_head(self.network, classes, bias=False)
        nn.init.xavier_uniform_(self.embed.weight)

    def look(self, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        own, h = self.network.look(x)
        return own + self.embed(h).gather(1, y[:, None]).squeeze(1), h

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        return self.look(x, y)[0]


class AuxiliaryDiscriminator(nn.Module):
    """x → logits ``[N]``, and beside them what it says of the class: ACGAN (Odena et al. 2017).

    Both come from a family's features h by a linear layer each. y has no part in the logits.
    """

    def __init__(self, build: Build, spec: Spec, classes: int) -> None:
        super().__init__()
        self.network = with_features(build(spec))
        self.classify = as_its_head(self.network, classes, bias=True)

    def look(self, x: Tensor, y: Tensor | None = None) -> tuple[Tensor, Tensor]:
        return self.network.look(x)

    def forward(self, x: Tensor, y: Tensor | None = None) -> Tensor:
        return self.look(x)[0]

    def class_logits(self, h: Tensor) -> Tensor:
        """Features ``[N, F]`` → logits of the classes ``[N, K]``."""
        logits: Tensor = self.classify(h)
        return logits

    def class_losses(self, h: Tensor, y: Tensor, z: Tensor | None = None) -> Tensor:
        """-log P(y | x) ``[N]``, from the features of x."""
        return functional.cross_entropy(self.class_logits(h), y, reduction="none")


class SemiSupervisedDiscriminator(AuxiliaryDiscriminator):
    """x → logits ``[N]`` of being of any of the K classes: Salimans et al. 2016, section 5.

    Of K + 1 classes the last is "drawn by G", its logit fixed at 0. Then D(x) = Z/(Z + 1), where Z
    is the sum of the exponentials of the K others l: its logit is their log-sum-exp.
    """

    def __init__(self, build: Build, spec: Spec, classes: int) -> None:
        super().__init__(build, spec, classes)
        self.network.drop_head()  # the class logits take its place

    def look(self, x: Tensor, y: Tensor | None = None) -> tuple[Tensor, Tensor]:
        h = self.network.features(x)
        return self.class_logits(h).logsumexp(1), h


class InfoDiscriminator(AuxiliaryDiscriminator):
    """x → logits ``[N]``, and beside them the code that G was given: InfoGAN (Chen et al. 2016).

    The code is a class y and the first ``spec.continuous`` dimensions of z. Q(code | x), on D's
    features, is a categorical and a Gaussian of ``variance``; log Q bounds from below, but for a
    constant, how much x tells of the code.
    """

    #: That of openai/InfoGAN is 1 for codes of U(-1, 1); z here has three times their variance.
    variance = 3.0

    def __init__(self, build: Build, spec: Spec, classes: int) -> None:
        super().__init__(build, spec, classes)
        self.continuous = spec.continuous
        if self.continuous:
            self.mean = as_its_head(self.network, self.continuous, bias=True)

    def class_losses(self, h: Tensor, y: Tensor, z: Tensor | None = None) -> Tensor:
        """-log Q(code | x) ``[N]``, less a constant, from the features of x."""
        losses = super().class_losses(h, y)
        if not self.continuous:
            return losses
        assert z is not None
        squares = (z[:, : self.continuous] - self.mean(h)).square().sum(1)
        return losses + squares / (2 * self.variance)


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


def as_its_head(network: Discriminator, outputs: int, bias: bool) -> nn.Linear:
    """A linear layer from the features, beside the network's head."""
    assert isinstance(network.head, nn.Linear)
    return nn.Linear(network.head.in_features, outputs, bias=bias)


#: How the classes of G's samples come about: (their number, the classes of the real minibatch or
#: None, K, device) → y ``[n]``.
Ask = Callable[[int, Tensor | None, int, torch.device], Tensor | None]


def as_the_real(n: int, y: Tensor | None, classes: int, where: torch.device) -> Tensor | None:
    """The classes of the real minibatch, so that each is drawn as often as the data has it."""
    return y


def at_random(n: int, y: Tensor | None, classes: int, where: torch.device) -> Tensor:
    """Each of the K as often as any other."""
    return rows.drawn(n, lambda m: torch.randint(classes, (m,), device=where))


@dataclass(frozen=True)
class Condition:
    """Who is told a class, and by whom.

    Parameters
    ----------
    generator, discriminator:
        Make a network of (family, spec, classes).
    ask:
        How the classes that G is told come about; None for a G that is told none.
    predicts_classes:
        Whether D predicts the class of a sample, and learns from its errors.
    labels:
        Whose labels D learns from: ``every`` sample's, those of ``some``, or ``no`` sample's.
    """

    generator: Callable[[Build, Spec, int], nn.Module]
    discriminator: Callable[[Build, Spec, int], nn.Module]
    ask: Ask | None = None
    predicts_classes: bool = False
    labels: Literal["every", "some", "no"] = "no"

    @property
    def invents(self) -> bool:
        """Whether the classes are G's own codes, which no label says the meaning of."""
        return self.ask is not None and self.labels == "no"


def _unconditional(build: Build, spec: Spec, classes: int) -> nn.Module:
    return build(spec)


CONDITIONS: dict[str, Condition] = {
    "none": Condition(_unconditional, _unconditional),
    "concat": Condition(ConditionalGenerator, ConcatDiscriminator, as_the_real, labels="every"),
    "projection": Condition(
        ConditionalGenerator, ProjectionDiscriminator, as_the_real, labels="every"
    ),
    "auxiliary": Condition(
        ConditionalGenerator, AuxiliaryDiscriminator, as_the_real, True, labels="every"
    ),
    "semi-supervised": Condition(
        _unconditional, SemiSupervisedDiscriminator, predicts_classes=True, labels="some"
    ),
    "infogan": Condition(ConditionalGenerator, InfoDiscriminator, at_random, True),
}
