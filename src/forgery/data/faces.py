"""Cartoon faces with known, balanced attributes, generated on demand: 20,000 frontal heads.

Every combination of the :data:`ATTRIBUTES` is equally frequent, so that the attributes are
independent and what a generator or a classifier learns about one is not due to another. "Woman"
means long hair; all others have short hair. Half of the women and half of the others have a beard.
Both are conventions of the drawings. Other features (hair cut, shape of glasses, eyes, brows,
shirt) are random.

All heads are in the same place. In a loose set they are not: :class:`Placement`.

The style is Avataaars by Pablo Stanley (https://avataaars.com), "free for personal and commercial
use", as remixed by DiceBear, whose program draws it (MIT). It is the only one of DiceBear's styles
in which all heads are frontal and in the same place.
"""

import contextlib
import io
import json
from collections.abc import Callable
from dataclasses import dataclass
from importlib import metadata
from importlib.resources import files
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import torch
from PIL import Image

from ..errors import ForgeryError, lookup
from ..user_cache import cache_folder, keep
from .dataset import Dataset

#: The binary attributes of a face.
ATTRIBUTES = ("glasses", "woman", "beard", "dark-hair", "dark-skin", "smiling")

#: Split → (number of faces, seed). Both numbers are multiples of the 2⁶ combinations.
SPLITS = {"train": (20_032, 0), "test": (2_048, 1)}

#: Attribute → option of the style → its values (without the attribute, with it).
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
#: Options of the style that do not depend on the attributes → their values.
FREE = {
    "eyesVariant": ["default", "happy", "side", "squint"],
    "eyebrowsVariant": ["default", "defaultNatural", "flatNatural", "raisedExcitedNatural"],
    "clothesVariant": ["shirtCrewNeck"],
    "clothesColor": ["#5199e4", "#ff5c5c", "#a7ffc4", "#e6e6e6", "#3c4f5c"],
    "accessoriesColor": ["#262e33"],
}
BACKGROUND = "#dfe7ee"
#: The head on the style's canvas of 280 × 280: its centre, and the side of the square around it.
CENTRE, SIDE = (140, 115), 180

#: Called with (faces drawn, total number of faces).
DrawingProgress = Callable[[int, int], None]


@dataclass(frozen=True)
class Placement:
    """Where a head is in its picture: by default in the middle, at full size.

    No attribute depends on it. A mirrored head has its parting on the other side and looks aside
    to the other side; neither is an attribute.

    Parameters
    ----------
    right, down:
        Shift, as a fraction of the picture's side.
    scale:
        Size of the head relative to the picture.
    mirrored:
        Whether left and right of the head are exchanged.
    """

    right: float = 0.0
    down: float = 0.0
    scale: float = 1.0
    mirrored: bool = False

    @classmethod
    def loose(cls, random: Random) -> "Placement":
        """Choose a placement at random, as in ``faces-loose``."""
        return cls(
            right=random.uniform(-0.12, 0.12),
            down=random.uniform(-0.12, 0.12),
            scale=random.uniform(0.8, 1.1),
            mirrored=random.random() < 0.5,
        )

    def apply(self, svg: str) -> str:
        """Return the style's drawing, cut to the picture.

        The drawing itself is transformed, so that the picture is as sharp as without.
        """
        if self.mirrored:
            start, _, content = svg.partition(">")
            mirror = f'<g transform="matrix(-1 0 0 1 {2 * CENTRE[0]} 0)">'
            svg = f"{start}>{mirror}{content.removesuffix('</svg>')}</g></svg>"
        side = SIDE / self.scale
        left = CENTRE[0] - side * (0.5 + self.right)
        top = CENTRE[1] - side * (0.5 + self.down)
        return svg.replace('viewBox="0 0 280 280"', f'viewBox="{left:g} {top:g} {side:g} {side:g}"')


def faces_source(size: int, loose: bool = False) -> Callable[[str], Dataset]:
    """Return the data source, a function of the split, for faces of size × size pixels.

    ``loose`` draws the same people, each with a :class:`Placement` of its own.
    """
    what = "faces-loose" if loose else f"faces{size}"

    def faces(split: str = "train") -> Dataset:
        n, seed = lookup(SPLITS, split, "split of faces")
        return load_faces(f"{what}[{split}]", n, size, seed, loose)

    return faces


