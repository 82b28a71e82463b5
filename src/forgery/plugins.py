"""Parts that other packages add through entry points.

A package that declares, in its pyproject.toml, ::

    [project.entry-points."forgery.objectives"]
    my-objective = "my_package.objectives:mine"

adds the name ``my-objective`` to the choices of ``--objective``. The name is known without
importing the package; the part is imported when a run uses it.
"""

from importlib.metadata import EntryPoint, entry_points
from typing import Any

from .errors import ForgeryError, did_you_mean

#: The entry-point groups that forgery reads.
GROUPS = (
    "forgery.objectives",
    "forgery.penalties",
    "forgery.generators",
    "forgery.discriminators",
    "forgery.data",
    "forgery.recipes",
    "forgery.measures",
)


def names(group: str) -> list[str]:
    """Names that installed packages add to a group of :data:`GROUPS`, sorted."""
    return sorted(_found(group))


def load(group: str, name: str) -> Any:
    """Import the part that a package adds under a name.

    Raises
    ------
    ForgeryError
        If no installed package adds the name, or importing it fails.
    """
    found = _found(group)
    if name not in found:
        raise ForgeryError(
            f"no installed package adds {name!r} to {group}{did_you_mean(name, found)}"
        )
    try:
        return found[name].load()
    except Exception as error:  # the package's code may raise anything
        raise ForgeryError(
            f"cannot import {name!r} of {group} ({found[name].value}): "
            f"{type(error).__name__}: {error}"
        ) from error


def package(group: str, name: str) -> str:
    """The name and version of the package that adds a name to a group."""
    distribution = _found(group)[name].dist
    return f"{distribution.name} {distribution.version}" if distribution else "an unknown package"


def _found(group: str) -> dict[str, EntryPoint]:
    return {entry.name: entry for entry in entry_points(group=group)}
