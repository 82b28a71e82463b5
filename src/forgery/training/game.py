"""Algorithm 1 of "Generative Adversarial Nets" (Goodfellow et al. 2014).

For a number of training iterations:
    for k steps:
        draw m noise samples z and m data samples x; update D by its gradient on
        log D(x) + log(1 - D(G(z)))
    draw m fresh noise samples z; update G by its gradient on log(1 - D(G(z))), or on -log D(G(z))

A conditional game (Mirza & Osindero 2014) is the same between G(z | y) and D(x | y), y being the
classes of the real minibatch: fakes are then drawn as often of each class as the data has it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from ..augmentations import Augment
from ..errors import lookup
from ..objectives import Objective
from ..penalties import Penalty
from .parallel import ALONE, Ranks


@dataclass(frozen=True)
class Player:
    """A network with the optimiser that moves its parameters, and no others."""

    network: nn.Module
    optimizer: Optimizer
    ranks: Ranks = ALONE

    def __call__(self, x: Tensor, y: Tensor | None = None) -> Tensor:
        output: Tensor = self.network(x) if y is None else self.network(x, y)
        return output

    @property
    def parameters(self) -> list[Tensor]:
        return self.optimizer.param_groups[0]["params"]

    def descend(self, loss: Tensor) -> None:
        """One step down the loss's gradient.

        The gradient is taken with respect to this player's parameters alone: the other network's
        receive none, and none are computed for them.
        """
        self.optimizer.zero_grad()
        loss.backward(inputs=self.parameters)
        self.move()

    def move(self) -> None:
        """The optimiser's step, by the gradients of all ranks."""
        self.ranks.add_up([p.grad for p in self.parameters if p.grad is not None])
        self.optimizer.step()


class Judgement(NamedTuple):
    """What D says of a real and a fake minibatch.

    Logits of each, ``[n]``; and the mean class loss of each, 0 where D tells no classes.
    """

    real: Tensor
    fake: Tensor
    real_class: Tensor | float = 0.0
    fake_class: Tensor | float = 0.0


