"""Reading of a user's picture in the format of a generator's images."""

from pathlib import Path

import torch
from torch import Tensor

from ..data import ImageSettings
from ..data.decode import Rejected, careful_pillow, decode
from ..data.settings import Form
from ..errors import ForgeryError
from ..pixels import to_model
from ..sizes import in_words


def read_picture(
    path: Path, shape: tuple[int, ...], settings: ImageSettings | None = None
) -> Tensor:
    """Read a picture file as an image like those of a run: float32 ``[C, H, W]`` in [-1, 1].

    Parameters
    ----------
    path:
        The file.
    shape, settings:
        As in :func:`picture_of`.

    Raises
    ------
    ForgeryError
        The file cannot be read, or as in :func:`picture_of`.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ForgeryError(f"cannot read {path}: {error.strerror or error}") from error
    return picture_of(content, str(path), shape, settings)


def picture_of(
    content: bytes, name: str, shape: tuple[int, ...], settings: ImageSettings | None = None
) -> Tensor:
    """Decode a picture as an image like those of a run: float32 ``[C, H, W]`` in [-1, 1].

    Parameters
    ----------
    content:
        The bytes of the file.
    name:
        What messages call it.
    shape:
        Expected (C, H, W).
    settings:
        How a picture of another size is brought to this one, and its background; those of the
        run.

    Raises
    ------
    ForgeryError
        It is not a picture, or has another size and fit ``none`` keeps it.
    """
    settings = settings or ImageSettings()
    channels, height, width = shape
    form = Form((height, width), channels, settings.fit, settings.background)
    try:
        with careful_pillow():
            pixels, _ = decode(content, form)
    except Rejected as reason:
        raise ForgeryError(f"{name}: {reason}") from None
    if pixels.shape != shape:
        raise ForgeryError(
            f"{name} is {in_words(pixels.shape)}, but the generator's images are "
            f"{in_words(shape)}, and the run has --fit none: resize or crop it first"
        )
    return to_model(torch.from_numpy(pixels.copy()))
