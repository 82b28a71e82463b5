"""Settings for converting pictures of any size, shape and mode to images of one kind."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from statistics import median

from PIL import Image, ImageColor

from ..errors import ForgeryError, lookup

#: Sizes chosen automatically: 4·2^k and 7·2^k, which the convolutional networks support. Larger
#: ones need an explicit ``size``, since four times the pixels take four times as long.
SIZES = (8, 14, 16, 28, 32, 56, 64)
#: Setting → number of channels; None to decide from the pictures.
COLOURS: dict[str, int | None] = {"auto": None, "grey": 1, "rgb": 3}

Fill = tuple[int, int, int]


def crop(image: Image.Image, size: int, fill: Fill) -> Image.Image:
    """Crop to the largest centred square."""
    side = min(image.size)
    left, top = (image.width - side) / 2, (image.height - side) / 2
    return _resized(image, (size, size), (left, top, left + side, top + side))


def pad(image: Image.Image, size: int, fill: Fill) -> Image.Image:
    """Centre the whole picture in a square filled with ``fill``."""
    scale = size / max(image.size)
    width, height = (max(1, round(side * scale)) for side in image.size)
    square = Image.new(image.mode, (size, size), fill if image.mode == "RGB" else grey_of(fill))
    small = _resized(image, (width, height))
    square.paste(small, ((size - width) // 2, (size - height) // 2))
    return square


def stretch(image: Image.Image, size: int, fill: Fill) -> Image.Image:
    """Stretch the whole picture to a square."""
    return _resized(image, (size, size))


def _resized(
    image: Image.Image,
    size: tuple[int, int],
    box: tuple[float, float, float, float] | None = None,
) -> Image.Image:
    return image.resize(size, Image.Resampling.LANCZOS, box=box)


#: Fit → function of (picture in mode L or RGB, size, background colour).
FITS: dict[str, Callable[[Image.Image, int, Fill], Image.Image]] = {
    "crop": crop,
    "pad": pad,
    "stretch": stretch,
}


@dataclass(frozen=True)
class ImageSettings:
    """The user's settings for pictures.

    Parameters
    ----------
    size:
        Height and width in pixels. 0 is automatic: for picture files the largest of :data:`SIZES`
        that does not exceed the median shorter side; arrays keep their size.
    fit:
        How to make pictures square, one of :data:`FITS`. Small pictures are enlarged.
    colour:
        ``grey``, ``rgb``, or ``auto``: grey if all pictures are grey, else RGB.
    background:
        Colour behind transparent pixels and around padded pictures: a CSS name or ``#rrggbb``.
    strict:
        Whether unusable files are an error instead of being set aside.
    image_column, label_column:
        Columns of a table. Empty is automatic (``tables.py``); the label column ``none`` ignores
        labels.
    """

    size: int = 0
    fit: str = "crop"
    colour: str = "auto"
    background: str = "white"
    strict: bool = False
    image_column: str = ""
    label_column: str = ""

    def __post_init__(self) -> None:
        lookup(FITS, self.fit, "fit")
        lookup(COLOURS, self.colour, "colour")
        if self.size < 0:
            raise ForgeryError(f"the image size must be at least 0, not {self.size}")
        try:
            ImageColor.getrgb(self.background)
        except ValueError:
            raise ForgeryError(
                f"unknown background {self.background!r}: expected a CSS name or #rrggbb"
            ) from None

    def like(self, shape: Sequence[int]) -> "ImageSettings":
        """Return these settings with the size and colour of images ``[C, H, W]``."""
        channels, height, width = shape
        if height != width:
            return self
        return replace(self, size=width, colour="grey" if channels == 1 else "rgb")


@dataclass(frozen=True)
class Form:
    """The size, channels, fit and background of images, after resolving :class:`ImageSettings`."""

    size: int
    channels: int
    fit: str
    background: str

    @property
    def fill(self) -> Fill:
        red, green, blue = ImageColor.getrgb(self.background)[:3]
        return red, green, blue


def choose_size(shorter_sides: Sequence[int]) -> int:
    """Return the largest of :data:`SIZES` up to the median side, or the smallest if none is."""
    middle = median(shorter_sides)
    return max((size for size in SIZES if size <= middle), default=SIZES[0])


def grey_of(fill: Fill) -> int:
    """Return the luma of a colour, 0 to 255 (ITU-R 601, as in Pillow)."""
    red, green, blue = fill
    return round((299 * red + 587 * green + 114 * blue) / 1000)
