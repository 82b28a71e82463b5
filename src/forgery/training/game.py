"""Algorithm 1 of "Generative Adversarial Nets" (Goodfellow et al. 2014).

For a number of training iterations:
    for k steps:
        draw m noise samples z and m data samples x; update D by its gradient on
        log D(x) + log(1 - D(G(z)))
    draw m fresh noise samples z; update G by its gradient on log(1 - D(G(z))), or on -log D(G(z))

A conditional game (Mirza & Osindero 2014) is the same between G(z | y) and D(x | y), y being the
classes of the real minibatch: fakes are then drawn as often of each class as the data has it. In
others D has to tell the class that it is not told (ACGAN, semi-supervised learning, InfoGAN): what
it loses by that joins D's loss, and G's where G was told the class.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import repeat
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from ..augmentations import Augment
from ..errors import ForgeryError, lookup
from ..objectives import Objective
from ..penalties import Penalty
from .parallel import ALONE, Ranks


@dataclass(frozen=True)
class Player:
    """A network with the optimiser that moves its parameters, and no others."""

    network: nn.Module
    optimizer: Optimizer
    ranks: Ranks = ALONE
    #: In which the network's products are computed; its weights and outputs are float32 always.
    precision: torch.dtype = torch.float32

    def __call__(self, x: Tensor, y: Tensor | None = None) -> Any:
        """The network's output, a tensor or several."""
        return self._run(self.network, x, y)

    def look(self, x: Tensor, y: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Logits and features from one pass, of a D that has them to show."""
        network: Any = self.network
        logits, features = self._run(network.look, x, y)
        return logits, features

    def _run(self, function: Callable[..., Any], x: Tensor, y: Tensor | None) -> Any:
        given = (x,) if y is None else (x, y)
        if self.precision == torch.float32:
            return function(*given)
        with torch.autocast(x.device.type, self.precision):
            output = function(*given)
        return output.float() if isinstance(output, Tensor) else tuple(o.float() for o in output)

    @property
    def parameters(self) -> list[Tensor]:
        return self.optimizer.param_groups[0]["params"]

    def descend(self, losses: Iterable[Tensor]) -> None:
        """One step down the gradient of the losses' sum; each is forgotten before the next is made.

        The gradient is taken with respect to this player's parameters alone: the other network's
        receive none, and none are computed for them.
        """
        self.optimizer.zero_grad()
        for loss in losses:
            loss.backward(inputs=self.parameters)
        self.move()

    def move(self) -> None:
        """The optimiser's step, by the gradients of all ranks."""
        self.ranks.add_up([p.grad for p in self.parameters if p.grad is not None])
        self.optimizer.step()


#: The classes that G is told: (number of samples, classes of the real minibatch) → y or None.
Ask = Callable[[int, Tensor | None], Tensor | None]


class Drawn(NamedTuple):
    """A fake minibatch as D judges it, and the z and the classes y that G made it from."""

    samples: Tensor
    z: Tensor
    y: Tensor | None


class Opinion(NamedTuple):
    """What D makes of a minibatch.

    Its logits ``[n]``; what the objective shows to G of it, the logits or D's features ``[n, F]``;
    and the features of this rank's rows, where there is a use for them.
    """

    logits: Tensor
    seen: Tensor
    features: Tensor | None = None


class Game:
    """The generator and the discriminator, playing against each other.

    Parameters
    ----------
    generator, discriminator:
        The players: G maps z to images, D maps images to logits; in a conditional game each is
        given the classes y ``[n]`` too. A D with ``class_losses`` also tells classes, and both
        players minimise what it loses by that (``models/conditional.py``).
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
    ask:
        The classes that G is told: (number of samples, classes of the real minibatch or None) → y
        ``[n]`` or None. By default those of the real minibatch.
    labelled:
        Draws a minibatch of labelled samples, of which D has to tell the class: → (x, y).
    class_weight:
        The weight of what D loses by telling classes, in both players' losses.
    accumulate:
        In how many parts, one after the other, a minibatch is passed through the networks, so that
        it takes that much less memory. The step is that of the whole, but for what compares the
        samples of a minibatch with each other, which then sees a part: batch norm, and objectives
        that take means.
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
        ask: Ask = lambda n, y: y,
        labelled: Callable[[], tuple[Tensor, Tensor]] | None = None,
        class_weight: float = 1.0,
        accumulate: int = 1,
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
        self.ask = ask
        self.labelled = labelled
        self.class_weight = class_weight
        self.accumulate = accumulate
        self._update = lookup(UPDATES, updates, "updates")
        # G's step of such an objective compares its samples with a real batch of its own.
        self.g_batches = int(objective.g_needs_real and updates == "alternating")
        self.batches_per_step = d_steps + self.g_batches
        self._class_losses = getattr(discriminator.network, "class_losses", None)
        self._uses_features = objective.g_sees_features or self._class_losses is not None
        if self._uses_features and not hasattr(discriminator.network, "look"):
            raise ForgeryError(
                f"{type(discriminator.network).__name__} has no features that the objective could "
                "see: choose another --discriminator, such as mlp, or another --objective"
            )
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
        labelled = self.labelled_losses()
        loss, real_logits, fake_logits = self._descend(
            self.discriminator, lambda x, classes: self.d_losses(x, classes, labelled), real, y
        )
        self.clip_discriminator()
        return loss, real_logits, fake_logits

    def d_losses(
        self, real: Tensor, y: Tensor | None, labelled: Iterator[Tensor | float]
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """All that D minimises, of which the objective's loss; D's logits on real and fake."""
        with torch.no_grad():  # D's step sends no gradient into G
            fake = self.draw_like(real, y)
        real = self.shown(real)
        of_real, of_fake = self.judge(real, fake.samples, y, fake.y)
        self.adjust_augment(of_real, of_fake)
        loss = self.objective.d(of_real.logits, of_fake.logits)
        classes = self.class_loss(of_real, y) + self.class_loss(of_fake, fake.y, fake.z)
        extra = self.penalise(real, fake.samples, y) + classes + next(labelled)
        return mean(loss) + extra, loss, of_real.logits, of_fake.logits

    def update_generator(self, real: Tensor, y: Tensor | None = None) -> Tensor:
        """G's step on as many fresh noise samples as there are in a real minibatch; its loss.

        The real images themselves are looked at only where the objective asks for it.
        """
        (loss,) = self._descend(self.generator, self.g_losses, real, y)
        return loss

    def g_losses(self, real: Tensor, y: Tensor | None) -> tuple[Tensor, Tensor]:
        """All that G minimises, of which the objective's loss."""
        fake = self.draw_like(real, y)
        if self.objective.g_needs_real:
            of_real, of_fake = self.judge(self.shown(real), fake.samples, y, fake.y)
            loss = self.objective.g(of_fake.seen, of_real.seen)
        else:
            of_fake = self._look(fake.samples, fake.y)
            loss = self.objective.g(of_fake.seen, None)
        return mean(loss) + self.class_loss(of_fake, fake.y, fake.z), loss

    def _descend(
        self,
        player: Player,
        losses_of: Callable[[Tensor, Tensor | None], tuple[Tensor, ...]],
        real: Tensor,
        y: Tensor | None,
    ) -> list[Tensor]:
        """A player's step on a minibatch, its gradient accumulated over parts.

        ``losses_of`` makes of a part all that the player minimises, and what is told of it: the
        latter is returned, of the whole minibatch.
        """
        reals = real.chunk(self.accumulate, self.batch_axis)
        classes = y.chunk(len(reals)) if y is not None else [None] * len(reals)
        told = []

        def losses() -> Iterator[Tensor]:
            for part in zip(reals, classes, strict=True):
                loss, *rest = losses_of(*part)
                told.append([tensor.detach() for tensor in rest])
                yield loss / self.accumulate

        player.descend(losses())
        return [torch.cat(parts, -1) for parts in zip(*told, strict=True)]

    def class_loss(
        self, opinion: Opinion, y: Tensor | None, z: Tensor | None = None
    ) -> Tensor | float:
        """What D loses by telling a minibatch's classes y, and what else G told it by z: weighted.

        0 where the classes are not known, or D is not to tell them.
        """
        if y is None or self._class_losses is None:
            return 0.0
        own = self.ranks.own
        losses = self._class_losses(opinion.features, own(y), None if z is None else own(z))
        return self.class_weight * self.ranks.gather(losses).mean()

    def labelled_losses(self) -> Iterator[Tensor | float]:
        """D's loss on the classes of one labelled minibatch, for each accumulated part of it.

        The minibatch is drawn now, each loss is computed when it is asked for: 0 where there are no
        labelled samples.
        """
        if self.labelled is None:
            return repeat(0.0)
        x, y = self.labelled()
        parts = zip(x.chunk(self.accumulate), y.chunk(self.accumulate), strict=True)
        return (self.class_loss(self._look(some, None), classes) for some, classes in parts)

    def draw_like(self, real: Tensor, y: Tensor | None = None) -> Drawn:
        """Samples, as D is shown them, from as many fresh z as a minibatch has real ones."""
        n, own = real.shape[self.batch_axis], self.ranks.own
        z, y = self.noise(n), self.ask(n, y)
        samples = self.generator(own(z), None if y is None else own(y))
        return Drawn(self.shown(self.ranks.whole(samples)), z, y)

    def shown(self, samples: Tensor) -> Tensor:
        """``[n·pack, C, …]`` → ``[n, pack·C, …]``: samples changed at random, then packed."""
        if self.augment is not None:
            samples = self.augment(samples)
        if self.pack == 1:
            return samples
        axis = self.batch_axis
        return samples.unflatten(axis, (-1, self.pack)).flatten(axis + 1, axis + 2)

    def adjust_augment(self, of_real: Opinion, of_fake: Opinion) -> None:
        """Let the augmentation see how sure D is of the real images."""
        if self.augment is not None:
            margins = of_real.logits - self.undecided(of_real.logits, of_fake.logits)
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
        return self.penalty_weight * mean(
            self.penalty(lambda x: self._look(x, y).logits, real, fake)
        )

    def judge(
        self, real: Tensor, fake: Tensor, y: Tensor | None = None, fake_y: Tensor | None = None
    ) -> tuple[Opinion, Opinion]:
        """What D says of a real minibatch, of the classes y, and of a fake one."""
        if not self._one_pass:
            return self._look(real, y), self._look(fake, fake_y)
        both = torch.cat([real, fake], dim=self.batch_axis)
        # A D that is told classes is told those of both.
        of_both = self._look(both, None if y is None or fake_y is None else torch.cat([y, fake_y]))
        real_logits, fake_logits = of_both.logits.chunk(2, dim=-1)
        if of_both.features is None:
            return Opinion(real_logits, real_logits), Opinion(fake_logits, fake_logits)
        real_seen, fake_seen = of_both.seen.chunk(2)
        real_features, fake_features = of_both.features.chunk(2)
        return (
            Opinion(real_logits, real_seen, real_features),
            Opinion(fake_logits, fake_seen, fake_features),
        )

    def _look(self, x: Tensor, y: Tensor | None) -> Opinion:
        """D's opinion of a whole minibatch, of which each rank looks at its own rows."""
        own, gather = self.ranks.own, self.ranks.gather
        of_own = self._look_alone(own(x), None if y is None else own(y))
        return Opinion(gather(of_own.logits), gather(of_own.seen), of_own.features)

    def _look_alone(self, x: Tensor, y: Tensor | None) -> Opinion:
        if not self._uses_features:
            logits = self.discriminator(x, y)
            return Opinion(logits, logits)
        logits, features = self.discriminator.look(x, y)
        return Opinion(logits, features if self.objective.g_sees_features else logits, features)

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
        of_real, of_fake = self._look_alone(real, None), self._look_alone(fake, None)
        loss = self.objective.g(of_fake.seen, of_real.seen)
        (gradient,) = torch.autograd.grad(loss.sum(), fake)
        with torch.no_grad():
            level = self.undecided(of_real.logits, of_fake.logits)
            belief = (network(places) - level).sigmoid()
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
    of_real, of_fake = game.judge(real, fake.samples, y, fake.y)
    game.adjust_augment(of_real, of_fake)
    d_loss = game.objective.d(of_real.logits, of_fake.logits)
    g_loss = game.objective.g(of_fake.seen, of_real.seen)
    d, g = game.discriminator, game.generator
    fake_class = game.class_loss(of_fake, fake.y, fake.z)
    extra = game.penalise(real, fake.samples, y) + game.class_loss(of_real, y)
    d_total = mean(d_loss) + (extra + fake_class + next(game.labelled_losses()))
    d_gradients = torch.autograd.grad(d_total, d.parameters, retain_graph=True)
    g_gradients = torch.autograd.grad(mean(g_loss) + fake_class, g.parameters)
    for player, gradients in ((d, d_gradients), (g, g_gradients)):
        for parameter, gradient in zip(player.parameters, gradients, strict=True):
            parameter.grad = gradient
        player.move()
    game.clip_discriminator()
    return _summary(d_loss, g_loss, of_real.logits, of_fake.logits)


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


def _summary(d_loss: Tensor, g_loss: Tensor, real: Tensor, fake: Tensor) -> Tensor:
    with torch.no_grad():
        return torch.stack([x.mean(-1) for x in (d_loss, g_loss, real.sigmoid(), fake.sigmoid())])


def couples_batch(network: nn.Module) -> bool:
    """Whether a layer's output for one sample depends on the others of its batch."""
    return any(
        getattr(layer, "couples_batch", isinstance(layer, nn.modules.batchnorm._BatchNorm))
        for layer in network.modules()
    )
