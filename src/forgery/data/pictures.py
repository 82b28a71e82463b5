"""Pictures in files and tables: decoded once into a cache, in parallel, and then only read.

Of a folder or an archive, folders inside are classes, unless they are splits. What all pictures
have in common in front of their names does not count, so that an archive may hold everything in
one folder. A table has a column for the classes.

Where there is a folder ``train`` beside ``test`` or ``valid`` (or ``val``, ``validation``), and no
other, these are the splits; a data set of the hub has its own. Otherwise ``test`` is a tenth of the
pictures, chosen by the SHA-256 of each one's bytes, and ``train`` is the rest: equal ones fall on
the same side, and a picture stays where it is when others come. Fewer than :data:`HELD_OUT_FROM`
pictures are all ``train``. ``all`` is everything.
"""

import os
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass
from pathlib import Path, PurePosixPath
from typing import Any, TypeVar

import numpy as np
import torch

from ..errors import ForgeryError, did_you_mean
from . import cache
from .dataset import Dataset, mapping_of
from .decode import Header, Rejected, careful_pillow, decode, digest, header
from .hub import is_on_hub, open_hub
from .listing import Entry, Listing, is_archive
from .listing import listing as files_listing
from .listing import stamp as files_stamp
from .parquet import is_parquet, parquet_listing
from .settings import COLOURS, Form, ImageSettings, choose_size

#: Folder → the split that it is.
SPLITS = {
    "train": "train",
    "training": "train",
    "test": "test",
    "testing": "test",
    "val": "valid",
    "valid": "valid",
    "validation": "valid",
}
HELD_OUT = 0.1
HELD_OUT_FROM = 20
#: Pictures whose headers decide on size and colour, evenly spread over the names.
SAMPLED = 1000
#: Pictures that a thread decodes before it asks for more.
CHUNK = 16

#: Told how far a long task is: (task, done, of).
Progress = Callable[[str, int, int], None]
T = TypeVar("T")


def silent(task: str, done: int, of: int) -> None:
    """No progress is shown."""


@dataclass(frozen=True)
class Survey:
    """What was found in a folder, an archive or a table.

    Parameters
    ----------
    size, channels, why:
        Of the images made, and in words why.
    splits:
        Split → its pictures.
    sizes, modes, formats:
        (``640 × 480``, ``RGB``, ``JPEG``) → pictures that were so, the most frequent first; no
        more than twenty sizes.
    classes:
        Class → its pictures, in all splits; empty where there are none.
    duplicates:
        Groups of names whose files are equal, at most a hundred; all of them are kept.
    copies:
        Pictures that are equal to one before them.
    rejects:
        (name, reason) of every file that was set aside.
    licence:
        Of the pictures, by the card of a data set of the hub; empty where none is known.
    """

    size: int
    channels: int
    why: str
    splits: dict[str, int]
    sizes: dict[str, int]
    modes: dict[str, int]
    formats: dict[str, int]
    classes: dict[str, int]
    duplicates: list[list[str]]
    copies: int
    rejects: list[list[str]]
    licence: str


@dataclass(frozen=True)
class Pictures:
    """All pictures of a source, decoded."""

    source: str
    pixels: np.ndarray
    record: dict[str, Any]

    @property
    def survey(self) -> Survey:
        return Survey(**self.record["survey"])

    def split(self, name: str) -> Dataset:
        """One split as a data set; ``all`` is everything."""
        rows = {"all": [0, len(self.pixels)]} | self.record["rows"]
        if name not in rows:
            raise ForgeryError(f"{self.source} has no split {name!r}{did_you_mean(name, rows)}")
        start, stop = rows[name]
        labels, names = self.record["labels"], tuple(self.record["attribute_names"])
        marks = "".join(self.record["attributes"][start:stop]).encode()
        truths = np.frombuffer(marks, np.uint8).reshape(-1, len(names) or 1) == ord("1")
        return Dataset(
            f"{Path(self.source).name}[{name}]",
            torch.from_numpy(self.pixels[start:stop]),
            torch.tensor(labels[start:stop]) if labels else None,
            tuple(self.record["classes"]),
            attributes=torch.from_numpy(truths) if names else None,
            attribute_names=names,
            known_fingerprint=self.record["fingerprints"].get(name),
            mapping=mapping_of(self.pixels),
        )


