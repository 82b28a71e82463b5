"""Drawn faces, made on the spot: 20,000 frontal heads whose attributes are known and balanced.

Every face has :data:`ATTRIBUTES`, each of them half the time, and every combination of them equally
often: no two go together, so that what a generator or a classifier learns of one is not owed to
another. "Woman" means drawn with long hair and "man" with short: a convention of the drawing, as is
a beard on half of either. What is no attribute (hair cut, glasses' shape, eyes, brows, shirt) is
drawn at random.

The style is Avataaars by Pablo Stanley (https://avataaars.com), "free for personal and commercial
use", as remixed by DiceBear, whose program draws it (MIT). It is the one among DiceBear's whose
heads all look straight at the viewer from the same place.
"""

import contextlib
import io
import json
import os
from collections.abc import Callable
from importlib import metadata
from importlib.resources import files
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import torch
from PIL import Image

from ..errors import ForgeryError, lookup
from .cache import cache_folder
from .dataset import Dataset

#: What is recorded of each face.
ATTRIBUTES = ("glasses", "woman", "beard", "dark-hair", "dark-skin", "smiling")

#: Split → (number of faces, seed). Both numbers are multiples of the 2⁶ combinations.
SPLITS = {"train": (20_032, 0), "test": (2_048, 1)}

#: Option of the style → what it may be (without the attribute, with it).
CHOICES: dict[str, dict[str, tuple[list[str], list[str]]]] = {
    "woman": {
        "topVariant": (
            ["shortFlat", "shortRound", "shortWaved", "theCaesar", "theCaesarAndSidePart"],
            ["bob", "curvy", "miaWallace", "straight01", "straight02", "straightAndStrand"],
        )
    },
    "glasses": {"accessoriesVariant": ([], ["prescription01", "prescription02", "round"])},
    "beard": {"facialHairVariant": ([], ["beardLight", "beardMedium", "beardMajestic"])},
    "dark-hair": {"hairColor": (["#d6b370", "#ecdcbf", "#f2c14e"], ["#2c1b18", "#4a312c"])},
    "dark-skin": {"skinColor": (["#edb98a", "#ffdbb4"], ["#8d5524", "#a5622f"])},
    "smiling": {"mouthVariant": (["serious", "sad", "disbelief"], ["smile", "twinkle"])},
}
#: What is drawn at random, whatever the attributes.
FREE = {
    "eyesVariant": ["default", "happy", "side", "squint"],
    "eyebrowsVariant": ["default", "defaultNatural", "flatNatural", "raisedExcitedNatural"],
    "clothesVariant": ["shirtCrewNeck"],
    "clothesColor": ["#5199e4", "#ff5c5c", "#a7ffc4", "#e6e6e6", "#3c4f5c"],
    "accessoriesColor": ["#262e33"],
}
BACKGROUND = "#dfe7ee"
#: The part of the style's canvas of 280 × 280 that is shown: x, y, width, height.
HEAD = "50 25 180 180"

#: Told (faces drawn, faces in all).
Progress = Callable[[int, int], None]


def faces_source(size: int) -> Callable[[str], Dataset]:
    """The data source of faces of size × size pixels, a function of the split."""

    def faces(split: str = "train") -> Dataset:
        n, seed = lookup(SPLITS, split, "split of faces")
        return load_faces(f"faces{size}[{split}]", n, size, seed)

    return faces


def load_faces(name: str, n: int, size: int, seed: int) -> Dataset:
    """Faces from the cache, or drawn into it under a progress bar.

    Images uint8 ``[n, 3, size, size]``, with their :data:`ATTRIBUTES`.

    Raises
    ------
    ForgeryError
        Where they must be drawn and the extra ``faces`` is not installed, or the cache cannot be
        written.
    """
    attributes = balanced(n, len(ATTRIBUTES), seed)
    path = cache_folder() / f"faces-{n}-{size}-{seed}-{_edition()}.npy"
    images = _read(path, (n, 3, size, size))
    if images is None:
        with _bar(f"drawing {n:,} faces of {size} × {size} pixels") as progress:
            images = draw_faces(attributes, size, seed, progress)
        _write(path, images)
    return Dataset(
        name, torch.from_numpy(images), attributes=attributes, attribute_names=ATTRIBUTES
    )


