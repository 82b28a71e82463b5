"""The search behind the recipe ``points``: settings against known densities.

    python benchmarks/search_points.py [--steps 6000] [--seeds 0 1] [NAME …]

Every candidate trains on every density; one JSON line each with JSD, KL and modes of 10,000 samples
by the grid that reports use, and the seconds that it took.
"""

import argparse
import json
import time
from typing import Any

import torch

from forgery import build, data, randomness, recipes
from forgery.evaluation import KnownDensity
from forgery.training import device as devices
from forgery.training.end import End
from forgery.training.loop import iterate

DATA = ("ring8", "grid25", "moons", "swissroll", "disjoint", "line")

#: Name → what differs from relativistic pairing, r1+r2 with γ .1, 2 × 128, Adam 1e-3, β1 0.
CANDIDATES: dict[str, dict[str, Any]] = {
    "r1+r2 .1": {},
    "r1+r2 .01": {"penalty_weight": 0.01},
    "r1+r2 .001": {"penalty_weight": 0.001},
    "no penalty": {"penalty": "none"},
    "r1+r2 .01, depth 3": {"penalty_weight": 0.01, "g_depth": 3, "d_depth": 3},
    "r1+r2 .001, depth 3": {"penalty_weight": 0.001, "g_depth": 3, "d_depth": 3},
    "non-saturating r1 .01": {
        "objective": "non-saturating",
        "penalty": "r1",
        "penalty_weight": 0.01,
    },
    "r1+r2 .1, latent 8": {"latent": 8},
    "r1+r2 .1, latent 16": {"latent": 16},
    "r1+r2 .1, latent 16, depth 3": {"latent": 16, "g_depth": 3, "d_depth": 3},
    "r1+r2 .02, latent 16, depth 3": {
        "penalty_weight": 0.02,
        "latent": 16,
        "g_depth": 3,
        "d_depth": 3,
    },
    "r1+r2 .1, latent 8, depth 3": {"latent": 8, "g_depth": 3, "d_depth": 3},
    "r1+r2 .1, latent 8, β1 .5": {"latent": 8, "beta1": 0.5},
    "r1+r2 .02, latent 8, depth 3, β1 .5": {
        "penalty_weight": 0.02,
        "latent": 8,
        "g_depth": 3,
        "d_depth": 3,
        "beta1": 0.5,
    },
    "no penalty, latent 8, depth 3": {
        "penalty": "none",
        "latent": 8,
        "g_depth": 3,
        "d_depth": 3,
    },
    "r1+r2 .1, latent 2, decay": {"latent": 2, "learning_rate_decay": 1.0003},
    "r1+r2 .1, slow decay": {"latent": 2, "learning_rate_decay": 1.0001},
    "r1+r2 .1, latent 4, decay": {"latent": 4, "learning_rate_decay": 1.0003},
    "r1+r2 .1, latent 8, decay": {"latent": 8, "learning_rate_decay": 1.0003},
    "r1+r2 .02, latent 8, decay": {
        "latent": 8,
        "learning_rate_decay": 1.0003,
        "penalty_weight": 0.02,
    },
    "non-saturating, r1 .1, latent 8, decay": {
        "objective": "non-saturating",
        "penalty": "r1",
        "latent": 8,
        "learning_rate_decay": 1.0003,
    },
    "r1+r2 .1, batch 512, no average": {"batch_size": 512, "ema": 0.0},
    "r1+r2 .1, β1 .5": {"beta1": 0.5},
    "non-saturating, no penalty, β1 .5": {
        "objective": "non-saturating",
        "penalty": "none",
        "beta1": 0.5,
    },
    "non-saturating, no penalty": {"objective": "non-saturating", "penalty": "none"},
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*")
    parser.add_argument("--steps", type=int, default=6_000)
    parser.add_argument("--data", nargs="+", default=DATA)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    options = parser.parse_intermixed_args()
    threads, cpu = devices.prepare_cpu(1), torch.device("cpu")
    for name in options.names or CANDIDATES:
        for source in options.data:
            dataset = data.load(source)
            assert dataset.density is not None
            known = KnownDensity(dataset.density)
            for seed in options.seeds:
                config = recipes.points(data=source, seed=seed, threads=threads)
                config = config.replace(**CANDIDATES[name])
                training = build.training_of(config, dataset, cpu)
                batches = build.batches_of(config, dataset, cpu)
                started = time.perf_counter()
                for _ in range(options.steps):
                    iterate(training, batches, End(config.steps or 100))
                z = randomness.fixed_noise(config.noise, 10_000, config.latent, seed)
                line = {"candidate": name, "data": source, "seed": seed, "steps": options.steps}
                line |= known.scores(training.draw(z))
                line["seconds"] = round(time.perf_counter() - started, 1)
                print(json.dumps(line), flush=True)


if __name__ == "__main__":
    main()
