"""The splits and the classes of pictures.

Classes: in a folder or an archive, subfolders are classes, unless they are splits. Folders that
contain all pictures are ignored, so that an archive may have everything in one folder. A table has
a column for the classes.

Splits: if the only subfolders are ``train`` and ``test`` or ``valid`` (or ``val``,
``validation``), these are the splits; a data set of the hub has its own. Otherwise ``test`` is a
tenth of the pictures, chosen by the SHA-256 of their bytes, and ``train`` is the rest: equal
pictures are in the same split, and adding pictures does not move others. Fewer than
:data:`HELD_OUT_FROM` pictures are all in ``train``. ``all`` is everything.
"""

from collections.abc import Sequence
from pathlib import PurePosixPath
from typing import Protocol

from .listing import Entry

#: Name of a folder → split.
SPLITS = {
    "train": "train",
    "training": "train",
    "test": "test",
    "testing": "test",
    "val": "valid",
    "valid": "valid",
    "validation": "valid",
}
#: Fraction of pictures in ``test``, and the number of pictures from which there is one.
HELD_OUT = 0.1
HELD_OUT_FROM = 20


class Picture(Protocol):
    """A decoded picture: its entry in the listing, and the hash of its file."""

    @property
    def entry(self) -> Entry: ...

    @property
    def sha256(self) -> str: ...


def from_folders(decoded: Sequence[Picture]) -> tuple[list[str], list[str]]:
    """Return the split and the class (or an empty string) of each picture from its folders."""
    folders = [PurePosixPath(picture.entry.name).parts[:-1] for picture in decoded]
    first, last = min(folders), max(folders)  # a common prefix of these is common to all
    shared = next((i for i, part in enumerate(first) if part != last[i]), len(first))
    folders = [parts[shared:] for parts in folders]
    tops = {parts[0].lower() if parts else "" for parts in folders}
    found = {SPLITS.get(top, "") for top in tops}
    if "" not in found and "train" in found and len(found) > 1:
        splits = [SPLITS[parts[0].lower()] for parts in folders]
        return splits, [parts[1] if len(parts) > 1 else "" for parts in folders]
    return _by_content(decoded), [parts[0] if parts else "" for parts in folders]


def from_rows(decoded: Sequence[Picture]) -> tuple[list[str], list[str]]:
    """Return the split and the class (or an empty string) of each picture from its table row."""
    labels = [picture.entry.label for picture in decoded]
    splits = [SPLITS.get(p.entry.split.lower(), p.entry.split) for p in decoded]
    if "train" in splits and len(set(splits)) > 1:
        return splits, labels
    return _by_content(decoded), labels


def _by_content(decoded: Sequence[Picture]) -> list[str]:
    """Assign a tenth of the pictures to ``test`` by their hashes, unless there are few."""
    splits = [
        "test" if int(picture.sha256[:8], 16) < HELD_OUT * 2**32 else "train" for picture in decoded
    ]
    few = len(decoded) < HELD_OUT_FROM or "train" not in splits
    return ["train"] * len(decoded) if few else splits


def rank(split: str) -> tuple[int, str]:
    """Sort key of a split: train, test, valid, then others by name."""
    usual = list(SPLITS.values())
    return usual.index(split) if split in usual else len(usual), split
