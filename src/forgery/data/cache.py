"""Decoded pictures on disk: found by what they were made from, whole or not there at all.

``$FORGERY_CACHE``, or ``forgery`` in ``$XDG_CACHE_HOME`` (``~/.cache``), holds for each key

::

    KEY.npy     the pixels, uint8 [N, C, H, W]
    KEY.json    what is known about them, with its SHA-256; written last

Any of it may be deleted at any time: it is then made again. What was used longest ago is removed
when all of it takes more than :data:`MOST`.
"""

import hashlib
import json
import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import ForgeryError

#: Changes when the same files and settings would give other pixels, or the record other fields.
FORMAT = 3
#: Pixels of more bytes than this stay on disk and are mapped into memory (1 GiB).
LARGE = 1 << 30
#: The bytes that are kept (32 GiB), but that the newest pixels are kept however large they are.
MOST = 32 << 30


def cache_folder() -> Path:
    """Where decoded pictures are kept."""
    if given := os.environ.get("FORGERY_CACHE"):
        return Path(given)
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "forgery"


@dataclass(frozen=True)
class Slot:
    """The place of one set of decoded pictures, there or not."""

    folder: Path
    key: str

    @property
    def pixels(self) -> Path:
        return self.folder / f"{self.key}.npy"

    @property
    def record(self) -> Path:
        return self.folder / f"{self.key}.json"

    def temporary(self) -> Path:
        """A new name beside it, for a file that is not whole yet."""
        return self.folder / f"{self.key}.{uuid.uuid4().hex}.tmp"

    def read(self) -> tuple[np.ndarray, dict[str, Any]] | None:
        """The pixels and the record; None where they are not there, or not whole.

        Pixels of more than :data:`LARGE` bytes are memory-mapped; writing to them changes the
        memory, never the file.
        """
        try:
            sealed = json.loads(self.record.read_text(encoding="utf-8"))
            record: dict[str, Any] = sealed["record"]
            if sealed["sha256"] != _digest(record):
                return None
            mapped = np.load(self.pixels, mmap_mode="c", allow_pickle=False)
            if list(mapped.shape) != record["shape"] or mapped.dtype != np.uint8:
                return None
            if self.pixels.stat().st_size != record["bytes"]:
                return None
            os.utime(self.record)  # it was used
            return (mapped if mapped.nbytes > LARGE else np.array(mapped)), record
        except (OSError, ValueError, KeyError, TypeError, EOFError):
            return None

    def write(self, pixels: Path, record: dict[str, Any]) -> None:
        """Put a whole file of pixels and its record in place."""
        record = record | {"bytes": pixels.stat().st_size}
        text = json.dumps({"sha256": _digest(record), "record": record})
        temporary = self.temporary()
        try:
            temporary.write_text(text, encoding="utf-8")
            # The old record, if any, is of other pixels than those that come now.
            self.record.unlink(missing_ok=True)
            os.replace(pixels, self.pixels)
            os.replace(temporary, self.record)
            self._make_room()
        finally:
            temporary.unlink(missing_ok=True)

    @contextmanager
    def building(self) -> Iterator[None]:
        """Hold the slot while it is filled: another process waits, and finds it full.

        What a killed process left behind is removed at the start, what an exception leaves behind
        at the end.
        """
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            handle = os.open(self.folder / f"{self.key}.lock", os.O_RDWR | os.O_CREAT, 0o644)
        except OSError as error:
            raise cannot_write(self.folder, error) from error
        try:
            held = _lock(handle)
            try:
                if held:
                    self._sweep()
                yield
            finally:
                if held:
                    self._sweep()
        finally:
            os.close(handle)  # which also gives the lock back

    def size(self) -> int:
        """The bytes that it takes on the disk."""
        return sum(path.stat().st_size for path in (self.pixels, self.record) if path.exists())

    def remove(self) -> None:
        """Remove it, if it is there; a run that has its pixels mapped goes on with them."""
        self.record.unlink(missing_ok=True)
        self.pixels.unlink(missing_ok=True)

    def _make_room(self) -> None:
        others = [slot for slot in slots(self.folder) if slot.key != self.key]
        total = self.size() + sum(slot.size() for slot in others)
        for slot in others:
            if total <= MOST:
                break
            total -= slot.size()
            slot.remove()

    def _sweep(self) -> None:
        for left in self.folder.glob(f"{self.key}.*.tmp"):
            left.unlink(missing_ok=True)


def slots(folder: Path) -> list[Slot]:
    """The slots of a folder that are full, the one that was used longest ago first."""
    records = sorted(folder.glob("*.json"), key=lambda path: path.stat().st_mtime_ns)
    return [Slot(folder, path.stem) for path in records]


def clear(folder: Path) -> tuple[int, int]:
    """Remove all decoded pictures; how many sets there were, and how many bytes."""
    try:
        found = slots(folder)
        sizes = [slot.size() for slot in found]
        for slot in found:
            slot.remove()
    except OSError as error:
        raise ForgeryError(f"cannot clear {folder}: {error.strerror or error}") from error
    return len(found), sum(sizes)


def cannot_write(folder: Path, error: OSError) -> ForgeryError:
    """The error for a cache that cannot be written to."""
    return ForgeryError(
        f"cannot write to {folder}: {error.strerror or error}; FORGERY_CACHE names another folder "
        "for decoded pictures"
    )


def new_pixels(path: Path, shape: tuple[int, ...]) -> np.ndarray:
    """A new .npy file of uint8 as writable memory, with its room on the disk taken already."""
    pixels = np.lib.format.open_memmap(path, mode="w+", dtype=np.uint8, shape=shape)
    if hasattr(os, "posix_fallocate"):
        # A disk that fills up under a mapped file kills the process; here it is an error.
        with open(path, "r+b") as file:
            os.posix_fallocate(file.fileno(), 0, path.stat().st_size)
    return pixels


def key_of(*parts: Any) -> str:
    """A name for what pictures were made from: 32 hexadecimal digits of a SHA-256."""
    return _digest([FORMAT, *parts])[:32]


def _digest(content: Any) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def _lock(handle: int) -> bool:
    try:
        import fcntl
    except ImportError:  # Windows: both build it, and the last one's stays
        return False
    fcntl.flock(handle, fcntl.LOCK_EX)
    return True
