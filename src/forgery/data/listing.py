"""Files in a folder or an archive, listed and read without extracting the archive."""

import lzma
import os
import re
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path, PurePosixPath

from ..addresses import is_model
from ..errors import ForgeryError
from .decode import MAX_BYTES, Rejected

TAR_SUFFIXES = (".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tar.xz", ".txz")
#: Exceptions other than OSError raised by damaged archives, or those of unknown versions.
DAMAGE = (
    *(zipfile.BadZipFile, tarfile.TarError, zlib.error, lzma.LZMAError, EOFError),
    *(UnicodeDecodeError, NotImplementedError),
)
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
#: Files that operating systems create, which are not listed.
SYSTEM_FILES = ("thumbs.db", "desktop.ini", "__macosx")


@dataclass(frozen=True)
class Entry:
    """A file or a row of a table that may contain a picture.

    Parameters
    ----------
    name:
        Name of the row, or path of the file with ``/`` as separator.
    read:
        Returns the bytes.
    split, label:
        Split and class of a row; those of a file are in its name.
    attributes:
        Truth values of a row, ``0`` or ``1`` for each of the listing's ``attribute_names``.
    """

    name: str
    read: Callable[[], bytes]
    split: str = ""
    label: str = ""
    attributes: str = ""


@dataclass
class Listing:
    """The contents of a folder, an archive or a table.

    Parameters
    ----------
    entries:
        What can be read.
    refused:
        (name, reason) of what is rejected without reading it.
    in_order:
        Whether entries must be read sequentially by a single thread.
    classes:
        Classes of a table in the order of their labels, empty if it has no labels; None if folders
        are the classes.
    licence:
        Licence of the pictures, if known.
    attribute_names:
        Boolean columns of a table.
    """

    entries: list[Entry] = field(default_factory=list)
    refused: list[tuple[str, str]] = field(default_factory=list)
    in_order: bool = False
    classes: tuple[str, ...] | None = None
    licence: str = ""
    attribute_names: tuple[str, ...] = ()

    def add(self, entry: Entry, reason: str = "") -> None:
        """Add an entry, or reject it if there is a reason."""
        if reason:
            self.refused.append((entry.name, reason))
        else:
            self.entries.append(entry)


def is_archive(path: Path) -> bool:
    """Whether a file is a zip or tar archive by its name."""
    return path.name.lower().endswith((".zip", *TAR_SUFFIXES))


def stamp(path: Path) -> list[object]:
    """Return names, sizes and modification times, which identify the files without reading them."""
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
    """List a folder or an archive, whose entries can be read inside the context."""
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
    listed = list(_walk(root))
    files = {file.resolve() for _, file in listed if not file.is_symlink()}
    for name, file in listed:
        reason = _reason_to_refuse(file, home)
        if not reason and file.is_symlink() and file.resolve() in files:
            reason = "a link to a file that is listed itself"
        found.add(Entry(name, partial(_read_file, file)), reason)
    return found


def _reason_to_refuse(file: Path, home: Path) -> str:
    """Return why a file in a folder is rejected without reading it; empty if it is not."""
    try:
        if file.is_symlink() and not file.resolve().is_relative_to(home):
            return "a link that points outside the folder"
        about = file.stat()
    except (OSError, RuntimeError) as error:  # RuntimeError: cyclic links
        return f"cannot be read: {getattr(error, 'strerror', None) or error}"
    if stat.S_ISDIR(about.st_mode):
        return "a link to another folder" if file.is_symlink() else "a folder that cannot be read"
    if not stat.S_ISREG(about.st_mode):
        return "not a regular file"
    return too_large(about.st_size)


def _zip(zipped: zipfile.ZipFile) -> Listing:
    found = Listing()
    members = [(info.filename, info) for info in zipped.infolist()]
    if not any("/" in name for name, _ in members):  # early .NET wrote backslashes
        members = [(name.replace("\\", "/"), info) for name, info in members]
    for raw, info in sorted(members, key=lambda member: member[0]):
        name = safe_name(raw)
        if name.endswith("/") or _is_hidden(name):
            continue
        mode = info.external_attr >> 16
        if _is_outside(name):
            reason = "its name points outside the archive"
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
        if member.isdir() or _is_hidden(name):
            continue
        if _is_outside(name):
            reason = "its name points outside the archive"
        elif member.issym() or member.islnk():
            reason = "a link"
        elif not member.isfile():
            reason = "not a regular file"
        else:
            reason = too_large(member.size)
        found.add(Entry(name, partial(_read_tar, tar, member)), reason)
    return found


def _walk(root: Path) -> Iterator[tuple[str, Path]]:
    """Yield (name, path) of every file and link below a folder, sorted; do not follow links.

    Unreadable folders below ``root`` are yielded too; an unreadable ``root`` raises an error. Runs
    below ``root`` are left out, so that a run in the folder of its data does not become data.
    """
    files = []

    def unreadable(error: OSError) -> None:
        path = Path(error.filename)
        if path == root:
            raise ForgeryError(f"cannot read {root}: {error.strerror}") from error
        files.append((safe_name(path.relative_to(root).as_posix()), path))

    for folder, folders, names in os.walk(root, onerror=unreadable):
        here = Path(folder)
        if here != root and is_model(here):
            folders.clear()
            continue
        links = [name for name in folders if (here / name).is_symlink()]
        folders[:] = [name for name in folders if not _is_hidden(name) and name not in links]
        for name in names + links:
            if not _is_hidden(name):
                path = here / name
                files.append((safe_name(path.relative_to(root).as_posix()), path))
    return iter(sorted(files))


def safe_name(name: str) -> str:
    """Escape control characters and bytes that are not text, so that a name can be printed."""
    name = name.encode("utf-8", "backslashreplace").decode()
    return _CONTROL.sub(lambda found: found[0].encode("unicode_escape").decode(), name)


def _is_hidden(name: str) -> bool:
    parts = [part for part in PurePosixPath(name).parts if part not in ("..", "/")]
    return any(part.startswith(".") or part.lower() in SYSTEM_FILES for part in parts)


def _is_outside(name: str) -> bool:
    parts = name.replace("\\", "/").split("/")
    drive = len(parts) > 1 and len(parts[0]) == 2 and parts[0][1] == ":"
    return name.startswith(("/", "\\")) or ".." in parts or drive


def too_large(size: int) -> str:
    """Return the reason for rejecting a file of ``size`` bytes; empty if it is not too large."""
    return f"{size:,} bytes (more than {MAX_BYTES:,})" if size > MAX_BYTES else ""


def _read_file(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise Rejected(f"cannot be read: {error.strerror or error}") from error


def _read_zip(zipped: zipfile.ZipFile, info: zipfile.ZipInfo) -> bytes:
    try:
        with zipped.open(info) as file:
            return _checked_size(file.read(MAX_BYTES + 1))
    except (*DAMAGE, OSError) as error:
        raise Rejected(f"damaged in the archive: {error}") from error


def _read_tar(tar: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    try:
        file = tar.extractfile(member)
        assert file is not None  # it is a regular file
        return file.read()
    except (*DAMAGE, OSError) as error:
        raise Rejected(f"damaged in the archive: {error}") from error


def _checked_size(content: bytes) -> bytes:
    if reason := too_large(len(content)):
        raise Rejected(reason)
    return content
