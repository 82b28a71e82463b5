"""Pictures of latent-space walks: animations, and the DCGAN paper's figure of arithmetic."""

from collections.abc import Sequence
from pathlib import Path

import torch
from PIL import Image, ImageDraw
from torch import Tensor

from ..pixels import to_pixels
from .films import write_film
from .grids import GAP, PAPER, centred, enlarged, grid, image, times_for


def film(frames: Tensor, target: Path, milliseconds: int = 80) -> None:
    """Save images ``[N, C, H, W]`` in [-1, 1] as a GIF or mp4 that plays forward and backward."""
    there_and_back = torch.cat([frames, frames[1:-1].flip(0)])
    times = 2 * times_for(frames.shape[-2])
    pictures = [enlarged(image(p), times) for p in to_pixels(there_and_back).cpu()]
    write_film(pictures, [milliseconds] * len(pictures), target)


def arithmetic(
    texts: Sequence[tuple[str, str]],
    exemplars: Sequence[Tensor],
    means: Sequence[Tensor],
    result: Tensor,
    neighbours: Tensor,
) -> Image.Image:
    """Figure 7 of Radford et al. 2015: exemplars of each concept above their mean, and the result.

    Parameters
    ----------
    texts:
        Sign and name of each concept.
    exemplars, means:
        For each concept, images ``[n, C, H, W]`` and one image ``[C, H, W]``, in [-1, 1].
    result, neighbours:
        The image of the result ``[C, H, W]``, and the eight images to place around it.
    """
    times = times_for(result.shape[-2])
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
        centred(page, name, left + side // 2, top // 2, side + gap)
        middle = top + tall + gap // 2 + mean.height // 2
        centred(page, sign, left - gap // 2, middle, gap, size=20)
    left = page.width - answer.width - 8
    centred(page, "=", left - gap // 2, top + tall + gap // 2 + below[0].height // 2, gap, size=20)
    page.paste(answer, (left, height - 8 - answer.height))
    draw = ImageDraw.Draw(page)
    edge = GAP * times
    down, across = (pixels * times + edge for pixels in result.shape[-2:])  # from cell to cell
    x, y = left + across, height - 8 - answer.height + down
    frame = (x, y, x + across + edge - 1, y + down + edge - 1)
    draw.rectangle(frame, outline=(220, 40, 40), width=edge)
    return page
