"""Guess which images are real: sessions of a person against a generator.

What an image is does not leave the server before the guess: its address is a random name, and real
and drawn images are encoded by the same function.
"""

import io
import secrets
import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from ..errors import ForgeryError
from .answers import Json, Png, Refused, query, sent
from .folder import RunsFolder

if TYPE_CHECKING:
    from ..evaluation.deck import Deck, Picture
    from ..evaluation.human import Exposure, Guess, Mode, Rate, Staircase

#: Sessions kept; the oldest is dropped for a further one.
MOST_SESSIONS = 50
#: Characters of a name, and images that fooled which a result shows, at most.
LONGEST_NAME, MOST_FOOLED = 40, 48
#: Exposures to choose from, in ms.
EXPOSURES = (100, 250, 500, 1000, 2000)


@dataclass(eq=False)
class Trial:
    """One image or pair.

    ``answer`` is ``real`` or ``drawn``; of a pair, where the real one is: ``left`` or ``right``.
    ``exposure`` is that of the moment when the trial was handed out, ``shown`` what the page
    measured, in ms.
    """

    id: str
    images: dict[str, "Picture"]
    answer: str
    exposure: int | None = None
    said: str = ""
    shown: float | None = None


@dataclass(eq=False)
class Session:
    """A person's guesses on a deck of images."""

    id: str
    run: Path
    name: str
    person: str | None
    mode: "Mode"
    exposure: "Exposure"
    needed: int
    deck: "Deck"
    trials: list[Trial]
    staircase: "Staircase | None" = None
    at: int = 0
    ended: bool = False
    note: str = ""
    recorded: bool = False
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def judged(self) -> list[Trial]:
        return self.trials[: self.at]

    def guesses(self) -> list["Guess"]:
        from ..evaluation.human import Guess

        return [
            Guess(
                trial.said == trial.answer,
                picture.drawn if self.mode == "one" else None,
                picture.kind if self.mode == "one" else None,
                trial.exposure,
            )
            for trial in self.judged
            for picture in list(trial.images.values())[:1]
        ]

    def total_of_d(self) -> "Rate | None":
        """D's errors on the images judged so far; None if D does not play."""
        from ..evaluation.deck import guesses_of_d
        from ..evaluation.human import Rate

        if self.deck.without_d:
            return None
        right = [guesses_of_d(list(trial.images.values())) for trial in self.judged]
        return Rate(right.count(False), len(right))

    def next(self) -> dict[str, Any] | None:
        """What the page may know of the present trial; None after the last one."""
        if self.ended or self.at == len(self.trials):
            return None
        trial = self.trials[self.at]
        if self.staircase:
            trial.exposure = self.staircase.exposure
        elif isinstance(self.exposure, int):
            trial.exposure = self.exposure
        return {
            "trial": trial.id,
            "number": self.at + 1,
            "of": len(self.trials),
            "images": list(trial.images),
            "exposure": trial.exposure,
        }

    def guess(self, trial_id: str, said: str, shown: float | None) -> dict[str, Any]:
        """Judge the present trial."""
        from ..evaluation.deck import guesses_of_d
        from ..evaluation.human import error_rate

        present = self.trials[self.at].id if self.at < len(self.trials) else None
        if trial_id != present or self.ended:
            if trial_id in (trial.id for trial in self.judged):
                raise Refused("this image has been judged already", 409)
            raise Refused("this is not the image that is shown in this session", 409)
        trial = self.trials[self.at]
        choices = ("real", "drawn") if self.mode == "one" else ("left", "right")
        if said not in choices:
            raise Refused(f"a guess is {' or '.join(choices)}, not {said!r:.40}")
        trial.said, trial.shown = said, shown
        self.at += 1
        right = said == trial.answer
        if self.staircase:
            self.staircase.answer(right)
        if self.at == len(self.trials):
            self.end()
        of_d = None if self.deck.without_d else guesses_of_d(list(trial.images.values()))
        d_total = self.total_of_d()
        return {
            "right": right,
            "answer": trial.answer,
            "d": None if of_d is None else {"right": of_d},
            "total": _rate(error_rate(self.guesses())),
            "d_total": None if d_total is None else _rate(d_total),
            "ended": self.ended,
            "next": self.next(),
        }

    def end(self) -> None:
        """End the session, and record it if there are enough guesses."""
        from ..evaluation import human

        if self.ended:
            return
        self.ended = True
        if self.at < self.needed:
            return
        played = human.Played.of(
            self.guesses(), self.mode, self.exposure, step=self.deck.step, real=self.deck.real,
            held_out=self.deck.held_out, discriminator=self.total_of_d(), name=self.person,
        )  # fmt: skip
        try:
            self.note = human.add(self.run, played)
            self.recorded = True
        except ForgeryError as error:  # the result is shown nevertheless
            self.note = str(error)

    def result(self) -> dict[str, Any]:
        """All that was found, once the session has ended."""
        from ..evaluation import human

        guesses, d_total = self.guesses(), self.total_of_d()
        shown = [trial.shown for trial in self.judged if trial.shown is not None]
        kinds = human.by_kind(guesses)
        wrong = [trial for trial in self.judged if trial.said != trial.answer]
        wrong.sort(key=lambda trial: trial.answer == "real")  # forgeries first
        return {
            "run": self.name,
            "step": self.deck.step,
            "mode": self.mode,
            "exposure": self.exposure,
            "real": self.deck.real,
            "held_out": self.deck.held_out,
            "needed": self.needed,
            "total": _rate(human.error_rate(guesses)),
            "fakes": _rate(human.error_rate(guesses, drawn=True)),
            "reals": _rate(human.error_rate(guesses, drawn=False)),
            "d": None if d_total is None else _rate(d_total),
            "without_d": self.deck.without_d,
            "divided_by": self.deck.divided_by if kinds else "",
            "kinds": [{"kind": kind} | _rate(rate) for kind, rate in kinds.items()],
            "threshold": human.threshold(g.exposure for g in guesses) if self.staircase else None,
            "exposures": [g.exposure for g in guesses] if self.staircase else [],
            "shown": sum(shown) / len(shown) if shown else None,
            "fooled": [_fooled(trial) for trial in wrong[:MOST_FOOLED]],
            "recorded": self.recorded,
            "note": self.note,
        }