@dataclass(frozen=True)
class _Good:
    """A picture that was decoded: its row among the decoded ones and what it was."""

    entry: Entry
    row: int
    sha256: str
    about: Header


def is_collection(source: str) -> bool:
    """Whether a source is one that :func:`load_pictures` decodes."""
    path = Path(source)
    return is_table(source) or path.is_dir() or (path.is_file() and is_archive(path))


def is_table(source: str) -> bool:
    """Whether a source is one with columns."""
    path = Path(source)
    return is_on_hub(source) or (path.is_file() and is_parquet(path))


def load_pictures(
    source: Path | str, settings: ImageSettings, progress: Progress = silent
) -> Pictures:
    """The decoded pictures of a folder, an archive or a table: from the cache, or decoded into it.

    Parameters
    ----------
    source:
        A path, or a data set of the hub (``hub.py``).

    Raises
    ------
    ForgeryError
        When there are no pictures, the source or the cache's folder cannot be used, or
        ``settings.strict`` and a file had to be set aside.
    """
    source = str(source)
    stamp, listing = _opened(source, settings)
    wanted = {k: v for k, v in asdict(settings).items() if k != "strict"}
    slot = cache.Slot(cache.cache_folder() / "images", cache.key_of(stamp, wanted))
    found = slot.read()
    if found is None:
        with slot.building():
            found = slot.read()  # another process may have made it meanwhile
            if found is None:
                _build(source, listing, settings, slot, progress)
                found = slot.read()
    if found is None:
        raise ForgeryError(f"{slot.pixels} was written and cannot be read back")
    pictures = Pictures(source, *found)
    rejects = pictures.survey.rejects
    if settings.strict and rejects:
        raise ForgeryError(f"{source}: {set_aside(rejects)} (strict)")
    return pictures


def _opened(
    source: str, settings: ImageSettings
) -> tuple[list[object], AbstractContextManager[Listing]]:
    """What changes when a source does, and its entries."""
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
    """The error for a column that is asked for of data that have none."""
    return ForgeryError(
        f"{source} is not a table (.parquet or hf:): it has no columns to choose from"
    )


def set_aside(rejects: Sequence[Sequence[str]]) -> str:
    """How many files cannot be used, and the first few of them."""
    first = "; ".join(f"{name}: {reason}" for name, reason in rejects[:3])
    files = f"{len(rejects):,} file{'' if len(rejects) == 1 else 's'} set aside"
    return f"{files}: {first}{' …' if len(rejects) > 3 else ''}"


def _build(
    source: str,
    listing: AbstractContextManager[Listing],
    settings: ImageSettings,
    slot: cache.Slot,
    progress: Progress,
) -> None:
    """Decode everything into the slot."""
    with careful_pillow(), listing as found:
        rejects = [[name, reason] for name, reason in found.refused]
        if not found.entries:
            raise ForgeryError(f"{source}: there are no pictures in it{_but(rejects)}")
        form, why = _decide(found, settings, progress)
        raw = slot.temporary()
        try:
            good, bad = _decode_all(found, form, raw, progress)
            if form.channels == 1 and settings.colour == "auto":
                coloured = sum(not picture.about.grey for picture in good)
                if coloured:  # none among the headers that were sampled
                    form = Form(form.size, 3, form.fit, form.background)
                    good, bad = _decode_all(found, form, raw, progress)
                    why = why.replace("grey as all are", f"RGB as {coloured:,} are not grey")
            rejects += bad
            if not good:
                raise ForgeryError(f"{source}: there are no pictures in it{_but(rejects)}")
            _arrange(slot, raw, good, sorted(rejects), form, why, found)
        except OSError as error:
            raise cache.cannot_write(slot.folder, error) from error
        finally:
            raw.unlink(missing_ok=True)


