"""Run in several processes: print the deviation of gradients from those of one process."""

import itertools

import torch

from forgery import rows
from forgery.augmentations import AUGMENTATIONS, Augment
from forgery.models import DISCRIMINATORS, GENERATORS, Encoder, Spec
from forgery.models.conditional import CONDITIONS
from forgery.objectives import OBJECTIVES
from forgery.penalties import PENALTIES
from forgery.projected import ProjectedDiscriminator
from forgery.training.algorithm1 import UPDATES
from forgery.training.minibatch import Minibatch
from forgery.training.parallel import ALONE, joined
from forgery.training.player import Player
from forgery.training.terms import ClassLoss, GradientPenalty, LabelledLoss
from forgery.training.vae import VAE
from forgery.training.view import View

N, SIZE, LATENT, CLASSES = 8, (1, 6, 6), 3, 4


class Still(torch.optim.SGD):
    """Record the gradients, without updating the parameters."""

    def step(self, closure=None):
        self.seen = [p.grad.clone() for p in self.param_groups[0]["params"]]


def noise(n):
    return rows.drawn(n, lambda m: torch.randn(m, LATENT))


def gradients(ranks, objective, penalty, updates, pack=1, condition="none", augment="none"):
    """D's and G's gradients of one step, and its numbers, as one vector."""
    torch.manual_seed(0)
    g = Spec(SIZE, LATENT, 5, 2, torch.zeros(SIZE))
    d = Spec((pack, 6, 6), LATENT, 5, 2, torch.zeros(pack, 6, 6))
    conditioning = CONDITIONS[condition]
    networks = (
        conditioning.generator(GENERATORS["mlp"], g, CLASSES),
        conditioning.discriminator(DISCRIMINATORS["mlp"], d, CLASSES),
    )
    players = [Player(n, Still(n.parameters(), lr=0.1), ranks) for n in networks]
    terms = [GradientPenalty(players[1], PENALTIES[penalty], 10.0)] if PENALTIES[penalty] else []
    if conditioning.labels == "some":
        x, y = torch.rand(N, *SIZE), torch.randint(CLASSES, (N,))
        labelled = rows.local(x), rows.local(y)
        terms.append(LabelledLoss(players[1], 1.0, lambda: labelled))
    elif conditioning.predicts_classes:
        terms.append(ClassLoss(players[1], 1.0))
    changes = AUGMENTATIONS[augment]
    view = View(changes and Augment(changes), pack)
    if view.augment is not None:
        view.augment.p.fill_(0.7)

    def latents(n, y):
        z, choose = noise(n), conditioning.choose_classes
        return z, choose(n, y, CLASSES, z.device) if choose else None

    game = UPDATES[updates](*players, OBJECTIVES[objective], latents, view, terms)
    real = torch.rand(2, N * pack, *SIZE)
    y = torch.randint(CLASSES, (2, N * pack)) if conditioning.labels == "every" else [None, None]
    numbers = game.step(
        [
            Minibatch(rows.local(x), None if c is None else rows.local(c))
            for x, c in list(zip(real, y, strict=True))[: game.batches_per_step]
        ]
    )
    seen = [x.flatten() for player in players for x in player.optimizer.seen]
    return torch.cat([*seen, numbers.float()])


def gradients_of_a_vae(ranks):
    torch.manual_seed(0)
    sizes = Spec(SIZE, LATENT, 5, 2, torch.zeros(SIZE))
    networks = (GENERATORS["mlp"](sizes), Encoder(DISCRIMINATORS["mlp"], sizes))
    players = [Player(n, Still(n.parameters(), lr=0.1), ranks) for n in networks]
    numbers = VAE(*players, noise).step([Minibatch(rows.local(torch.rand(N, *SIZE)))])
    seen = [x.flatten() for player in players for x in player.optimizer.seen]
    # The bound is a sum over an image's values: compare relative to the size of this sum.
    return torch.cat([*seen, numbers]) / 36


def gradients_of_a_projected_gan(ranks):
    torch.manual_seed(0)
    shape = (3, 16, 16)
    sizes = Spec(shape, LATENT, 5, 2, torch.zeros(shape))
    networks = (GENERATORS["mlp-batchnorm"](sizes), ProjectedDiscriminator(sizes))
    players = [Player(n, Still(n.parameters(), lr=0.1), ranks) for n in networks]
    view = View(project=networks[1].projection)
    game = UPDATES["simultaneous"](
        *players, OBJECTIVES["hinge"], lambda n, y: (noise(n), None), view
    )
    numbers = game.step([Minibatch(rows.local(torch.rand(N, *shape)))])
    seen = [x.flatten() for player in players for x in player.optimizer.seen]
    kept = [x.flatten() for network in networks for x in network.buffers()]
    # Gradients and averages of maps may be larger than 1: compare relative to the size of each.
    return torch.cat([*(x / x.abs().max().clamp(min=1) for x in (*seen, *kept)), numbers.float()])


def main():
    games = [(o, p, "alternating") for o, p in itertools.product(OBJECTIVES, PENALTIES)]
    games += [(o, "r1+r2", u, 2) for o, u in itertools.product(OBJECTIVES, UPDATES)]
    games += [(o, "dragan", "simultaneous") for o in OBJECTIVES]
    games += [("hinge", "r1", "alternating", 1, condition) for condition in CONDITIONS]
    games += [("non-saturating", "none", u, 2, "none", a) for u in UPDATES for a in AUGMENTATIONS]
    trained = {"/".join(map(str, game)): (gradients, game) for game in games}
    trained["vae"] = (gradients_of_a_vae, ())
    trained["projected"] = (gradients_of_a_projected_gan, ())
    with joined() as ranks:
        for name, (step, arguments) in trained.items():
            shared = step(ranks, *arguments)
            with rows.held_by(0, 1):
                alone = step(ALONE, *arguments)
            if ranks.writes:
                print(name, (shared - alone).abs().max().item(), flush=True)


if __name__ == "__main__":
    main()
