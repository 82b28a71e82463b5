"""A person's own picture, as the generator would draw it."""

from pathlib import Path

import numpy as np
import torch
from PIL import Image, UnidentifiedImageError
from torch import Tensor

from ..errors import ForgeryError
from ..pixels import to_model

FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "GIF")


def read_picture(path: Path, shape: tuple[int, ...]) -> Tensor:
    """The picture in a file: float32 ``[C, H, W]`` in [-1, 1].

    Parameters
    ----------
    shape:
        (C, H, W) that it must have; its colour is changed to C channels, its size is not.

    Raises
    ------
    ForgeryError
        For a file that cannot be read, is no picture, or has another size.
    """
    channels, height, width = shape
    try:
        with Image.open(path, formats=FORMATS) as opened:
            if opened.size != (width, height):
                raise ForgeryError(
                    f"{path} is {opened.width} × {opened.height} pixels, and this generator draws "
                    f"{width} × {height}: scale or cut it first"
                )
            pixels = np.array(opened.convert("L" if channels == 1 else "RGB"))
    except UnidentifiedImageError as error:
        raise ForgeryError(f"{path} is not a picture ({', '.join(FORMATS)})") from error
    except (OSError, Image.DecompressionBombError) as error:
        raise ForgeryError(f"cannot read {path}: {error}") from error
    return to_model(torch.from_numpy(pixels).view(height, width, channels).permute(2, 0, 1))
