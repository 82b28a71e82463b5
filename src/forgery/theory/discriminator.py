"""A discriminator trained to convergence while both distributions stand still."""

import math

import torch
from torch import nn

from ..data.densities import Density
from ..models import DISCRIMINATORS, Spec
from ..objectives import OBJECTIVES
from ..training.player import Player

#: Steps, each on so many fresh samples of either side; Adam's first learning rate, which falls to
#: 0 along a cosine, so that the noise of single batches averages out.
STEPS, BATCH, LEARNING_RATE = 1500, 1024, 0.01


def train_discriminator(
    p_data: Density,
    p_g: Density,
    width: int = 32,
    depth: int = 4,
    steps: int = STEPS,
    seed: int = 0,
) -> nn.Module:
    """Play D's half of the game against a G that does not move; points ``[N, D]`` → logits."""
    dimensions = p_data.dimensions
    spec = Spec((dimensions,), latent=1, width=width, depth=depth, mean=torch.zeros(dimensions))
    with torch.random.fork_rng(devices=[]):  # the caller's random state is left as it was
        torch.manual_seed(seed)
        network = DISCRIMINATORS["mlp"](spec)
    adam = torch.optim.Adam(network.parameters(), lr=LEARNING_RATE, betas=(0.9, 0.99))
    player = Player(network, adam)
    random = torch.Generator().manual_seed(seed)
    for step in range(steps):
        adam.param_groups[0]["lr"] = LEARNING_RATE * cosine(step / steps)
        real, fake = (p.sample(BATCH, random).float() for p in (p_data, p_g))
        player.minimise(OBJECTIVES["minimax"].d(player(real), player(fake)).mean())
    return network.eval().requires_grad_(False)


def cosine(done: float) -> float:
    """From 1 at the start (done = 0) to 0 at the end (done = 1)."""
    return (1 + math.cos(math.pi * done)) / 2