def load_faces(name: str, n: int, size: int, seed: int, loose: bool = False) -> Dataset:
    """Load faces from the cache, or draw them into it with a progress bar.

    Images are uint8 ``[n, 3, size, size]``, with their :data:`ATTRIBUTES`; see :func:`draw_faces`.

    Raises
    ------
    ForgeryError
        The faces are not cached and the extra ``faces`` is not installed, or the cache cannot be
        written.
    """
    attributes = balanced(n, len(ATTRIBUTES), seed)
    kind = "faces-loose" if loose else "faces"
    path = cache_folder() / f"{kind}-{n}-{size}-{seed}-{_versions()}.npy"
    images = _read(path, (n, 3, size, size))
    if images is None:
        with _bar(f"drawing {n:,} faces of {size} × {size} pixels") as progress:
            images = draw_faces(attributes, size, seed, progress, loose)
        _write(path, images)
    return Dataset(
        name, torch.from_numpy(images), attributes=attributes, attribute_names=ATTRIBUTES
    )


def balanced(n: int, attributes: int, seed: int) -> torch.Tensor:
    """Return bool ``[n, attributes]`` with all combinations equally frequent, in random order.

    If n is not a multiple of 2^attributes, some combinations occur once more than others.
    """
    order = torch.randperm(n, generator=torch.Generator().manual_seed(seed))
    return (order[:, None] >> torch.arange(attributes)) % 2 == 1


def draw_faces(
    attributes: torch.Tensor,
    size: int,
    seed: int,
    progress: DrawingProgress | None = None,
    loose: bool = False,
) -> np.ndarray:
    """Draw one face for each row of attributes bool ``[n, 6]``: uint8 ``[n, 3, size, size]``.

    A face takes about 15 milliseconds. Face i depends only on its attributes, the seed and i. If
    ``loose``, it has a :class:`Placement` of its own, a function of the seed and i; nothing else
    about it changes.
    """
    dicebear, svg_to_bytes, definition = _import_extra()
    style = dicebear.Style(definition)
    images = np.empty((len(attributes), 3, size, size), np.uint8)
    for i, row in enumerate(attributes.tolist()):
        options = options_of(dict(zip(ATTRIBUTES, row, strict=True)), Random(f"{seed}/{i}"))
        svg = dicebear.Avatar(style, options).to_string()
        placement = Placement.loose(Random(f"{seed}/{i}/placement")) if loose else Placement()
        png = svg_to_bytes(
            svg_string=placement.apply(svg), width=size, height=size, background=BACKGROUND
        )
        with Image.open(io.BytesIO(bytes(png)), formats=["PNG"]) as picture:
            # Rounding in resvg adds a line to a few pictures.
            square = picture.convert("RGB").crop((0, 0, size, size))
        images[i] = np.asarray(square).transpose(2, 0, 1)
        if progress:
            progress(i + 1, len(attributes))
    return images


def options_of(attributes: dict[str, bool], random: Random) -> dict[str, Any]:
    """Choose the style's options for a face with these attributes, at random where possible."""
    options: dict[str, Any] = {"seed": "face"}
    for attribute, present in attributes.items():
        for option, (without, with_it) in CHOICES[attribute].items():
            values = with_it if present else without
            if values:
                options[option] = [random.choice(values)]
    for option, values in FREE.items():
        options[option] = [random.choice(values)]
    options["facialHairColor"] = options["hairColor"]
    options["accessoriesProbability"] = 100 * attributes["glasses"]
    options["facialHairProbability"] = 100 * attributes["beard"]
    return options


def _import_extra() -> tuple[Any, Any, dict[str, Any]]:
    """Import what composes a face, what renders it as PNG, and the definition of the style."""
    try:
        import dicebear
        from resvg_py import svg_to_bytes

        text = files("dicebear_styles").joinpath("avataaars.json").read_text("utf-8")
    except ImportError as error:
        raise ForgeryError(
            f"drawing faces requires the package {error.name}, which is not installed: "
            "pip install 'forgery[faces]'"
        ) from error
    return dicebear, svg_to_bytes, json.loads(text)


def _versions() -> str:
    """Versions of the packages, which determine the faces; ``any`` if they are not installed."""
    try:
        return f"{metadata.version('dicebear-styles')}-{metadata.version('resvg-py')}"
    except metadata.PackageNotFoundError:
        return "any"


def _read(path: Path, shape: tuple[int, ...]) -> np.ndarray | None:
    """Read images from a file in the cache; return None if it is missing or damaged."""
    try:
        images = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError):
        return None
    return images if images.shape == shape and images.dtype == np.uint8 else None


def _write(path: Path, images: np.ndarray) -> None:
    buffer = io.BytesIO()
    np.save(buffer, images)
    try:
        keep(path, buffer.getvalue())
    except OSError as error:
        raise ForgeryError(
            f"cannot write to {path.parent}: {error.strerror or error}; set FORGERY_CACHE to "
            "another folder"
        ) from error


@contextlib.contextmanager
def _bar(what: str) -> Any:
    from rich.console import Console
    from rich.progress import Progress as Bar

    with Bar(console=Console(stderr=True)) as bar:
        task = bar.add_task(what)
        yield lambda done, of: bar.update(task, completed=done, total=of)
