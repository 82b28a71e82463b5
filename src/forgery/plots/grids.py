"""Grids of images, and the animation of how they came to be."""

import math
from pathlib import Path

import torch
from PIL import Image, ImageDraw
from torch import Tensor

from ..pixels import to_pixels

#: Pixels between two images of a grid, and their grey.
GAP, GAP_GREY = 2, 64


def image(pixels: Tensor) -> Image.Image:
    """A uint8 tensor ``[C, H, W]``, grey (C = 1) or RGB (C = 3), as a picture."""
    array = pixels.permute(1, 2, 0).contiguous().cpu().numpy()
    return Image.fromarray(array[:, :, 0] if array.shape[2] == 1 else array)


def grid(images: Tensor, columns: int | None = None) -> Image.Image:
    """Images ``[N, C, H, W]`` in [-1, 1] side by side, in a square unless columns are given."""
    n, channels, height, width = images.shape
    columns = columns or math.ceil(math.sqrt(n))
    across, down = grid_size(n, height, width, columns)
    sheet = torch.full((channels, down, across), GAP_GREY, dtype=torch.uint8)
    for i, pixels in enumerate(to_pixels(images).cpu()):
        top = GAP + (i // columns) * (height + GAP)
        left = GAP + (i % columns) * (width + GAP)
        sheet[:, top : top + height, left : left + width] = pixels
    return image(sheet)


def grid_size(n: int, height: int, width: int, columns: int | None = None) -> tuple[int, int]:
    """Width and height in pixels of a :func:`grid` of n images."""
    columns = columns or math.ceil(math.sqrt(n))
    rows = math.ceil(n / columns)
    return columns * (width + GAP) + GAP, rows * (height + GAP) + GAP


def evolution(pictures: list[Path], target: Path, captions: list[str], most: int = 30) -> None:
    """An animation of grids drawn from the same z, at most ``most`` of them.

    The first ones are all there and the later ones ever further apart, since a generator changes
    most at first; the last one stays for two seconds. Pictures that are damaged are left out, and
    where none is left, no animation is made.
    """
    last = len(pictures) - 1
    chosen = list(range(len(pictures)))
    if len(chosen) > most:
        chosen = sorted({round(last * (i / (most - 1)) ** 2) for i in range(most)})
    drawn = (_captioned(pictures[i], captions[i]) for i in chosen)
    frames = [frame for frame in drawn if frame is not None]
    if not frames:
        return
    durations = [120] * (len(frames) - 1) + [2000]
    frames[0].save(
        target, save_all=True, append_images=frames[1:], duration=durations, loop=0, optimize=True
    )


def _captioned(picture: Path, caption: str) -> Image.Image | None:
    """The picture over its caption; None where it is damaged, and Pillow raises what it likes."""
    try:
        with Image.open(picture, formats=["PNG"]) as opened:
            frame = Image.new(opened.mode, (opened.width, opened.height + 14), 0)
            frame.paste(opened, (0, 0))
    except (OSError, SyntaxError, ValueError, EOFError, MemoryError):
        return None
    white = 255 if frame.mode == "L" else (255, 255, 255)
    ImageDraw.Draw(frame).text((4, frame.height - 13), caption, fill=white)
    # Sixteen greys are enough for a moving picture and make the file a third as large.
    return frame.quantize(16 if frame.mode == "L" else 32)
