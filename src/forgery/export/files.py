"""New files and folders, which appear complete or not at all."""

import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from ..errors import ForgeryError
from ..writing import writing


@contextmanager
def write_new(path: Path) -> Iterator[Path]:
    """Yield a temporary path, which becomes ``path`` if the block succeeds.

    Raises
    ------
    ForgeryError
        If ``path`` has no name, exists and is not an empty folder, or cannot be written.
    """
    if not path.name:  # the current folder or the root
        raise ForgeryError(f"{path} cannot be written: choose another --out")
    if path.exists() and (not path.is_dir() or any(path.iterdir())):
        raise ForgeryError(f"{path} already exists and is never overwritten: choose another --out")
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with writing(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            yield temporary
            os.replace(temporary, path)
    finally:  # after Ctrl-C too
        shutil.rmtree(temporary, ignore_errors=True)
        with suppress(OSError):
            temporary.unlink()


def fill(folder: Path, files: Mapping[str, bytes]) -> None:
    """Make a folder with the given files, name → content."""
    folder.mkdir()
    for name, content in files.items():
        (folder / name).write_bytes(content)
