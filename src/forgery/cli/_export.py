"""Helpers shared by the verbs that export a model."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

#: Option → flag.
FLAGS = {
    "precision": "--precision",
    "all_networks": "--all-networks",
    "license": "--license",
    "also": "--with",
}


def options_for(to: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """The options that were given; refuses those without effect on a target."""
    from ..errors import refuse
    from ..export import TARGETS

    options = {name: value for name, value in given.items() if value is not None}
    refuse(
        [
            f"{FLAGS[name]} has no effect with --to {to}: give --to "
            + " or ".join(n for n, target in TARGETS.items() if name in target.options)
            for name in options
            if name not in TARGETS[to].options
        ]
    )
    return options


def described(path: Path) -> str:
    """A file or a folder with its size."""
    from ..resources import in_words

    files = [path] if path.is_file() else list(path.iterdir())
    size = in_words(sum(file.stat().st_size for file in files))
    return f"{path} ({size})" if path.is_file() else f"{path} ({len(files)} files, {size})"
