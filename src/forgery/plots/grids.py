"""Grids of images, and the animation of samples during training."""

import math
from collections.abc import Sequence
from pathlib import Path

import torch
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

from ..errors import ForgeryError
from ..pixels import to_model, to_pixels
from .films import write_film

#: Pixels between two images of a grid, and their grey level.
GAP, GAP_GREY = 2, 64
#: Approximate height in pixels to which images are enlarged, by an integer factor.
SHOWN = 64
INK, PAPER = (20, 20, 20), (255, 255, 255)
#: Height in pixels of column headings.
HEADING = 20
#: Maximum number of classes side by side; further classes are placed below.
MOST_CLASSES = 10


def image(pixels: Tensor) -> Image.Image:
    """Convert a uint8 tensor ``[C, H, W]``, grey (C = 1) or RGB (C = 3), to a picture."""
    array = pixels.permute(1, 2, 0).contiguous().cpu().numpy()
    return Image.fromarray(array[:, :, 0] if array.shape[2] == 1 else array)


def grid(images: Tensor, columns: int | None = None) -> Image.Image:
    """Arrange images ``[N, C, H, W]`` in [-1, 1] in a grid, by default about square."""
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


def enlarged(picture: Image.Image, times: int) -> Image.Image:
    """Replace each pixel by a square of times × times pixels."""
    if times == 1:
        return picture
    size = picture.width * times, picture.height * times
    return picture.resize(size, Image.Resampling.NEAREST)


def times_for(height: int) -> int:
    """Factor that enlarges images of a given height to about :data:`SHOWN` pixels."""
    return max(1, round(SHOWN / height))


