"""Pictures of walks in z: films of images, and the paper's figure of arithmetic with faces."""

from collections.abc import Sequence
from pathlib import Path

import torch
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

from ..pixels import to_pixels
from .grids import GAP, grid, image

#: Images are enlarged by a whole number to about this many pixels, to be looked at one by one.
SHOWN = 64
INK, PAPER = (20, 20, 20), (255, 255, 255)


def enlarged(picture: Image.Image, times: int) -> Image.Image:
    """Each pixel as a square of times × times."""
    size = picture.width * times, picture.height * times
    return picture.resize(size, Image.Resampling.NEAREST)


def times_for(images: Tensor) -> int:
    """By how much images ``[..., H, W]`` are enlarged to be about :data:`SHOWN` pixels high."""
    return max(1, round(SHOWN / images.shape[-2]))


def film(frames: Tensor, target: Path, milliseconds: int = 80) -> None:
    """Images ``[N, C, H, W]`` in [-1, 1] one after another and back again, as an endless GIF."""
    there_and_back = torch.cat([frames, frames[1:-1].flip(0)])
    times = 2 * times_for(frames)
    pictures = [enlarged(image(pixels), times) for pixels in to_pixels(there_and_back).cpu()]
    pictures = [picture.quantize(64) for picture in pictures]
    pictures[0].save(
        target,
        save_all=True,
        append_images=pictures[1:],
        duration=milliseconds,
        loop=0,
        optimize=True,
    )


def sheet(images: Tensor, columns: int, headings: Sequence[str] = ()) -> Image.Image:
    """A grid of images ``[N, C, H, W]`` in [-1, 1], enlarged, with a heading over each column."""
    times = times_for(images)
    picture = enlarged(grid(images, columns), times).convert("RGB")
    if not any(headings):
        return picture
    step = (images.shape[-1] + GAP) * times
    top = 20
    page = Image.new("RGB", (picture.width, picture.height + top), PAPER)
    page.paste(picture, (0, top))
    for i, text in enumerate(headings):
        _centred(page, text, GAP * times + i * step + (step - GAP * times) // 2, top // 2, step)
    return page


def arithmetic(
    texts: Sequence[tuple[str, str]],
    exemplars: Sequence[Tensor],
    means: Sequence[Tensor],
    result: Tensor,
    neighbours: Tensor,
) -> Image.Image:
    """Radford et al. 2015, figure 7: each concept's exemplars over their mean, = the result.

    Parameters
    ----------
    texts:
        Sign and name of each concept.
    exemplars, means:
        For each concept images ``[n, C, H, W]`` and one image ``[C, H, W]``, in [-1, 1].
    result, neighbours:
        One image, and the eight that are drawn around it.
    """
    times = times_for(result)
    side = (result.shape[-1] + 2 * GAP) * times
    columns = [enlarged(grid(images, 1), times) for images in exemplars]
    below = [enlarged(grid(mean[None], 1), times) for mean in means]
    around = torch.cat([neighbours[:4], result[None], neighbours[4:]])
    answer = enlarged(grid(around, 3), times)
    gap, top = 34, 22
    tall = max(column.height for column in columns)
    height = max(top + tall + gap // 2 + below[0].height, top + answer.height) + 8
    page = Image.new("RGB", (len(texts) * (side + gap) + gap + answer.width, height), PAPER)
    for i, ((sign, name), column, mean) in enumerate(zip(texts, columns, below, strict=True)):
        left = gap // 2 + i * (side + gap)
        page.paste(column, (left, top + tall - column.height))
        page.paste(mean, (left, top + tall + gap // 2))
        _centred(page, name, left + side // 2, top // 2, side + gap)
        middle = top + tall + gap // 2 + mean.height // 2
        _centred(page, sign, left - gap // 2, middle, gap, size=20)
    left = page.width - answer.width - 8
    _centred(page, "=", left - gap // 2, top + tall + gap // 2 + below[0].height // 2, gap, size=20)
    page.paste(answer, (left, height - 8 - answer.height))
    draw = ImageDraw.Draw(page)
    cell = (result.shape[-1] + GAP) * times
    x, y = left + cell, height - 8 - answer.height + cell
    frame = (x, y, x + side - GAP * times, y + side - GAP * times)
    draw.rectangle(frame, outline=(220, 40, 40), width=GAP * times)
    return page


def _centred(page: Image.Image, text: str, x: int, y: int, room: int, size: int = 13) -> None:
    """Text around a point, in smaller letters where there is too little room for it.

    Pillow's own font has no minus sign: an en dash stands for it.
    """
    draw, text = ImageDraw.Draw(page), text.replace("−", "-")
    while True:
        font = ImageFont.load_default(size)
        if size <= 7 or draw.textlength(text, font) <= room:
            break
        size -= 1
    draw.text((x, y), text, fill=INK, font=font, anchor="mm")
