"""Pictures of one's own: the recipes on the same pictures, for the same time, on one core each.

    python benchmarks/pictures.py emoji PACKAGE OUT    make the set from the npm package, and beside
                                                       it a classifier of the emoji's categories
    python benchmarks/pictures.py run OUT --arms pictures pictures-plain dcgan --seeds 0 1 2
    python benchmarks/pictures.py table

PACKAGE is the unpacked folder of emoji-datasource-google 16.0.0 (images Apache-2.0). Variants of
one emoji, such as its skin tones, are in the same split, so that held-out pictures are new ones.
Each run's score card and its circumstances are a line of benchmarks/results/pictures.jsonl; the
tables of docs/pictures.md are made of these lines.
"""

import argparse
import hashlib
import json
import shutil
import tempfile
from pathlib import Path
from statistics import mean, stdev

import torch

import forgery
from forgery import recipes
from forgery.data import ImageSettings
from forgery.evaluation import train_extractor
from forgery.resolve import settings_from
from forgery.training.device import describe

RESULTS = Path(__file__).parent / "results" / "pictures.jsonl"
HELD_OUT = 0.14
#: Parts of names by which variants of one emoji differ.
PREFIXES = ("man-", "woman-", "male-", "female-", "man_", "woman_", "person_", "person-", "older_")
SUFFIXES = ("_man", "_woman", "-man", "-woman", "_person")

#: Arm → changes of the recipe of the same name, or of the recipe given first.
ARMS: dict[str, tuple[str, dict[str, object]]] = {
    "pictures": ("pictures", {}),
    "pictures-plain": ("pictures-plain", {}),
    "dcgan": ("dcgan", {}),
    "dcgan, faster": (
        "dcgan",
        {"g_learning_rate": 1e-3, "d_learning_rate": 1e-3, "beta1": 0.0, "beta2": 0.99,
         "ema": 0.999, "batch_size": 32},
    ),
}  # fmt: skip


def make_emoji(package: Path, out: Path) -> None:
    """Write ``out/train`` and ``out/test``, and a classifier of the categories beside ``out``."""
    facts = {}
    for emoji in json.loads((package / "emoji.json").read_text("utf-8")):
        group = emoji["short_name"]
        for part in (*PREFIXES, *SUFFIXES):
            group = group.replace(part, "")
        for variant in (emoji, *emoji.get("skin_variations", {}).values()):
            facts[variant["image"]] = group, emoji["category"]
    with tempfile.TemporaryDirectory() as folder:
        by_category = Path(folder)
        for path in sorted((package / "img/google/64").glob("*.png")):
            group, category = facts.get(path.name, (path.name, ""))
            digest = hashlib.sha256(group.encode()).hexdigest()
            split = "test" if int(digest[:8], 16) < HELD_OUT * 2**32 else "train"
            copies = [out / split]
            if category:
                copies.append(by_category / split / category.replace(" ", ""))
            for copy in copies:
                copy.mkdir(parents=True, exist_ok=True)
                shutil.copy(path, copy / path.name)
        categories = out.with_name(f"{out.name}-categories.safetensors")
        train_extractor(folder, categories, settings=ImageSettings(size=(32, 32)))


def run(data: Path, arm: str, seed: int, arguments: argparse.Namespace) -> None:
    """Train and measure one run, and append its line."""
    recipe, changes = ARMS[arm]
    given = {
        "image_size": arguments.image_size,
        "minutes": arguments.minutes,
        "seed": seed,
        "threads": arguments.threads,
        "device": "cpu",
        "checkpoint_every": 100_000,
        **changes,
    }
    config = settings_from(str(data), recipe, None, given)
    name = (
        f"{data.name}-{arguments.image_size}-{arm.replace(', ', '-')}-{arguments.minutes:g}m-{seed}"
    )
    folder = arguments.runs / name
    shutil.rmtree(folder, ignore_errors=True)
    model = forgery.train(config, folder, progress=False)
    card = forgery.evaluate(
        folder, extractor=["efficientnet-lite2", *arguments.extractor], progress=False
    )
    line = {
        "set": data.name,
        "image_size": arguments.image_size,
        "arm": arm,
        "seed": seed,
        "minutes": arguments.minutes,
        "threads": arguments.threads,
        "steps": model.step,
        "scores": card.scores,
        "floor": card.floor,
        "parameters": {
            "g": sum(p.numel() for p in model.generator.parameters()),
            "d": sum(p.numel() for p in model.discriminator.parameters()),
        },
        "machine": f"{describe(torch.device('cpu'))}, torch {torch.__version__}",
        "load": arguments.load,
    }
    with open(RESULTS, "a", encoding="utf-8") as file:
        file.write(json.dumps(line) + "\n")
    print(f"{name}: {model.step:,} steps, Fréchet ÷ floor {ratio(line):.2f}", flush=True)


def ratio(line: dict) -> float:
    """Fréchet distance ÷ its floor."""
    return line["scores"]["frechet"] / line["floor"]["frechet"]


def table() -> None:
    """Print a row an arm: mean ± standard deviation over its seeds."""
    groups: dict[tuple, list[dict]] = {}
    for text in RESULTS.read_text(encoding="utf-8").splitlines():
        line = json.loads(text)
        key = tuple(line[name] for name in ("set", "image_size", "minutes", "threads", "arm"))
        groups.setdefault(key, []).append(line)
    print("| set | pixels | minutes | cores | recipe | seeds | steps | Fréchet ÷ floor | precision "
          "| recall | coverage | copies |\n|" + "---|" * 12)  # fmt: skip
    for (data, size, minutes, threads, arm), lines in groups.items():
        cells = [_spread([ratio(line) for line in lines])]
        for name in ("precision", "recall", "coverage"):
            cells.append(_spread([line["scores"][name] for line in lines]))
        copies = [line["scores"].get("near_train") for line in lines]
        cells.append("–" if None in copies else f"{100 * mean(copies):.1f}%")
        steps = f"{mean(line['steps'] for line in lines):,.0f}"
        print(f"| {data} | {size} | {minutes:g} | {threads} | `{arm}` | {len(lines)} | {steps} | "
              + " | ".join(cells) + " |")  # fmt: skip


def _spread(values: list[float]) -> str:
    return f"{mean(values):.2f}" + (f" ± {stdev(values):.2f}" if len(values) > 1 else "")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    verbs = parser.add_subparsers(dest="verb", required=True)
    emoji = verbs.add_parser("emoji")
    emoji.add_argument("package", type=Path)
    emoji.add_argument("out", type=Path)
    runs = verbs.add_parser("run")
    runs.add_argument("data", type=Path)
    runs.add_argument("--arms", nargs="+", choices=ARMS, default=["pictures"])
    runs.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    runs.add_argument("--minutes", type=float, default=10)
    runs.add_argument("--image-size", type=int, default=32)
    runs.add_argument("--threads", type=int, default=1)
    runs.add_argument("--extractor", nargs="*", default=[], help="further extractors")
    runs.add_argument("--load", default="", help="what else ran on the machine, for the record")
    runs.add_argument("--runs", type=Path, default=Path("runs/pictures"))
    verbs.add_parser("table")
    given = parser.parse_args()
    if given.verb == "emoji":
        make_emoji(given.package, given.out)
    elif given.verb == "run":
        for seed in given.seeds:
            for arm in given.arms:
                run(given.data, arm, seed, given)
    else:
        table()


assert {recipe for recipe, _ in ARMS.values()} <= set(recipes.RECIPES)
if __name__ == "__main__":
    main()
