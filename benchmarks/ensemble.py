"""What many seeds in one program cost, in multiples of one.

    python benchmarks/ensemble.py [--members 10] [--rounds 7] [--device cpu] [--threads 0]

One step of a single game (the plain networks, not an ensemble of one) and one step of the ensemble
are timed in turns, and the median of the rounds' ratios is printed: for small networks (2 × 128
each), which are bound by the cost of starting operations, and for the bench's own (recipe
``pacgan``), which are bound by arithmetic. Beside them what the ensemble's matrix products alone
take, in the same turns: no program can be faster.
"""

import argparse
import json
import time
from collections.abc import Callable
from statistics import median

import torch
from torch import nn

from forgery import build, data, recipes
from forgery.config import Config
from forgery.training import device as devices
from forgery.training.end import End
from forgery.training.ensemble import Ensemble
from forgery.training.loop import iterate
from forgery.training.state import Training
from machine import machine

SETTINGS = {
    "small, 2 × 128 each": recipes.points(
        objective="non-saturating", penalty="none", ema=0.0, batch_size=100
    ),
    "the protocol's": recipes.pacgan(),
}


def step_of(config: Config, seeds: list[int] | None, where: torch.device) -> Callable[[], None]:
    """One iteration of Algorithm 1: of one game, or of an ensemble of seeds."""
    dataset = data.load("ring8").to(where)
    training = (
        build.training_of(config, dataset, where)
        if seeds is None
        else build.ensemble_of(config, seeds, dataset, where)
    )
    batches = build.batches_of(config, dataset, where, seeds)
    return lambda: iterate(training, batches, End(config.steps or 100))


def products_of(config: Config, seeds: list[int], where: torch.device) -> Callable[[], None]:
    """The matrix products of an ensemble's step: those of each layer, forward and backward.

    D sees real and fake samples in one pass and sends gradients into its weights and, but for its
    first layer, its input; then into its input alone for G. A simultaneous step is one such pass of
    both.
    """
    training: Training = build.ensemble_of(config, seeds, data.load("ring8"), where)
    m, simultaneous = config.batch_size, config.updates == "simultaneous"
    products: list[tuple[torch.Tensor, torch.Tensor]] = []

    def layers(network: nn.Module) -> list[tuple[int, int]]:
        assert isinstance(network, Ensemble)
        shapes = [p.shape for p in network.parameters() if p.dim() == 3]
        return [(int(shape[1]), int(shape[2])) for shape in shapes]

    def multiply(rows: int, inner: int, columns: int) -> None:
        size = len(seeds)
        products.append(
            (
                torch.randn(size, rows, inner, device=where),
                torch.randn(size, inner, columns, device=where),
            )
        )

    def forward(network: nn.Module, rows: int) -> None:
        for inputs, outputs in layers(network):
            multiply(rows, inputs, outputs)

    def backward(network: nn.Module, rows: int, weights: bool, into_input: bool) -> None:
        for i, (inputs, outputs) in enumerate(layers(network)):
            if weights:
                multiply(inputs, rows, outputs)
            if into_input or i > 0:
                multiply(rows, outputs, inputs)

    g, d = training.game.generator.network, training.game.discriminator.network
    forward(g, m)
    forward(d, 2 * m)
    backward(d, 2 * m, weights=True, into_input=False)
    if not simultaneous:  # G's own step, on fresh noise
        forward(g, m)
        forward(d, m)
    backward(d, 2 * m if simultaneous else m, weights=False, into_input=True)
    backward(g, m, weights=True, into_input=False)

    def run() -> None:
        for a, b in products:
            torch.bmm(a, b)

    return run


def milliseconds(step: Callable[[], None], n: int, where: torch.device) -> float:
    def wait() -> None:
        if where.type == "cuda":
            torch.cuda.synchronize()

    wait()
    started = time.perf_counter()
    for _ in range(n):
        step()
    wait()
    return (time.perf_counter() - started) / n * 1000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--members", type=int, nargs="+", default=[10])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--threads", type=int, default=0)
    options = parser.parse_args()
    where = devices.choose(options.device)
    threads = devices.prepare_cpu(options.threads)
    for name, config in SETTINGS.items():
        config = config.replace(device=str(where), threads=threads)
        n = 100 if name.startswith("small") else 15
        for members in options.members:
            seeds = list(range(members))
            steps = {
                "one": step_of(config, None, where),
                "ensemble": step_of(config, seeds, where),
                "products": products_of(config, seeds, where),
            }
            for step in steps.values():
                milliseconds(step, 5, where)
            rounds = [
                {key: milliseconds(step, n, where) for key, step in steps.items()}
                for _ in range(options.rounds)
            ]
            line = {"networks": name, "members": members, "threads": threads}
            line |= {f"{key}_ms": round(median(r[key] for r in rounds), 2) for key in steps}
            ratios = [r["ensemble"] / r["one"] for r in rounds]
            over = [r["ensemble"] / r["products"] for r in rounds]
            line |= {"times_one": round(median(ratios), 2), "over_products": round(median(over), 2)}
            print(json.dumps(line), flush=True)
    print(json.dumps({"machine": machine()}))


if __name__ == "__main__":
    main()
