"""A step of `pictures`: its time beside `dcgan`'s, the share of the frozen network and of a tracked
distance, and memory.

    python benchmarks/pictures_step.py step DATA [--rounds 7] [--threads 1]
    python benchmarks/pictures_step.py track DATA [--image-sizes 32]
    python benchmarks/pictures_step.py memory DATA [--image-sizes 32 64]

DATA is a folder of pictures. `step` takes turns: whole steps of the recipes, and what the frozen
network costs in a step of `pictures`, which is the forward and backward pass on a minibatch of
samples (that on real pictures is computed once). `track` compares the processor's time of a
measurement of `--evaluate-every` with that of a step. `memory` compares the preflight's forecast
for the whole process with the peak of a run of 200 steps, each in a process of its own.
"""

import argparse
import subprocess
import sys
import time
from collections.abc import Callable
from statistics import median
from typing import Any

import torch

from forgery import build, parts
from forgery.config import Config
from forgery.data import Dataset
from forgery.evaluation.scorer import scorer
from forgery.projected import projection_in
from forgery.resolve import settings_from
from forgery.training import device, loop
from forgery.training.end import End
from forgery.training.state import Training
from machine import machine

RECIPES = ("pictures", "pictures-plain", "dcgan")
FORECAST = """
import sys
from forgery.preflight import preflight
from forgery.resolve import settings_from
data, recipe, size = sys.argv[1:]
print(preflight(settings_from(data, recipe, None, {"image_size": int(size)})).process)
"""
PEAK = """
import sys, tempfile
import forgery
from forgery.resources import peak_memory
data, recipe, size = sys.argv[1:]
with tempfile.TemporaryDirectory() as folder:
    forgery.train(data, folder + "/run", recipe=recipe, image_size=int(size), steps=200)
print(peak_memory())
"""


def milliseconds(run: Callable[[], object], times: int) -> float:
    started = time.perf_counter()
    for _ in range(times):
        run()
    return 1000 * (time.perf_counter() - started) / times


def prepared(
    source: str, recipe: str, size: int, threads: int, **given: Any
) -> tuple[Config, Dataset, Training, Callable[[], object]]:
    """Settings, data and the game of a recipe on the CPU, and what trains it for a step."""
    given |= {"image_size": size, "device": "cpu", "threads": threads}
    config, cpu = settings_from(source, recipe, None, given), torch.device("cpu")
    data = parts.data_of(config)
    training = build.training_of(config, data, cpu)
    batches = build.batches_of(config, data, cpu, project=training.project)
    return config, data, training, lambda: loop.iterate(training, batches, End(1_000_000))


def step(options: argparse.Namespace) -> None:
    threads = device.prepare_cpu(options.threads)
    tasks: dict[tuple[int, str], Callable[[], object]] = {}
    for size in options.image_sizes:
        for recipe in RECIPES:
            config, data, training, one = prepared(options.data, recipe, size, threads)
            tasks[size, f"{recipe}, batch {config.batch_size}"] = one
            if projection := projection_in(training.game.players["discriminator"].network):
                samples = torch.randn(config.batch_size, *data.shape).requires_grad_()

                def frozen(projection=projection, samples=samples) -> None:
                    projection(samples).sum().backward()

                tasks[size, "the frozen network in it"] = frozen
    found: dict[tuple[int, str], list[float]] = {task: [] for task in tasks}
    for _ in range(options.rounds + 1):
        for task, run in tasks.items():
            found[task].append(milliseconds(run, 5))
    print(machine(torch.device("cpu")))
    for size in options.image_sizes:
        pictures = next(task for task in tasks if task[0] == size)
        for task in tasks:
            if task[0] == size:
                times = found[task][1:]
                pairs = zip(times, found[pictures][1:], strict=True)
                ratio = median(a / b for a, b in pairs)
                print(f"{size} px | {task[1]} | {median(times):.1f} ms | {ratio:.2f} of pictures")


def track(options: argparse.Namespace) -> None:
    threads, every = device.prepare_cpu(options.threads), 600
    for size in options.image_sizes:
        config, data, training, one = prepared(
            options.data, "pictures", size, threads, evaluate_every=every
        )
        measure = scorer(config, data, build.sampler_of(config, data, training))
        measured, stepped = [], []
        for _ in range(options.rounds + 1):
            started = time.process_time()
            measure(every)
            between = time.process_time()
            for _ in range(20):
                one()
            measured.append(between - started)
            stepped.append((time.process_time() - between) / 20)
        once, a_step = median(measured[1:]), median(stepped[1:])
        print(
            f"{size} px | a measurement {once:.2f} s | a step {1000 * a_step:.1f} ms | share at "
            f"--evaluate-every {every}: {once / (once + every * a_step):.1%}"
        )


def memory(options: argparse.Namespace) -> None:
    for size in options.image_sizes:
        for recipe in RECIPES:
            forecast, peak = (
                int(
                    subprocess.run(
                        [sys.executable, "-c", program, options.data, recipe, str(size)],
                        check=True,
                        capture_output=True,
                        text=True,
                    ).stdout.split()[-1]
                )
                for program in (FORECAST, PEAK)
            )
            print(
                f"{size} px | {recipe} | forecast {forecast / 1e6:.0f} MB | peak {peak / 1e6:.0f} "
                f"MB | {forecast / peak - 1:+.0%}",
                flush=True,
            )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    verbs = parser.add_subparsers(dest="verb", required=True)
    for verb in (step, track, memory):
        arguments = verbs.add_parser(verb.__name__)
        arguments.set_defaults(run=verb)
        arguments.add_argument("data")
        arguments.add_argument("--image-sizes", nargs="+", type=int, default=[32, 64])
        arguments.add_argument("--rounds", type=int, default=7)
        arguments.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    options.run(options)


if __name__ == "__main__":
    main()
