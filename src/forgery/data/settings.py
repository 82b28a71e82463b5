"""How pictures of any size, shape and mode become images that are all alike."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from statistics import median

from PIL import Image, ImageColor

from ..errors import ForgeryError, lookup

#: The sizes that are chosen from: 4·2^k and 7·2^k, which the convolutional networks draw. Larger
#: ones are for who asks for them by ``size``: four times the pixels take four times as long.
SIZES = (8, 14, 16, 28, 32, 56, 64)
#: Setting → channels.
COLOURS: dict[str, int | None] = {"auto": None, "grey": 1, "rgb": 3}

Fill = tuple[int, int, int]


def crop(image: Image.Image, size: int, fill: Fill) -> Image.Image:
    """The largest square in the middle."""
    side = min(image.size)
    left, top = (image.width - side) / 2, (image.height - side) / 2
    return _resized(image, (size, size), (left, top, left + side, top + side))


def pad(image: Image.Image, size: int, fill: Fill) -> Image.Image:
    """The whole picture in the middle of a square of the background's colour."""
    scale = size / max(image.size)
    width, height = (max(1, round(side * scale)) for side in image.size)
    square = Image.new(image.mode, (size, size), fill if image.mode == "RGB" else grey_of(fill))
    small = _resized(image, (width, height))
    square.paste(small, ((size - width) // 2, (size - height) // 2))
    return square


def stretch(image: Image.Image, size: int, fill: Fill) -> Image.Image:
    """The whole picture, squeezed into a square."""
    return _resized(image, (size, size))


def _resized(
    image: Image.Image,
    size: tuple[int, int],
    box: tuple[float, float, float, float] | None = None,
) -> Image.Image:
    return image.resize(size, Image.Resampling.LANCZOS, box=box)


#: Fit → function of (picture in L or RGB, size, background).
FITS: dict[str, Callable[[Image.Image, int, Fill], Image.Image]] = {
    "crop": crop,
    "pad": pad,
    "stretch": stretch,
}


@dataclass(frozen=True)
class ImageSettings:
    """What a person decides about pictures.

    Parameters
    ----------
    size:
        Pixels of a side. 0 chooses: for pictures in files the largest of :data:`SIZES` that is not
        above the median of their shorter sides; arrays stay as they are.
    fit:
        How a picture becomes square, one of :data:`FITS`. Smaller ones are enlarged.
    colour:
        ``grey``, ``rgb``, or ``auto``: grey where all pictures are.
    background:
        What lies behind transparent pixels and around padded pictures: a CSS name or ``#rrggbb``.
    strict:
        Whether a file that cannot be used is an error; else it is set aside.
    image_column, label_column:
        Of a table. Empty chooses (``tables.py``); the label column ``none`` is no column.
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
            raise ForgeryError(f"the size of images must be at least 0, not {self.size}")
        try:
            ImageColor.getrgb(self.background)
        except ValueError:
            raise ForgeryError(
                f"unknown background {self.background!r}: expected a CSS name or #rrggbb"
            ) from None

    def like(self, shape: Sequence[int]) -> "ImageSettings":
        """These settings with the size and colour of images ``[C, H, W]`` there already."""
        channels, height, width = shape
        if height != width:
            return self
        return replace(self, size=width, colour="grey" if channels == 1 else "rgb")


@dataclass(frozen=True)
class Form:
    """What is left of :class:`ImageSettings` once all is decided."""

    size: int
    channels: int
    fit: str
    background: str

    @property
    def fill(self) -> Fill:
        red, green, blue = ImageColor.getrgb(self.background)[:3]
        return red, green, blue


def choose_size(shorter_sides: Sequence[int]) -> int:
    """The largest of :data:`SIZES` that is not above the median; the smallest if all are."""
    middle = median(shorter_sides)
    return max((size for size in SIZES if size <= middle), default=SIZES[0])


def grey_of(fill: Fill) -> int:
    """Its luma, 0 to 255 (ITU-R 601, as Pillow converts)."""
    red, green, blue = fill
    return round((299 * red + 587 * green + 114 * blue) / 1000)