class Spotting:
    """The room: sessions, and the runs that can be played with."""

    def __init__(self, folder: RunsFolder) -> None:
        self._folder = folder
        self._sessions: OrderedDict[str, Session] = OrderedDict()
        self._lock = threading.Lock()

    def routes(self) -> Sequence[BaseRoute]:
        return [
            Route("/spotting/runs", self._runs),
            Route("/spotting/run", self._run),
            Route("/spotting/start", self._start, methods=["POST"]),
            Route("/spotting/image", self._image),
            Route("/spotting/guess", self._guess, methods=["POST"]),
            Route("/spotting/end", self._end, methods=["POST"]),
        ]

    def close(self) -> None:
        self._sessions.clear()

    def _runs(self, request: Request) -> Response:
        """The runs of images, and how many others there are."""
        from ..evaluation import human
        from ..training.run import open_run

        found, others = [], 0
        for name in self._folder.names():
            try:
                data = open_run(self._folder.run(name)).record["data"]
                if len(data["shape"]) != 3:
                    others += 1
                    continue
                people = human.lines(self._folder.path / name)
                found.append({"name": name, "data": data["name"], "people": people, "problem": ""})
            except (ForgeryError, KeyError, TypeError) as error:
                problem = (
                    str(error) if isinstance(error, ForgeryError) else "config.json is damaged"
                )
                found.append({"name": name, "data": "", "people": [], "problem": problem})
        return Json({"runs": found, "points": others})

    def _run(self, request: Request) -> Response:
        """What can be chosen for a run, and what people have found of it."""
        from ..evaluation import human
        from ..training import checkpoint
        from ..training.run import open_run

        name = query(request, "run")
        run = open_run(self._folder.run(name))
        data = run.record["data"]
        if len(data["shape"]) != 3:
            raise Refused(f"{name} draws points: only images can be told apart by looking at them")
        step = next(checkpoint.steps(run.checkpoints), None)
        if step is None:
            raise Refused(f"{name} has no checkpoint yet: its generator cannot draw")
        return Json(
            {
                "name": name,
                "data": data["name"],
                "step": step,
                "people": human.lines(run.path),
                "exposures": list(EXPOSURES),
                "lengths": list(human.LENGTHS),
                "block": human.Staircase.LENGTH,
                "first": human.FIRST,
                "needed": human.NEEDED,
            }
        )

    async def _start(self, request: Request) -> Response:
        content = await sent(request)
        return Json(await run_in_threadpool(self._started, content))

    def _started(self, content: dict[str, Any]) -> dict[str, Any]:
        from ..evaluation import human
        from ..evaluation.deck import deal
        from ..run_data import DataNotFound

        name = str(content.get("run", ""))
        run = self._folder.run(name)
        mode, exposure, length, person = _asked(content)
        coins = [bool(secrets.randbits(1)) for _ in range(length)]
        # Of a pair, the coin decides whether the left one is drawn.
        drawn = coins if mode == "one" else [d for coin in coins for d in (coin, not coin)]
        try:
            deck = deal(run, drawn, secrets.randbelow(2**31))
        except DataNotFound as error:
            raise Refused(
                f"{error}. Real images are needed, and the lab reads them from where the run "
                "recorded its data: move it back there, or make a link to it; forgery evaluate "
                "and forgery resume take --data"
            ) from None
        session = Session(
            secrets.token_urlsafe(12), run, name, person, mode, exposure,
            needed=length if exposure == "staircase" else human.NEEDED,
            deck=deck, trials=_trials(deck.pictures, mode),
            staircase=human.Staircase() if exposure == "staircase" else None,
        )  # fmt: skip
        with self._lock:
            self._sessions[session.id] = session
            while len(self._sessions) > MOST_SESSIONS:
                self._sessions.popitem(last=False)
        return {
            "session": session.id,
            "run": name,
            "step": deck.step,
            "real": deck.real,
            "held_out": deck.held_out,
            "shape": list(deck.pictures[0].pixels.shape),
            "without_d": deck.without_d,
            "mode": mode,
            "exposure": exposure,
            "first": human.FIRST,
            "needed": session.needed,
            "next": session.next(),
        }

    def _image(self, request: Request) -> Response:
        """An image of the present trial, or of one that has been judged."""
        session, image = self._session(query(request, "session")), query(request, "image")
        for trial in session.trials[: session.at + 1]:
            if image in trial.images:
                return Png(_encoded(trial.images[image]))
        raise Refused("there is no such image in this session", 404)

    async def _guess(self, request: Request) -> Response:
        content = await sent(request)

        def judge() -> dict[str, Any]:
            session = self._session(str(content.get("session", "")))
            shown = content.get("shown")
            measured = isinstance(shown, int | float) and 0 <= shown < 1e9
            with session.lock:
                return session.guess(
                    str(content.get("trial", "")),
                    str(content.get("says", "")),
                    float(shown) if measured and shown is not None else None,
                )

        return Json(await run_in_threadpool(judge))

    async def _end(self, request: Request) -> Response:
        """End a session, and tell its result."""
        content = await sent(request)

        def finish() -> dict[str, Any]:
            session = self._session(str(content.get("session", "")))
            with session.lock:
                if not session.at:
                    raise Refused("nothing has been judged in this session")
                session.end()
                return session.result()

        return Json(await run_in_threadpool(finish))

    def _session(self, name: str) -> Session:
        with self._lock:
            if name not in self._sessions:
                raise Refused("this session is no longer known to the lab: start a new one", 404)
            return self._sessions[name]


