"""Pictures in files and tables, decoded once, in parallel, into a cache.

Classes: in a folder or an archive, subfolders are classes, unless they are splits. Folders that
contain all pictures are ignored, so that an archive may have everything in one folder. A table has
a column for the classes.

Splits: if the only subfolders are ``train`` and ``test`` or ``valid`` (or ``val``,
``validation``), these are the splits; a data set of the hub has its own. Otherwise ``test`` is a
tenth of the pictures, chosen by the SHA-256 of their bytes, and ``train`` is the rest: equal
pictures are in the same split, and adding pictures does not move others. Fewer than
:data:`HELD_OUT_FROM` pictures are all in ``train``. ``all`` is everything.
"""

import os
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Any, TypeVar

import numpy as np
import torch

from ..errors import ForgeryError, did_you_mean
from ..sizes import Size, in_words
from ..user_cache import cache_folder
from . import cache
from .dataset import Dataset, mapping_of
from .decode import Header, Rejected, careful_pillow, decode, digest, header
from .hub import is_on_hub, open_hub
from .listing import Entry, Listing, is_archive, safe_name
from .listing import listing as files_listing
from .listing import stamp as files_stamp
from .parquet import is_parquet, parquet_listing
from .settings import COLOURS, SIZES, Form, ImageSettings, choose_size

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
#: Reason for grey images in :attr:`Survey.why`.
ALL_GREY = "grey since all are grey"
#: Number of pictures, evenly spaced, whose headers determine size and colour.
SAMPLED = 1000
#: Pictures per unit of work of a decoding thread.
CHUNK = 16

#: Called with the progress of a long task: (task, done, total).
Progress = Callable[[str, int, int], None]
T = TypeVar("T")


def silent(task: str, done: int, of: int) -> None:
    """Show no progress."""


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


@dataclass(frozen=True)
class Pictures:
    """The decoded pictures of a source.

    Parameters
    ----------
    source:
        The path or data set of the hub.
    pixels:
        uint8 ``[N, C, H, W]``, sorted by split.
    record:
        What the cache stores about them: rows of the splits, labels, classes, attributes,
        fingerprints and survey.
    """

    source: str
    pixels: np.ndarray
    record: dict[str, Any]

    @property
    def survey(self) -> Survey:
        return Survey(**self.record["survey"])

    def split(self, name: str) -> Dataset:
        """Return a split as a data set; ``all`` is everything."""
        rows = {"all": [0, len(self.pixels)]} | self.record["rows"]
        if name not in rows:
            raise ForgeryError(f"{self.source} has no split {name!r}{did_you_mean(name, rows)}")
        start, stop = rows[name]
        labels, names = self.record["labels"], tuple(self.record["attribute_names"])
        digits = "".join(self.record["attributes"][start:stop]).encode()
        attributes = np.frombuffer(digits, np.uint8).reshape(-1, len(names) or 1) == ord("1")
        return Dataset(
            f"{safe_name(Path(os.path.abspath(self.source)).name)}[{name}]",
            torch.from_numpy(self.pixels[start:stop]),
            torch.tensor(labels[start:stop]) if labels else None,
            tuple(self.record["classes"]),
            attributes=torch.from_numpy(attributes) if names else None,
            attribute_names=names,
            known_fingerprint=self.record["fingerprints"].get(name),
            mapping=mapping_of(self.pixels),
        )


@dataclass(frozen=True)
class _Decoded:
    """A decoded picture, with its row in the file of pixels and its original header."""

    entry: Entry
    row: int
    sha256: str
    header: Header


def is_collection(source: str) -> bool:
    """Whether :func:`load_pictures` can load ``source``."""
    if not source:  # an empty path is that of the current folder
        return False
    path = Path(source)
    return is_table(source) or path.is_dir() or (path.is_file() and is_archive(path))


def is_table(source: str) -> bool:
    """Whether ``source`` is a table, with columns."""
    path = Path(source)
    return is_on_hub(source) or (path.is_file() and is_parquet(path))


