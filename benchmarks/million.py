"""A million images of 32 pixels through the memory map: resident memory, and the cost of a step.

    python benchmarks/million.py --threads 1

For 10,000 images and for 1,000,000 a .npy file is written into a temporary folder (3 GB for the
million; ten thousand random images, repeated), mapped, and trained on with the recipe ``mlp``. Each
in a process of its own: the resident memory before training and at its most, by /proc; the
processor's time of drawing a batch and of a whole step, medians. The last line is the million
without giving back what was read.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

import numpy as np

from machine import machine

SHAPE = (3, 32, 32)


def write(path: Path, n: int) -> None:
    images = np.random.default_rng(0).integers(0, 256, (10_000, *SHAPE), dtype=np.uint8)
    file = np.lib.format.open_memmap(path, mode="w+", dtype=np.uint8, shape=(n, *SHAPE))
    for start in range(0, n, len(images)):
        file[start : start + len(images)] = images
    file.flush()


def resident() -> int:
    """Bytes of this process that are in memory, mapped files among them."""
    status = Path("/proc/self/status").read_text()
    return 1024 * int(
        next(line for line in status.splitlines() if line.startswith("VmRSS")).split()[1]
    )


def measure(path: str, batches_drawn: int, steps: int, threads: int, give_back: bool) -> None:
    """Print one line of JSON."""
    from forgery import recipes
    from forgery.build import batches_of, on_this_machine, training_of
    from forgery.data import arrays, dataset
    from forgery.parts import data_of
    from forgery.training import device, loop
    from forgery.training.end import End

    arrays.LARGE = 0  # ten thousand are mapped too
    if not give_back:
        dataset.Dataset.release = lambda self: None
    config, where = on_this_machine(recipes.mlp(data=path, device="cpu", threads=threads))
    device.prepare_cpu(config.threads)
    images = data_of(config)
    training, batches = training_of(config, images, where), batches_of(config, images, where)

    def timed(work, times: int) -> float:
        taken = []
        for i in range(times):
            start = time.process_time()
            work(i)
            taken.append(time.process_time() - start)
            nonlocal most
            most = max(most, resident())
        return 1000 * median(taken)

    def step(i: int) -> None:
        loop.iterate(training, batches, End(config.steps or 100))

    before = most = resident()
    step_ms = timed(step, steps)
    batch_ms = timed(batches.__getitem__, batches_drawn)
    print(json.dumps([len(images), before / 2**20, most / 2**20, batch_ms, step_ms]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--batches", type=int, default=5000, help="drawn without training on them")
    parser.add_argument("--steps", type=int, default=50)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--measure", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        path, give_back = options.measure
        measure(path, options.batches, options.steps, options.threads, give_back == "yes")
        return
    print(f"{machine()}, {options.threads} thread(s); {options.batches} batches of 100 drawn")
    print("| images | given back | MiB before | MiB at most | batch, ms | step, ms |")
    print("|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        for n in (10_000, 1_000_000):
            path = Path(folder) / f"{n}.npy"
            write(path, n)
            for give_back in ("yes", "no") if n == 1_000_000 else ("yes",):
                told = [f"--{k}={getattr(options, k)}" for k in ("batches", "steps", "threads")]
                command = [sys.executable, __file__, *told, "--measure", str(path), give_back]
                done = subprocess.run(command, check=True, capture_output=True, text=True)
                count, before, most, batch, step = json.loads(done.stdout)
                print(
                    f"| {count:,} | {give_back} | {before:,.0f} | {most:,.0f} | {batch:.2f} "
                    f"| {step:.1f} |",
                    flush=True,
                )


if __name__ == "__main__":
    main()
