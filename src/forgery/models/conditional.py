"""Conditional versions of any family's generator and discriminator.

Class labels y ``[N]`` are integers from 0 to K - 1. A conditional G takes the one-hot code of y
concatenated to z. A conditional D either takes y as an input or predicts it from its features: then
``class_logits`` are its predictions and ``class_losses`` their losses. :data:`CONDITIONS` lists the
combinations.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from .. import rows
from ..errors import ForgeryError
from .layers import Discriminator, JudgesPlaces, ProvidesFeatures
from .spec import Spec

#: Builds a family's network.
Build = Callable[[Spec], nn.Module]


class ConditionalGenerator(nn.Module):
    """z ``[N, latent]`` and y ``[N]`` → samples: a family's G applied to [z, one-hot y].

    Mirza & Osindero 2014.
    """

    def __init__(self, build: Build, spec: Spec, classes: int) -> None:
        super().__init__()
        self.classes = classes
        self.network = build(replace(spec, latent=spec.latent + classes))

    def forward(self, z: Tensor, y: Tensor) -> Tensor:
        samples: Tensor = self.network(torch.cat([z, self.code(y, z)], 1))
        return samples

    def code(self, y: Tensor, like: Tensor) -> Tensor:
        """The code ``[N, K]`` of classes ``[N]``, of the type of ``like``."""
        return _one_hot(y, self.classes, like)


class ConcatDiscriminator(nn.Module):
    """x and y ``[N]`` → logits ``[N]``: a family's D applied to [x, one-hot y].

    The code is K extra inputs for a family that flattens its samples, otherwise K constant maps.
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
        mean, pixels = torch.zeros(shape), spec.pixel_count
        self.network = build(replace(spec, shape=shape, mean=mean, pixels=pixels))

    def concatenate(self, x: Tensor, y: Tensor) -> Tensor:
        """Concatenate x and the one-hot code of y to an input of the family's network."""
        code = _one_hot(y, self.classes, x)
        if self.flattens:
            return torch.cat([x.flatten(1), code], 1)
        return torch.cat([x, code[:, :, None, None].expand(-1, -1, *x.shape[2:])], 1)

    def look(self, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        return require_features(self.network).look(self.concatenate(x, y))

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        logits: Tensor = self.network(self.concatenate(x, y))
        return logits


class ProjectionDiscriminator(nn.Module):
    """x and y ``[N]`` → logits ``[N]``: ψ(h) + ⟨embed(y), h⟩ for a family's features h.

    ψ is the family's head. Miyato & Koyama 2018; pfnet-research/sngan_projection. If the family
    judges several places of an image, h is that of the place, so that the same class term does not
    decide all logits.
    """

    def __init__(self, build: Build, spec: Spec, classes: int) -> None:
        super().__init__()
        self.network = require_features(build(spec))
        # Row y of the weights is embed(y), so that output y of the layer is ⟨embed(y), h⟩.
        self.embed = nn.Linear(self.network.feature_count, classes, bias=False)
        nn.init.xavier_uniform_(self.embed.weight)

    def look(self, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        if isinstance(self.network, JudgesPlaces):
            return self.network.look_along(x, self.embed.weight[y])
        unconditional, h = self.network.look(x)
        of_class = self.embed(h).gather(1, y[:, None])
        return unconditional + of_class.view(-1, *[1] * (unconditional.dim() - 1)), h

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        return self.look(x, y)[0]


class AuxiliaryDiscriminator(nn.Module):
    """x → logits ``[N]``, with an auxiliary classifier: ACGAN (Odena et al. 2017).

    The classifier is a family's :meth:`Discriminator.prediction`, usually a linear layer, on its
    features h. The logits do not depend on y.
    """

    def __init__(self, build: Build, spec: Spec, classes: int) -> None:
        super().__init__()
        self.network = require_features(build(spec))
        self.classify = self.network.prediction(classes)

    def look(self, x: Tensor, y: Tensor | None = None) -> tuple[Tensor, Tensor]:
        return self.network.look(x)

    def forward(self, x: Tensor, y: Tensor | None = None) -> Tensor:
        return self.look(x)[0]

    def class_logits(self, h: Tensor) -> Tensor:
        """Return class logits ``[N, K]`` from features h ``[N, F]``."""
        logits: Tensor = self.classify(h)
        return logits

    def predict(self, x: Tensor) -> Tensor:
        """Return the most probable class ``[N]`` of each x."""
        return self.class_logits(self.look(x)[1]).argmax(1)

    def class_losses(self, h: Tensor, y: Tensor, z: Tensor | None = None) -> Tensor:
        """Return -log P(y | x) ``[N]`` from the features h ``[N, F]`` of x."""
        return functional.cross_entropy(self.class_logits(h), y, reduction="none")


class SemiSupervisedDiscriminator(AuxiliaryDiscriminator):
    """x → logits ``[N]``: a classifier of K + 1 classes (Salimans et al. 2016, section 5).

    The last class is "generated", with its logit fixed at 0. Then D(x) = Z/(Z + 1), where Z is the
    sum of the exponentials of the other K logits: the logit of D(x) is their log-sum-exp.
    """

    def __init__(self, build: Build, spec: Spec, classes: int) -> None:
        super().__init__(build, spec, classes)
        self.network.drop_head()  # replaced by the class logits

    def look(self, x: Tensor, y: Tensor | None = None) -> tuple[Tensor, Tensor]:
        h = self.network.features(x)
        return self.class_logits(h).logsumexp(1), h


class InfoGenerator(ConditionalGenerator):
    """z ``[N, latent]`` and a code y ``[N]`` → samples: InfoGAN (Chen et al. 2016).

    In openai/InfoGAN, z is from U(-1, 1) and the code 0 or 1. The z here is √3 times as large, and
    so is the code. Without this, G learns what the code means more slowly (docs/results.md).
    """

    def __init__(self, build: Build, spec: Spec, classes: int) -> None:
        super().__init__(build, spec, classes)
        # A buffer, so that runs whose code was smaller are refused, and do not draw other samples.
        self.register_buffer("one", torch.tensor(3**0.5))

    def code(self, y: Tensor, like: Tensor) -> Tensor:
        return self.get_buffer("one") * super().code(y, like)


class InfoDiscriminator(AuxiliaryDiscriminator):
    """x → logits ``[N]``, with a prediction of G's code: InfoGAN (Chen et al. 2016).

    The code is a class y and the first ``spec.continuous`` dimensions of z. Q(code | x), computed
    from D's features, is a categorical distribution times a Gaussian with variance ``variance``.
    Up to a constant, the mean of log Q is a lower bound on the mutual information of code and x.
    """

    #: openai/InfoGAN uses 1 for codes from U(-1, 1); the z here has three times their variance.
    variance = 3.0

    def __init__(self, build: Build, spec: Spec, classes: int) -> None:
        super().__init__(build, spec, spec.continuous + classes)  # one network for the whole code
        self.continuous = spec.continuous

    def class_logits(self, h: Tensor) -> Tensor:
        return super().class_logits(h)[:, self.continuous :]

    def class_losses(self, h: Tensor, y: Tensor, z: Tensor | None = None) -> Tensor:
        """Return -log Q(code | x) ``[N]``, up to a constant, from the features h of x."""
        assert z is not None
        mean, logits = self.classify(h).tensor_split([self.continuous], 1)
        squares = (z[:, : self.continuous] - mean).square().sum(1)
        classes = functional.cross_entropy(logits, y, reduction="none")
        return classes + squares / (2 * self.variance)


def _one_hot(y: Tensor, classes: int, like: Tensor) -> Tensor:
    return functional.one_hot(y, classes).to(like.dtype)


def provides_features(network: nn.Module) -> bool:
    """Whether a discriminator shows its features; that of ``concat`` if the inner one does."""
    inner = network.network if isinstance(network, ConcatDiscriminator) else network
    return isinstance(inner, ProvidesFeatures)


def require_features(network: nn.Module) -> Discriminator:
    """Return the network if it exposes features, else raise a :class:`ForgeryError`."""
    if not isinstance(network, Discriminator):
        raise ForgeryError(
            f"{type(network).__name__} is not a forgery.models.Discriminator, and so has no "
            "features to predict a class, or q(z | x), from: choose another --discriminator, such "
            "as mlp"
        )
    return network


#: Chooses the classes to generate: (n, classes of the real minibatch or None, K, device) → y
#: ``[n]``.
ChooseClasses = Callable[[int, Tensor | None, int, torch.device], Tensor | None]


def real_classes(n: int, y: Tensor | None, classes: int, device: torch.device) -> Tensor | None:
    """Return the classes of the real minibatch, so that G follows the class balance of the data."""
    return y


def uniform_classes(n: int, y: Tensor | None, classes: int, device: torch.device) -> Tensor:
    """Draw classes uniformly from 0 to K - 1."""
    return rows.drawn(n, lambda m: torch.randint(classes, (m,), device=device))


@dataclass(frozen=True)
class Condition:
    """How G and D use classes.

    Parameters
    ----------
    generator, discriminator:
        Functions that build a network from (family, spec, number of classes).
    choose_classes:
        How to choose the classes that G is conditioned on; None if G is unconditional.
    predicts_classes:
        Whether D predicts the class of a sample, and learns from its errors.
    labels:
        Which real samples need a label: ``every``, ``some`` or ``no`` sample.
    """

    generator: Callable[[Build, Spec, int], nn.Module]
    discriminator: Callable[[Build, Spec, int], nn.Module]
    choose_classes: ChooseClasses | None = None
    predicts_classes: bool = False
    labels: Literal["every", "some", "no"] = "no"

    @property
    def invents_classes(self) -> bool:
        """Whether the classes are codes that G learns without labels (InfoGAN)."""
        return self.choose_classes is not None and self.labels == "no"


def _unconditional(build: Build, spec: Spec, classes: int) -> nn.Module:
    return build(spec)


CONDITIONS: dict[str, Condition] = {
    "none": Condition(_unconditional, _unconditional),
    "concat": Condition(ConditionalGenerator, ConcatDiscriminator, real_classes, labels="every"),
    "projection": Condition(
        ConditionalGenerator, ProjectionDiscriminator, real_classes, labels="every"
    ),
    "auxiliary": Condition(
        ConditionalGenerator, AuxiliaryDiscriminator, real_classes, True, labels="every"
    ),
    "semi-supervised": Condition(
        _unconditional, SemiSupervisedDiscriminator, predicts_classes=True, labels="some"
    ),
    "infogan": Condition(InfoGenerator, InfoDiscriminator, uniform_classes, True),
}