class Game:
    """The generator and the discriminator, playing against each other.

    Parameters
    ----------
    generator, discriminator:
        The players: G maps z to images, D maps images to logits; in a conditional game each is
        given the classes y ``[n]`` too. A D with ``logits_and_class_losses`` also tells classes
        (ACGAN), and both players minimise what it loses by that.
    objective:
        What the two minimise.
    noise:
        Draws m fresh noise samples: m → ``[m, Z]``.
    d_steps:
        The paper's k: updates of D for each update of G.
    updates:
        A name of :data:`UPDATES`: ``alternating`` is Algorithm 1.
    penalty:
        (D, real, fake) → what is added to D's loss, one number a sample, times its weight.
    pack:
        How many samples D judges together, joined along their first axis: PacGAN's m (Lin et al.
        2018). A minibatch of n·pack samples is n judgements.
    batch_axis:
        Which axis of the tensors counts the minibatch: 0, or 1 for an ensemble
        (``training/ensemble.py``), where axis 0 counts its members.
    clip:
        D's weights are kept within ± this after each of its updates, which bounds its slope
        (Arjovsky et al. 2017); 0 for no.
    penalty_weight:
        The penalty's γ or λ; a schedule may move it while the game goes on.
    augment:
        Changes images at random on their way to D, real and fake, in both players' steps. A penalty
        is of D's slope at the changed images, the very ones that it has judged; that is D's slope
        as such. (NVlabs/stylegan2-ada-pytorch takes R1's gradient back through the changes to the
        images as they were, for which it brings a grid_sample of its own: torch's cannot be
        differentiated twice.)
    """

    #: What a step returns.
    numbers = ("d_loss", "g_loss", "d_real", "d_fake")

    def __init__(
        self,
        generator: Player,
        discriminator: Player,
        objective: Objective,
        noise: Callable[[int], Tensor],
        d_steps: int = 1,
        updates: str = "alternating",
        penalty: Penalty | None = None,
        pack: int = 1,
        batch_axis: int = 0,
        clip: float = 0.0,
        penalty_weight: float = 1.0,
        augment: Augment | None = None,
    ) -> None:
        self.generator = generator
        self.discriminator = discriminator
        self.objective = objective
        self.noise = noise
        self.d_steps = d_steps
        self.penalty = penalty
        self.pack = pack
        self.batch_axis = batch_axis
        self.clip = clip
        self.ranks = discriminator.ranks
        self.penalty_weight = penalty_weight
        self.augment = augment
        self._update = lookup(UPDATES, updates, "updates")
        # G's step of such an objective compares its samples with a real batch of its own.
        self.g_batches = int(objective.g_needs_real and updates == "alternating")
        self.batches_per_step = d_steps + self.g_batches
        self._tell_classes = getattr(discriminator.network, "logits_and_class_losses", None)
        # Real and fake share D's pass unless a layer makes samples of one batch see each other, or
        # each rank must find the rows that it drew where it takes its own.
        self._one_pass = self.ranks.count == 1 and not couples_batch(discriminator.network)

    @property
    def players(self) -> dict[str, Player]:
        """Both, by the names that they have in a checkpoint."""
        return {"generator": self.generator, "discriminator": self.discriminator}

    def step(
        self, batches: Sequence[Tensor], labels: Sequence[Tensor | None] | None = None
    ) -> Tensor:
        """One iteration of Algorithm 1 on ``batches_per_step`` real minibatches.

        Parameters
        ----------
        batches:
            The real minibatches.
        labels:
            Of a conditional game: the classes of each minibatch.

        Returns
        -------
        Tensor
            [D's loss, G's loss, mean D(x), mean D(G(z))] (``[4]``; ``[4, S]`` of an ensemble), on
            the device: reading it there and then would make the program wait for it at every step.
            The losses are the objective's, without penalties and class losses.
        """
        return self._update(self, batches, [None] * len(batches) if labels is None else labels)

    def update_discriminator(
        self, real: Tensor, y: Tensor | None = None
    ) -> tuple[Tensor, Tensor, Tensor]:
        """D's step; returns its loss and D's logits on the real and the fake minibatch."""
        with torch.no_grad():  # D's step sends no gradient into G
            fake = self.draw_like(real, y)
        real = self.shown(real)
        said = self.judge(real, fake, y)
        self.adjust_augment(said)
        loss = self.objective.d(said.real, said.fake)
        extra = self.penalise(real, fake, y) + said.real_class + said.fake_class
        self.discriminator.descend(mean(loss) + extra)
        self.clip_discriminator()
        return loss, said.real, said.fake

    def update_generator(self, real: Tensor, y: Tensor | None = None) -> Tensor:
        """G's step on as many fresh noise samples as there are in a real minibatch; its loss.

        The real images themselves are looked at only where the objective asks for it.
        """
        fake = self.draw_like(real, y)
        if self.objective.g_needs_real:
            real_logits, fake_logits, _, class_loss = self.judge(self.shown(real), fake, y)
            loss = self.objective.g(fake_logits, real_logits)
        else:
            fake_logits, class_losses = self._look(fake, y)
            loss, class_loss = self.objective.g(fake_logits, None), _mean_or_0(class_losses)
        self.generator.descend(mean(loss) + class_loss)
        return loss

    def draw_like(self, real: Tensor, y: Tensor | None = None) -> Tensor:
        """Samples, as D is shown them, from as many fresh z as a minibatch has real ones."""
        z = self.noise(real.shape[self.batch_axis])
        if y is not None:
            y = self.ranks.own(y)
        return self.shown(self.ranks.whole(self.generator(self.ranks.own(z), y)))

    def shown(self, samples: Tensor) -> Tensor:
        """``[n·pack, C, …]`` → ``[n, pack·C, …]``: samples changed at random, then packed."""
        if self.augment is not None:
            samples = self.augment(samples)
        if self.pack == 1:
            return samples
        axis = self.batch_axis
        return samples.unflatten(axis, (-1, self.pack)).flatten(axis + 1, axis + 2)

    def adjust_augment(self, said: Judgement) -> None:
        """Let the augmentation see how sure D is of the real images."""
        if self.augment is not None:
            margins = said.real - self.undecided(said.real, said.fake)
            self.augment.adjust(margins, len(margins) * self.pack)

    def clip_discriminator(self) -> None:
        """Keep D's weights within their bounds, where they have some."""
        if self.clip:
            with torch.no_grad():
                torch._foreach_clamp_min_(self.discriminator.parameters, -self.clip)
                torch._foreach_clamp_max_(self.discriminator.parameters, self.clip)

    def penalise(self, real: Tensor, fake: Tensor, y: Tensor | None = None) -> Tensor | float:
        """What D's gradients add to its loss."""
        if self.penalty is None:
            return 0.0
        return self.penalty_weight * mean(self.penalty(lambda x: self._look(x, y)[0], real, fake))

    def judge(self, real: Tensor, fake: Tensor, y: Tensor | None = None) -> Judgement:
        """What D says of a real and a fake minibatch, both of the classes y."""
        if self._one_pass:
            both = torch.cat([real, fake], dim=self.batch_axis)
            logits, class_losses = self._look(both, y if y is None else y.repeat(2))
            real_logits, fake_logits = logits.chunk(2, dim=-1)
            if class_losses is None:
                return Judgement(real_logits, fake_logits)
            real_class, fake_class = class_losses.chunk(2)
            return Judgement(real_logits, fake_logits, real_class.mean(), fake_class.mean())
        (real_logits, of_real), (fake_logits, of_fake) = self._look(real, y), self._look(fake, y)
        return Judgement(real_logits, fake_logits, _mean_or_0(of_real), _mean_or_0(of_fake))

    def _look(self, x: Tensor, y: Tensor | None) -> tuple[Tensor, Tensor | None]:
        """D's logits on samples of the classes y, and its class losses where it tells classes."""
        x, y = self.ranks.own(x), None if y is None else self.ranks.own(y)
        if self._tell_classes is None:
            return self.ranks.gather(self.discriminator(x, y)), None
        logits, class_losses = self._tell_classes(x, y)
        return self.ranks.gather(logits), self.ranks.gather(class_losses)

    def opinion(self, places: Tensor, fake: Tensor, real: Tensor) -> tuple[Tensor, Tensor]:
        """What D believes of any places, and where it would send samples.

        Returns
        -------
        Tensor, Tensor
            D's belief that each place is real, 0 to 1, ``[n]``; and the direction in which each
            sample would move to lower G's loss, of ``fake``'s shape. Both on the CPU.
        """
        network = self.discriminator.network
        was_training = network.training
        network.eval()
        fake = fake.detach().requires_grad_()
        real_logits, fake_logits = network(real), network(fake)
        loss = self.objective.g(fake_logits, real_logits)
        (gradient,) = torch.autograd.grad(loss.sum(), fake)
        with torch.no_grad():
            belief = (network(places) - self.undecided(real_logits, fake_logits)).sigmoid()
        network.train(was_training)
        return belief.cpu(), -gradient.cpu()

    def undecided(self, real: Tensor, fake: Tensor) -> Tensor | float:
        """The logit at which D is undecided: the objective's, else midway between its means."""
        if self.objective.undecided is not None:
            return self.objective.undecided
        return (real.mean(-1) + fake.mean(-1)) / 2


