"""The height and width of images in pixels: always in this order, as in ``[C, H, W]``.

A user writes a size as ``48x64``, from Python also as ``(48, 64)``, and a square as ``32``.
"""

import re
from collections.abc import Sequence

from .errors import ForgeryError

#: (height, width).
Size = tuple[int, int]
#: A size as users and records state it; 0 is automatic.
ImageSize = int | str | Sequence[int]

_NUMBERS = re.compile(r"\s*(-?\d{1,9})\s*(?:[xX×]\s*(-?\d{1,9})\s*)?")


def sides_of(given: ImageSize, most: int | None = None) -> Size | None:
    """Return the height and width that a user's image size states; None if it is automatic.

    Raises
    ------
    ForgeryError
        It is not a size, a side is less than 1, or more than ``most``.
    """
    numbers = _numbers_in(given)
    if not numbers:
        raise ForgeryError(
            "image-size must be height x width, such as 48x64, or a whole number for squares, not "
            f"{given!r}"
        )
    least = len(numbers) - 1  # 0 is automatic, but not as one of two sides
    what = "image-size must be" if least == 0 else "height and width of image-size must be"
    if min(numbers) < least:
        raise ForgeryError(f"{what} at least {least}, not {given}")
    if most is not None and max(numbers) > most:
        raise ForgeryError(f"{what} at most {most}, not {given}")
    return (numbers[0], numbers[-1]) if numbers[0] else None


def _numbers_in(given: object) -> list[int]:
    """The one or two numbers of a size; empty if it is not one."""
    if isinstance(given, str):
        matched = _NUMBERS.fullmatch(given)
        return [int(number) for number in matched.groups() if number] if matched else []
    if type(given) is int:
        return [given]
    pair = list(given) if isinstance(given, Sequence) else []
    return pair if [type(number) for number in pair] == [int, int] else []


def as_setting(given: ImageSize, most: int | None = None) -> int | str:
    """Return an image size as settings keep it: ``32`` for a square, ``"48x64"`` for a rectangle.

    Raises
    ------
    ForgeryError
        As :func:`sides_of` does.
    """
    height, width = sides_of(given, most) or (0, 0)
    return height if height == width else f"{height}x{width}"


def in_words(size: Sequence[int]) -> str:
    """Return ``32 × 32``, or ``48 × 64 (height × width)``; a shape ``[…, H, W]`` is a size too."""
    height, width = size[-2:]
    return f"{height} × {width}" + ("" if height == width else " (height × width)")


#: Sides of the first maps of a generator that doubles them.
LEAST, MOST = 4, 15


def doubled(height: int, width: int) -> tuple[int, int, int] | None:
    """Height and width of the first maps, and the number of doublings to the given size.

    None if the size is not 4 to 15 times a power of two, from 2 on.
    """
    k = 0
    while not (height % 2 or width % 2) and min(height, width) >= 2 * LEAST:
        height, width, k = height // 2, width // 2, k + 1
    return (height, width, k) if k and max(height, width) <= MOST else None
