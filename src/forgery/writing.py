"""Writing of files: complete or not at all, with errors that name the file."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from .errors import ForgeryError


@contextmanager
def writing(what: Path | str) -> Iterator[None]:
    """Raise :class:`ForgeryError`, ``cannot write {what}: …``, for an OSError of the block."""
    try:
        yield
    except OSError as error:
        raise ForgeryError(f"cannot write {what}: {error.strerror or error}") from error


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield a temporary file of the same suffix, which replaces ``path`` if the block succeeds."""
    temporary = path.with_name(f".{path.stem}.{os.getpid()}{path.suffix}")
    try:
        yield temporary
        os.replace(temporary, path)
    except BaseException:  # Ctrl-C too
        with suppress(OSError):
            temporary.unlink()
        raise


def write_file(path: Path, content: bytes) -> None:
    """Write a small file atomically, and wait until it is on the disk."""
    with replacing(path) as temporary:
        write_synced(temporary, content)
    sync_folder(path.parent)


def write_synced(path: Path, content: bytes) -> None:
    """Write a file, and wait until its content is on the disk."""
    with open(path, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def sync_folder(folder: Path) -> None:
    """Wait until the entries of a folder are on the disk; on Windows, this is not possible."""
    if os.name == "nt":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def unused(path: Path, suffix: str) -> Path:
    """``path`` with its suffix replaced: ``.damaged``, or ``.damaged-2`` … if that exists."""
    stem, dot, kind = suffix[1:].partition(".")
    found, n = path.with_suffix(suffix), 1
    while found.exists():
        n += 1
        found = path.with_suffix(f".{stem}-{n}{dot}{kind}")
    return found
