"""A folder of made pictures: shapes in colours, drawn by Pillow, a folder for each class.

    python benchmarks/make_shapes.py shapes
    forgery train shapes

The same arguments make the same pictures. Each is 32 pixels of a side: one of six shapes in one of
six colours, anywhere and of any size and turn that fits, on a light ground.
"""

import argparse
import math
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

SIDE = 32
#: Pictures are drawn larger by this and made small, so that edges are smooth.
SCALE = 4
COLOURS = ("crimson", "darkorange", "gold", "seagreen", "royalblue", "purple")


def polygon(corners: int, inner: float = 1.0) -> list[tuple[float, float]]:
    """Points around the origin, at distance 1; every other at ``inner``, if that is not 1."""
    points = corners if inner == 1.0 else 2 * corners
    angles = [2 * math.pi * i / points for i in range(points)]
    radii = [1.0 if inner == 1.0 or i % 2 == 0 else inner for i in range(points)]
    return [(r * math.cos(a), r * math.sin(a)) for r, a in zip(radii, angles, strict=True)]


ROUND = polygon(48)
BAR = [(-1, -0.33), (1, -0.33), (1, 0.33), (-1, 0.33)]
UPRIGHT = [(y, x) for x, y in BAR]
#: Class → outlines, filled one after the other; a ring's second in the colour of the ground.
SHAPES = {
    "cross": [BAR, UPRIGHT],
    "disc": [ROUND],
    "ring": [ROUND, [(0.55 * x, 0.55 * y) for x, y in ROUND]],
    "square": [polygon(4)],
    "star": [polygon(5, 0.42)],
    "triangle": [polygon(3)],
}


def draw(name: str, random: np.random.Generator) -> Image.Image:
    """One picture, RGB, :data:`SIDE` pixels of a side."""
    side = SIDE * SCALE
    ground = tuple(int(v) for v in random.integers(215, 256, 3))
    colour = COLOURS[random.integers(len(COLOURS))]
    radius = random.uniform(0.25, 0.45) * side
    x, y = random.uniform(radius, side - radius, 2)
    turn = random.uniform(0, 2 * math.pi)
    picture = Image.new("RGB", (side, side), ground)
    pen = ImageDraw.Draw(picture)
    for i, outline in enumerate(SHAPES[name]):
        cos, sin = radius * math.cos(turn), radius * math.sin(turn)
        corners = [(x + cos * a - sin * b, y + sin * a + cos * b) for a, b in outline]
        pen.polygon(corners, fill=ground if name == "ring" and i else colour)
    return picture.resize((SIDE, SIDE), Image.Resampling.LANCZOS)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--pictures", type=int, default=1000, help="of each class")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    random = np.random.default_rng(options.seed)
    for name in SHAPES:
        folder = options.folder / name
        folder.mkdir(parents=True, exist_ok=True)
        for i in range(options.pictures):
            draw(name, random).save(folder / f"{i:05d}.png")
    print(f"{len(SHAPES) * options.pictures:,} pictures in {options.folder}")


if __name__ == "__main__":
    main()
