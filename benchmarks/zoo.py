"""The models of the zoo: train each, measure it, and write it into the package.

    python benchmarks/zoo.py [NAME …] [--runs runs/zoo] [--threads 1]

A run that is there already is resumed, or used as it is if it has reached its length. ``faces32``
needs the extras faces and features. The weights are written as float16, with the discriminator, so
that ``--start-from zoo:NAME`` works.
"""

import argparse
import shutil
from dataclasses import dataclass
from pathlib import Path

import forgery
from forgery.errors import ForgeryError
from forgery.evaluation import MEASURES
from forgery.evaluation.protocol import Card, read_card
from forgery.export.folder import model_files, write_folder
from forgery.model import Model
from forgery.training import checkpoint

ZOO = Path(forgery.__file__).parent / "zoo"
#: Bytes of the weights of a model, and of the whole zoo.
MOST, MOST_IN_ALL = 2_000_000, 5_000_000


@dataclass(frozen=True)
class Entry:
    """A model of the zoo: its data and settings, what it draws, and the licence of its data."""

    data: str
    steps: int
    draws: str
    licence: str = ""
    recipe: str | None = None


ENTRIES = {
    "mnist": Entry(
        "mnist",
        24_000,
        "draws handwritten digits of 28 × 28 pixels, of a class that is asked for",
        "MNIST by Yann LeCun, Corinna Cortes and Christopher Burges, derived from NIST's databases",
        "conditional",
    ),
    "faces32": Entry(
        "faces",
        6_000,
        "draws cartoon faces of 32 × 32 pixels",
        "drawings in the style Avataaars by Pablo Stanley, free for personal and commercial use, "
        "remixed by DiceBear, MIT",
        "pictures-plain",
    ),
    "ring8": Entry(
        "ring8",
        12_000,
        "draws points on a ring of eight Gaussians, the toy problem of mode collapse",
    ),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", default=list(ENTRIES), metavar="NAME")
    parser.add_argument("--runs", type=Path, default=Path("runs/zoo"))
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    for name in options.names:
        entry = ENTRIES[name]
        model = trained(entry, options.runs / name, options.threads)
        card = measured(model)
        files = model_files(forgery.load(model.path), "float16", all_networks=True)
        files["README.md"] = readme(name, entry, model, card).encode()
        shutil.rmtree(ZOO / name, ignore_errors=True)
        write_folder(ZOO / name, files)
        size = len(files["model.safetensors"])
        print(f"zoo:{name}: {size:,} bytes of weights")
        assert size <= MOST, f"{size:,} bytes: at most {MOST:,}"
    total = sum(path.stat().st_size for path in ZOO.rglob("*") if path.is_file())
    print(f"{total:,} bytes in all")
    assert total <= MOST_IN_ALL, f"at most {MOST_IN_ALL:,}"


def trained(entry: Entry, out: Path, threads: int) -> Model:
    """The model of a run, which is trained or resumed if it is not complete."""
    settings = {"recipe": entry.recipe} if entry.recipe else {}
    if not out.exists():
        return forgery.train(entry.data, out, steps=entry.steps, threads=threads, **settings)
    try:
        return forgery.resume(out, steps=entry.steps)
    except ForgeryError:
        if next(checkpoint.steps(out / "checkpoints"), 0) != entry.steps:
            raise
        return forgery.load(out)  # it is complete


def measured(model: Model) -> Card:
    """The card of a model's run, measured unless it is there."""
    path = model.path / "card.json"
    if path.exists() and (card := read_card(path)).step == model.step:
        return card
    return forgery.evaluate(model.path, progress=True)


def readme(name: str, entry: Entry, model: Model, card: Card) -> str:
    """The model card: one paragraph."""
    scores = [
        f"{MEASURES[name].title} {card.scores[name]:.3g} (real data: {card.floor[name]:.3g})"
        for name in ("frechet", "precision", "recall", "asked_right", "jsd", "high_quality")
        if name in card.scores
    ]
    config, protocol = model.config, card.protocol
    licence = f" ({entry.licence})" if entry.licence else ""
    features = "" if protocol.kind == "points" else f", with the features of {protocol.extractor}"
    lines = (
        f"`zoo:{name}` {entry.draws}. It was trained by forgery {forgery.__version__}'s recipe "
        f"`{config.recipe}` for {model.step:,} steps of {config.batch_size} samples on "
        f"`{entry.data}`{licence}, seed {config.seed}, one run. Measured on {protocol.samples:,} "
        f"samples against {protocol.against}{features}: {', '.join(scores)}. The scores and their "
        "protocol are in `card.json`, the settings in `config.json`. The weights are float16: the "
        f"average of G, and D. Made by `python benchmarks/zoo.py {name}`.\n"
    )
    return f"# {name}\n\n{lines}"


if __name__ == "__main__":
    main()
