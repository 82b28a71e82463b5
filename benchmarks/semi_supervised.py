"""D as a classifier: its error, and what it reaches on the labelled images alone.

    python benchmarks/semi_supervised.py --out FILE [--seeds 0 1 2] [field=value …]

Trains D of the recipe ``semi-supervised`` on the recipe's labelled images, without a GAN, for each
learning rate and weight decay of a list, and states its error on valid10k, by which settings and
the step to stop at are chosen, and on test. One JSON line a step. D in a GAN is in the generated
table (``tables.py --only hundred-labels``).
"""

import argparse
import ast
import json
import time
from collections.abc import Callable
from itertools import product
from pathlib import Path
from typing import Any

import torch
from torch import nn

from forgery import build, data, randomness, recipes
from forgery.config import Config
from forgery.training import device as devices
from forgery.training.terms import LabelledLoss

LEARNING_RATES = (3e-3, 1e-3)
WEIGHT_DECAYS = (0.0, 0.1)
PLAIN_STEPS, PLAIN_EVERY = 500, 50

Keep = Callable[[dict[str, Any]], None]


def plain(config: Config, held_outs: list[data.Dataset], keep: Keep) -> None:
    """Train the recipe's initial D on the recipe's labelled minibatches alone."""
    dataset = data.load(config.data, config.split)
    for rate, decay in product(LEARNING_RATES, WEIGHT_DECAYS):
        training = build.training_of(config, dataset, torch.device("cpu"))
        network = training.game.discriminator.network
        labelled = next(t.draw for t in training.game.terms if isinstance(t, LabelledLoss))
        optimiser = torch.optim.AdamW(
            network.parameters(), rate, betas=(config.beta1, config.beta2), weight_decay=decay
        )
        for step in range(1, PLAIN_STEPS + 1):
            randomness.seed_step(config.seed, step, torch.device("cpu"))
            x, y = labelled()
            optimiser.zero_grad()
            network.class_losses(network.look(x)[1], y).mean().backward()
            optimiser.step()
            if step % PLAIN_EVERY == 0:
                errors = {h.name: error(network, h) for h in held_outs}
                keep({"rate": rate, "decay": decay, "step": step} | errors)
                network.train()


@torch.no_grad()
def error(network: nn.Module, held_out: data.Dataset) -> float:
    """The share of images that the network misclassifies."""
    network.eval()
    parts = zip(held_out.values.split(500), held_out.labels.split(500), strict=True)
    wrong = sum((network.predict(held_out.to_model(x)) != y).sum().item() for x, y in parts)
    return wrong / len(held_out)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--threads", type=int, default=0)
    parser.add_argument("changes", nargs="*", help="field=value")
    options = parser.parse_intermixed_args()
    threads = devices.prepare_cpu(options.threads)
    changes = dict(change.split("=", 1) for change in options.changes)
    changes = {name: value(text) for name, text in changes.items()} | {"split": "train50k"}
    held_outs = [data.load("mnist", split) for split in ("valid10k", "test")]
    for seed in options.seeds:
        config = recipes.semi_supervised().replace(
            **changes, seed=seed, device="cpu", threads=threads
        )
        started = time.perf_counter()

        def keep(line: dict[str, Any], seed: int = seed, started: float = started) -> None:
            facts = {**changes, "seed": seed, "threads": threads}
            seconds = round(time.perf_counter() - started, 1)
            with open(options.out, "a") as file:
                file.write(json.dumps(facts | line | {"seconds": seconds}) + "\n")

        plain(config, held_outs, keep)


def value(text: str) -> Any:
    """A setting's value as it was typed."""
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return text


if __name__ == "__main__":
    main()