def _but(rejects: list[list[str]]) -> str:
    return f" ({set_aside(rejects)})" if rejects else ""


def _decide(found: Listing, settings: ImageSettings, progress: Progress) -> tuple[Form, str]:
    """Size and colour, as asked for or from the headers of some pictures; and why."""
    channels, size = COLOURS[settings.colour], settings.size
    reasons = [f"{settings.fit} to {size} × {size} as asked for", f"{settings.colour} as asked for"]
    if not size or channels is None:
        step = max(1, -(-len(found.entries) // SAMPLED))
        headers = [
            about
            for _, about in _each(
                found, lambda i, content: header(content), "looking at sizes", progress, step
            )
            if isinstance(about, Header)
        ]
        if not size:
            sides = [min(about.size) for about in headers] or [0]
            size = choose_size(sides)
            middle = int(np.median(sides))
            reasons[0] = f"{settings.fit} to {size} × {size}: the median shorter side is {middle}"
        if channels is None:
            grey = all(about.grey for about in headers)
            channels = 1 if grey else 3
            reasons[1] = "grey as all are" if grey else "RGB as not all are grey"
    return Form(size, channels, settings.fit, settings.background), ", ".join(reasons)


def _decode_all(
    found: Listing, form: Form, target: Path, progress: Progress
) -> tuple[list[_Good], list[list[str]]]:
    """Decode every entry into its row of a new file of pixels; the good ones and the others."""
    shape = (len(found.entries), form.channels, form.size, form.size)
    pixels = cache.new_pixels(target, shape)

    def work(i: int, content: bytes) -> _Good:
        pixels[i], about = decode(content, form)
        return _Good(found.entries[i], i, digest(content), about)

    good, bad = [], []
    for i, result in _each(found, work, "decoding", progress):
        if isinstance(result, Rejected):
            bad.append([found.entries[i].name, str(result)])
        else:
            good.append(result)
    good.sort(key=lambda picture: picture.entry.name)
    return good, bad


def _each(
    found: Listing,
    work: Callable[[int, bytes], T],
    task: str,
    progress: Progress,
    step: int = 1,
) -> Iterator[tuple[int, T | Rejected]]:
    """What ``work`` makes of every ``step``-th entry and its bytes, in order, by all cores.

    Threads, not processes: Pillow lets others run while it decodes, and all write to one array.
    """
    chosen = range(0, len(found.entries), step)
    chunks = (chosen[start : start + CHUNK] for start in range(0, len(chosen), CHUNK))

    def one(i: int, read: Callable[[], bytes]) -> tuple[int, T | Rejected]:
        try:
            return i, work(i, read())
        except Rejected as reason:
            return i, reason

    def many(entries: list[tuple[int, Callable[[], bytes]]]) -> list[tuple[int, T | Rejected]]:
        return [one(i, read) for i, read in entries]

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
            waiting.append(pool.submit(many, list(zip(chunk, readers, strict=True))))
            if len(waiting) > 2 * workers:
                yield from finished()
        while waiting:
            yield from finished()


def _reader(entry: Entry, now: bool) -> Callable[[], bytes]:
    """What returns an entry's bytes; read at once where only this thread may."""
    if not now:
        return entry.read
    try:
        content = entry.read()
    except Rejected as reason:
        return lambda reason=reason: _raise(reason)  # type: ignore[misc]
    return lambda: content


def _raise(reason: Rejected) -> bytes:
    raise reason


def _arrange(
    slot: cache.Slot,
    raw: Path,
    good: list[_Good],
    rejects: list[list[str]],
    form: Form,
    why: str,
    found: Listing,
) -> None:
    """Put the decoded rows in the order of their splits, and write the slot."""
    splits, names = _layout(good) if found.classes is None else _as_told(good)
    order = sorted(range(len(good)), key=lambda i: (_rank(splits[i]), i))
    good, names = [good[i] for i in order], [names[i] for i in order]
    counts = Counter(splits)
    classes = sorted(set(names)) if found.classes is None else found.classes
    if len(classes) < 2 or not all(names):  # one class tells nothing
        classes = []
    numbers = {name: i for i, name in enumerate(classes)}
    labels = [numbers[name] for name in names] if classes else []
    members = Counter(labels)

    source = np.load(raw, mmap_mode="r")
    final = slot.temporary()
    pixels = cache.new_pixels(final, (len(good), *source.shape[1:]))
    for start in range(0, len(good), 4096):
        rows = [picture.row for picture in good[start : start + 4096]]
        pixels[start : start + len(rows)] = source[rows]
    pixels.flush()  # type: ignore[attr-defined]
    rows_of, start = {}, 0
    for split in sorted(counts, key=_rank):
        rows_of[split] = [start, start + counts[split]]
        start += counts[split]
    equal: dict[str, list[str]] = {}
    for picture in good:
        equal.setdefault(picture.sha256, []).append(picture.entry.name)
    groups = [sorted(names) for names in equal.values() if len(names) > 1]
    headers = [picture.about for picture in good]
    survey = Survey(
        form.size,
        form.channels,
        why,
        {split: counts[split] for split in rows_of},
        _counted((f"{about.size[0]} × {about.size[1]}" for about in headers), 20),
        _counted(about.mode for about in headers),
        _counted(about.format for about in headers),
        {name: members[i] for name, i in numbers.items()},
        sorted(groups)[:100],
        len(good) - len(equal),
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
            "attributes": [p.entry.attributes for p in good] if found.attribute_names else [],
            "fingerprints": {},
        },
    )
    record = whole.record | {
        "shape": list(pixels.shape),
        "fingerprints": {split: whole.split(split).fingerprint for split in rows_of},
        "survey": asdict(survey),
    }
    slot.write(final, record)


def _layout(good: list[_Good]) -> tuple[list[str], list[str]]:
    """The split and the class of each picture by its folders; the class is empty where none is."""
    folders = [PurePosixPath(picture.entry.name).parts[:-1] for picture in good]
    least, most = min(folders), max(folders)  # what these share, all between them share
    shared = next((i for i, part in enumerate(least) if part != most[i]), len(least))
    folders = [parts[shared:] for parts in folders]
    tops = {parts[0].lower() if parts else "" for parts in folders}
    found = {SPLITS.get(top, "") for top in tops}
    if "" not in found and "train" in found and len(found) > 1:
        splits = [SPLITS[parts[0].lower()] for parts in folders]
        return splits, [parts[1] if len(parts) > 1 else "" for parts in folders]
    return _by_content(good), [parts[0] if parts else "" for parts in folders]


def _as_told(good: list[_Good]) -> tuple[list[str], list[str]]:
    """The same where the entries say it themselves, as rows of tables do."""
    labels = [picture.entry.label for picture in good]
    splits = [SPLITS.get(p.entry.split.lower(), p.entry.split) for p in good]
    if "train" in splits and len(set(splits)) > 1:
        return splits, labels
    return _by_content(good), labels


def _by_content(good: list[_Good]) -> list[str]:
    """A tenth is for tests, by what is in the files; none where there are few."""
    splits = [
        "test" if int(picture.sha256[:8], 16) < HELD_OUT * 2**32 else "train" for picture in good
    ]
    few = len(good) < HELD_OUT_FROM or "train" not in splits
    return ["train"] * len(good) if few else splits


def _rank(split: str) -> tuple[int, str]:
    """In what order splits are kept: the usual ones first."""
    usual = list(SPLITS.values())
    return usual.index(split) if split in usual else len(usual), split


def _counted(values: Iterator[str], most: int | None = None) -> dict[str, int]:
    return dict(Counter(values).most_common(most))


def _cores() -> int:
    """The cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
