"""Algorithm 1 of "Generative Adversarial Nets" (Goodfellow et al. 2014).

For a number of training iterations:
    for k steps:
        draw m noise samples z and m data samples x; update D by its gradient on
        log D(x) + log(1 - D(G(z)))
    draw m fresh noise samples z; update G by its gradient on log(1 - D(G(z))), or on -log D(G(z))
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from ..errors import lookup
from ..objectives import Objective
from ..penalties import Penalty


@dataclass(frozen=True)
class Player:
    """A network with the optimiser that moves its parameters, and no others."""

    network: nn.Module
    optimizer: Optimizer

    def __call__(self, x: Tensor) -> Tensor:
        output: Tensor = self.network(x)
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
        self.optimizer.step()


class Game:
    """The generator and the discriminator, playing against each other.

    Parameters
    ----------
    generator, discriminator:
        The players: G maps z to images, D maps images to logits.
    objective:
        What the two minimise.
    noise:
        Draws m fresh noise samples: m → ``[m, Z]``.
    d_steps:
        The paper's k: updates of D for each update of G.
    updates:
        A name of :data:`UPDATES`: ``alternating`` is Algorithm 1.
    penalty:
        (D, real, fake) → what is added to D's loss, one number a sample; already weighted.
    pack:
        How many samples D judges together, joined along their first axis: PacGAN's m (Lin et al.
        2018). A minibatch of n·pack samples is n judgements.
    batch_axis:
        Which axis of the tensors counts the minibatch: 0, or 1 for an ensemble
        (``training/ensemble.py``), where axis 0 counts its members.
    clip:
        D's weights are kept within ± this after each of its updates, which bounds its slope
        (Arjovsky et al. 2017); 0 for no.
    """

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
        self._update = lookup(UPDATES, updates, "updates")
        # G's step of such an objective compares its samples with a real batch of its own.
        self.g_batches = int(objective.g_needs_real and updates == "alternating")
        self.batches_per_step = d_steps + self.g_batches
        # Real and fake share D's pass unless a layer makes samples of one batch see each other.
        self._one_pass = not any(_couples_batch(layer) for layer in discriminator.network.modules())

    def step(self, batches: Sequence[Tensor]) -> Tensor:
        """One iteration of Algorithm 1 on ``batches_per_step`` real minibatches.

        Returns
        -------
        Tensor
            [D's loss, G's loss, mean D(x), mean D(G(z))] (``[4]``; ``[4, S]`` of an ensemble), on
            the device: reading it there and then would make the program wait for it at every step.
        """
        return self._update(self, batches)

    def update_discriminator(self, real: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """D's step; returns its loss and D's logits on the real and the fake minibatch."""
        with torch.no_grad():  # D's step sends no gradient into G
            fake = self.draw_like(real)
        real = self.packed(real)
        real_logits, fake_logits = self.judge(real, fake)
        loss = self.objective.d(real_logits, fake_logits)
        self.discriminator.descend(mean(loss) + self.penalise(real, fake))
        self.clip_discriminator()
        return loss, real_logits, fake_logits

    def update_generator(self, real: Tensor) -> Tensor:
        """G's step on as many fresh noise samples as there are in a real minibatch; its loss.

        The real images themselves are looked at only where the objective asks for it.
        """
        fake = self.draw_like(real)
        if self.objective.g_needs_real:
            real_logits, fake_logits = self.judge(self.packed(real), fake)
            loss = self.objective.g(fake_logits, real_logits)
        else:
            loss = self.objective.g(self.discriminator(fake), None)
        self.generator.descend(mean(loss))
        return loss

    def draw_like(self, real: Tensor) -> Tensor:
        """Samples, packed, from as many fresh z as there are real ones in a minibatch."""
        return self.packed(self.generator(self.noise(real.shape[self.batch_axis])))

    def packed(self, samples: Tensor) -> Tensor:
        """``[n·pack, C, …]`` → ``[n, pack·C, …]``: what D judges together."""
        if self.pack == 1:
            return samples
        axis = self.batch_axis
        return samples.unflatten(axis, (-1, self.pack)).flatten(axis + 1, axis + 2)

    def clip_discriminator(self) -> None:
        """Keep D's weights within their bounds, where they have some."""
        if self.clip:
            with torch.no_grad():
                torch._foreach_clamp_min_(self.discriminator.parameters, -self.clip)
                torch._foreach_clamp_max_(self.discriminator.parameters, self.clip)

    def penalise(self, real: Tensor, fake: Tensor) -> Tensor | float:
        """What D's gradients add to its loss."""
        if self.penalty is None:
            return 0.0
        return mean(self.penalty(self.discriminator, real, fake))

    def judge(self, real: Tensor, fake: Tensor) -> tuple[Tensor, Tensor]:
        """D's logits on a real and a fake minibatch."""
        if self._one_pass:
            logits = self.discriminator(torch.cat([real, fake], dim=self.batch_axis))
            real_logits, fake_logits = logits.chunk(2, dim=-1)
            return real_logits, fake_logits
        return self.discriminator(real), self.discriminator(fake)

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


def alternating(game: Game, batches: Sequence[Tensor]) -> Tensor:
    """Algorithm 1: k updates of D, then one of G against the D that they left."""
    for real in batches[: game.d_steps]:
        d_loss, real_logits, fake_logits = game.update_discriminator(real)
    g_loss = game.update_generator(batches[-1])
    return _summary(d_loss, g_loss, real_logits, fake_logits)


def simultaneous(game: Game, batches: Sequence[Tensor]) -> Tensor:
    """The 2014 authors' program: both gradients from one pass, before either network moves.

    Same minibatch, same z, same dropout masks in D (goodfeli/adversarial). With k > 1, D's other
    updates come first, as in Algorithm 1.
    """
    *earlier, real = batches
    for batch in earlier:
        game.update_discriminator(batch)
    fake, real = game.draw_like(real), game.packed(real)
    real_logits, fake_logits = game.judge(real, fake)
    d_loss = game.objective.d(real_logits, fake_logits)
    g_loss = game.objective.g(fake_logits, real_logits)
    d, g = game.discriminator, game.generator
    d_total = mean(d_loss) + game.penalise(real, fake)
    d_gradients = torch.autograd.grad(d_total, d.parameters, retain_graph=True)
    g_gradients = torch.autograd.grad(mean(g_loss), g.parameters)
    for player, gradients in ((d, d_gradients), (g, g_gradients)):
        for parameter, gradient in zip(player.parameters, gradients, strict=True):
            parameter.grad = gradient
        player.optimizer.step()
    game.clip_discriminator()
    return _summary(d_loss, g_loss, real_logits, fake_logits)


#: How the two players' moves are ordered.
UPDATES: dict[str, Callable[[Game, Sequence[Tensor]], Tensor]] = {
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


def _couples_batch(layer: nn.Module) -> bool:
    """Whether a layer's output for one sample depends on the others of its batch."""
    batch_norm = isinstance(layer, nn.modules.batchnorm._BatchNorm)
    return bool(getattr(layer, "couples_batch", batch_norm))
