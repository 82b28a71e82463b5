"""The recipe ``conditional``: its way of telling the class, chosen on validation images; scores.

    python benchmarks/conditional.py choose --out FILE [--seeds 0 1 2] [--threads 1]
    python benchmarks/conditional.py measure --out FILE [--seeds 0 1 2] [--threads 1]

``choose`` trains each way for 2,500 steps on the first 50,000 of MNIST's training images and scores
10,000 samples against the other 10,000; the test images are not looked at. ``measure`` trains the
recipe as it is, on all of them, and scores it against the test images. One JSON line a score.
"""

import argparse
import json
from pathlib import Path
from typing import Any

import torch

from forgery.training import device as devices
from quality_over_time import Judge, run_forgery

WAYS = ("projection", "concat", "auxiliary")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("part", choices=["choose", "measure"])
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--threads", type=int, default=0)
    options = parser.parse_args()
    machine = {"device": "cpu", "threads": devices.prepare_cpu(options.threads)}
    choosing = options.part == "choose"
    judge = Judge(torch.device("cpu"), neighbours=False, split="valid10k" if choosing else "test")

    def keep(line: dict[str, Any]) -> None:
        with open(options.out, "a") as file:
            file.write(json.dumps({"part": options.part} | line) + "\n")

    for seed in options.seeds:
        if choosing:
            for way in WAYS:
                changes = {"conditional": way, "split": "train50k", "seed": seed} | machine
                run_forgery("conditional", 2_500, 2_500, changes, judge, keep)
        else:  # 20 epochs of 600 minibatches
            run_forgery("conditional", 12_000, 12_000, {"seed": seed} | machine, judge, keep)


if __name__ == "__main__":
    main()
