"""Algorithm 1 of "Generative Adversarial Nets" (Goodfellow et al. 2014).

For a number of training iterations:
    for k steps:
        sample m noise samples z and m data samples x; update D by its gradient on
        log D(x) + log(1 - D(G(z)))
    sample m noise samples z; update G by its gradient on log(1 - D(G(z))), or on -log D(G(z))

In a conditional game (Mirza & Osindero 2014) G(z | y) and D(x | y) also take classes y.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import ClassVar

import torch
from torch import Tensor, nn

from ..models.layers import couples_batch
from ..objectives import Objective
from .minibatch import Judged, Minibatch, concatenate, joint_classes, split, total
from .player import Player
from .terms import Term
from .view import View

#: (number of samples, classes of the real minibatch or None) → fresh z ``[n, Z]``, and the classes
#: ``[n]`` that G is conditioned on or None.
Latents = Callable[[int, Tensor | None], tuple[Tensor, Tensor | None]]


@dataclass
class AdversarialGame:
    """The generator and the discriminator, trained against each other by Algorithm 1.

    Parameters
    ----------
    generator, discriminator:
        G maps z ``[n, Z]`` to samples, D maps samples to logits ``[n]``. In a conditional game,
        both also take classes y ``[n]``.
    objective:
        The losses of D and G.
    latents:
        Draws z, and the classes that G is conditioned on.
    view:
        Augmentation, frozen features and packing of samples, both real and generated.
    terms:
        Terms added to the objective's losses: penalties and class losses.
    d_steps:
        The paper's k: updates of D for each update of G.
    """

    generator: Player
    discriminator: Player
    objective: Objective
    latents: Latents
    view: View = field(default_factory=View)
    terms: Sequence[Term] = ()
    d_steps: int = 1

    #: Names of the values that :meth:`step` returns.
    number_names: ClassVar[tuple[str, ...]] = ("d_loss", "g_loss", "d_real", "d_fake")

    def __post_init__(self) -> None:
        # Real and generated samples share a pass through D, unless a layer couples samples.
        self._one_pass = not couples_batch(self.discriminator.network)
        uses_features = [self.objective.g_sees_features, *(t.needs_features for t in self.terms)]
        self._uses_features = any(uses_features)

    @property
    def players(self) -> dict[str, Player]:
        """The players by their names in a checkpoint."""
        return {"generator": self.generator, "discriminator": self.discriminator}

    @property
    def modules(self) -> dict[str, nn.Module]:
        """All modules with a state, by their names in a checkpoint."""
        augment = {"augment": self.view.augment} if self.view.augment is not None else {}
        return {name: player.network for name, player in self.players.items()} | augment

    @property
    def batches_per_step(self) -> int:
        """Real minibatches in a step: k for D, and one for a G whose objective needs real data."""
        return self.d_steps + self.objective.g_needs_real

    def step(self, minibatches: Sequence[Minibatch]) -> Tensor:
        """One iteration of Algorithm 1 on ``batches_per_step`` real minibatches.

        Returns
        -------
        Tensor
            [D's loss, G's loss, mean D(x), mean D(G(z))], ``[4]``, or ``[4, S]`` for an ensemble.
            It stays on the device, since reading it would wait for the step to finish. The losses
            are the objective's, without the terms. D's values are those of its last update.
        """
        for real in minibatches[: self.d_steps]:
            d = [self.discriminator_step(part) for part in self.parts(real)]
        g = [self.generator_step(part) for part in self.parts(minibatches[-1])]
        return numbers_of(d, g)

    def discriminator_step(self, real: Minibatch) -> Tensor:
        """Ascend log D(x) + log(1 - D(G(z))) on m data samples and m fresh noise samples.

        Returns the means of D's loss, of D(x) and of D(G(z)).
        """
        with torch.no_grad():  # no gradient flows into G
            fake = self.generate(like=real)
        of_real, of_fake = self.judge(real, fake)
        loss = self.objective.d(of_real.logits, of_fake.logits)
        self.discriminator.minimise(total(loss, (t.d(of_real, of_fake) for t in self.terms)))
        self.view.adapt(self.objective, of_real, of_fake, self.discriminator.ranks.count)
        return averages(loss, of_real.logits.sigmoid(), of_fake.logits.sigmoid())

    def generator_step(self, real: Minibatch) -> Tensor:
        """Descend log(1 - D(G(z))), or -log D(G(z)), on m fresh noise samples.

        The real samples are judged only if the objective compares them with the generated ones.
        Returns the mean of G's loss.
        """
        fake = self.generate(like=real)
        if self.objective.g_needs_real:
            of_real, of_fake = self.judge(real, fake)
            loss = self.objective.g(self.evidence(of_fake), self.evidence(of_real))
        else:
            (of_fake,) = self.judge(fake)
            loss = self.objective.g(self.evidence(of_fake), None)
        self.generator.minimise(total(loss, (t.g(of_fake) for t in self.terms)))
        return averages(loss)

    def generate(self, like: Minibatch) -> Minibatch:
        """Generate as many samples as a real minibatch has, from fresh z."""
        z, y = self.latents(like.x.shape[self.view.axis], like.y)
        return Minibatch(self.generator(z, y), y, z)

    def judge(self, *minibatches: Minibatch) -> list[Judged]:
        """Compute D's logits on each minibatch, augmented and packed."""
        seen = [replace(batch, x=self.view(batch.x)) for batch in minibatches]
        if self._one_pass:
            return self.judge_viewed(seen)
        return [judged for batch in seen for judged in self.judge_viewed([batch])]

    def judge_viewed(self, seen: list[Minibatch]) -> list[Judged]:
        """Compute the logits, and features if they are used, of what D sees, in one pass of D."""
        x = concatenate([batch.x for batch in seen], self.view.axis)
        y = joint_classes(seen)
        features: Sequence[Tensor | None] = [None] * len(seen)
        if self._uses_features:
            logits, h = self.discriminator.logits_and_features(x, y)
            features = h.chunk(len(seen))
        else:
            logits = self.discriminator(x, y)
        gather, axis = self.discriminator.ranks.gather, self.view.axis
        return [
            Judged(batch.x, batch.y, batch.z, gather(local).flatten(axis), h)
            for batch, local, h in zip(seen, logits.chunk(len(seen), axis), features, strict=True)
        ]

    def evidence(self, judged: Judged) -> Tensor:
        """The output of D that G's loss uses: logits ``[n]`` or features ``[n, F]``."""
        if not self.objective.g_sees_features:
            return judged.logits
        assert judged.features is not None
        return self.discriminator.ranks.gather(judged.features)

    def parts(self, minibatch: Minibatch) -> list[Minibatch]:
        """Split a minibatch into the parts over which gradients are accumulated."""
        return split(minibatch, self.generator.accumulate, self.view.axis)