def sheet(
    images: Tensor, columns: int, headings: Sequence[str] = (), times: int | None = None
) -> Image.Image:
    """A grid of images ``[N, C, H, W]`` in [-1, 1] with a heading above each column.

    Images are enlarged by ``times``, by default to about :data:`SHOWN` pixels.
    """
    times = times or times_for(images.shape[-2])
    picture = enlarged(grid(images, columns), times).convert("RGB")
    if not any(headings):
        return picture
    step = (images.shape[-1] + GAP) * times
    page = Image.new("RGB", (picture.width, picture.height + HEADING), PAPER)
    page.paste(picture, (0, HEADING))
    for i, text in enumerate(headings):
        middle = GAP * times + i * step + (step - GAP * times) // 2
        centred(page, text, middle, HEADING // 2, step - GAP * times)
    return page


def by_class(images: Tensor, names: Sequence[str], times: int | None = None) -> Image.Image:
    """Arrange images in one column per class, below its name.

    More than :data:`MOST_CLASSES` columns are split into bands of about equal width.

    Parameters
    ----------
    images:
        Images ``[N, C, H, W]`` in [-1, 1]; image i shows class i mod K, K ≤ N.
    names:
        Names of the K classes.
    times:
        As in :func:`sheet`.
    """
    k = len(names)
    bands = -(-k // MOST_CLASSES)
    across = -(-k // bands)
    numbers = torch.arange(len(images))
    parts = []
    for start in range(0, k, across):
        chosen = names[start : start + across]
        rows = numbers[(numbers % k >= start) & (numbers % k < start + across)]
        parts.append(sheet(images[rows], len(chosen), chosen, times))
    page = Image.new("RGB", (parts[0].width, sum(part.height for part in parts)), PAPER)
    top = 0
    for part in parts:
        page.paste(part, (0, top))
        top += part.height
    return page


def by_class_size(n: int, k: int, height: int, width: int, times: int) -> tuple[int, int]:
    """Width and height in pixels of a picture by :func:`by_class` of n images of k classes."""
    bands = -(-k // MOST_CLASSES)
    across, down = grid_size(-(-n // k) * -(-k // bands), height, width, -(-k // bands))
    return across * times, bands * (down * times + HEADING)


def save_grid(
    samples: Tensor, path: Path | str, columns: int | None = None, scale: int = 1
) -> None:
    """Save a grid of images, or a scatter plot of points, as a picture file.

    Example: ``save_grid(model.sample(64), "grid.png")``.

    Parameters
    ----------
    samples:
        Images ``[N, C, H, W]``, grey (C = 1) or RGB (C = 3), in [-1, 1] as ``Model.sample`` returns
        them, or uint8; or points ``[N, D]`` for a scatter plot.
    path:
        File to write, in the format of its suffix (.png, .jpg, .webp …).
    columns:
        Number of images per row; by default the grid is about square.
    scale:
        Each pixel becomes a square of scale × scale.

    Raises
    ------
    ForgeryError
        For samples of another shape or type, points that are not finite, a scale below 1, or a file
        that cannot be written.
    """
    from .landscape import scatter

    samples = torch.as_tensor(samples)  # of NumPy too
    points = samples.dim() == 2
    if not len(samples) or not (points or (samples.dim() == 4 and samples.shape[1] in (1, 3))):
        raise ForgeryError(
            "expected images [N, C, H, W] with 1 or 3 channels, or points [N, D], not "
            f"{list(samples.shape)}"
        )
    if scale < 1 or (columns is not None and columns < 1):
        raise ForgeryError(f"scale and columns must be at least 1, not {scale} and {columns}")
    samples = samples.detach().cpu()
    if not points and samples.dtype == torch.uint8:
        samples = to_model(samples)
    if not samples.is_floating_point():
        raise ForgeryError(f"expected float or uint8 values, not {samples.dtype}")
    if points and not samples.isfinite().all():
        raise ForgeryError("some of the points are NaN or infinite")
    picture = scatter(samples) if points else enlarged(grid(samples, columns), scale)
    try:
        picture.save(path)
    except (OSError, ValueError) as error:
        raise ForgeryError(f"cannot write {path}: {error}") from error


def evolution(pictures: list[Path], target: Path, captions: list[str], most: int = 30) -> None:
    """Write an animation of grids drawn from the same z, with at most ``most`` frames.

    It is a GIF or an mp4, depending on the suffix of ``target``.
    Frames are dense at first and sparser later, since the generator changes most early in training.
    The last frame stays for two seconds. Damaged pictures are skipped; if none is left, no file is
    written.
    """
    last = len(pictures) - 1
    chosen = list(range(len(pictures)))
    if len(chosen) > most:
        chosen = sorted({round(last * (i / (most - 1)) ** 2) for i in range(most)})
    drawn = (_captioned(pictures[i], captions[i]) for i in chosen)
    frames = [frame for frame in drawn if frame is not None]
    if not frames:
        return
    # The number of samples in a grid may have been changed during the run.
    size = tuple(max(lengths) for lengths in zip(*(frame.size for frame in frames), strict=True))
    frames = [frame if frame.size == size else _enlarged_to(size, frame) for frame in frames]
    write_film(frames, [120] * (len(frames) - 1) + [2000], target)


def _enlarged_to(size: tuple[int, ...], frame: Image.Image) -> Image.Image:
    """The frame in the upper left corner of a black one."""
    width, height = size
    enlarged = Image.new(frame.mode, (width, height), 0)
    enlarged.paste(frame, (0, 0))
    return enlarged


def _captioned(picture: Path, caption: str) -> Image.Image | None:
    """Load a picture and add its caption; None if it is damaged.

    Pillow raises any of these errors for a damaged file.
    """
    try:
        with Image.open(picture, formats=["PNG"]) as opened:
            frame = Image.new(opened.mode, (opened.width, opened.height + 14), 0)
            frame.paste(opened, (0, 0))
    except (OSError, SyntaxError, ValueError, EOFError, MemoryError):
        return None
    white = 255 if frame.mode == "L" else (255, 255, 255)
    ImageDraw.Draw(frame).text((4, frame.height - 13), caption, fill=white)
    return frame


def centred(page: Image.Image, text: str, x: int, y: int, room: int, size: int = 13) -> None:
    """Draw text centred on a point, in a smaller font if it would exceed ``room`` pixels.

    Pillow's default font has no minus sign, which is replaced by a hyphen.
    """
    draw, text = ImageDraw.Draw(page), text.replace("−", "-")
    while True:
        font = ImageFont.load_default(size)
        if size <= 7 or draw.textlength(text, font) <= room:
            break
        size -= 1
    draw.text((x, y), text, fill=INK, font=font, anchor="mm")
