"""The process of a page's games: it plays, obeys, and makes a frame when the last one was taken.

One or two games are played step for step together, on the same points and from the same seed. Steps
are never dropped; frames are, since one is made only when the page has taken the one before.

Messages are JSON. The lab sends ``{"id", "do", …}`` and ``{"do": "frame"}``, which allows one more
frame; it receives ``{"answer": id, "content" | "error", "fields"}`` and ``{"frame": …}``.
"""

import json
import signal
import sys
import time
import traceback
from collections.abc import Callable, Mapping
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import torch

from .. import strict_json
from ..config import choices, field_of, flag, kinds_of
from ..config.config import Config
from ..data import SOURCES, Dataset, load
from ..data.densities import DENSITIES
from ..data.points import parse_points, points_of
from ..errors import ForgeryError, lookup, refuse
from ..training import device
from .live_game import (
    CONTROLS,
    FOR_POINTS,
    MOST,
    RESTARTS,
    LiveGame,
    check,
    command,
    first_config,
    idle,
)
from .live_view import Measured, Pace, Shown, View

#: Seconds of play between two looks at the messages, and between two frames at least.
LOOK, FRAME = 0.008, 1 / 40
#: Seconds that a moment of slow motion is shown.
MOMENT = 1.6
#: Points that can be drawn or sent, and their dimensions.
MOST_POINTS, MOST_DIMENSIONS = 50_000, 2
#: Steps a second that a slow computer catches up with at most, in seconds of play.
DEBT = 0.25


