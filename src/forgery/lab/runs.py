"""Runs: the list, one run while it trains, and several beside each other."""

import io
import threading
import time
from collections import OrderedDict
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anyio
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import BaseRoute, Route

from ..errors import ForgeryError
from .answers import Event, Json, Png, Refused, Stream, number, query, sent
from .folder import RunsFolder
from .reports import DISTANCES, ReportFile, curves_of, thinned
from .run_facts import (
    card_json,
    card_of,
    checkpoints_of,
    compared_cards,
    describe,
    differing,
    equilibrium_of,
    last_change,
    modified,
    settings_of,
    shared,
    state_of,
)
from .trainings import Trainings, shown

if TYPE_CHECKING:
    from ..training.run import Run

#: Seconds between two looks at a run, and at the whole folder.
LOOK, LOOK_AT_ALL = 0.5, 1.0
#: Side of a thumbnail in pixels; number of thumbnails that are kept.
THUMBNAIL, KEPT = 144, 500
#: Widths of plots in pixels.
NARROWEST, WIDEST = 100, 4000
#: The files of a run that its page shows but does not follow.
VERSIONED = ("config.json", "card.json", "human.json")
#: Runs that are compared at most.
MOST_COMPARED = 8


@dataclass
class Known:
    """What has been read of a run, to be read again only when its files change."""

    reports: ReportFile
    opened: "Run | None" = None
    reason: str = ""
    record: tuple[int, ...] | None = None
    grids: list[int] = field(default_factory=list)
    drawn: tuple[int, ...] | None = None


