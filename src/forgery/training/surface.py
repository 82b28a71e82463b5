"""The output of D over the data space, and its gradient at samples."""

import copy
from dataclasses import replace

import torch
from torch import Tensor

from ..models.layers import evaluation_mode
from .algorithm1 import AdversarialGame
from .minibatch import Minibatch
from .parallel import ALONE


def belief_and_directions(
    game: AdversarialGame, places: Tensor, fake: Tensor, real: Tensor
) -> tuple[Tensor, Tensor]:
    """Evaluate D at given places, and find the directions in which samples lower G's loss.

    Parameters
    ----------
    game:
        An unconditional game without packing.
    places, fake, real:
        Points in the data's space, generated samples and real samples: ``[p, …]``, ``[n, …]`` and
        ``[n, …]``, on the game's device. None of them is augmented.

    Returns
    -------
    Tensor, Tensor
        The probability that each place is real, according to D, ``[p]``; and for each generated
        sample the direction that lowers G's loss, ``[n, …]``. Both are on the CPU.
    """
    discriminator = copy.copy(game.discriminator)
    discriminator.ranks = ALONE  # one process draws: the others have no part in this
    game = replace(game, discriminator=discriminator)
    network, objective = discriminator.network, game.objective
    fake = fake.detach().requires_grad_()
    with evaluation_mode(network):
        (of_real,), (of_fake,) = (game.judge_viewed([Minibatch(x)]) for x in (real, fake))
        loss = objective.g(game.evidence(of_fake), game.evidence(of_real))
        (gradient,) = torch.autograd.grad(loss.sum(), fake)
        with torch.no_grad():
            level = objective.undecided_logit(of_real.logits, of_fake.logits)
            belief = (network(places) - level).sigmoid()
    return belief.cpu(), -gradient.cpu()
