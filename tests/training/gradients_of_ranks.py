"""Run in several processes: prints how far the gradients of each game are from one process's."""

import itertools

import torch

from forgery.models import DISCRIMINATORS, GENERATORS, Encoder, Spec
from forgery.models.conditional import CONDITIONS
from forgery.objectives import OBJECTIVES
from forgery.penalties import PENALTIES
from forgery.training.game import UPDATES, Game, Player
from forgery.training.parallel import ALONE, joined
from forgery.training.vae import VAE

N, SIZE, LATENT, CLASSES = 8, (1, 6, 6), 3, 4


class Still(torch.optim.SGD):
    """Keeps each gradient that it is handed and moves nothing."""

    def step(self, closure=None):
        self.seen = [p.grad.clone() for p in self.param_groups[0]["params"]]


def gradients(ranks, objective, penalty, updates, pack, told):
    """D's and G's gradients of one step, as one vector."""
    torch.manual_seed(0)
    g = Spec(SIZE, LATENT, 5, 2, torch.zeros(SIZE))
    d = Spec((pack, 6, 6), LATENT, 5, 2, torch.zeros(pack, 6, 6))
    condition = CONDITIONS[told]
    networks = (
        condition.generator(GENERATORS["mlp"], g, CLASSES),
        condition.discriminator(DISCRIMINATORS["mlp"], d, CLASSES),
    )
    players = [Player(n, Still(n.parameters(), lr=0.1), ranks) for n in networks]
    game = Game(
        *players, OBJECTIVES[objective], lambda m: torch.randn(m, LATENT), 1, updates,
        PENALTIES[penalty], pack, penalty_weight=10.0,
    )  # fmt: skip
    real = torch.rand(2, N * pack, *SIZE)
    y = torch.randint(CLASSES, (2, N * pack)) if told != "none" else [None, None]
    count = game.batches_per_step
    numbers = game.step(list(real[:count]), list(y[:count]))
    seen = [x.flatten() for player in players for x in player.optimizer.seen]
    return torch.cat([*seen, numbers.float()])


def gradients_of_a_vae(ranks):
    torch.manual_seed(0)
    sizes = Spec(SIZE, LATENT, 5, 2, torch.zeros(SIZE))
    networks = (GENERATORS["mlp"](sizes), Encoder(DISCRIMINATORS["mlp"], sizes))
    players = [Player(n, Still(n.parameters(), lr=0.1), ranks) for n in networks]
    numbers = VAE(*players, lambda m: torch.randn(m, LATENT)).step([torch.rand(N, *SIZE)], [None])
    seen = [x.flatten() for player in players for x in player.optimizer.seen]
    # The bound sums over an image's values: of the size of those sums.
    return torch.cat([*seen, numbers]) / 36


def main():
    games = [(o, p, "alternating", 1, "none") for o, p in itertools.product(OBJECTIVES, PENALTIES)]
    games += [(o, "r1+r2", u, 2, "none") for o, u in itertools.product(OBJECTIVES, UPDATES)]
    games += [(o, "dragan", "simultaneous", 1, "none") for o in OBJECTIVES]
    games += [("hinge", "r1", "alternating", 1, told) for told in CONDITIONS]
    with joined(N) as ranks:
        for game in games:
            difference = gradients(ranks, *game) - gradients(ALONE, *game)
            if ranks.writes:
                print("/".join(map(str, game)), difference.abs().max().item(), flush=True)
        difference = gradients_of_a_vae(ranks) - gradients_of_a_vae(ALONE)
        if ranks.writes:
            print("vae", difference.abs().max().item(), flush=True)


if __name__ == "__main__":
    main()
