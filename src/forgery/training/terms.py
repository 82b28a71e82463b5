"""Terms that are added to the objective's losses: penalties and class losses."""

from collections.abc import Callable

from torch import Tensor

from ..penalties import Penalty
from .minibatch import Judged, batch_mean
from .player import Player


class Term:
    """A term of D's loss, of G's loss, or of both; by default 0 in both."""

    #: Whether the term uses D's features.
    needs_features = False

    def d(self, real: Judged, fake: Judged) -> Tensor | float:
        """The term of D's loss."""
        return 0.0

    def g(self, fake: Judged) -> Tensor | float:
        """The term of G's loss."""
        return 0.0


class GradientPenalty(Term):
    """weight · mean of a penalty on D's gradients.

    Parameters
    ----------
    discriminator:
        D.
    penalty:
        (D, real ``[n, …]``, fake ``[n, …]``) → one number per sample ``[n]``.
    weight:
        The penalty's γ or λ; a schedule may change it during training.
    """

    def __init__(self, discriminator: Player, penalty: Penalty, weight: float) -> None:
        self.discriminator, self.penalty, self.weight = discriminator, penalty, weight

    def d(self, real: Judged, fake: Judged) -> Tensor:
        is_ensemble = real.logits.dim() > 1

        def judge(x: Tensor) -> Tensor:
            logits: Tensor = self.discriminator(x, real.y)
            # One number per sample, also of a D that judges each in V places.
            return logits if is_ensemble or logits.dim() == 1 else logits.flatten(1).sum(1)

        penalties = self.penalty(judge, real.x, fake.x.detach())
        return self.weight * batch_mean(self.discriminator.ranks.gather(penalties))


class ClassLoss(Term):
    """weight · D's class loss, for a D that predicts classes (ACGAN, InfoGAN).

    D learns to predict the classes of real samples, if they are known, and of generated samples, if
    G was conditioned on them. G learns to generate samples whose class D predicts correctly.
    """

    needs_features = True

    def __init__(self, discriminator: Player, weight: float) -> None:
        self.discriminator, self.weight = discriminator, weight

    def d(self, real: Judged, fake: Judged) -> Tensor | float:
        return self._loss(real.features, real.y) + self._loss(fake.features, fake.y, fake.z)

    def g(self, fake: Judged) -> Tensor | float:
        return self._loss(fake.features, fake.y, fake.z)

    def _loss(
        self, features: Tensor | None, y: Tensor | None, z: Tensor | None = None
    ) -> Tensor | float:
        if y is None:
            return 0.0
        losses = self.discriminator.network.class_losses(features, y, z)  # type: ignore[operator]
        return self.weight * self.discriminator.ranks.gather(losses).mean()


class LabelledLoss(ClassLoss):
    """weight · D's class loss on a minibatch of labelled samples.

    For semi-supervised learning (Salimans et al. 2016), where few samples have a label.

    Parameters
    ----------
    draw:
        Draws labelled samples ``[n, …]`` and their classes ``[n]``.
    """

    def __init__(
        self, discriminator: Player, weight: float, draw: Callable[[], tuple[Tensor, Tensor]]
    ) -> None:
        super().__init__(discriminator, weight)
        self.draw = draw

    def d(self, real: Judged, fake: Judged) -> Tensor | float:
        x, y = self.draw()
        return self._loss(self.discriminator.logits_and_features(x)[1], y)

    def g(self, fake: Judged) -> float:
        return 0.0
