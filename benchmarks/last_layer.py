"""DCGAN's last layer on a CPU: its forward pass by torch's own kernel, as it is, and by oneDNN.

    python benchmarks/last_layer.py [--rounds 9] [--threads 0]

The two take turns: the layer alone, forward and backward, and whole steps of ``--recipe dcgan``.
"""

import argparse
import time
from collections.abc import Callable
from statistics import median

import torch
from torch import nn

from forgery import build, parts, recipes
from forgery.models.dcgan import Upsample
from forgery.training import device, loop
from forgery.training.end import End
from machine import machine


def milliseconds(run: Callable[[], object], times: int) -> float:
    started = time.perf_counter()
    for _ in range(times):
        run()
    return 1000 * (time.perf_counter() - started) / times


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--threads", type=int, default=0)
    options = parser.parse_args()
    threads, cpu = device.prepare_cpu(options.threads), torch.device("cpu")
    config = recipes.dcgan(device="cpu", threads=threads)
    data = parts.data_of(config)
    training, batches = build.training_of(config, data, cpu), build.batches_of(config, data, cpu)
    layer = Upsample(config.g_width, 1).to(memory_format=torch.channels_last)
    x = torch.randn(config.batch_size, config.g_width, 14, 14)
    x = x.to(memory_format=torch.channels_last).requires_grad_()
    kernels = {"torch's own": Upsample.forward, "oneDNN": nn.ConvTranspose2d.forward}
    tasks: dict[str, tuple[Callable[[], object], int]] = {
        "layer, forward": (lambda: layer(x), 5),
        "layer, forward and backward": (lambda: layer(x).sum().backward(), 5),
        "step of dcgan": (lambda: loop.iterate(training, batches, End(1_000_000)), 5),
    }
    found: dict[tuple[str, str], list[float]] = {(t, k): [] for t in tasks for k in kernels}
    for _ in range(options.rounds):
        for kernel, forward in kernels.items():
            Upsample.forward = forward  # type: ignore[method-assign]
            for task, (run, times) in tasks.items():
                found[task, kernel].append(milliseconds(run, times))
    print(machine(cpu))
    for task in tasks:
        ours, theirs = (found[task, kernel] for kernel in kernels)
        ratio = median(b / a for a, b in zip(ours, theirs, strict=True))
        print(f"{task}: {median(ours):.2f} ms, oneDNN {median(theirs):.2f} ms, ratio {ratio:.2f}")


if __name__ == "__main__":
    main()