def _asked(content: dict[str, Any]) -> tuple["Mode", "Exposure", int, str | None]:
    """Mode, exposure, number of images and name of a request."""
    from ..evaluation import human

    problems = {}
    mode, exposure = content.get("mode", "one"), content.get("exposure")
    if mode not in ("one", "pair"):
        problems["mode"] = f"one or pair, not {mode!r:.40}"
    if not (exposure in (None, "staircase") or (type(exposure) is int and exposure in EXPOSURES)):
        listed = ", ".join(map(str, EXPOSURES))
        problems["exposure"] = f"{listed} ms, staircase or none, not {exposure!r:.40}"
    length = content.get("length", human.LENGTHS[0])
    if exposure == "staircase":
        length = human.Staircase.LENGTH
    elif type(length) is not int or length not in human.LENGTHS:
        listed = " or ".join(map(str, human.LENGTHS))
        problems["length"] = f"{listed} images, not {length!r:.40}"
    name = str(content.get("name") or "").strip()
    if len(name) > LONGEST_NAME or not name.isprintable():
        problems["name"] = f"at most {LONGEST_NAME} printable characters"
    if problems:
        raise Refused("; ".join(problems.values()), fields=problems)
    return mode, exposure, length, name or None


def _trials(pictures: Sequence["Picture"], mode: "Mode") -> list[Trial]:
    """The trials of a deck, with random names."""
    size = 1 if mode == "one" else 2
    groups = [pictures[i : i + size] for i in range(0, len(pictures), size)]
    return [
        Trial(
            secrets.token_urlsafe(12),
            {secrets.token_urlsafe(12): picture for picture in group},
            ("drawn" if group[0].drawn else "real")
            if mode == "one"
            else ("right" if group[0].drawn else "left"),
        )
        for group in groups
    ]


def _encoded(picture: "Picture") -> bytes:
    from ..plots.grids import image

    buffer = io.BytesIO()
    image(picture.pixels).save(buffer, "PNG")
    return buffer.getvalue()


def _rate(rate: "Rate") -> dict[str, Any]:
    low, high = rate.interval
    return {
        "errors": rate.errors,
        "guesses": rate.guesses,
        "rate": rate.rate if rate.guesses else None,
        "low": low,
        "high": high,
    }


def _fooled(trial: Trial) -> dict[str, Any]:
    """A trial that was judged wrongly, with what D said of it."""
    from ..evaluation.deck import guesses_of_d

    pictures = list(trial.images.values())
    return {
        "images": list(trial.images),
        "answer": trial.answer,
        "kind": next((p.kind for p in pictures if p.drawn), None),
        "d_right": guesses_of_d(pictures),
    }