class Runs:
    """The pages of runs.

    Parameters
    ----------
    folder:
        The runs.
    """

    def __init__(self, folder: RunsFolder) -> None:
        self._folder = folder
        self._trainings = Trainings(folder)
        self._known: dict[str, Known] = {}
        self._listing: tuple[float, list[dict[str, Any]]] = (0.0, [])
        self._lock = threading.Lock()
        self._thumbnails: OrderedDict[tuple[Path, int], bytes] = OrderedDict()

    def routes(self) -> Sequence[BaseRoute]:
        return [
            Route("/runs", self._list),
            Route("/runs/follow", self._follow_all),
            Route("/runs/thumbnail", self._thumbnail),
            Route("/run", self._one),
            Route("/run/follow", self._follow),
            Route("/run/grid", self._grid),
            Route("/run/real", self._real),
            Route("/run/doctor", self._doctor, methods=["POST"]),
            Route("/compare", self._compare),
            *self._trainings.routes(),
        ]

    def close(self) -> None:
        self._trainings.close()

    # The list

    def _list(self, request: Request) -> Response:
        return Json({"runs": self.listing()})

    def _follow_all(self, request: Request) -> Response:
        async def events() -> AsyncIterator[Event]:
            before = None
            while True:
                listing = await run_in_threadpool(self.listing)
                if listing != before:
                    before = listing
                    yield "runs", {"runs": listing}
                await anyio.sleep(LOOK_AT_ALL)

        return Stream(events())

    def listing(self) -> list[dict[str, Any]]:
        """All runs, the one that changed last first. Many pages share one look at the folder."""
        with self._lock:
            at, found = self._listing
            if time.monotonic() - at < LOOK_AT_ALL / 2:
                return found
            names = list(self._folder.names())
            for gone in set(self._known) - set(names):
                del self._known[gone]
            found = [self._summary(name) for name in names]
            found.sort(key=lambda run: -run["changed"])
            self._listing = time.monotonic(), found
            return found

    def _summary(self, name: str) -> dict[str, Any]:
        """What the list shows of a run."""
        known = self._known.setdefault(name, known_of(self._folder, name))
        try:
            path = look(self._folder, name, known)
            known.reports.read()
            state = state_of(path, known)
        except (ForgeryError, OSError) as error:
            state = {"state": "damaged", "reason": str(error)}
        summary = {"name": name, "changed": 0.0, "grid": None, **state}
        summary["changed"] = last_change(self._folder.path / name)
        if known.grids:
            summary["grid"] = known.grids[-1]
        if known.opened:
            summary |= describe(known.opened)
        best = known.reports.best
        summary["best"] = next(
            (
                {"name": measure, "value": best[measure][0], "step": best[measure][1]}
                for measure in DISTANCES
                if measure in best
            ),
            None,
        )
        summary["findings"] = len({f["name"] for f in known.reports.findings})
        return summary

    def _thumbnail(self, request: Request) -> Response:
        """The newest grid of a run, small."""
        name, step = query(request, "run"), number(request, "step")
        return Png(self._small(self._picture(name, f"samples/{step:08d}.png")))

    def _small(self, path: Path) -> bytes:
        from PIL import Image

        try:
            key = path, path.stat().st_mtime_ns
            with self._lock:
                if key in self._thumbnails:
                    self._thumbnails.move_to_end(key)
                    return self._thumbnails[key]
            with Image.open(path, formats=["PNG"]) as picture:
                small = picture.convert("RGB")
            small.thumbnail((THUMBNAIL, THUMBNAIL))
            file = io.BytesIO()
            small.save(file, "PNG")
        except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
            raise Refused(f"{path.name} is not a picture", 404) from None
        with self._lock:
            self._thumbnails[key] = file.getvalue()
            while len(self._thumbnails) > KEPT:
                self._thumbnails.popitem(last=False)
        return file.getvalue()

    # One run

    def _one(self, request: Request) -> Response:
        """What does not change while a run trains, and its card."""
        from ..evaluation import human

        name = query(request, "run")
        command = self._trainings.of(name)
        if not (self._folder.inside(name) / "config.json").is_file() and command:
            return Json({"name": name, "starting": True})
        run = self._open(name)
        card = card_of(run.path)
        return Json(
            {
                "name": name,
                "starting": False,
                **describe(run),
                "made_with": {key: run.record.get(key) for key in ("forgery", "torch", "machine")},
                "settings": settings_of(run),
                "equilibrium": equilibrium_of(run),
                "card": card if isinstance(card, str) else card_json([card]) if card else None,
                "people": human.lines(run.path),
                "has_real": (run.path / "real.png").is_file(),
                "commands": {
                    verb: shown([verb, str(run.path)])
                    for verb in ("resume", "evaluate", "doctor", "show", "sample")
                },
                "finetune": shown(["train", run.config.data, "--start-from", str(run.path)]),
            }
        )

    def _open(self, name: str) -> "Run":
        """Open a run, none of whose files that are read here may be a link that leaves."""
        from ..training.run import open_run

        path = self._folder.run(name)
        refuse_links(self._folder, name)
        return open_run(path)

    def _follow(self, request: Request) -> Response:
        """The events of a run: ``status``, ``curves``, ``grids``, whenever they change."""
        name = query(request, "run")
        pixels = min(WIDEST, max(NARROWEST, number(request, "pixels", 600)))
        self._folder.inside(name)
        watched = Watched(self._folder, self._trainings, name, pixels)

        async def events() -> AsyncIterator[Event]:
            while True:
                for event in await run_in_threadpool(lambda: list(watched.events())):
                    yield event
                await anyio.sleep(LOOK)

        return Stream(events())

    def _grid(self, request: Request) -> Response:
        """A sample grid of a run, as it was drawn."""
        name, step = query(request, "run"), number(request, "step")
        return FileResponse(self._picture(name, f"samples/{step:08d}.png"), media_type="image/png")

    def _real(self, request: Request) -> Response:
        """Real data, drawn as the grids are."""
        return FileResponse(self._picture(query(request, "run"), "real.png"))

    def _picture(self, name: str, file: str) -> Path:
        self._folder.inside(name)  # which "." would pass below
        path = self._folder.inside(f"{name}/{file}")
        if not path.is_file():
            raise Refused(f"{name} has no {file}", 404)
        return path

    async def _doctor(self, request: Request) -> Response:
        """The whole diagnosis, which looks for copies of training data too."""
        name = (await sent(request)).get("run")
        if not isinstance(name, str):
            raise Refused("the name of the run is missing")

        def diagnose() -> list[dict[str, Any]]:
            from ..evaluation import doctor

            return [asdict(finding) for finding in doctor(self._open(name).path)]

        return Json({"findings": await run_in_threadpool(diagnose)})

    # Several runs

    def _compare(self, request: Request) -> Response:
        """Curves, settings that differ, cards and the last grids of several runs."""
        names = list(dict.fromkeys(request.query_params.getlist("run")))
        if not 2 <= len(names) <= MOST_COMPARED:
            raise Refused(f"choose 2 to {MOST_COMPARED} runs to compare, not {len(names)}")
        pixels = min(WIDEST, max(NARROWEST, number(request, "pixels", 600)))
        runs, compared, cards, without = [], [], [], []
        for name in names:
            run = self._open(name)
            known = known_of(self._folder, name)
            look(self._folder, name, known)
            _, reports = known.reports.read()
            runs.append(run)
            grid = known.grids[-1] if known.grids else None
            compared.append(
                {
                    "name": name,
                    **describe(run),
                    **state_of(run.path, known),
                    "grid": grid,
                    "curves": thinned(curves_of(reports), pixels),
                }
            )
            card = card_of(run.path)
            if card is None or isinstance(card, str):
                without.append({"name": name, "reason": card or ""})
            else:
                # Named by its present folder, which may have been renamed.
                cards.append(replace(card, run=name))
        return Json(
            {
                "runs": compared,
                "settings": differing(runs),
                "equilibrium": shared([equilibrium_of(run) for run in runs]),
                "cards": compared_cards(cards),
                "without_card": without,
                "command": shown(["compare", *(str(run.path) for run in runs)]),
            }
        )


