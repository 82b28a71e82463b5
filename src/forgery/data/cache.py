"""Where things that were made once are kept, to be found instead of made again."""

import os
from pathlib import Path


def cache_folder() -> Path:
    """``$FORGERY_CACHE``, or ``forgery`` in ``$XDG_CACHE_HOME`` (``~/.cache``).

    Any of it may be deleted at any time: it is then made again.
    """
    if given := os.environ.get("FORGERY_CACHE"):
        return Path(given)
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "forgery"
