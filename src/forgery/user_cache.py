"""The user's cache folder: pictures, converted weights, classifiers, the token of the lab.

Everything in it may be deleted at any time, and is then made again when needed.
"""

import os
import uuid
from contextlib import suppress
from pathlib import Path


def cache_folder() -> Path:
    """``$FORGERY_CACHE``, by default ``forgery`` in ``$XDG_CACHE_HOME`` (``~/.cache``)."""
    if given := os.environ.get("FORGERY_CACHE"):
        return Path(given)
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "forgery"


def keep(path: Path, content: bytes) -> None:
    """Write a file into the cache, so that no process ever sees a part of it.

    Raises
    ------
    OSError
        If it cannot be written; nothing is left then.
    """
    temporary = path.with_name(f"{path.name}.{uuid.uuid4().hex}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary.write_bytes(content)
        temporary.replace(path)
    except OSError:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise
