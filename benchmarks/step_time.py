"""Milliseconds a step of the default recipe at several widths, in turns; the median of the rounds.

python benchmarks/step_time.py
"""

import time
from statistics import median

import torch

from forgery import build, data, recipes
from forgery.training import device
from forgery.training.loop import iterate
from machine import machine

WIDTHS = ((256, 256), (512, 256), (512, 512))
ROUNDS, STEPS = 5, 60


def main() -> None:
    threads, cpu = device.prepare_cpu(0), torch.device("cpu")
    dataset = data.load("mnist")
    times: dict[tuple[int, int], list[float]] = {widths: [] for widths in WIDTHS}
    games = {}
    for g, d in WIDTHS:
        config = recipes.mlp(g_width=g, d_width=d, device="cpu", threads=threads)
        training = build.training_of(config, dataset, cpu)
        games[g, d] = (training, build.batches_of(config, dataset, cpu), config)
    for _ in range(ROUNDS):
        for widths, (training, batches, config) in games.items():
            started = time.perf_counter()
            for _ in range(STEPS):
                iterate(training, batches.__getitem__, batches.per_epoch, config)
            times[widths].append((time.perf_counter() - started) / STEPS * 1000)
    for (g, d), values in times.items():
        print(f"G {g}, D {d}: {median(values):.2f} ms")
    print(machine())


if __name__ == "__main__":
    main()
