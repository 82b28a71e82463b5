"""Decoding of one picture: the bytes of a file to uint8 ``[C, H, W]``.

Files are not trusted: only the formats listed here are tried, a picture whose header states more
than :data:`MAX_PIXELS` is rejected before memory is allocated, and truncated pictures are rejected.
"""

import ctypes
import hashlib
import io
import logging
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, replace

import numpy as np
from PIL import Image, ImageFile, ImageOps, UnidentifiedImageError, features

from .settings import FITS, Form

#: A build of Pillow may lack AVIF.
FORMATS = (
    *("PNG", "JPEG", "WEBP", "BMP", "GIF", "TIFF", "PPM"),
    *(["AVIF"] if features.check("avif") else []),
)
#: Kinds of files of phones' cameras, by the first letters of the file.
HEIC = (b"heic", b"heix", b"hevc", b"hevx", b"mif1", b"msf1")
#: Pixels above which Pillow warns: a quarter of a GiB as RGB.
MAX_PIXELS = 89_478_485
#: Larger files are not read.
MAX_BYTES = 1 << 28
GREY_MODES = ("1", "L", "LA", "La", "I;16", "I;16B", "I;16L", "I;16N", "I")
#: The EXIF tag, and its values that swap height and width.
ORIENTATION, ROTATED = 0x0112, (5, 6, 7, 8)
#: TIFF tags: bits per channel; and how levels map to grey, where 0 means that white is level 0.
#: Pillow inverts such pictures if they have 8 bits.
BITS, PHOTOMETRIC = 258, 262


class Rejected(Exception):
    """Raised for a file that cannot be used; the message is the reason."""


@dataclass(frozen=True)
class Header:
    """Mode, size (width, height) and format of a picture file.

    ``brightest`` is the largest level in a picture of 16 bits; 0 in others, and before decoding.
    """

    mode: str
    size: tuple[int, int]
    format: str
    brightest: int = 0

    @property
    def grey(self) -> bool:
        return self.mode in GREY_MODES


class _Shared:
    """A context that is entered by the first of several threads, and left by the last."""

    def __init__(self, context: Callable[[], AbstractContextManager[None]]) -> None:
        self._context, self._lock = context, threading.Lock()
        self._inside, self._stack = 0, ExitStack()

    def __enter__(self) -> None:
        with self._lock:
            if not self._inside:
                self._stack.enter_context(self._context())
            self._inside += 1

    def __exit__(self, *error: object) -> None:
        with self._lock:
            self._inside -= 1
            if not self._inside:
                self._stack.close()


def careful_pillow() -> AbstractContextManager[None]:
    """Configure Pillow, for all threads, to raise errors in untrusted files and print nothing."""
    return _careful


@contextmanager
def _careful_pillow() -> Iterator[None]:
    Image.init()  # before several threads would do it at once
    log = logging.getLogger("PIL")
    before = ImageFile.LOAD_TRUNCATED_IMAGES, log.level
    ImageFile.LOAD_TRUNCATED_IMAGES = False
    log.setLevel(logging.CRITICAL + 1)
    try:
        with warnings.catch_warnings(), _silent_libtiff():
            warnings.simplefilter("ignore")  # about damaged metadata, which is not used
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            yield
    finally:
        ImageFile.LOAD_TRUNCATED_IMAGES = before[0]
        log.setLevel(before[1])


_careful = _Shared(_careful_pillow)


@contextmanager
def _silent_libtiff() -> Iterator[None]:
    """Keep libtiff from printing errors and warnings; Pillow raises those that matter.

    Pillow leaves libtiff's default handlers in place, which write to standard error from C. They
    are found through Pillow's extension module if it links to libtiff dynamically; in the wheels
    for Windows it does not, and they stay.
    """
    try:
        pillow = ctypes.CDLL(Image.core.__file__)
        setters = [pillow.TIFFSetErrorHandler, pillow.TIFFSetWarningHandler]
    except (AttributeError, OSError):
        yield
        return
    for set_handler in setters:
        set_handler.argtypes, set_handler.restype = [ctypes.c_void_p], ctypes.c_void_p
    before = [set_handler(None) for set_handler in setters]
    try:
        yield
    finally:
        for set_handler, handler in zip(setters, before, strict=True):
            set_handler(handler)


def digest(content: bytes) -> str:
    """Return the SHA-256 of a file's bytes."""
    return hashlib.sha256(content).hexdigest()


def header(content: bytes) -> Header:
    """Read the header; raise :class:`Rejected` if it is not a picture or too large."""
    with _open(content) as image:
        return _header(image)


