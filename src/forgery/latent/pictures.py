"""Reading of a user's picture in the format of a generator's images."""

from pathlib import Path

import numpy as np
import torch
from PIL import Image, UnidentifiedImageError
from torch import Tensor

from ..errors import ForgeryError
from ..pixels import to_model

FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "GIF")


def read_picture(path: Path, shape: tuple[int, ...]) -> Tensor:
    """Read a picture from a file as float32 ``[C, H, W]`` in [-1, 1].

    Parameters
    ----------
    path:
        The file.
    shape:
        Expected (C, H, W). Colours are converted to C channels, but the size is not changed.

    Raises
    ------
    ForgeryError
        The file cannot be read, is not a picture, or has another size.
    """
    channels, height, width = shape
    try:
        with Image.open(path, formats=FORMATS) as opened:
            if opened.size != (width, height):
                raise ForgeryError(
                    f"{path} has {opened.width} × {opened.height} pixels, but the generator's "
                    f"images have {width} × {height}: resize or crop it first"
                )
            pixels = np.array(opened.convert("L" if channels == 1 else "RGB"))
    except UnidentifiedImageError as error:
        raise ForgeryError(f"{path} is not a picture ({', '.join(FORMATS)})") from error
    except (OSError, Image.DecompressionBombError) as error:
        raise ForgeryError(f"cannot read {path}: {error}") from error
    return to_model(torch.from_numpy(pixels).view(height, width, channels).permute(2, 0, 1))