class Play:
    """One or two games on the same points, and how they are played.

    Parameters
    ----------
    data, settings:
        As in :meth:`begin`.
    """

    dataset: Dataset
    view: View
    games: list[LiveGame]
    measured: list[Measured]

    def __init__(self, data: str = "ring8", settings: Mapping[str, Any] | None = None) -> None:
        self.playing, self.slow, self.speed = False, False, 0.0
        self.shown = Shown()
        self.fresh = True  # whether the page has not seen the games as they are
        self.begin({"data": {"kind": "density", "name": data}, "settings": settings or {}})

    # What the page can ask for: each takes what was sent, and returns the state.

    def begin(self, sent: Mapping[str, Any]) -> dict[str, Any]:
        """Start new games.

        ``data`` are the points (:func:`points_for`), by default the present ones; ``settings`` what
        differs from those of a new game; ``other`` what differs from it in a second game; without
        it, there is none.
        """
        given = sent.get("data")
        dataset = self.dataset if given is None else points_for(given)
        first = LiveGame(first_config(dataset, _table(sent, "settings")), dataset)
        games = [first]
        if sent.get("other") is not None:
            games.append(LiveGame(first.config.changed(_other(sent), _other(sent)), dataset))
        if given is not None:
            self.dataset, self.view = dataset, View(dataset)
        self._deal(games)
        return self.state()

    def set(self, sent: Mapping[str, Any]) -> dict[str, Any]:
        """Change ``settings`` of game ``game`` (0 or 1), or of all games if it is null."""
        which, changes = sent.get("game"), _table(sent, "settings")
        chosen = self.games if which is None or "seed" in changes else [self._game(which)]
        trial = [LiveGame(game.config, game.dataset) for game in chosen]
        for game in trial:  # all or none
            game.change(changes)
        again = [game.change(changes) for game in chosen]
        if any(again):  # the games stay together
            self.reset({})
        self.fresh = True
        return self.state() | {"restarted": any(again)}

    def pair(self, sent: Mapping[str, Any]) -> dict[str, Any]:
        """Start a second game that differs from the first in ``other``; null ends it."""
        games = [LiveGame(self.games[0].config, self.dataset)]
        if sent.get("other") is not None:
            changes = _other(sent)
            config = games[0].config.changed(changes, changes)
            games.append(LiveGame(config, self.dataset))
            self._deal(games)
        else:
            for of_games in (self.games, self.measured, self._seen, self._paces):
                del of_games[1:]
            self.fresh = True
        return self.state()

    def play(self, sent: Mapping[str, Any]) -> dict[str, Any]:
        """Play with ``speed`` steps a second (0: unlimited), or in ``slow`` motion, or pause."""
        self.playing = bool(sent.get("playing", self.playing))
        self.slow = bool(sent.get("slow", self.slow))
        speed = sent.get("speed", self.speed)
        if isinstance(speed, bool) or not isinstance(speed, int | float) or not 0 <= speed <= 1e6:
            raise ForgeryError(f"speed must be a number of steps a second, not {speed!r:.40}")
        self.speed = float(speed)
        self._due = time.perf_counter()
        self._rate = self.games[0].step, time.perf_counter()
        self.fresh = True
        return self._played()

    def step(self, sent: Mapping[str, Any]) -> dict[str, Any]:
        """Make one step of ``both`` players, of ``d`` or of ``g``, or show the next ``moment``."""
        steps: dict[str, Callable[[LiveGame], None]] = {
            "both": LiveGame.play,
            "d": LiveGame.play_d,
            "g": LiveGame.play_g,
        }
        self.playing = False
        who = sent.get("who", "both")
        if who == "moment":
            self.next_moment()
        else:
            one = lookup(steps, str(who), "step")
            for game in self._sound():
                one(game)
        self.fresh = True
        return self._played()

    def reset(self, sent: Mapping[str, Any]) -> dict[str, Any]:
        """Begin again, with another ``seed`` if one is given."""
        if sent.get("seed") is not None:
            for game in self.games:
                game.change({"seed": sent["seed"]})
        for game in self.games:
            game.restart()
        self._deal(self.games)
        return self.state()

    def back(self, sent: Mapping[str, Any]) -> dict[str, Any]:
        """Return all games to their last states in memory."""
        self.playing = False
        steps = [game.back() for game in self.games]
        while len(set(steps)) > 1:  # of two, the one that is further on goes back further
            ahead = steps.index(max(steps))
            before, steps[ahead] = steps[ahead], self.games[ahead].back()
            if steps[ahead] == before:  # it has no earlier state
                return self.reset({})
        self._deal(self.games, keep=True)
        return self.state()

    def show(self, sent: Mapping[str, Any]) -> dict[str, Any]:
        """Choose what is seen: the fields of :class:`Shown`."""
        surface = sent.get("surface", self.shown.surface)
        known = ("d", "best", "difference", "none")
        refuse([] if surface in known else [f"unknown surface {surface!r:.40}"])
        flags = {
            n: bool(sent.get(n, getattr(self.shown, n))) for n in ("grid", "arrows", "average")
        }
        if flags["average"] != self.shown.average:
            self._paces = [Pace() for _ in self.games]
        self.shown = Shown(surface, **flags)
        self.fresh = True
        return {}

    def save(self, sent: Mapping[str, Any]) -> dict[str, Any]:
        """Write game ``game`` as a run to the absolute ``path``."""
        path = self._game(sent.get("game", 0)).save(Path(sent["path"]))
        return {"path": str(path)}

    def state(self, sent: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """The settings of the games, and what the page needs to show them."""
        first = self.games[0].config
        games = []
        for game in self.games:
            values = {name: getattr(game.config, name) for name in CONTROLLED_IN_ORDER}
            without = idle(game.config)
            differs = {
                n: v for n, v in values.items() if v != getattr(first, n) and n not in without
            }
            games.append(
                {
                    "settings": values,
                    "idle": without,
                    "command": command(game.config),
                    "differs": differs,
                    "moments": list(game.moments),
                }
            )
        return {"games": games, "view": self.view.setup()} | self._played()

    def _played(self) -> dict[str, Any]:
        return {
            "playing": self.playing,
            "slow": self.slow,
            "speed": self.speed,
            "step": self.games[0].step,
        }

    # Play.

    def _deal(self, games: list[LiveGame], keep: bool = False) -> None:
        """Show these games from their first step."""
        self.games = games
        self.measured = [Measured() for _ in games]
        self._paces = [Pace() for _ in games]
        #: The step of each game's last measurement, and whether G was still to move in it.
        self._seen = [(-1, False) for _ in games]
        self._due = time.perf_counter()
        self._rate, self.steps_per_second = (games[0].step, time.perf_counter()), 0.0
        self.fresh = True

    def _game(self, which: Any) -> LiveGame:
        if isinstance(which, bool) or which not in range(len(self.games)):
            raise ForgeryError(f"there is no game {which!r:.20}")
        return self.games[which]

    def _sound(self) -> list[LiveGame]:
        """The games; none of them is played once one has broken, so that they stay together."""
        return [] if any(game.broken for game in self.games) else self.games

    def next_moment(self) -> None:
        """Show the next moment of slow motion; of two games, a finished one waits for the other."""
        amid = [game for game in self._sound() if game.amid_step]
        for game in amid or self._sound():
            game.next_moment()

    def wait(self) -> float:
        """Seconds until there is something to play; a long time while the game is paused."""
        if not self.playing:
            return 0.2
        return max(0.0, self._due - time.perf_counter())

    def run(self, seconds: float) -> None:
        """Play for some time, if it is time to."""
        if not self.playing:
            return
        if self.slow:
            if time.perf_counter() >= self._due:
                self.next_moment()
                self.playing = not any(game.broken for game in self.games)
                self._due = time.perf_counter() + MOMENT
                self.fresh = True
            return
        end = time.perf_counter() + seconds
        # A step that is due is made even if the time is over, so that a busy machine advances too.
        while not self.speed or time.perf_counter() >= self._due:
            for game in self._sound():
                game.play()
            now = time.perf_counter()
            if any(game.broken for game in self.games):
                self.playing = False
                break
            if self.speed:
                self._due = max(self._due + 1 / self.speed, now - DEBT)
            self.fresh = True
            if now >= end:
                break
        step, since = self._rate
        if (passed := time.perf_counter() - since) > 0.5:
            self.steps_per_second = (self.games[0].step - step) / passed
            self._rate = self.games[0].step, time.perf_counter()

    def frame(self) -> dict[str, Any]:
        """The games as they are now."""
        for i, game in enumerate(self.games):
            if self._paces[i].due() and self._seen[i] != (game.step, game.halves.waits_for_g):
                started = time.perf_counter()
                self.measured[i] = self.view.measure(game, self.shown.average)
                self._seen[i] = (game.step, game.halves.waits_for_g)
                self._paces[i].took(time.perf_counter() - started)
        frames = [
            self.view.frame(game, self.shown, measured)
            for game, measured in zip(self.games, self.measured, strict=True)
        ]
        self.fresh = any(seen != (g.step, g.halves.waits_for_g) for seen, g in
                         zip(self._seen, self.games, strict=True))  # fmt: skip
        rate = self.steps_per_second if self.playing and not self.slow else 0.0
        return {"games": frames, "rate": rate} | self._played()


CONTROLLED_IN_ORDER = [name for names in CONTROLS.values() for name in names]


def options() -> dict[str, Any]:
    """The controls of the page, and the data to choose from."""

    def control(name: str) -> dict[str, Any]:
        field, kind = field_of(name), kinds_of(Config)[name]
        names = FOR_POINTS.get(name) or choices(Config, name)
        return {
            "name": name,
            "flag": flag(name),
            "help": field.metadata["help"],
            "choices": list(names),
            "kind": "choice" if names else {int: "int", float: "float", bool: "bool"}[kind],
            "bounds": {w: b for w, b in field.metadata["bounds"].items() if b is not None},
            "most": MOST.get(name),
            "restarts": name in RESTARTS,
        }

    groups = {group: [control(name) for name in names] for group, names in CONTROLS.items()}
    return {"groups": groups, "data": list(DENSITIES), "moment": MOMENT}


def points_for(sent: Any) -> Dataset:
    """The points that a page asks for.

    ``{"kind": "density", "name"}``, ``{"kind": "csv", "name", "text"}``, or ``{"kind": "drawn",
    "points": [[x, y], …]}``.

    Raises
    ------
    ForgeryError
        For unknown densities, text that is no table of one or two columns, and too many points.
    """
    if not isinstance(sent, dict):
        raise ForgeryError("data must be an object with its kind")
    kind = sent.get("kind")
    if kind == "density":
        name = str(sent.get("name"))
        lookup(DENSITIES, name, "density")
        assert name in SOURCES
        return load(name)
    if kind == "csv":
        name = f"{Path(str(sent.get('name', ''))).stem[:60] or 'points'}.csv"
        dataset = parse_points(str(sent.get("text", "")).removeprefix("\ufeff"), name)
    elif kind == "drawn":
        try:
            table = torch.tensor(sent.get("points"), dtype=torch.float64)
        except (TypeError, ValueError, RuntimeError):
            raise ForgeryError("drawn points must be a list of pairs of numbers") from None
        dataset = points_of(table.numpy(), "drawn.csv", "your points")
    else:
        raise ForgeryError(f"unknown kind of data {kind!r:.40}: density, csv or drawn")
    if dataset.shape[0] > MOST_DIMENSIONS:
        raise ForgeryError(
            f"{dataset.name} has {dataset.shape[0]} columns: the playground shows points of one or "
            "two; keep the columns to look at, or train on all of them with forgery train"
        )
    if len(dataset) > MOST_POINTS:
        raise ForgeryError(f"{dataset.name} has {len(dataset)} points: at most {MOST_POINTS} here")
    return dataset


def _table(sent: Mapping[str, Any], name: str) -> dict[str, Any]:
    value = sent.get(name) or {}
    if not isinstance(value, dict):
        raise ForgeryError(f"{name} must be an object of settings")
    return value


def _other(sent: Mapping[str, Any]) -> dict[str, Any]:
    """The settings in which the second game differs."""
    changes = _table(sent, "other")
    if "seed" in changes:
        raise ForgeryError("both games have the same seed: they differ only in their settings")
    check(changes)
    return changes


#: What a page can ask for.
DEEDS = ("begin", "set", "pair", "play", "step", "reset", "back", "show", "save", "state")


def obey(play: Play, message: Mapping[str, Any]) -> dict[str, Any]:
    """The answer to a message."""
    try:
        name = message["do"]
        if name not in DEEDS:
            raise ForgeryError(f"unknown request {name!r:.40}")
        return {"content": getattr(play, name)(message)}
    except ForgeryError as error:
        changes = message.get("settings") or message.get("other")
        fields = _by_field(str(error), changes) if isinstance(changes, dict) else {}
        return {"error": str(error), "fields": fields}
    except Exception as error:  # the game goes on
        traceback.print_exc()
        return {"error": f"{type(error).__name__}: {error}", "fields": {}}


def _by_field(message: str, changes: Mapping[str, Any]) -> dict[str, str]:
    """Each line of a message beside the changed setting that it names, or else beside the last."""
    found: dict[str, list[str]] = {}
    names = list(changes)
    for line in message.splitlines():
        named = [name for name in names if flag(name) in line or f"'{name}'" in line]
        place = named[0] if named else names[-1] if names else ""
        found.setdefault(place, []).append(line)
    return {name: "\n".join(lines) for name, lines in found.items() if name}


def main(connection: Connection) -> None:
    """Serve a page until the connection is closed, also by the death of the lab."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the lab, which closes
    device.prepare_cpu(1)

    def send(message: dict[str, Any]) -> None:
        connection.send_bytes(strict_json.dumps(message).encode())

    try:
        play = Play()
        send({"ready": options()})
        wanted, last = False, 0.0
        while True:
            now = time.perf_counter()
            until_frame = last + FRAME - now if wanted and play.fresh else 0.2
            while connection.poll(max(0.0, min(play.wait(), until_frame))):
                message = json.loads(connection.recv_bytes())
                if message["do"] == "frame":
                    wanted = True
                else:
                    send({"answer": message["id"]} | obey(play, message))
            play.run(LOOK)
            if wanted and play.fresh and time.perf_counter() - last >= FRAME:
                last = time.perf_counter()
                send({"frame": play.frame()})
                wanted = False
    except (EOFError, BrokenPipeError, ConnectionResetError):
        sys.exit(0)
