"""Reading of a user's picture in the format of a generator's images."""

from pathlib import Path

import torch
from torch import Tensor

from ..data import ImageSettings
from ..data.decode import Rejected, careful_pillow, decode
from ..data.settings import Form
from ..errors import ForgeryError
from ..pixels import to_model


def read_picture(
    path: Path, shape: tuple[int, ...], settings: ImageSettings | None = None
) -> Tensor:
    """Read a picture as an image like those of a run: float32 ``[C, H, W]`` in [-1, 1].

    Parameters
    ----------
    path:
        The file.
    shape:
        Expected (C, H, W).
    settings:
        How a picture of another size is made square, and its background; those of the run.

    Raises
    ------
    ForgeryError
        The file cannot be read, is not a picture, or has another size than images that are not
        square.
    """
    settings = settings or ImageSettings()
    channels, height, width = shape
    size = height if height == width else 0  # 0 keeps the size of the file
    form = Form(size, channels, settings.fit, settings.background)
    try:
        with careful_pillow():
            pixels, _ = decode(path.read_bytes(), form)
    except OSError as error:
        raise ForgeryError(f"cannot read {path}: {error.strerror or error}") from error
    except Rejected as reason:
        raise ForgeryError(f"{path}: {reason}") from None
    if pixels.shape != shape:
        raise ForgeryError(
            f"{path} has {pixels.shape[2]} × {pixels.shape[1]} pixels, but the generator's images "
            f"have {width} × {height}: resize or crop it first"
        )
    return to_model(torch.from_numpy(pixels.copy()))