def load_pictures(
    source: Path | str, settings: ImageSettings, progress: Progress = silent
) -> Pictures:
    """Load the pictures of a folder, an archive or a table, decoding them if they are not cached.

    Parameters
    ----------
    source:
        A path, or a data set of the hub (``hub.py``).
    settings:
        How pictures are converted.
    progress:
        Called while decoding.

    Raises
    ------
    ForgeryError
        There are no pictures, the source or the cache cannot be used, files were set aside and
        ``settings.strict`` is set, or pictures that fit ``none`` keeps differ in size.
    """
    source = str(source)
    stamp, listing = _open_source(source, settings)
    wanted = {k: v for k, v in asdict(settings).items() if k != "strict"}
    slot = cache.Slot(cache_folder() / "images", cache.key_of(stamp, wanted))
    found = slot.read()
    if found is None:
        with slot.building():
            found = slot.read()  # another process may have filled the slot meanwhile
            if found is None:
                _build(source, listing, settings, slot, progress)
                found = slot.read()
    if found is None:
        raise ForgeryError(f"{slot.pixels} was written but cannot be read back")
    pictures = Pictures(source, *found)
    rejects = pictures.survey.rejects
    if settings.strict and rejects:
        raise ForgeryError(f"{source}: {set_aside(rejects)} (strict)")
    return pictures


def _open_source(
    source: str, settings: ImageSettings
) -> tuple[list[object], AbstractContextManager[Listing]]:
    """Return values that change if the source changes, and its listing."""
    if is_on_hub(source):
        table = open_hub(source)
        return table.stamp(), table.listing(settings)
    path = Path(source)
    if is_table(source):
        return files_stamp(path), parquet_listing(path, settings)
    if settings.image_column or settings.label_column:
        raise no_table(source)
    return files_stamp(path), files_listing(path)


def no_table(source: str) -> ForgeryError:
    """Create the error for a column setting of a source that is not a table."""
    return ForgeryError(
        f"{source} is not a table (.parquet or hf:): it has no columns to choose from"
    )


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


def _build(
    source: str,
    listing: AbstractContextManager[Listing],
    settings: ImageSettings,
    slot: cache.Slot,
    progress: Progress,
) -> None:
    """Decode all pictures into the slot."""
    with careful_pillow(), listing as found:
        rejects = [[name, reason] for name, reason in found.refused]
        if not found.entries:
            raise ForgeryError(f"{source}: it contains no pictures{_in_brackets(rejects)}")
        form, why = _choose_form(found, settings, progress)
        raw = slot.temporary()
        try:
            decoded, rejected = _decode_all(source, found, form, settings, raw, progress)
            if form.channels == 1 and settings.colour == "auto":
                coloured = sum(not picture.header.grey for picture in decoded)
                if coloured:  # but none of the sampled headers
                    form = replace(form, channels=3)
                    decoded, rejected = _decode_all(source, found, form, settings, raw, progress)
                    why = why.replace(ALL_GREY, f"RGB since {coloured:,} are not grey")
            rejects += rejected
            if not decoded:
                raise ForgeryError(f"{source}: it contains no pictures{_in_brackets(rejects)}")
            _write_slot(slot, raw, decoded, sorted(rejects), form, why, found)
        except OSError as error:
            raise cache.cannot_write(slot.folder, error) from error
        finally:
            raw.unlink(missing_ok=True)


def _in_brackets(rejects: list[list[str]]) -> str:
    return f" ({set_aside(rejects)})" if rejects else ""


