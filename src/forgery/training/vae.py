"""The variational auto-encoder (Kingma & Welling 2014), trained by the same loop as a GAN.

An encoder says which z an image may come from, q(z | x) = N(mean, variance) for each dimension, and
the generator draws the image from such a z. Both climb the evidence lower bound,
log p(x) ≥ E_q log p(x | z) - KL(q(z | x) ‖ p(z)), with p(z) = N(0, 1) and p(x | z) = N(G(z), σ²).
"""

import math
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from .game import Player, mean

Noise = Callable[[int], Tensor]


class VAE:
    """A generator and an encoder that learn together; what :class:`~.game.Game` is for a GAN.

    Parameters
    ----------
    generator, encoder:
        The networks: z ``[m, Z]`` → samples, and samples → (mean, log variance) of z, each
        ``[m, Z]``, with σ's logarithm as ``log_sigma`` (``models/encoder.py``).
    noise:
        Draws m fresh samples of N(0, 1): m → ``[m, Z]``.
    """

    #: What a step returns.
    numbers = ("reconstruction", "kl")
    #: Nothing changes the images on their way.
    augment = None
    #: Real minibatches in a step.
    batches_per_step = 1

    def __init__(self, generator: Player, encoder: Player, noise: Noise) -> None:
        self.generator = generator
        self.encoder = encoder
        self.noise = noise
        self.ranks = generator.ranks
        self.penalty_weight = 0.0

    @property
    def players(self) -> dict[str, Player]:
        """Both networks with their optimisers, by the names that they have in a checkpoint."""
        return {"generator": self.generator, "encoder": self.encoder}

    def step(self, batches: Sequence[Tensor], labels: Sequence[Tensor | None]) -> Tensor:
        """One step of both networks up the bound.

        Returns
        -------
        Tensor
            Its two parts, ``[2]``, in nats: -log p(x | z) and KL(q(z | x) ‖ p(z)), their means over
            the minibatch; the bound is minus their sum.
        """
        own = self.ranks.own
        x, noise = own(batches[0]), own(self.noise(len(batches[0])))
        of_x, log_variance = self.encoder(x)
        z = of_x + (log_variance / 2).exp() * noise
        log_sigma = self.encoder.network.get_parameter("log_sigma")
        missing = surprise(x, self.generator(z), log_sigma)
        extra = divergence_from_prior(of_x, log_variance)
        missing, extra = self.ranks.gather(missing), self.ranks.gather(extra)
        for player in self.players.values():
            player.optimizer.zero_grad()
        both = [p for player in self.players.values() for p in player.parameters]
        (mean(missing) + mean(extra)).backward(inputs=both)
        for player in self.players.values():
            player.move()
        return torch.stack([missing.mean(), extra.mean()]).detach()


def surprise(x: Tensor, drawn: Tensor, log_sigma: Tensor) -> Tensor:
    """-log N(x; drawn, σ²), summed over an image's values: ``[n]``, in nats."""
    squares = (x - drawn).flatten(1).square().sum(1)
    values = x[0].numel()
    return squares / (2 * (2 * log_sigma).exp()) + values * (log_sigma + math.log(2 * math.pi) / 2)


def divergence_from_prior(mean: Tensor, log_variance: Tensor) -> Tensor:
    """KL(N(mean, variance) ‖ N(0, 1)) in closed form, summed over z: ``[n]``, in nats.

    ½ Σ (mean² + variance - 1 - log variance); Kingma & Welling 2014, appendix B.
    """
    return (mean.square() + log_variance.exp() - 1 - log_variance).sum(1) / 2