class Watched:
    """A run that a page shows.

    Parameters
    ----------
    folder, trainings:
        The runs, and the commands that were started for them.
    name:
        The run, which need not exist yet or any more.
    pixels:
        Width of the plots.
    """

    def __init__(self, folder: RunsFolder, trainings: Trainings, name: str, pixels: int) -> None:
        self._folder, self._trainings = folder, trainings
        self._name, self._pixels = name, pixels
        self._known = known_of(folder, name)
        self._status: dict[str, Any] = {}
        self._grids: list[int] | None = None
        self._begun = False

    def events(self) -> Iterator[Event]:
        """What has changed since the last look."""
        known, again = self._known, False
        found: list[dict[str, Any]] = []
        try:
            path = look(self._folder, self._name, known)
            again, found = known.reports.read()
            status = state_of(path, known)
            status["findings"] = known.reports.findings
            status["damaged_lines"] = known.reports.damaged
            status["checkpoints"] = checkpoints_of(path)
            status["versions"] = [modified(path / name) for name in VERSIONED]
        except Refused as error:  # no such folder
            command = self._trainings.of(self._name)
            starting = command is not None and command.is_running
            status = {"state": "starting" if starting else "gone", "reason": str(error)}
            self._known = known = known_of(self._folder, self._name)
            again, self._begun = self._begun, False
        except (ForgeryError, OSError) as error:
            status = {"state": "damaged", "reason": str(error)}
        if command := self._trainings.of(self._name):
            status["command"] = command.state()
        if status != self._status:
            self._status = status
            yield "status", status
        if found or again:
            drawn = thinned(curves_of(found), self._pixels)
            yield "curves", {"again": again or not self._begun, "curves": drawn}
            self._begun = bool(found) or self._begun
        if known.grids != self._grids:
            self._grids = list(known.grids)
            yield "grids", {"steps": self._grids}


def known_of(folder: RunsFolder, name: str) -> Known:
    """A run of which nothing has been read yet."""
    return Known(ReportFile(folder.path / name / "metrics.jsonl"))


def look(folder: RunsFolder, name: str, known: Known) -> Path:
    """Read a run's record and the steps of its grids, if they have changed; return its path.

    Raises
    ------
    ForgeryError
        If the run is gone (:class:`Refused`) or damaged.
    """
    from ..training.run import open_run

    path = folder.run(name)
    record = modified(path / "config.json")
    if record != known.record:
        known.opened, known.reason, known.record = None, "", record
        try:
            refuse_links(folder, name)
            known.opened = open_run(path)
        except ForgeryError as error:
            known.reason = str(error)
    drawn = modified(path / "samples")
    if drawn != known.drawn:
        known.drawn = drawn
        known.grids = sorted(
            int(picture.stem)
            for picture in (path / "samples").glob("*.png")
            if picture.stem.isdigit()
        )
    if known.opened is None:
        raise ForgeryError(known.reason)
    return path


def refuse_links(folder: RunsFolder, name: str) -> None:
    """Refuse a run with a file that is a link out of the folder."""
    for file in ("config.json", "metrics.jsonl", "card.json", "human.json", "samples"):
        folder.inside(f"{name}/{file}")
