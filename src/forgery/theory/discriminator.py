"""Training of a discriminator to convergence on two fixed distributions."""

import math

import torch
from torch import nn

from ..data.densities import Density
from ..models import DISCRIMINATORS, Spec
from ..objectives import OBJECTIVES
from ..training.player import Player

#: Number of steps, fresh samples per step from each distribution, and Adam's initial learning rate,
#: which decays to 0 along a cosine to average out the noise of single minibatches.
STEPS, BATCH, LEARNING_RATE = 1500, 1024, 0.01


def train_discriminator(
    p_data: Density,
    p_g: Density,
    width: int = 32,
    depth: int = 4,
    steps: int = STEPS,
    seed: int = 0,
) -> nn.Module:
    """Train D against a fixed p_g, and return the network: points ``[N, D]`` → logits ``[N]``."""
    dimensions = p_data.dimensions
    spec = Spec((dimensions,), latent=1, width=width, depth=depth, mean=torch.zeros(dimensions))
    with torch.random.fork_rng(devices=[]):  # leave the caller's random state unchanged
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
    """Cosine decay from 1 at the start (done = 0) to 0 at the end (done = 1)."""
    return (1 + math.cos(math.pi * done)) / 2
