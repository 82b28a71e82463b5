"""The variational auto-encoder (Kingma & Welling 2014), trained by the same loop as a GAN.

The encoder estimates which z an image came from, q(z | x) = N(mean, variance), and the generator
reconstructs the image from such a z. Both ascend the evidence lower bound,
log p(x) ≥ E_q log p(x | z) - KL(q(z | x) ‖ p(z)), with p(z) = N(0, 1) and p(x | z) = N(G(z), σ²).
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn

from .minibatch import Minibatch, batch_mean
from .player import Player, minimise_jointly


@dataclass
class VAE:
    """A generator and an encoder, trained together.

    Parameters
    ----------
    generator, encoder:
        z ``[n, Z]`` → samples; samples → (mean, log variance) of z, each ``[n, Z]``, with log σ as
        the encoder's parameter ``log_sigma`` (``models/encoder.py``).
    noise:
        Draws n fresh samples of N(0, 1): n → ``[n, Z]``.
    """

    generator: Player
    encoder: Player
    noise: Callable[[int], Tensor]

    #: Names of the values that :meth:`step` returns.
    number_names: ClassVar[tuple[str, ...]] = ("reconstruction", "kl")
    batches_per_step: ClassVar[int] = 1

    @property
    def players(self) -> dict[str, Player]:
        """The players by their names in a checkpoint."""
        return {"generator": self.generator, "encoder": self.encoder}

    @property
    def modules(self) -> dict[str, nn.Module]:
        """All modules with a state, by their names in a checkpoint."""
        return {name: player.network for name, player in self.players.items()}

    def step(self, minibatches: Sequence[Minibatch]) -> Tensor:
        """Update both networks by the gradient of the bound.

        Returns
        -------
        Tensor
            The two terms of the bound, ``[2]``, in nats: the means of -log p(x | z) and of
            KL(q(z | x) ‖ p(z)) over the minibatch. The bound is minus their sum.
        """
        (real,) = minibatches
        mean, log_variance = self.encoder(real.x)
        z = mean + (log_variance / 2).exp() * self.noise(len(real.x))
        log_sigma = self.encoder.network.get_parameter("log_sigma")
        gather = self.encoder.ranks.gather
        reconstruction = gather(negative_log_likelihood(real.x, self.generator(z), log_sigma))
        kl = gather(divergence_from_prior(mean, log_variance))
        minimise_jointly(
            batch_mean(reconstruction) + batch_mean(kl), [self.generator, self.encoder]
        )
        return torch.stack([reconstruction.mean(), kl.mean()]).detach()


def negative_log_likelihood(x: Tensor, mean: Tensor, log_sigma: Tensor) -> Tensor:
    """-log N(x; mean, σ²), summed over an image's values: ``[n]``, in nats."""
    squares = (x - mean).flatten(1).square().sum(1)
    values = x[0].numel()
    return squares / (2 * (2 * log_sigma).exp()) + values * (log_sigma + math.log(2 * math.pi) / 2)


def divergence_from_prior(mean: Tensor, log_variance: Tensor) -> Tensor:
    """KL(N(mean, variance) ‖ N(0, 1)) in closed form, summed over z: ``[n]``, in nats.

    ½ Σ (mean² + variance - 1 - log variance); Kingma & Welling 2014, appendix B.
    """
    return (mean.square() + log_variance.exp() - 1 - log_variance).sum(1) / 2