#: One for each minibatch: its classes, or None.
Labels = Sequence[Tensor | None]


def alternating(game: Game, batches: Sequence[Tensor], labels: Labels) -> Tensor:
    """Algorithm 1: k updates of D, then one of G against the D that they left."""
    for real, y in list(zip(batches, labels, strict=True))[: game.d_steps]:
        d_loss, real_logits, fake_logits = game.update_discriminator(real, y)
    g_loss = game.update_generator(batches[-1], labels[-1])
    return _summary(d_loss, g_loss, real_logits, fake_logits)


def simultaneous(game: Game, batches: Sequence[Tensor], labels: Labels) -> Tensor:
    """The 2014 authors' program: both gradients from one pass, before either network moves.

    Same minibatch, same z, same dropout masks in D (goodfeli/adversarial). With k > 1, D's other
    updates come first, as in Algorithm 1.
    """
    *earlier, (real, y) = zip(batches, labels, strict=True)
    for batch in earlier:
        game.update_discriminator(*batch)
    fake, real = game.draw_like(real, y), game.shown(real)
    said = game.judge(real, fake, y)
    game.adjust_augment(said)
    d_loss = game.objective.d(said.real, said.fake)
    g_loss = game.objective.g(said.fake, said.real)
    d, g = game.discriminator, game.generator
    d_total = mean(d_loss) + (game.penalise(real, fake, y) + said.real_class + said.fake_class)
    d_gradients = torch.autograd.grad(d_total, d.parameters, retain_graph=True)
    g_gradients = torch.autograd.grad(mean(g_loss) + said.fake_class, g.parameters)
    for player, gradients in ((d, d_gradients), (g, g_gradients)):
        for parameter, gradient in zip(player.parameters, gradients, strict=True):
            parameter.grad = gradient
        player.move()
    game.clip_discriminator()
    return _summary(d_loss, g_loss, said.real, said.fake)


#: How the two players' moves are ordered.
UPDATES: dict[str, Callable[[Game, Sequence[Tensor], Labels], Tensor]] = {
    "alternating": alternating,
    "simultaneous": simultaneous,
}


def mean(losses: Tensor) -> Tensor:
    """The mean over a minibatch ``[n]``; over an ensemble's ``[S, n]``, the sum of their means.

    Each member's gradient is then what it would be alone.
    """
    return losses.mean(-1).sum()


def _mean_or_0(losses: Tensor | None) -> Tensor | float:
    return 0.0 if losses is None else losses.mean()


def _summary(d_loss: Tensor, g_loss: Tensor, real: Tensor, fake: Tensor) -> Tensor:
    with torch.no_grad():
        return torch.stack([x.mean(-1) for x in (d_loss, g_loss, real.sigmoid(), fake.sigmoid())])


def couples_batch(network: nn.Module) -> bool:
    """Whether a layer's output for one sample depends on the others of its batch."""
    return any(
        getattr(layer, "couples_batch", isinstance(layer, nn.modules.batchnorm._BatchNorm))
        for layer in network.modules()
    )
