"""The cost of each of several processes: its memory, and what it reads and draws per step.

    GLOO_SOCKET_IFNAME=lo python benchmarks/ranks.py

Trains MLPs of 64 units on memory-mapped random images of 3 × 32 × 32 with 1, 2, 4 and 8 processes
(gloo, one thread each): first with one minibatch that the processes share out, whatever their
number, then with as many images for each process. Every figure is the largest of all processes:

    at rest       RssAnon before the first step, in MiB
    private       RssAnon at its most during the steps, looked at every 2 ms, in MiB
    resident      VmHWM of the steps (its mark is reset before the first), in MiB: this counts the
                  pages of libraries and of the mapped file too, which processes share
    read          bytes of images that Batches takes from the data in a step, in KiB: the size of
                  what indexing the data returned
    z drawn       bytes of z that the noise's distribution returns in a step, in KiB
    processor     user and system time of a step, the median, in ms
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import replace
from pathlib import Path
from statistics import median

import torch

from machine import machine
from million import write

COLUMNS = ("at rest", "private", "resident", "read", "z drawn", "processor")
COUNTS = (1, 2, 4, 8)


class Counted(torch.Tensor):
    """Data that counts the bytes that are read of it."""

    bytes_read = 0

    def __getitem__(self, rows: torch.Tensor) -> torch.Tensor:
        values = self.as_subclass(torch.Tensor)[rows]
        Counted.bytes_read += values.nbytes
        return values


def status(name: str) -> float:
    """A size in MiB that Linux states of this process."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith(name)).split()[1]) / 1024


class Peak(threading.Thread):
    """Looks at RssAnon every 2 ms until it is stopped."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.most, self.stopped = 0.0, threading.Event()

    def run(self) -> None:
        while not self.stopped.wait(0.002):
            self.most = max(self.most, status("RssAnon"))


def measure(path: str, batch_size: int, steps: int) -> None:
    """Train as one of the processes that torchrun started; print a line of JSON."""
    from forgery import randomness, recipes
    from forgery.build import batches_of, on_this_machine, training_of
    from forgery.data import arrays
    from forgery.parts import data_of
    from forgery.training import device, loop, parallel
    from forgery.training.end import End

    arrays.LARGE = 0  # so that a small file is mapped as a large one is
    drawn, normal = 0, randomness.NOISES["normal"]

    def counted_normal(*arguments):
        nonlocal drawn
        z = normal(*arguments)
        drawn += z.nbytes
        return z

    randomness.NOISES["normal"] = counted_normal
    small = {"g_width": 64, "d_width": 64, "batch_size": batch_size, "steps": steps}
    config, where = on_this_machine(recipes.mlp(data=path, device="cpu", threads=1, **small))
    device.prepare_cpu(config.threads)
    images = data_of(config)
    assert images.mapping is not None
    images = replace(images, values=images.values.as_subclass(Counted))
    with parallel.joined() as ranks:
        training = training_of(config, images, where, ranks)
        batches = batches_of(config, images, where, ranks=ranks)
        Counted.bytes_read, at_rest, times, peak = 0, status("RssAnon"), [], Peak()
        Path("/proc/self/clear_refs").write_text("5")  # VmHWM begins anew
        peak.start()
        for _ in range(steps):
            start = time.process_time()
            loop.iterate(training, batches, End(steps))
            times.append(1000 * (time.process_time() - start))
        peak.stopped.set()
        memory = [at_rest, peak.most, status("VmHWM")]
        per_step = [Counted.bytes_read / steps / 1024, drawn / steps / 1024]
        # One write: the lines of several processes go into one pipe.
        os.write(1, (json.dumps([*memory, *per_step, median(times)]) + "\n").encode())


def launch(count: int, path: Path, batch_size: int, steps: int) -> list[float]:
    """The largest of each figure over so many processes."""
    local = ["--standalone", "--local-addr", "127.0.0.1", "--nproc-per-node", str(count)]
    told = ["--measure", str(path), str(batch_size), "--steps", str(steps)]
    done = subprocess.run(
        [sys.executable, "-m", "torch.distributed.run", *local, __file__, *told],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
    )
    if done.returncode:
        sys.exit(done.stderr)
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(lines) == count
    return [max(column) for column in zip(*lines, strict=True)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=50_000, help="a multiple of 10,000")
    parser.add_argument("--batch-size", type=int, default=4096, help="of the first table")
    parser.add_argument("--rows", type=int, default=512, help="a process's, in the second table")
    parser.add_argument("--steps", type=int, default=10)
    parser.add_argument("--measure", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        path, batch_size = options.measure
        measure(path, int(batch_size), options.steps)
        return
    torch.set_num_threads(1)
    print(f"{machine()}, {os.cpu_count()} cores; {options.images:,} images, {options.steps} steps")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "images.npy"
        write(path, options.images)
        tables = {
            f"One minibatch of {options.batch_size:,}": [options.batch_size] * len(COUNTS),
            f"{options.rows} images for each process": [options.rows * n for n in COUNTS],
        }
        for title, batch_sizes in tables.items():
            print(f"\n{title}\n\n| processes | minibatch | {' | '.join(COLUMNS)} |")
            print("|---" * (2 + len(COLUMNS)) + "|")
            for count, batch_size in zip(COUNTS, batch_sizes, strict=True):
                figures = launch(count, path, batch_size, options.steps)
                cells = " | ".join(f"{figure:,.0f}" for figure in figures)
                print(f"| {count} | {batch_size:,} | {cells} |", flush=True)


if __name__ == "__main__":
    main()
