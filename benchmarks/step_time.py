"""Milliseconds a step of several settings, in turns; the median of the rounds.

    python benchmarks/step_time.py [widths | networks | precision] [--threads N]

``widths`` are those of the default recipe; ``networks`` the recipes; ``precision`` float32 and
bfloat16, with a place's channels side by side (as always) and apart. Anything else that runs on the
machine should be stopped.
"""

import argparse
import time
from collections.abc import Callable
from functools import partial
from statistics import median
from typing import Any

import torch

from forgery import build, data
from forgery.config import Config
from forgery.recipes import RECIPES
from forgery.training import device
from forgery.training.end import End
from forgery.training.loop import iterate
from machine import machine

ROUNDS = 5

Make = Callable[..., Config]
RELATIVISTIC: dict[str, Any] = {
    "objective": "relativistic", "penalty": "r1+r2", "penalty_weight": 0.1
}  # fmt: skip
CONVOLUTIONAL: dict[str, Make] = {
    "dcgan, batch 64": partial(RECIPES["dcgan"], batch_size=64),
    "modern": RECIPES["modern"],
}
#: Group → (steps in a round, label → what makes the config).
GROUPS: dict[str, tuple[int, dict[str, Make]]] = {
    "widths": (
        60,
        {
            f"G {g}, D {d}": partial(RECIPES["mlp"], g_width=g, d_width=d)
            for g, d in ((256, 256), (512, 256), (512, 512))
        },
    ),
    "networks": (
        10,
        {name: RECIPES[name] for name in ("mlp", "lsgan", "wgan", "wgan-gp", "dragan", "vae")}
        | {
            "mlp, hinge, spectral norm": partial(
                RECIPES["mlp"], objective="hinge", spectral_norm=True
            ),
            "mlp, relativistic, R1 + R2": partial(RECIPES["mlp"], **RELATIVISTIC),
            **CONVOLUTIONAL,
            "modern, without R1 + R2": partial(RECIPES["modern"], penalty="none"),
            "sngan": RECIPES["sngan"],
        },
    ),
    "precision": (
        10,
        {
            f"{name}, {precision}": partial(make, precision=precision)
            for name, make in ({"mlp": RECIPES["mlp"]} | CONVOLUTIONAL).items()
            for precision in ("float32", "bfloat16")
        },
    ),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("group", nargs="?", default="widths", choices=GROUPS)
    parser.add_argument("--threads", type=int, default=0)
    options = parser.parse_args()
    threads, cpu = device.prepare_cpu(options.threads), torch.device("cpu")
    dataset = data.load("mnist")
    steps, settings = GROUPS[options.group]
    games = {}
    for label, make in settings.items():
        config = make(device="cpu", threads=threads)
        orders = [("", None)]
        if options.group == "precision" and "mlp" not in label:
            orders.append((", channels apart", torch.contiguous_format))
        for what, order in orders:
            training = build.training_of(config, dataset, cpu)
            for player in training.game.players.values():
                if order is not None:
                    player.network.to(memory_format=order)
            games[label + what] = (training, build.batches_of(config, dataset, cpu), config)
    times: dict[str, list[float]] = {label: [] for label in games}
    for _ in range(ROUNDS):
        for label, (training, batches, config) in games.items():
            started = time.perf_counter()
            for _ in range(steps):
                iterate(training, batches, End(config.steps or 100))
            times[label].append((time.perf_counter() - started) / steps * 1000)
    for label, values in times.items():
        print(f"{label}: {median(values):.2f} ms")
    print(machine())


if __name__ == "__main__":
    main()
