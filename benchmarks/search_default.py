"""The search behind the default recipe: settings of ``mlp``, chosen on validation images.

    python benchmarks/search_default.py --out FILE [--steps 30000] [--every 6000] [--seeds 0]
        [--threads 1] [NAME …]

Each candidate trains on the first 50,000 of MNIST's training images and is scored against the
other 10,000; the test images are not looked at. One JSON line a score is added to FILE; a candidate
and seed that it holds in full is not run again, so that a search that was stopped goes on.
"""

import argparse
import json
from pathlib import Path
from typing import Any

import torch

from forgery.training import device as devices
from quality_over_time import Judge, run_forgery

#: Learning rates that fall to a twentieth over the run.
FALLING = {"learning_rate_final": 0.05, "burn_in": 1.0, "burn_in_shape": "linear"}
#: Name → what differs from Adam 1e-3, β1 = 0, EMA .999, width 256, non-saturating.
CANDIDATES: dict[str, dict[str, Any]] = {
    "base": {},
    "decay": {"learning_rate_decay": 1.00005},
    "ema": {"ema": 0.9998},
    "slow D": {"d_learning_rate": 5e-4},
    "slow G": {"g_learning_rate": 5e-4},
    "wide D": {"d_width": 512},
    "wide G": {"g_width": 512},
    "wide": {"g_width": 512, "d_width": 512},
    "wider G": {"g_width": 1024},
    "wider": {"g_width": 1024, "d_width": 512},
    "deep G": {"g_depth": 3},
    "relativistic": {"objective": "relativistic"},
    "r1 .1": {"penalty": "r1", "penalty_weight": 0.1},
    "r1 1": {"penalty": "r1", "penalty_weight": 1.0},
    "relativistic r1+r2 .1": {
        "objective": "relativistic",
        "penalty": "r1+r2",
        "penalty_weight": 0.1,
    },
    "beta2 .99": {"beta2": 0.99},
    "batch 200": {"batch_size": 200},
    "latent 32": {"latent": 32},
    "wide G, noisy D": {
        "g_width": 512,
        "discriminator": "mlp-noisy",
        "d_width": 512,
        "d_depth": 2,
    },
    "wide G, rates to 5 %": {"g_width": 512, **FALLING},
    "wide, rates to 5 %, ema": {"g_width": 512, "d_width": 512, "ema": 0.9998, **FALLING},
    "wide G, codes": {"g_width": 512, "conditional": "infogan", "codes": 10},
    "wide G, pack 2": {"g_width": 512, "pack": 2},
    "wide G, ADA": {"g_width": 512, "augment": "adaptive"},
}


def finished(out: Path, name: str, seed: int, steps: int) -> bool:
    lines = out.read_text().splitlines() if out.exists() else []
    return any(
        (line["candidate"], line["seed"], line["step"]) == (name, seed, steps)
        for line in map(json.loads, lines)
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", help="candidates; all of them if none is named")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--steps", type=int, default=30_000)
    parser.add_argument("--every", type=int, default=6_000)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--threads", type=int, default=0)
    options = parser.parse_intermixed_args()
    threads = devices.prepare_cpu(options.threads)
    judge = Judge(torch.device("cpu"), neighbours=True, split="valid10k")
    for seed in options.seeds:
        for name in options.names or CANDIDATES:
            if finished(options.out, name, seed, options.steps):
                continue

            def keep(line: dict[str, Any], name: str = name) -> None:
                with open(options.out, "a") as file:
                    file.write(json.dumps({"candidate": name} | line) + "\n")

            machine = {"device": "cpu", "threads": threads, "seed": seed}
            changes = {"split": "train50k", "g_width": 256} | CANDIDATES[name] | machine
            run_forgery("mlp", options.steps, options.every, changes, judge, keep)


if __name__ == "__main__":
    main()