class SimultaneousGame(AdversarialGame):
    """The variant of the 2014 authors' code: both networks are updated from one forward pass.

    Both gradients use the same minibatch, z and dropout masks in D (goodfeli/adversarial). With
    k > 1, D's other updates come first, as in Algorithm 1.
    """

    @property
    def batches_per_step(self) -> int:
        return self.d_steps

    def step(self, minibatches: Sequence[Minibatch]) -> Tensor:
        *earlier, real = minibatches
        for minibatch in earlier:
            self.discriminator_step(minibatch)
        of_real, of_fake = self.judge(real, self.generate(like=real))
        d_loss = self.objective.d(of_real.logits, of_fake.logits)
        g_loss = self.objective.g(self.evidence(of_fake), self.evidence(of_real))
        d_total = total(d_loss, (t.d(of_real, of_fake) for t in self.terms))
        g_total = total(g_loss, (t.g(of_fake) for t in self.terms))
        d_gradient = self.discriminator.gradient(d_total, retain_graph=True)
        g_gradient = self.generator.gradient(g_total)
        self.discriminator.update(d_gradient)
        self.generator.update(g_gradient)
        self.view.adapt(self.objective, of_real, of_fake, self.discriminator.ranks.count)
        d = averages(d_loss, of_real.logits.sigmoid(), of_fake.logits.sigmoid())
        return numbers_of([d], [averages(g_loss)])


#: Order of the two players' updates.
UPDATES: dict[str, type[AdversarialGame]] = {
    "alternating": AdversarialGame,
    "simultaneous": SimultaneousGame,
}


def averages(*values: Tensor) -> Tensor:
    """The mean of each tensor over a minibatch, on the device."""
    return torch.stack([value.detach().mean(-1) for value in values])


def numbers_of(d_parts: Sequence[Tensor], g_parts: Sequence[Tensor]) -> Tensor:
    """[D's loss, G's loss, D(x), D(G(z))], averaged over the equal parts of a minibatch."""
    d_loss, d_real, d_fake = sum(d_parts[1:], d_parts[0]) / len(d_parts)
    (g_loss,) = sum(g_parts[1:], g_parts[0]) / len(g_parts)
    return torch.stack([d_loss, g_loss, d_real, d_fake])
