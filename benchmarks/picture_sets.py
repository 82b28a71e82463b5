"""Make the sets of pictures that the tables of docs/pictures.md are measured on.

    python benchmarks/picture_sets.py emoji PACKAGE
    python benchmarks/picture_sets.py shapes
    python benchmarks/picture_sets.py glasses

Each is a folder of runs/pictures with the subfolders train and test, and beside it a classifier of
its classes, for glasses of the attributes of faces (NAME-classes.safetensors). PACKAGE is the
unpacked folder of emoji-datasource-google 16.0.0 (images Apache-2.0). Variants of one emoji, such
as its skin tones, are in the same split, so that held-out pictures are new ones. `glasses` are 100
drawn faces with glasses, and 500 others held out (needs forgery[faces]).
"""

import argparse
import hashlib
import json
import shutil
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image

from forgery import latent
from forgery.data import ImageSettings, load
from forgery.evaluation import train_extractor
from forgery.extractors import Classifier, save_classifier
from make_shapes import SHAPES, draw

FOLDER = Path("runs/pictures")
HELD_OUT = 0.14
#: Parts of names by which variants of one emoji differ.
PREFIXES = ("man-", "woman-", "male-", "female-", "man_", "woman_", "person_", "person-", "older_")
SUFFIXES = ("_man", "_woman", "-man", "-woman", "_person")
#: Split → pictures of each shape and their seed, and number of faces with glasses.
SHAPES_OF = {"train": (1_000, 0), "test": (200, 1)}
GLASSES = {"train": 100, "test": 500}


def make_emoji(out: Path, package: Path) -> None:
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
        make_classifier(by_category, out)


def make_shapes(out: Path) -> None:
    for split, (pictures, seed) in SHAPES_OF.items():
        random = np.random.default_rng(seed)
        for name in SHAPES:
            folder = out / split / name
            folder.mkdir(parents=True, exist_ok=True)
            for i in range(pictures):
                draw(name, random).save(folder / f"{i:05d}.png")
    make_classifier(out, out)


def classifier_of(out: Path) -> Path:
    return out.with_name(f"{out.name}-classes.safetensors")


def make_classifier(data: Path, out: Path) -> None:
    path = classifier_of(out)
    _, accuracy = train_extractor(str(data), path, settings=ImageSettings(size=(32, 32)))
    print(f"{path}: {accuracy:.1%} of the held-out pictures right")


def make_glasses(out: Path) -> None:
    for split, number in GLASSES.items():
        faces = load("faces", split)
        assert faces.attributes is not None
        wears = faces.attributes[:, faces.attribute_names.index("glasses")]
        (out / split).mkdir(parents=True, exist_ok=True)
        for i, pixels in enumerate(faces.values[wears][:number]):
            Image.fromarray(pixels.permute(1, 2, 0).numpy()).save(out / split / f"{i:03}.png")
    network = latent.attribute_classifier(load("faces")).extractor.network
    assert isinstance(network, Classifier)
    path = classifier_of(out)
    save_classifier(network, path, path.stem)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    verbs = parser.add_subparsers(dest="set", required=True)
    verbs.add_parser("emoji").add_argument("package", type=Path)
    verbs.add_parser("shapes")
    verbs.add_parser("glasses")
    options = parser.parse_args()
    out = FOLDER / options.set
    if options.set == "emoji":
        make_emoji(out, options.package)
    elif options.set == "shapes":
        make_shapes(out)
    else:
        make_glasses(out)
    print(out)


if __name__ == "__main__":
    main()