def decode(content: bytes, form: Form) -> tuple[np.ndarray, Header]:
    """Decode a picture to uint8 ``[C, H, W]`` in the given form; also return its header, upright.

    JPEGs are decoded at the smallest scale of at least twice the target size, then resized with a
    Lanczos filter. A picture that already has the target size keeps its pixels exactly.

    Raises
    ------
    Rejected
        The picture cannot be decoded; the message is the reason.
    """
    with _open(content) as image:
        about = _header(image)
        try:
            if form.size and form.fit != "none":
                longer = 2 * max(form.size)  # of both sides, since the picture may be rotated
                image.draft(None, (longer, longer))
            is_16_bit = _is_16_bit(image)
            image.load()
            orientation = image.getexif().get(ORIENTATION, 1)
            if orientation != 1:
                ImageOps.exif_transpose(image, in_place=True)
            if orientation in ROTATED:
                about = replace(about, size=about.size[::-1])
            if is_16_bit and not _has_12_bits(image):
                about = replace(about, brightest=_brightest(image))
            return prepare(image, form), about
        except Rejected:
            raise
        except Exception as error:  # decoders raise nearly anything for damaged files
            raise Rejected(f"damaged {about.format}: {_reason(error)}") from error


def prepare(image: Image.Image, form: Form) -> np.ndarray:
    """Convert a picture of any mode and size to a form, uint8 ``[C, H, W]``.

    A form without a size, or with fit ``none``, keeps the picture's size.
    """
    plain = _plain(image, form)
    if form.channels == 3:  # before it is padded with a colour
        plain = plain.convert("RGB")
    if form.size and (plain.height, plain.width) != form.size:
        plain = FITS[form.fit](plain, form.size, form.fill)
    if form.channels == 1:
        return np.asarray(plain.convert("L"))[None]
    return np.asarray(plain).transpose(2, 0, 1)


def _plain(image: Image.Image, form: Form) -> Image.Image:
    """Convert a picture to mode L or RGB, compositing transparency over the background."""
    if image.mode.startswith("I"):
        image = _from_16_bits(image)
    if image.mode == "F":
        raise Rejected("its pixels are floating-point numbers of unknown range")
    if image.mode in ("RGBA", "RGBa", "LA", "La", "PA") or "transparency" in image.info:
        opaque = Image.new("RGBA", image.size, (*form.fill, 255))
        return Image.alpha_composite(opaque, image.convert("RGBA")).convert("RGB")
    if image.mode in ("L", "RGB"):
        return image
    return image.convert("L" if image.mode == "1" else "RGB")


def _from_16_bits(image: Image.Image) -> Image.Image:
    """Convert a picture of integers to mode L, or to LA if one of its levels is transparent."""
    values = np.asarray(image).astype(np.int64)
    if values.min() < 0 or values.max() > 65535:
        raise Rejected("its pixels are 32-bit integers beyond 65535, of unknown range")
    white = 4095 if _has_12_bits(image) else 65535
    levels = (values * 255 + white // 2) // white
    if getattr(image, "tag_v2", {}).get(PHOTOMETRIC) == 0:
        levels = 255 - levels
    grey = Image.fromarray(levels.astype(np.uint8))
    clear = image.info.get("transparency")
    if clear is None:
        return grey
    opaque = np.where(values == clear, 0, 255).astype(np.uint8)
    return Image.merge("LA", (grey, Image.fromarray(opaque)))


def _is_16_bit(image: Image.Image) -> bool:
    """Whether a picture that was opened, but not loaded, has 16 bits per channel."""
    raw = (tile[3] for tile in getattr(image, "tile", ()))
    modes = [args if isinstance(args, str) else args[0] for args in raw if args]
    return image.mode.startswith("I") or any(";16" in str(mode) for mode in modes)


def _brightest(image: Image.Image) -> int:
    """The largest level of a picture of 16 bits, beside its opacity.

    Pillow keeps the high byte of several channels: the level is then at most this.
    """
    values = np.asarray(image)
    if values.ndim == 2:
        return int(values.max())
    colours = values[..., : 1 if image.mode.startswith("L") else 3]
    return int(colours.max()) << 8 | 255


def _has_12_bits(image: Image.Image) -> bool:
    """Whether a picture is a TIFF of 12 bits, which Pillow opens like those of 16."""
    return getattr(image, "tag_v2", {}).get(BITS) == (12,)


def _open(content: bytes) -> Image.Image:
    if not content:
        raise Rejected("empty")
    try:
        image = Image.open(io.BytesIO(content), formats=FORMATS)
    except UnidentifiedImageError:
        if content[4:8] == b"ftyp" and content[8:12] in HEIC:
            raise Rejected("a HEIC picture, which is not supported: convert it to JPEG") from None
        raise Rejected(f"not a picture (none of {', '.join(FORMATS)})") from None
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise Rejected(f"has more than {MAX_PIXELS:,} pixels") from None
    except Exception as error:
        raise Rejected(f"damaged: {_reason(error)}") from error
    if image.width * image.height > MAX_PIXELS:  # even if this process has changed Pillow's limit
        raise Rejected(f"has more than {MAX_PIXELS:,} pixels")
    if 0 in image.size:
        raise Rejected("has no pixels")
    return image


def _header(image: Image.Image) -> Header:
    return Header(image.mode, image.size, image.format or "?")


def _reason(error: Exception) -> str:
    return str(error).strip().splitlines()[0][:120] if str(error).strip() else type(error).__name__
