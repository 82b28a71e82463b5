"""Settings for converting pictures of any size, shape and mode to images of one kind.

Sizes are (height, width), except Pillow's, which are (width, height).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from statistics import median

from PIL import Image, ImageColor

from ..errors import ForgeryError, lookup
from ..sizes import ImageSize, Size, as_setting, sides_of

#: Squares chosen automatically: 4·2^k and 7·2^k, which the convolutional networks support. Larger
#: ones need an explicit ``size``, since four times the pixels take four times as long.
SIZES = (8, 14, 16, 28, 32, 56, 64)
#: Setting → number of channels; None to decide from the pictures.
COLOURS: dict[str, int | None] = {"auto": None, "grey": 1, "rgb": 3}

Fill = tuple[int, int, int]


def crop(image: Image.Image, size: Size, fill: Fill) -> Image.Image:
    """Crop to the largest centred rectangle with the proportions of ``size``."""
    height, width = size
    across: float = image.width
    down: float = image.height
    if across * height < down * width:
        down = across * height / width
    else:
        across = down * width / height
    left, top = (image.width - across) / 2, (image.height - down) / 2
    return _resized(image, size, (left, top, left + across, top + down))


def pad(image: Image.Image, size: Size, fill: Fill) -> Image.Image:
    """Centre the whole picture in a rectangle filled with ``fill``."""
    height, width = size
    scale = min(height / image.height, width / image.width)
    across, down = (max(1, round(side * scale)) for side in image.size)
    page = Image.new(image.mode, (width, height), fill if image.mode == "RGB" else grey_of(fill))
    small = _resized(image, (down, across))
    page.paste(small, ((width - across) // 2, (height - down) // 2))
    return page


def stretch(image: Image.Image, size: Size, fill: Fill) -> Image.Image:
    """Stretch the whole picture to the size."""
    return _resized(image, size)


def keep(image: Image.Image, size: Size, fill: Fill) -> Image.Image:
    """Return the picture as it is; callers that need one size refuse pictures of another."""
    return image


def _resized(
    image: Image.Image,
    size: Size,
    box: tuple[float, float, float, float] | None = None,
) -> Image.Image:
    height, width = size
    return image.resize((width, height), Image.Resampling.LANCZOS, box=box)


#: Fit → function of (picture in mode L or RGB, size, background colour).
FITS: dict[str, Callable[[Image.Image, Size, Fill], Image.Image]] = {
    "crop": crop,
    "pad": pad,
    "stretch": stretch,
    "none": keep,
}


@dataclass(frozen=True)
class ImageSettings:
    """The user's settings for pictures.

    Parameters
    ----------
    size:
        Height and width in pixels: ``(48, 64)``, ``"48x64"``, or ``32`` for squares. 0 is
        automatic: for picture files squares, of the largest of :data:`SIZES` that does not exceed
        the median shorter side; arrays keep their size.
    fit:
        How to bring pictures to that size, one of :data:`FITS`. Small pictures are enlarged.
        ``none`` changes no picture: all must have one size, which is ``size`` if that is given.
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

    size: ImageSize = 0
    fit: str = "crop"
    colour: str = "auto"
    background: str = "white"
    strict: bool = False
    image_column: str = ""
    label_column: str = ""

    def __post_init__(self) -> None:
        lookup(FITS, self.fit, "fit")
        lookup(COLOURS, self.colour, "colour")
        object.__setattr__(self, "size", as_setting(self.size))
        try:
            ImageColor.getrgb(self.background)
        except ValueError:
            raise ForgeryError(
                f"unknown background {self.background!r}: expected a CSS name or #rrggbb"
            ) from None

    @property
    def sides(self) -> Size | None:
        """(height, width); None if the size is automatic."""
        return sides_of(self.size)

    def like(self, shape: Sequence[int]) -> "ImageSettings":
        """Return these settings with the size and colour of images ``[C, H, W]``."""
        channels, height, width = shape
        colour = {1: "grey", 3: "rgb"}.get(channels, self.colour)
        return replace(self, size=(height, width), colour=colour)


@dataclass(frozen=True)
class Form:
    """The size, channels, fit and background of images, after resolving :class:`ImageSettings`.

    A size of None keeps that of each picture.
    """

    size: Size | None
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
