"""How well InfoGAN's code, which no label has taught, tells the digits apart.

    python benchmarks/infogan.py --out FILE [--steps 6000] [--every 2000] [--seeds 0 1 2]
        [--split train50k] [--against valid10k] [--picture PNG] [field=value …]

Trains the default's MLPs with ten codes, and states every so often, with the best one-to-one match
of codes and digits: how many of 5,000 samples the bundled classifier takes for their code's digit,
and how many images of a split D's code tells right. ``--picture`` draws, of the last seed, one code
a column; the first continuous code, if there is one, grows from row to row. One JSON line a score.
"""

import argparse
import json
from pathlib import Path
from typing import Any

import torch

from forgery import data, metrics, plots, randomness, recipes
from forgery.extractors import load_digit_classifier
from forgery.model import Model
from forgery.pixels import to_pixels
from forgery.training import device as devices
from quality_over_time import trained
from semi_supervised import value

SAMPLES, ROWS = 5_000, 10


def scores(model: Model, held_out: data.Dataset) -> dict[str, Any]:
    images, codes = model.sample(SAMPLES, seed=1), model.labels(SAMPLES, seed=1)
    digits = load_digit_classifier().features_and_logits(to_pixels(images))[1].argmax(1)
    told = model.classify(held_out.to_model(held_out.values))
    return {
        "code_right": metrics.matched_accuracy(codes, digits),
        "clustered_right": metrics.matched_accuracy(told, held_out.labels),
        "histogram": metrics.class_histogram(digits, 10).tolist(),
    }


def draw(model: Model, path: Path) -> None:
    """One code a column; the same z in all, but for its first dimension, which grows downwards."""
    columns = len(model.classes)
    z = randomness.fixed_noise(model.config.noise, 1, model.config.latent, 0)
    z = z.repeat(ROWS * columns, 1)
    # Codes of U(-√3, √3), to its ends: unit variance.
    z[:, 0] = torch.linspace(-(3**0.5), 3**0.5, ROWS).repeat_interleave(columns)
    with torch.no_grad():
        images = model.generator(z, torch.arange(columns).repeat(ROWS))
    plots.grid(images, columns).save(path)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--steps", type=int, default=6_000)
    parser.add_argument("--every", type=int, default=2_000)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--split", default="train50k")
    parser.add_argument("--against", default="valid10k")
    parser.add_argument("--picture", type=Path)
    parser.add_argument("--threads", type=int, default=0)
    parser.add_argument("changes", nargs="*", help="field=value")
    options = parser.parse_intermixed_args()
    threads = devices.prepare_cpu(options.threads)
    held_out = data.load("mnist", options.against)
    changes = dict(change.split("=", 1) for change in options.changes)
    changes = {name: value(text) for name, text in changes.items()} | {"split": options.split}
    codes = {"conditional": "infogan", "continuous": 0, "noise": "uniform"}
    for seed in options.seeds:
        config = recipes.mlp(**codes | changes, seed=seed, device="cpu", threads=threads)
        for step, model in trained(config, options.steps, options.every):
            facts = {**changes, "seed": seed, "threads": threads, "step": step}
            with open(options.out, "a") as file:
                line = facts | {"against": held_out.name} | scores(model, held_out)
                file.write(json.dumps(line) + "\n")
        if options.picture:
            draw(model, options.picture)


if __name__ == "__main__":
    main()
