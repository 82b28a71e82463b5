"""The user's cache folder: pictures, converted weights, classifiers, the token of the lab.

Everything in it may be deleted at any time, and is then made again when needed.
"""

import os
from pathlib import Path


def cache_folder() -> Path:
    """``$FORGERY_CACHE``, by default ``forgery`` in ``$XDG_CACHE_HOME`` (``~/.cache``)."""
    if given := os.environ.get("FORGERY_CACHE"):
        return Path(given)
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "forgery"
