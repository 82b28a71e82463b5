"""The runs under a folder, by name, and the models of the zoo."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ..addresses import HUB, ZOO, folder_of, is_path
from ..errors import ForgeryError
from .answers import Refused

#: Levels of folders that are searched, and runs that are listed, at most.
DEPTH, MOST = 3, 2000


@dataclass(frozen=True)
class RunsFolder:
    """The folder that the lab shows.

    A run's name is its path below it, ``digits`` or ``a/b``; that of a model of the zoo, ``zoo:…``.
    """

    path: Path

    def names(self) -> Iterator[str]:
        """The names of all runs, found by their config.json; links are not followed.

        Names that are no text, since their bytes are not UTF-8, cannot be part of an address.
        """
        found = 0
        for folder, below, files in os.walk(self.path):
            place = Path(folder)
            depth = len(place.relative_to(self.path).parts)
            below.sort()
            if "config.json" in files and depth:
                below.clear()
                found += 1
                name = place.relative_to(self.path).as_posix()
                if name.encode(errors="ignore").decode() == name:
                    yield name
            if depth >= DEPTH:
                below.clear()
            if found >= MOST:
                return

    def run(self, name: str) -> Path:
        """The path of a run, or of a model of the zoo.

        Raises
        ------
        Refused
            If there is no run of that name below the folder, or no such model.
        """
        if name.startswith(ZOO):
            try:
                return folder_of(name)
            except ForgeryError as error:
                raise Refused(str(error), 404) from None
        path = self.inside(name)
        if not (path / "config.json").is_file():
            raise Refused(f"there is no run {name!r} in {self.path}", 404)
        return path

    def inside(self, name: str) -> Path:
        """The path of a name, which must lie below the folder, links followed.

        Raises
        ------
        Refused
            If it does not.
        """
        root = self.path.resolve()
        parts = Path(name).parts
        try:
            path = self.path / name
            resolved = path.resolve()
            path.exists()
        except (OSError, ValueError, RuntimeError):  # too long, a null character, a loop of links
            raise Refused(f"{name!r:.80} is not the name of a run") from None
        outside = not resolved.is_relative_to(root) or resolved == root
        if outside or not parts or ".." in parts or Path(name).is_absolute():
            raise Refused(f"{name!r:.80} is not below {self.path}", 403)
        return path

    def new(self, name: str) -> Path:
        """The path of a run that is to be made.

        Raises
        ------
        Refused
            If the name is taken, lies outside the folder, or is the address of a model elsewhere.
        """
        if not is_path(name):
            raise Refused(
                f"{name!r:.80} cannot name a run: {ZOO} and {HUB} begin the addresses of models"
            )
        path = self.inside(name)
        parts = Path(name).parts
        if not name.isprintable() or any(part.startswith(".") for part in parts):
            raise Refused(f"{name!r:.80} cannot name a run")
        if len(parts) > DEPTH:
            raise Refused(f"at most {DEPTH} folders inside each other are searched for runs")
        if path.exists():
            raise Refused(f"{name} exists already, and no run is overwritten: choose another name")
        for above in path.parents:
            if above == self.path:
                break
            if (above / "config.json").exists():
                raise Refused(f"{above.relative_to(self.path)} is a run, not a folder")
        return path


def as_typed(path: Path) -> str:
    """A path as one would type it here: relative, if it is below the current folder."""
    here = Path.cwd()
    return str(path.relative_to(here) if path.is_relative_to(here) else path)
