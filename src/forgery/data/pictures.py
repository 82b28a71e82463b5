"""Pictures in files and tables, decoded once, in parallel, into a cache.

``splits.py`` finds their splits and classes.
"""

import os
from collections import Counter, deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
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
from .splits import from_folders, from_rows, rank
from .survey import ALL_GREY, Survey, set_aside

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
    splits, names = from_folders(decoded) if found.classes is None else from_rows(decoded)
    order = sorted(range(len(decoded)), key=lambda i: (rank(splits[i]), i))
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
    for split in sorted(counts, key=rank):
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


def _count(values: Iterator[str], limit: int | None = None) -> dict[str, int]:
    return dict(Counter(values).most_common(limit))


def _cores() -> int:
    """Return the number of cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