def _choose_form(found: Listing, settings: ImageSettings, progress: Progress) -> tuple[Form, str]:
    """Return size and colour, as given or chosen from some pictures' headers, and the reasons."""
    channels, size = COLOURS[settings.colour], settings.sides
    reasons = ["", f"{settings.colour} as requested"]
    if settings.fit == "none":
        size = size or _first_size(found)
        reasons[0] = f"kept as they are, all {in_words(size)}"
    elif size:
        reasons[0] = f"{settings.fit} to {in_words(size)} as requested"
    if not size or channels is None:
        step = max(1, -(-len(found.entries) // SAMPLED))
        headers = [
            result
            for _, result in _map(
                found, lambda i, content: header(content), "reading sizes", progress, step
            )
            if isinstance(result, Header)
        ]
        if not size:
            sides = [min(header.size) for header in headers] or [0]
            size = (choose_size(sides),) * 2
            middle = int(np.median(sides))
            reasons[0] = f"{settings.fit} to {in_words(size)}: the median shorter side is {middle}"
        if channels is None:
            grey = all(header.grey for header in headers)
            channels = 1 if grey else 3
            reasons[1] = ALL_GREY if grey else "RGB since not all are stored as grey"
    return Form(size, channels, settings.fit, settings.background), ", ".join(reasons)


def _first_size(found: Listing) -> Size:
    """The size of the first picture that can be used, or any if there is none."""
    for entry in found.entries:
        with suppress(Rejected):
            pixels, _ = decode(entry.read(), Form(None, 1, "none", "white"))
            return pixels.shape[1], pixels.shape[2]
    return SIZES[0], SIZES[0]


def _decode_all(
    source: str,
    found: Listing,
    form: Form,
    settings: ImageSettings,
    target: Path,
    progress: Progress,
) -> tuple[list[_Decoded], list[list[str]]]:
    """Decode every entry into its row of a new file of pixels; return the pictures and rejects."""
    expected = form.size
    assert expected is not None
    pixels = cache.new_pixels(target, (len(found.entries), form.channels, *expected))

    def work(i: int, content: bytes) -> _Decoded:
        made, about = decode(content, form)
        if made.shape != pixels.shape[1:]:  # of fit none
            which = "requested" if settings.size else "of the pictures before it"
            raise ForgeryError(
                f"{source}: --fit none keeps pictures as they are, but {found.entries[i].name} is "
                f"{in_words(made.shape)}, unlike the {in_words(expected)} {which}: give --fit "
                "crop, pad or stretch, or pictures of one size"
            )
        pixels[i] = made
        return _Decoded(found.entries[i], i, digest(content), about)

    decoded, rejected = [], []
    for i, result in _map(found, work, "decoding", progress):
        if isinstance(result, Rejected):
            rejected.append([found.entries[i].name, str(result)])
        else:
            decoded.append(result)
    decoded.sort(key=lambda picture: picture.entry.name)
    return decoded, rejected


def _map(
    found: Listing,
    work: Callable[[int, bytes], T],
    task: str,
    progress: Progress,
    step: int = 1,
) -> Iterator[tuple[int, T | Rejected]]:
    """Yield (i, work(i, bytes)) or (i, Rejected) for every ``step``-th entry, in order.

    Uses threads on all cores, not processes: Pillow releases the GIL while it decodes, and all
    threads write to one array.
    """
    chosen = range(0, len(found.entries), step)
    chunks = (chosen[start : start + CHUNK] for start in range(0, len(chosen), CHUNK))

    def process(i: int, read: Callable[[], bytes]) -> tuple[int, T | Rejected]:
        try:
            return i, work(i, read())
        except Rejected as reason:
            return i, reason

    def process_chunk(
        entries: list[tuple[int, Callable[[], bytes]]],
    ) -> list[tuple[int, T | Rejected]]:
        return [process(i, read) for i, read in entries]

    workers, done = _cores(), 0
    with ThreadPoolExecutor(workers, thread_name_prefix="decode") as pool:
        waiting: deque[Future[list[tuple[int, T | Rejected]]]] = deque()

        def finished() -> Iterator[tuple[int, T | Rejected]]:
            nonlocal done
            results = waiting.popleft().result()
            yield from results
            done += len(results)
            progress(task, done, len(chosen))

        for chunk in chunks:
            readers = [_reader(found.entries[i], found.in_order) for i in chunk]
            waiting.append(pool.submit(process_chunk, list(zip(chunk, readers, strict=True))))
            if len(waiting) > 2 * workers:
                yield from finished()
        while waiting:
            yield from finished()


def _reader(entry: Entry, in_order: bool) -> Callable[[], bytes]:
    """Return a function that returns an entry's bytes, reading them here if ``in_order``."""
    if not in_order:
        return entry.read
    try:
        content = entry.read()
    except Rejected as reason:
        return lambda reason=reason: _raise(reason)  # type: ignore[misc]
    return lambda: content


def _raise(reason: Rejected) -> bytes:
    raise reason


def _write_slot(
    slot: cache.Slot,
    raw: Path,
    decoded: list[_Decoded],
    rejects: list[list[str]],
    form: Form,
    why: str,
    found: Listing,
) -> None:
    """Sort the decoded rows by split and write the slot."""
    splits, names = _from_folders(decoded) if found.classes is None else _from_rows(decoded)
    order = sorted(range(len(decoded)), key=lambda i: (_rank(splits[i]), i))
    decoded, names = [decoded[i] for i in order], [names[i] for i in order]
    counts = Counter(splits)
    classes = sorted(set(names)) if found.classes is None else found.classes
    if len(classes) < 2 or not all(names):  # a single class carries no information
        classes = []
    numbers = {name: i for i, name in enumerate(classes)}
    labels = [numbers[name] for name in names] if classes else []
    members = Counter(labels)

    source = np.load(raw, mmap_mode="r")
    final = slot.temporary()
    pixels = cache.new_pixels(final, (len(decoded), *source.shape[1:]))
    blank = 0
    for start in range(0, len(decoded), 4096):
        rows = source[[picture.row for picture in decoded[start : start + 4096]]]
        pixels[start : start + len(rows)] = rows
        blank += int((rows == rows[..., :1, :1]).all((1, 2, 3)).sum())
    pixels.flush()  # type: ignore[attr-defined]
    rows_of, start = {}, 0
    for split in sorted(counts, key=_rank):
        rows_of[split] = [start, start + counts[split]]
        start += counts[split]
    equal: dict[str, list[str]] = {}
    for picture in decoded:
        equal.setdefault(picture.sha256, []).append(picture.entry.name)
    groups = [sorted(names) for names in equal.values() if len(names) > 1]
    headers = [picture.header for picture in decoded]
    height, width = pixels.shape[2:]
    survey = Survey(
        height,
        width,
        form.channels,
        why,
        {split: counts[split] for split in rows_of},
        _count((f"{header.size[1]} × {header.size[0]}" for header in headers), 20),
        _count(header.mode for header in headers),
        _count(header.format for header in headers),
        {name: members[i] for name, i in numbers.items()},
        sorted(groups)[:100],
        len(decoded) - len(equal),
        max(header.brightest for header in headers),
        blank,
        form.background,
        rejects,
        found.licence,
    )
    whole = Pictures(
        slot.key,
        pixels,
        {
            "rows": rows_of,
            "labels": labels,
            "classes": classes,
            "attribute_names": found.attribute_names,
            "attributes": [p.entry.attributes for p in decoded] if found.attribute_names else [],
            "fingerprints": {},
        },
    )
    record = whole.record | {
        "shape": list(pixels.shape),
        "fingerprints": {split: whole.split(split).fingerprint for split in rows_of},
        "survey": asdict(survey),
    }
    del source, pixels, whole  # Windows does not rename a file that is mapped
    slot.write(final, record)


def _from_folders(decoded: list[_Decoded]) -> tuple[list[str], list[str]]:
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


def _from_rows(decoded: list[_Decoded]) -> tuple[list[str], list[str]]:
    """Return the split and the class (or an empty string) of each picture from its table row."""
    labels = [picture.entry.label for picture in decoded]
    splits = [SPLITS.get(p.entry.split.lower(), p.entry.split) for p in decoded]
    if "train" in splits and len(set(splits)) > 1:
        return splits, labels
    return _by_content(decoded), labels


def _by_content(decoded: list[_Decoded]) -> list[str]:
    """Assign a tenth of the pictures to ``test`` by their hashes, unless there are few."""
    splits = [
        "test" if int(picture.sha256[:8], 16) < HELD_OUT * 2**32 else "train" for picture in decoded
    ]
    few = len(decoded) < HELD_OUT_FROM or "train" not in splits
    return ["train"] * len(decoded) if few else splits


def _rank(split: str) -> tuple[int, str]:
    """Sort key of a split: train, test, valid, then others by name."""
    usual = list(SPLITS.values())
    return usual.index(split) if split in usual else len(usual), split


def _count(values: Iterator[str], limit: int | None = None) -> dict[str, int]:
    return dict(Counter(values).most_common(limit))


def _cores() -> int:
    """Return the number of cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
