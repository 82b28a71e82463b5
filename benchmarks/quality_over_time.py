"""Quality against training time of any settings: train, and stop to score every so often.

    python benchmarks/quality_over_time.py NAME [--steps N] [--every N] [--seed 0]
        [--against test] [field=value …]

NAME is a recipe or ``tutorial-program`` (the baseline). The scores are the card's: the Fréchet
distance on the bundled digit extractor, precision and recall, and the KL of the drawn classes from
the data's, from 10,000 samples against the 10,000 test images; to choose settings, train with
``split=train50k`` and score ``--against valid10k``. The time that is stated is training
time alone. One JSON line a score goes to standard output.
"""

import argparse
import ast
import json
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch

import forgery
import tutorial_program
from forgery import metrics, recipes
from forgery.config import Config
from forgery.data.mnist import mnist
from forgery.extractors import load_digit_classifier
from forgery.pixels import to_pixels
from forgery.training import checkpoint
from forgery.training import device as devices
from forgery.training.run import open_run

SAMPLES = 10_000


class Judge:
    """Scores 10,000 samples against the images of a split."""

    def __init__(self, where: torch.device, neighbours: bool, split: str = "test") -> None:
        self.extractor = load_digit_classifier().to(where)
        held_out = mnist(split)
        self.held_out = self.extractor.features(held_out.values)
        self.statistics = metrics.feature_statistics(self.held_out)
        self.labels = held_out.labels
        self.neighbours = neighbours

    def __call__(self, images: torch.Tensor, asked: torch.Tensor | None = None) -> dict[str, float]:
        features, logits = self.extractor.features_and_logits(to_pixels(images))
        distance = metrics.frechet_distance(metrics.feature_statistics(features), self.statistics)
        balance = metrics.class_balance(logits.argmax(1).cpu(), self.labels, 10)
        scores = {"frechet": distance, "class_kl": balance.kl}
        if self.neighbours:
            measured = metrics.precision_and_recall(self.held_out, features)
            scores |= {"precision": measured.precision, "recall": measured.recall}
        if asked is not None:
            scores["asked_right"] = (logits.argmax(1).cpu() == asked).double().mean().item()
        return scores


def run_forgery(
    name: str,
    steps: int,
    every: int,
    changes: dict[str, Any],
    judge: Judge,
    keep: Callable[[dict[str, Any]], None] = lambda line: print(json.dumps(line), flush=True),
) -> None:
    """Train a recipe with some changes, and score it every so often."""
    for step, model in trained(recipes.RECIPES[name](**changes), steps, every):
        seconds = checkpoint.read(model.path / "checkpoints", step).counters["seconds"]
        reports = open_run(model.path).read_metrics()
        told = [f["name"] for r in reports if r["step"] <= step for f in r["findings"]]
        line = {"name": name, **changes, "step": step, "seconds": seconds, "doctor": told}
        keep(line | judge(model.sample(SAMPLES, seed=1), model.labels(SAMPLES, seed=1)))


def trained(config: Config, steps: int, every: int) -> Iterator[tuple[int, forgery.Model]]:
    """Train once, keeping a checkpoint every so often; then (step, model) of each of them.

    One run, not one resumed again and again: what moves over a share of the run would restart.
    """
    config = config.replace(
        steps=steps,
        sample_every=10**9,
        checkpoint_every=every,
        keep_checkpoints=10**6,  # all: some are written by time, more on a busy machine
    )
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "run"
        forgery.train(config, path, progress=False)
        for step in range(every, steps + 1, every):
            yield step, forgery.load(path, step=step)


def run_baseline(steps: int, every: int, where: torch.device, judge: Judge) -> None:
    def watch(step: int, seconds: float, g: torch.nn.Module) -> None:
        with torch.no_grad():
            images = g(torch.randn(SAMPLES, tutorial_program.LATENT, device=where)).cpu()
        line = {"name": "tutorial-program", "step": step, "seconds": seconds}
        print(json.dumps(line | judge(images.view(-1, 1, 28, 28))), flush=True)

    tutorial_program.train(steps, where, every, watch)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name")
    parser.add_argument("--steps", type=int, default=12_000)
    parser.add_argument("--every", type=int, default=3_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--threads", type=int, default=0)
    parser.add_argument("--against", default="test")
    parser.add_argument("--neighbours", action="store_true", help="precision and recall too (slow)")
    parser.add_argument("changes", nargs="*", help="field=value")
    options = parser.parse_intermixed_args()
    where = devices.choose(options.device)
    threads = devices.prepare_cpu(options.threads)
    judge = Judge(where, options.neighbours, options.against)
    if options.name == "tutorial-program":
        torch.manual_seed(options.seed)
        run_baseline(options.steps, options.every, where, judge)
        return
    changes: dict[str, Any] = {"device": str(where), "seed": options.seed, "threads": threads}
    for change in options.changes:
        field, value = change.split("=", 1)
        try:
            changes[field] = ast.literal_eval(value)
        except (ValueError, SyntaxError):
            changes[field] = value
    run_forgery(options.name, options.steps, options.every, changes, judge)


if __name__ == "__main__":
    main()
