"""What a folder, an archive or a table of pictures holds, and warnings about it."""

from collections.abc import Sequence
from dataclasses import dataclass

from .dataset import Dataset

#: Reason for grey images in :attr:`Survey.why`.
ALL_GREY = "grey since all are grey"


@dataclass(frozen=True)
class Survey:
    """Statistics of a folder, an archive or a table of pictures.

    Parameters
    ----------
    height, width, channels, why:
        Size and channels of the images, and the reason for choosing them.
    splits:
        Split → number of pictures.
    sizes, modes, formats:
        Original size (height × width, upright), mode or format (``480 × 640``, ``RGB``, ``JPEG``)
        → number of pictures, most frequent first; at most twenty sizes.
    classes:
        Class → number of pictures in all splits; empty if there are no classes.
    duplicates:
        Groups of names of identical files, at most a hundred; all of them are used.
    copies:
        Number of pictures that are identical to an earlier one.
    brightest:
        The largest level in the pictures of 16 bits; 0 if there are none.
    blank:
        Number of pictures that have a single colour after conversion.
    background:
        The colour that transparent pictures were composited on.
    rejects:
        (name, reason) of every file that was set aside.
    licence:
        Licence on the card of a data set of the hub; empty if unknown.
    """

    height: int
    width: int
    channels: int
    why: str
    splits: dict[str, int]
    sizes: dict[str, int]
    modes: dict[str, int]
    formats: dict[str, int]
    classes: dict[str, int]
    duplicates: list[list[str]]
    copies: int
    brightest: int
    blank: int
    background: str
    rejects: list[list[str]]
    licence: str


def set_aside(rejects: Sequence[Sequence[str]]) -> str:
    """Describe the files that were set aside: their number and the first few reasons."""
    first = "; ".join(f"{name}: {reason}" for name, reason in rejects[:3])
    files = f"{len(rejects):,} file{'' if len(rejects) == 1 else 's'} set aside"
    return f"{files}: {first}{' …' if len(rejects) > 3 else ''}"


def warnings_of(data: Survey | Dataset) -> list[str]:
    """Warnings about images that a GAN cannot learn much from: most are copies, blank or dark."""
    if isinstance(data, Dataset):
        return _mostly_copies(data.copies, len(data)) if data.kind == "images" else []
    total = sum(data.splits.values())
    warnings = _mostly_copies(data.copies, total)
    if data.blank > total / 2:
        warnings.append(
            f"{data.blank:,} of the {total:,} pictures have a single colour: if they are "
            f"transparent, choose another --background than {data.background}"
        )
    if 0 < data.brightest < 1 << 14:
        warnings.append(
            f"the brightest level in the pictures of 16 bits is {data.brightest:,} of 65,535: for "
            f"brighter images, multiply their levels by {65_535 // data.brightest:,}"
        )
    return warnings


def _mostly_copies(copies: int, total: int) -> list[str]:
    if copies <= total / 2:
        return []
    return [
        f"{copies:,} of the {total:,} pictures are copies of others: a GAN can only learn "
        f"the {total - copies:,} that differ"
    ]
