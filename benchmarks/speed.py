"""Steps per second: the tutorial's program, forgery's recipes, and their matrix products alone.

    python benchmarks/speed.py [--rounds 5] [--steps 300] [--device cpu]

The two take turns, round by round, on the same networks, batch and optimiser, so that a machine
whose speed drifts treats both alike; the median of the rounds' ratios is what counts. The matrix
products that one step needs are timed alone, as the floor that no program of this kind gets under.
"""

import argparse
import json
import statistics
import time
from collections.abc import Callable

import torch

import tutorial_program
from forgery import build, parts, recipes
from forgery.training import device as devices
from forgery.training import loop
from forgery.training.end import End
from machine import machine


def forgery_steps(recipe: str, where: torch.device, threads: int) -> Callable[[int], float]:
    """What times a number of a recipe's steps; a report's one read of the totals ends them."""
    config = recipes.RECIPES[recipe](device=str(where), threads=threads)
    dataset = parts.data_of(config)
    training = build.training_of(config, dataset, where)
    batches = build.batches_of(config, dataset, where)
    end = End.of(config, batches, training.game.batches_per_step)

    def run(steps: int) -> float:
        started = time.perf_counter()
        for _ in range(steps):
            loop.iterate(training, batches, end)
        training.totals.tolist()
        return time.perf_counter() - started

    return run


def products_of_a_step(recipe: str, where: torch.device) -> Callable[[int], float]:
    """The matrix products of one step of a recipe's MLPs of two hidden layers, and nothing else."""
    config = recipes.RECIPES[recipe]()
    z, g, h, x, m = config.latent, config.g_width, config.d_width, 784, config.batch_size
    generator = [(m, z, g), (m, g, g), (m, g, x)]
    generator_weights = [(z, m, g), (g, m, g), (g, m, x)]
    generator_inputs = [(m, g, g), (m, x, g)]

    def discriminator(n: int) -> list[tuple[int, int, int]]:
        return [(n, x, h), (n, h, h), (n, h, 1)]

    shapes = [
        *generator, *discriminator(2 * m),  # D's step, forwards
        (x, 2 * m, h), (h, 2 * m, h), (h, 2 * m, 1), (2 * m, h, h), (2 * m, 1, h),  # and back
        *generator, *discriminator(m),  # G's step, forwards
        (m, 1, h), (m, h, h), (m, h, x),  # back through D, to its input
        *generator_weights, *generator_inputs,  # and into G
    ]  # fmt: skip
    pairs = [
        (torch.randn(a, b, device=where), torch.randn(b, c, device=where)) for a, b, c in shapes
    ]

    def run(steps: int) -> float:
        started = time.perf_counter()
        for _ in range(steps):
            for a, b in pairs:
                torch.mm(a, b)
        if where.type == "cuda":
            torch.cuda.synchronize()
        return time.perf_counter() - started

    return run


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=300)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--threads", type=int, default=0)
    options = parser.parse_args()
    where = devices.choose(options.device)
    threads = devices.prepare_cpu(options.threads)
    programs: dict[str, Callable[[int], float]] = {
        "tutorial's program": lambda steps: tutorial_program.train(steps, where),
        "forgery tutorial": forgery_steps("tutorial", where, threads),
        "forgery mlp": forgery_steps("mlp", where, threads),
        "products, tutorial": products_of_a_step("tutorial", where),
        "products, mlp": products_of_a_step("mlp", where),
    }
    for run in programs.values():
        run(30)  # warm up
    times = {name: [] for name in programs}
    for _ in range(options.rounds):
        for name, run in programs.items():
            times[name].append(1000 * run(options.steps) / options.steps)
    print(machine(where))
    print(f"{options.rounds} rounds of {options.steps} steps in turn; milliseconds a step")
    print(f"{'program':<20}{'median':>8}{'least':>8}{'most':>8}")
    for name, values in times.items():
        middle = statistics.median(values)
        print(f"{name:<20}{middle:8.2f}{min(values):8.2f}{max(values):8.2f}")
    ratios = {
        f"{name} / {floor}": statistics.median(
            t / f for t, f in zip(times[name], times[floor], strict=True)
        )
        for name, floor in (
            ("tutorial's program", "forgery tutorial"),
            ("forgery tutorial", "products, tutorial"),
            ("forgery mlp", "products, mlp"),
        )
    }
    for name, ratio in ratios.items():
        print(f"{name}: {ratio:.2f}, the median of the rounds' ratios")
    print(json.dumps({"milliseconds": times, "ratios": ratios}))


if __name__ == "__main__":
    main()
