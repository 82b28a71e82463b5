"""The cache of decoded pictures on disk, with atomic writes.

The folder is ``images`` in ``$FORGERY_CACHE``, by default ``forgery`` in ``$XDG_CACHE_HOME``
(``~/.cache``). The key is a hash of the source files and settings, with two files each::

    KEY.npy     the pixels, uint8 [N, C, H, W]
    KEY.json    a record about them, with its SHA-256; written last

Files may be deleted at any time, and are then created again when needed. The least recently used
sets are deleted when the cache exceeds :data:`MAX_BYTES`.
"""

import hashlib
import json
import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import ForgeryError

#: Increase when the same files and settings give other pixels, or when the record changes.
FORMAT = 7
#: Pixels of more bytes than this are memory-mapped instead of read (1 GiB).
LARGE = 1 << 30
#: Maximum size of the cache (32 GiB); the newest set is kept even if it is larger.
MAX_BYTES = 32 << 30


@dataclass(frozen=True)
class Slot:
    """The location of one set of decoded pictures, which may or may not exist."""

    folder: Path
    key: str

    @property
    def pixels(self) -> Path:
        return self.folder / f"{self.key}.npy"

    @property
    def record(self) -> Path:
        return self.folder / f"{self.key}.json"

    def temporary(self) -> Path:
        """Return a new path in the same folder, for a file that is still being written."""
        return self.folder / f"{self.key}.{uuid.uuid4().hex}.tmp"

    def read(self) -> tuple[np.ndarray, dict[str, Any]] | None:
        """Read the pixels and the record; return None if they are missing or damaged.

        Pixels of more than :data:`LARGE` bytes are memory-mapped copy-on-write: modifying them does
        not change the file.
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
            with suppress(OSError):  # a cache that cannot be written to can still be read
                os.utime(self.record)  # marks it as recently used
            return (mapped if mapped.nbytes > LARGE else np.array(mapped)), record
        except (OSError, ValueError, KeyError, TypeError, EOFError):
            return None

    def write(self, pixels: Path, record: dict[str, Any]) -> None:
        """Move a complete file of pixels into place and write its record."""
        record = record | {"bytes": pixels.stat().st_size}
        text = json.dumps({"sha256": _digest(record), "record": record})
        temporary = self.temporary()
        try:
            temporary.write_text(text, encoding="utf-8")
            # An old record must never be seen with the new pixels.
            self.record.unlink(missing_ok=True)
            os.replace(pixels, self.pixels)
            os.replace(temporary, self.record)
            self._make_room()
        finally:
            temporary.unlink(missing_ok=True)

    @contextmanager
    def building(self) -> Iterator[None]:
        """Lock the slot while it is filled; other processes wait, then find it complete.

        Temporary files of killed processes are deleted on entry, and those left by an exception on
        exit.
        """
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            handle = os.open(self.folder / f"{self.key}.lock", os.O_RDWR | os.O_CREAT, 0o644)
        except OSError as error:
            raise cannot_write(self.folder, error) from error
        try:
            locked = _lock(handle)
            try:
                if locked:
                    self._delete_temporaries()
                yield
            finally:
                if locked:
                    self._delete_temporaries()
        finally:
            os.close(handle)  # which also releases the lock

    @contextmanager
    def unless_building(self) -> Iterator[bool]:
        """Whether no process fills the slot; none can begin to within the block."""
        path = self.folder / f"{self.key}.lock"
        handle = os.open(path, os.O_RDWR) if path.exists() else None
        try:
            yield handle is None or _lock(handle, wait=False) is not None
        finally:
            if handle is not None:
                os.close(handle)

    def size(self) -> int:
        """Return the number of bytes on disk."""
        return sum(about.st_size for about in map(_stat, (self.pixels, self.record)) if about)

    def remove(self) -> None:
        """Delete the files, if present; a process that has mapped the pixels can still use them."""
        self.record.unlink(missing_ok=True)
        self.pixels.unlink(missing_ok=True)

    def _make_room(self) -> None:
        others = [slot for slot in slots(self.folder) if slot.key != self.key]
        total = self.size() + sum(slot.size() for slot in others)
        for slot in others:
            if total <= MAX_BYTES:
                break
            total -= slot.size()
            slot.remove()

    def _delete_temporaries(self) -> None:
        for path in self.folder.glob(f"{self.key}.*.tmp"):
            path.unlink(missing_ok=True)


def slots(folder: Path) -> list[Slot]:
    """Return the filled slots of a folder, least recently used first."""
    used = {
        path.stem: about.st_mtime_ns for path in folder.glob("*.json") if (about := _stat(path))
    }
    return [Slot(folder, key) for key in sorted(used, key=used.__getitem__)]


def clear(folder: Path) -> tuple[int, int]:
    """Delete all decoded pictures in a folder; return the number of sets and of bytes.

    What killed processes have left counts among the bytes. Sets that another process is decoding
    are kept.
    """
    try:
        filled, sizes = {slot.key for slot in slots(folder)}, []
        for key in {path.name.partition(".")[0] for path in folder.glob("*.*")}:
            with Slot(folder, key).unless_building() as is_free:
                if not is_free:
                    filled.discard(key)
                    continue
                for path in folder.glob(f"{key}.*"):
                    sizes.append(about.st_size if (about := _stat(path)) else 0)
                    with suppress(PermissionError):  # Windows does not delete a file that is open
                        path.unlink(missing_ok=True)
    except OSError as error:
        raise ForgeryError(f"cannot clear {folder}: {error.strerror or error}") from error
    return len(filled), sum(sizes)


def cannot_write(folder: Path, error: OSError) -> ForgeryError:
    """Create the error for a cache that cannot be written to.

    A broken pipe, of printed progress, is raised as it is.
    """
    if isinstance(error, BrokenPipeError):
        raise error
    return ForgeryError(
        f"cannot write to {folder}: {error.strerror or error}; set FORGERY_CACHE to another folder "
        "for decoded pictures"
    )


def new_pixels(path: Path, shape: tuple[int, ...]) -> np.ndarray:
    """Create a .npy file of uint8, mapped for writing, with its disk space allocated."""
    pixels = np.lib.format.open_memmap(path, mode="w+", dtype=np.uint8, shape=shape)
    if hasattr(os, "posix_fallocate"):
        # Without this, a full disk would kill the process when it writes to the mapped file.
        with open(path, "r+b") as file:
            os.posix_fallocate(file.fileno(), 0, path.stat().st_size)
    return pixels


def key_of(*parts: Any) -> str:
    """Hash what pictures are made from: 32 hexadecimal digits of a SHA-256."""
    return _digest([FORMAT, *parts])[:32]


def _digest(content: Any) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def _stat(path: Path) -> os.stat_result | None:
    """Return the status of a file; None if it is missing, as when another process deletes it."""
    try:
        return path.stat()
    except FileNotFoundError:
        return None


def _lock(handle: int, wait: bool = True) -> bool | None:
    """Lock a file: True; False where there are no locks; None if it is taken, without ``wait``."""
    try:
        import fcntl
    except ImportError:  # Windows: several processes may fill the slot, and the last one wins
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except BlockingIOError:
        return None
    return True
