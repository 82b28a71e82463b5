"""What D makes of places in the data's space, and where it would move samples."""

import torch
from torch import Tensor

from .algorithm1 import AdversarialGame
from .minibatch import Minibatch


def belief_and_directions(
    game: AdversarialGame, places: Tensor, fake: Tensor, real: Tensor
) -> tuple[Tensor, Tensor]:
    """D's belief that places are real, and the directions in which samples would move.

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
        The belief at each place, 0 to 1, ``[p]``; and for each generated sample the direction that
        lowers G's loss, ``[n, …]``. Both on the CPU.
    """
    network, objective = game.discriminator.network, game.objective
    was_training = network.training
    network.eval()
    fake = fake.detach().requires_grad_()
    (of_real,), (of_fake,) = (game.discriminate([Minibatch(x)]) for x in (real, fake))
    loss = objective.g(game.evidence(of_fake), game.evidence(of_real))
    (gradient,) = torch.autograd.grad(loss.sum(), fake)
    with torch.no_grad():
        level = objective.undecided_logit(of_real.logits, of_fake.logits)
        belief = (network(places) - level).sigmoid()
    network.train(was_training)
    return belief.cpu(), -gradient.cpu()
