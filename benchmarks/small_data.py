"""What augmentation does for a GAN that sees 500 digits.

    python benchmarks/small_data.py [--out FILE] [--steps 8000] [--every 2000] [--seeds 0]
        [--test] [--pictures FOLDER] [--threads 1] [NAME …]

Each candidate trains on a stratified 500 of MNIST's training images. It is scored by 10,000 samples
against the 10,000 validation images (``valid10k``), by which settings are chosen; with ``--test``,
after the last step, against the test images as well, with precision and recall. Digits are never
mirrored: a mirrored 3 is no digit. One JSON line a score is added to FILE; a candidate and seed
that it holds in full is not run again, so that a run of this program that was stopped goes on. With
``--pictures`` the first 64 samples of the last step are kept as NAME-SEED.png.
"""

import argparse
import json
from pathlib import Path
from typing import Any

import torch

from forgery import plots
from forgery.augmentations import AUGMENTATIONS
from forgery.training import device as devices
from quality_over_time import Judge, run_forgery

LIMIT = 500
CONVOLUTIONS = {"generator": "dcgan", "discriminator": "dcgan", "g_width": 16, "d_width": 16}

#: Name → what differs from the recipe ``mlp`` on 500 digits.
CANDIDATES: dict[str, dict[str, Any]] = {
    **{name: {"augment": name} for name in AUGMENTATIONS},
    **{
        f"{name}, target {target}": {"augment": name, "augment_target": target}
        for name in ("adaptive", "adaptive-geometry")
        for target in (0.4, 0.3)
    },
    "none, convolutions": CONVOLUTIONS,
    **{
        f"{name}, convolutions": CONVOLUTIONS | {"augment": name}
        for name in ("diffaugment", "translation-cutout", "adaptive")
    },
}


def finished(out: Path, name: str, seed: int, steps: int, test: bool) -> bool:
    lines = out.read_text().splitlines() if out.exists() else []
    return any(
        (line["candidate"], line["seed"], line["step"]) == (name, seed, steps)
        and ("test_frechet" in line or not test)
        for line in map(json.loads, lines)
    )


def measure(
    name: str, seed: int, options: argparse.Namespace, validation: Judge, test: Judge | None
) -> None:
    """Train a candidate with a seed; add its scores to the file."""
    left = options.steps // options.every

    def judge(images: torch.Tensor, labels: torch.Tensor | None = None) -> dict[str, float]:
        nonlocal left
        left -= 1
        if options.pictures and not left:
            options.pictures.mkdir(parents=True, exist_ok=True)
            plots.grid(images[:64]).save(options.pictures / f"{name}-{seed}.png")
        scores = test(images) if test and not left else {}
        return validation(images) | {f"test_{k}": v for k, v in scores.items()}

    def keep(line: dict[str, Any]) -> None:
        with open(options.out, "a") as file:
            file.write(json.dumps({"candidate": name} | line) + "\n")

    machine = {"device": "cpu", "threads": torch.get_num_threads(), "seed": seed}
    changes = {"split": "train50k", "limit": LIMIT} | CANDIDATES[name] | machine
    run_forgery("mlp", options.steps, options.every, changes, judge, keep)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", help="candidates; all of them if none is named")
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results/small_data.jsonl"))
    parser.add_argument("--steps", type=int, default=8_000)
    parser.add_argument("--every", type=int, default=2_000)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--test", action="store_true", help="score against the test images too")
    parser.add_argument("--pictures", type=Path)
    parser.add_argument("--threads", type=int, default=0)
    options = parser.parse_intermixed_args()
    devices.prepare_cpu(options.threads)
    cpu = torch.device("cpu")
    validation = Judge(cpu, neighbours=False, split="valid10k")
    test = Judge(cpu, neighbours=True) if options.test else None
    for seed in options.seeds:
        for name in options.names or CANDIDATES:
            if not finished(options.out, name, seed, options.steps, options.test):
                measure(name, seed, options, validation, test)


if __name__ == "__main__":
    main()