def balanced(n: int, attributes: int, seed: int) -> torch.Tensor:
    """bool ``[n, attributes]`` in which every combination comes equally often, in random order.

    Where n is no multiple of the 2^attributes combinations, some come once more than others.
    """
    order = torch.randperm(n, generator=torch.Generator().manual_seed(seed))
    return (order[:, None] >> torch.arange(attributes)) % 2 == 1


def draw_faces(
    attributes: torch.Tensor, size: int, seed: int, progress: Progress | None = None
) -> np.ndarray:
    """One face for each row of attributes bool ``[n, 6]``: uint8 ``[n, 3, size, size]``.

    About 15 milliseconds each. Face i depends on its attributes, the seed and i alone.
    """
    dicebear, svg_to_bytes, definition = _painter()
    style = dicebear.Style(definition)
    images = np.empty((len(attributes), 3, size, size), np.uint8)
    for i, row in enumerate(attributes.tolist()):
        options = options_of(dict(zip(ATTRIBUTES, row, strict=True)), Random(f"{seed}/{i}"))
        svg = dicebear.Avatar(style, options).to_string()
        svg = svg.replace('viewBox="0 0 280 280"', f'viewBox="{HEAD}"')
        png = svg_to_bytes(svg_string=svg, width=size, height=size, background=BACKGROUND)
        with Image.open(io.BytesIO(bytes(png)), formats=["PNG"]) as picture:
            images[i] = np.asarray(picture.convert("RGB")).transpose(2, 0, 1)
        if progress:
            progress(i + 1, len(attributes))
    return images


def options_of(attributes: dict[str, bool], random: Random) -> dict[str, Any]:
    """The style's options for a face with these attributes; the rest is drawn at random."""
    options: dict[str, Any] = {"seed": "face"}
    for attribute, has_it in attributes.items():
        for option, (without, with_it) in CHOICES[attribute].items():
            values = with_it if has_it else without
            if values:
                options[option] = [random.choice(values)]
    for option, values in FREE.items():
        options[option] = [random.choice(values)]
    options["facialHairColor"] = options["hairColor"]
    options["accessoriesProbability"] = 100 * attributes["glasses"]
    options["facialHairProbability"] = 100 * attributes["beard"]
    return options


def _painter() -> tuple[Any, Any, dict[str, Any]]:
    """The three packages of the extra: what composes a face, what draws it, and its parts."""
    try:
        import dicebear
        from resvg_py import svg_to_bytes

        text = files("dicebear_styles").joinpath("avataaars.json").read_text("utf-8")
    except ImportError as error:
        raise ForgeryError(
            f"drawing faces needs the package {error.name}, which is not installed: "
            "pip install 'forgery[faces]'"
        ) from error
    return dicebear, svg_to_bytes, json.loads(text)


def _edition() -> str:
    """The versions that draw: others may draw other faces. ``any`` where they are not there."""
    try:
        return f"{metadata.version('dicebear-styles')}-{metadata.version('resvg-py')}"
    except metadata.PackageNotFoundError:
        return "any"


def _read(path: Path, shape: tuple[int, ...]) -> np.ndarray | None:
    """The images in a file of the cache; None where it is not there or not whole."""
    try:
        images = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError):
        return None
    return images if images.shape == shape and images.dtype == np.uint8 else None


def _write(path: Path, images: np.ndarray) -> None:
    """Whole or not at all: under another name first."""
    temporary = path.with_suffix(f".{os.getpid()}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(temporary, "wb") as file:
            np.save(file, images)
        os.replace(temporary, path)
    except OSError as error:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise ForgeryError(
            f"cannot write to {path.parent}: {error.strerror or error}; FORGERY_CACHE names "
            "another folder"
        ) from error


@contextlib.contextmanager
def _bar(what: str) -> Any:
    from rich.console import Console
    from rich.progress import Progress as Bar

    with Bar(console=Console(stderr=True)) as bar:
        task = bar.add_task(what)
        yield lambda done, of: bar.update(task, completed=done, total=of)
