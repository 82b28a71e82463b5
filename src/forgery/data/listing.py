"""The files of a folder or an archive: names, and how to read each, without extracting anything."""

import lzma
import os
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path, PurePosixPath

from ..errors import ForgeryError
from .decode import MOST_BYTES, Rejected

TAR_SUFFIXES = (".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tar.xz", ".txz")
#: What reading a damaged archive raises, beside OSError.
DAMAGE = (zipfile.BadZipFile, tarfile.TarError, zlib.error, lzma.LZMAError, EOFError)
#: What systems leave beside pictures; not listed at all.
LITTER = ("thumbs.db", "desktop.ini", "__macosx")


@dataclass(frozen=True)
class Entry:
    """What may be a picture: its name, with ``/`` in a file's, and what returns its bytes.

    ``split`` and ``label`` are for rows of tables; files have both in their names. ``attributes``
    is a row's truth values, a 0 or a 1 for each of the listing's ``attribute_names``.
    """

    name: str
    read: Callable[[], bytes]
    split: str = ""
    label: str = ""
    attributes: str = ""


@dataclass
class Listing:
    """What is in a folder, an archive or a table.

    Parameters
    ----------
    refused:
        (name, reason) of what is not even read.
    in_order:
        Only one thread may read, one entry after the other.
    classes:
        The classes of a table in the order of their numbers, none if it has no labels; None where
        folders are the classes.
    licence:
        Of the pictures, where it is known.
    attribute_names:
        A table's columns of truth values.
    """

    entries: list[Entry] = field(default_factory=list)
    refused: list[tuple[str, str]] = field(default_factory=list)
    in_order: bool = False
    classes: tuple[str, ...] | None = None
    licence: str = ""
    attribute_names: tuple[str, ...] = ()

    def add(self, entry: Entry, reason: str = "") -> None:
        """Take an entry in, or set it aside where there is a reason to."""
        if reason:
            self.refused.append((entry.name, reason))
        else:
            self.entries.append(entry)


def is_archive(path: Path) -> bool:
    """Whether its name is that of a zip or tar file."""
    return path.name.lower().endswith((".zip", *TAR_SUFFIXES))


def stamp(path: Path) -> list[object]:
    """What changes when the files do: their names, sizes and times of change, not their content."""
    try:
        if not path.is_dir():
            about = path.stat()
            return [str(path.resolve()), about.st_size, about.st_mtime_ns]
        files: list[object] = [str(path.resolve())]
        for name, file in _walk(path):
            about = file.lstat()
            if stat.S_ISLNK(about.st_mode):
                files.append(os.fsencode(file.readlink()).hex())
                about = file.stat() if file.exists() else about
            files.append([name, about.st_size, about.st_mtime_ns])
        return files
    except OSError as error:
        raise ForgeryError(f"cannot read {path}: {error.strerror or error}") from error


@contextmanager
def listing(path: Path) -> Iterator[Listing]:
    """The entries of a folder or an archive, readable while the block runs."""
    if path.is_dir():
        yield _folder(path)
        return
    try:
        if path.name.lower().endswith(".zip"):
            with zipfile.ZipFile(path) as zipped:
                yield _zip(zipped)
        else:
            with tarfile.open(path) as tar:
                yield _tar(tar)
    except (*DAMAGE, OSError) as error:
        raise ForgeryError(f"{path} cannot be read as an archive: {error}") from error


def _folder(root: Path) -> Listing:
    found, home = Listing(), root.resolve()
    for name, file in _walk(root):
        reason = _unfit(file, home)
        found.add(Entry(name, partial(_read_file, file)), reason)
    return found


def _unfit(file: Path, home: Path) -> str:
    """Why a file of a folder is not even read; empty if it is."""
    try:
        if file.is_symlink() and not file.resolve().is_relative_to(home):
            return "a link that points outside of the folder"
        about = file.stat()
    except (OSError, RuntimeError) as error:  # RuntimeError: links in a circle
        return f"cannot be read: {getattr(error, 'strerror', None) or error}"
    if stat.S_ISDIR(about.st_mode):
        return "a link to another folder"
    if not stat.S_ISREG(about.st_mode):
        return "not a regular file"
    return too_large(about.st_size)


def _zip(zipped: zipfile.ZipFile) -> Listing:
    found = Listing()
    for info in sorted(zipped.infolist(), key=lambda info: info.filename):
        name = safe_name(info.filename)
        if info.is_dir() or _is_litter(name):
            continue
        mode = info.external_attr >> 16
        if _is_outside(name):
            reason = "its name points outside of the archive"
        elif stat.S_ISLNK(mode):
            reason = "a link"
        elif info.flag_bits & 1:
            reason = "encrypted"
        else:
            reason = too_large(info.file_size)
        found.add(Entry(name, partial(_read_zip, zipped, info)), reason)
    return found


def _tar(tar: tarfile.TarFile) -> Listing:
    found = Listing(in_order=True)
    for member in tar:
        name = safe_name(member.name)
        if member.isdir() or _is_litter(name):
            continue
        if _is_outside(name):
            reason = "its name points outside of the archive"
        elif member.issym() or member.islnk():
            reason = "a link"
        elif not member.isfile():
            reason = "not a regular file"
        else:
            reason = too_large(member.size)
        found.add(Entry(name, partial(_read_tar, tar, member)), reason)
    return found


def _walk(root: Path) -> Iterator[tuple[str, Path]]:
    """(name, path) of every file and link below a folder, by name; links are not followed."""
    files = []
    for folder, folders, names in os.walk(root):
        here = Path(folder)
        links = [name for name in folders if (here / name).is_symlink()]
        folders[:] = [name for name in folders if not _is_litter(name) and name not in links]
        for name in names + links:
            if not _is_litter(name):
                path = here / name
                files.append((safe_name(path.relative_to(root).as_posix()), path))
    return iter(sorted(files))


def safe_name(name: str) -> str:
    """A file's name as it can be printed and written: bytes that are no text are escaped."""
    return name.encode("utf-8", "backslashreplace").decode()


def _is_litter(name: str) -> bool:
    parts = [part for part in PurePosixPath(name).parts if part not in ("..", "/")]
    return any(part.startswith(".") or part.lower() in LITTER for part in parts)


def _is_outside(name: str) -> bool:
    parts = name.replace("\\", "/").split("/")
    drive = len(parts) > 1 and len(parts[0]) == 2 and parts[0][1] == ":"
    return name.startswith(("/", "\\")) or ".." in parts or drive


def too_large(size: int) -> str:
    """Why a file of so many bytes is not read; empty if it is."""
    return f"{size:,} bytes (more than {MOST_BYTES:,})" if size > MOST_BYTES else ""


def _read_file(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise Rejected(f"cannot be read: {error.strerror or error}") from error


def _read_zip(zipped: zipfile.ZipFile, info: zipfile.ZipInfo) -> bytes:
    try:
        with zipped.open(info) as file:
            return _at_most(file.read(MOST_BYTES + 1))
    except (*DAMAGE, OSError, NotImplementedError) as error:
        raise Rejected(f"damaged in the archive: {error}") from error


def _read_tar(tar: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    try:
        file = tar.extractfile(member)
        assert file is not None  # it is a regular file
        return file.read()
    except (*DAMAGE, OSError) as error:
        raise Rejected(f"damaged in the archive: {error}") from error


def _at_most(content: bytes) -> bytes:
    if reason := too_large(len(content)):
        raise Rejected(reason)
    return content
