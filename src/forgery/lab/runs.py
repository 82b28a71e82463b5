"""Runs."""

from collections.abc import Sequence

from starlette.routing import BaseRoute

from .folder import RunsFolder


class Runs:
    def __init__(self, folder: RunsFolder) -> None:
        self._folder = folder

    def routes(self) -> Sequence[BaseRoute]:
        return []

    def close(self) -> None:
        pass
