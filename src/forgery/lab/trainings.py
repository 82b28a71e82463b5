"""Trainings and evaluations that the page starts, each a forgery command in its own process."""

import os
import re
import shlex
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anyio
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from ..errors import ForgeryError
from .answers import Json, Refused, sent
from .folder import RunsFolder, as_typed

if TYPE_CHECKING:
    from ..config import Config

#: Seconds that the answer to a start waits for the run folder, and the end of the lab for a run.
PATIENCE, SAVING = 60.0, 120.0
#: Seconds that a start waits for the end of a command before it that has been stopped.
ENDING = 20.0
#: Bytes of a command's last words that are shown.
MOST_SAID = 4000
#: Exit codes of a command that ended well: at its end, or stopped by a signal and saved.
ENDED_WELL = (0, 128 + signal.SIGINT, 128 + signal.SIGTERM)


class Command:
    """A forgery command in a process and session of its own.

    Parameters
    ----------
    arguments:
        Those after ``forgery``; each reaches the command as it is, since there is no shell.
    """

    def __init__(self, arguments: Sequence[str]) -> None:
        self.arguments = tuple(arguments)
        # Files, since nobody may read a pipe, and a full one would stop the command.
        self._output = tempfile.TemporaryFile()  # noqa: SIM115 - read while the process runs
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115
        self._stopped = False
        self._process = subprocess.Popen(
            [sys.executable, "-m", "forgery", *self.arguments],
            stdin=subprocess.DEVNULL,
            stdout=self._output,
            stderr=self._errors,
            start_new_session=True,  # the terminal's Ctrl-C reaches the lab only, which stops it
        )

    @property
    def is_running(self) -> bool:
        return self._process.poll() is None

    @property
    def is_stopping(self) -> bool:
        return self._stopped and self.is_running

    @property
    def failed(self) -> bool:
        return self._process.poll() not in (None, *ENDED_WELL)

    @property
    def number(self) -> int:
        """The number of the process."""
        return self._process.pid

    def stop(self) -> None:
        """Ask it to save and end; once, since a second signal would end it without saving."""
        if self.is_running and not self._stopped:
            self._stopped = True
            self._process.send_signal(signal.SIGINT)

    def ends_within(self, seconds: float) -> bool:
        """Whether it ends by itself within that time."""
        try:
            self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            return False
        return True

    def wait(self, seconds: float) -> None:
        """Wait for its end; after that time, end it."""
        if not self.ends_within(seconds):
            self._process.kill()
            self._process.wait()

    def problem(self) -> str:
        """What it said when it failed; empty unless it did."""
        if not self.failed:
            return ""
        said = _tail(self._errors)
        told = said.rpartition("forgery: ")[2] if "forgery: " in said else said
        return told.strip() or f"the command ended with code {self._process.poll()}"

    def state(self) -> dict[str, Any]:
        """What the page shows of it: running, the last line of its output, its problem."""
        lines = _tail(self._output).split("\n")
        return {
            "command": shown(self.arguments),
            "verb": self.arguments[0],
            "running": self.is_running,
            "stopping": self.is_stopping,
            "line": next((line for line in reversed(lines) if line.strip()), ""),
            "problem": self.problem(),
        }


def _tail(file: Any) -> str:
    size = os.fstat(file.fileno()).st_size
    content = os.pread(file.fileno(), MOST_SAID, max(0, size - MOST_SAID))
    return content.decode(errors="replace")


def shown(arguments: Sequence[str]) -> str:
    """A command as one would type it, with paths below the present folder relative to it."""
    absolute = (Path(text).is_absolute() for text in arguments)
    words = (as_typed(Path(t)) if a else t for t, a in zip(arguments, absolute, strict=True))
    return shlex.join(["forgery", *words])


class Trainings:
    """Start, stop and resume trainings, and evaluate runs.

    Parameters
    ----------
    folder:
        The runs.
    """

    def __init__(self, folder: RunsFolder) -> None:
        self._folder = folder
        self._commands: dict[str, Command] = {}
        self._changing, self._checking = threading.Lock(), threading.Lock()

    def routes(self) -> Sequence[BaseRoute]:
        return [
            Route("/train/form", self._form),
            Route("/train/check", self._check, methods=["POST"]),
            Route("/train", self._train, methods=["POST"]),
            Route("/run/resume", self._resume, methods=["POST"]),
            Route("/run/evaluate", self._evaluate, methods=["POST"]),
            Route("/run/stop", self._stop, methods=["POST"]),
        ]

    def close(self) -> None:
        """Stop every command, which saves its run, and wait for their ends."""
        commands = list(self._commands.values())
        for command in commands:
            command.stop()
        for command in commands:
            command.wait(SAVING)

    def of(self, name: str) -> Command | None:
        """The last command that was started for a run."""
        return self._commands.get(name)

    def start(self, name: str, arguments: Sequence[str]) -> Command:
        """Start a command for a run.

        Raises
        ------
        Refused
            If the one before is still running.
        """
        with self._changing:
            before = self._commands.get(name)
            # A run that is saved draws its summary, and only then its process ends.
            soon = ENDING if before and before.is_stopping else 0.0
            if before and not before.ends_within(soon):
                raise Refused(f"{shown(before.arguments)} is still running", 409)
            command = self._commands[name] = Command(arguments)
            return command

    def _form(self, request: Request) -> Response:
        """What can be chosen: data, recipes with their settings, settings with their help."""
        from ..config import (
            BUNDLED_IMAGES,
            BUNDLED_POINTS,
            COMMON,
            GROUPS,
            LENGTHS,
            Config,
            choices,
            fields_of,
            flag,
            kinds_of,
        )
        from ..recipes import find_recipe, recipe_names

        recipes = []
        for name in recipe_names():
            try:
                recipe = find_recipe(name)
                config = recipe()
            except Exception:  # of an installed package
                continue
            about = (recipe.__doc__ or "").strip().partition("\n")[0]
            kind = "points" if config.data in BUNDLED_POINTS else "images"
            settings = config.to_dict()
            recipes.append(
                {"name": name, "about": about, "kind": kind, "length": config.length}
                | {"settings": {n: v for n, v in settings.items() if v is not None}}
            )
        groups = []
        for group in GROUPS:
            listed = []
            for name, field in fields_of(group).items():
                if name in ("data", "recipe", *LENGTHS):
                    continue
                kind = kinds_of(Config)[name]
                listed.append(
                    {
                        "name": name,
                        "flag": flag(name),
                        "help": field.metadata["help"],
                        "choices": choices(Config, name),
                        "is_switch": kind is bool,
                        "is_number": kind in (int, float, int | None, float | None)
                        and not field.metadata["read"],
                        "common": name in COMMON,
                    }
                )
            if listed:
                groups.append({"title": group.title, "settings": listed})
        return Json(
            {
                "images": list(BUNDLED_IMAGES),
                "points": list(BUNDLED_POINTS),
                "recipes": recipes,
                "groups": groups,
            }
        )

    async def _check(self, request: Request) -> Response:
        """Resolve the settings of the form: the command, and all settings that result."""
        content = await sent(request)
        config, arguments = await run_in_threadpool(self.resolved, content)
        return Json(
            {
                "command": shown(arguments),
                "recipe": config.recipe,
                "length": config.length,
                "settings": {n: v for n, v in config.to_dict().items() if v is not None},
                "without_effect": config.without_effect(),
            }
        )

    async def _train(self, request: Request) -> Response:
        """Start a training; answers when the run folder is there."""
        content = await sent(request)
        _, arguments = await run_in_threadpool(self.resolved, content)
        name = _run_name(content, "name")
        command = await run_in_threadpool(self.start, name, arguments)
        record = self._folder.inside(name) / "config.json"
        with anyio.move_on_after(PATIENCE):
            while command.is_running and not record.is_file():
                await anyio.sleep(0.1)
        if command.failed and not record.is_file():
            raise by_field(command.problem(), content.get("data"))
        return Json({"run": name, "command": shown(arguments)})

    def resolved(self, content: Mapping[str, Any]) -> tuple["Config", list[str]]:
        """The settings of the form and the command that trains with them.

        Raises
        ------
        Refused
            With the problems by field.
        """
        from ..config import flag
        from ..data import is_name
        from ..resolve import settings_from

        data, recipe, name = (_text(content, key) for key in ("data", "recipe", "name"))
        if data.startswith("-"):  # no flag, but a path
            data = f"./{data}"
        data = os.path.expanduser(data)
        given = given_settings(content.get("settings") or {})
        problems: dict[str, str] = {}
        if not data and given.get("start_from") is None:
            problems["data"] = "choose the data to train on"
        elif data and not (is_name(data) or os.path.exists(data)):
            problems["data"] = f"no such file or folder: {data}"
        try:
            out = self._folder.new(name)
        except Refused as error:
            problems["name"] = str(error)
        with self._checking:  # one at a time: the data may have to be decoded
            try:
                config = settings_from(data or None, recipe or None, None, given)
            except (ForgeryError, OSError) as error:  # a path may be too long
                raise by_field(str(error), data, problems) from None
        if problems:
            raise Refused("", 400, problems)
        arguments = ["train"] + [data] * bool(data) + [f"--recipe={recipe}"] * bool(recipe)
        for setting, value in given.items():
            if isinstance(value, bool):
                arguments.append(f"--{flag(setting)}" if value else f"--no-{flag(setting)}")
            else:
                arguments.append(f"--{flag(setting)}={as_text(value)}")
        return config, [*arguments, "--out", str(out)]

    async def _resume(self, request: Request) -> Response:
        """Resume a run, possibly with a new length; answers when it trains."""
        from ..config import flag
        from ..training.run import training_process

        content = await sent(request)
        name = _run_name(content)
        path = self._folder.run(name)
        given = given_settings(content.get("settings") or {})
        lengths = [f"--{flag(setting)}={as_text(value)}" for setting, value in given.items()]
        if training_process(path) is not None:
            raise Refused(f"{name} is being trained already", 409)
        command = await run_in_threadpool(self.start, name, ["resume", str(path), *lengths])
        with anyio.move_on_after(PATIENCE):
            while command.is_running and training_process(path) is None:
                await anyio.sleep(0.1)
        if command.failed:
            raise by_field(command.problem(), None)
        return Json({"run": name, "command": shown(command.arguments)})

    async def _evaluate(self, request: Request) -> Response:
        """Measure a run, in a process that writes its card."""
        content = await sent(request)
        name = _run_name(content)
        path = self._folder.run(name)
        arguments = ["evaluate", str(path), "--progress"]
        command = await run_in_threadpool(self.start, name, arguments)
        return Json({"run": name, "command": shown(command.arguments)})

    async def _stop(self, request: Request) -> Response:
        """Stop the command of a run; a training is saved first."""
        from ..training.run import training_process

        name = _run_name(await sent(request))
        command = self._commands.get(name)
        if command is None or not command.is_running:
            number = training_process(self._folder.run(name))
            if number is None:
                raise Refused(f"{name} is not being trained", 409)
            known = f", process {number}: kill -INT {number}" if number else ""
            raise Refused(f"{name} is trained by another program{known}; stop it there", 409)
        command.stop()
        return Json({"run": name})


def _text(content: Mapping[str, Any], name: str) -> str:
    value = content.get(name) or ""
    if not isinstance(value, str):
        raise Refused(f"{name} must be text")
    return value.strip()


def _run_name(content: Mapping[str, Any], key: str = "run") -> str:
    """The name of a run, ``a`` for ``a/``, since its command is found by it."""
    return Path(_text(content, key)).as_posix()


def given_settings(fields: Any) -> dict[str, Any]:
    """The settings of a form, where numbers are text; empty fields are not given.

    Text that is no number is left for :class:`~forgery.config.Config` to refuse.
    """
    from ..config import Config, check_names, kinds_of

    if not isinstance(fields, dict):
        raise Refused("the settings must be an object")
    check_names(fields)
    given = {}
    for name, value in fields.items():
        if isinstance(value, str):
            value = value.strip()
        if value is None or value == "":
            continue
        kind = kinds_of(Config)[name]
        if isinstance(value, str) and kind in (int, int | None, float, float | None):
            value = _number(value, whole=kind in (int, int | None))
        if isinstance(value, str) and kind is bool and value in ("true", "false"):
            value = value == "true"
        given[name] = value
    return given


def _number(text: str, whole: bool) -> int | float | str:
    try:
        number = float(text)
    except ValueError:
        return text
    return int(number) if whole and number.is_integer() else text if whole else number


def as_text(value: Any) -> str:
    """A value as one would type it: 5 for 5.0."""
    return str(value).removesuffix(".0") if isinstance(value, float) else str(value)


def by_field(message: str, data: str | None, known: Mapping[str, str] | None = None) -> Refused:
    """The problems of a message, one a line, beside the fields that they name.

    A line belongs to the setting that it begins with, or else to the first one that it names as a
    flag; a line that names the data, to them. What belongs to no field is the message.
    """
    from ..config import Config, fields_of, flag

    names = {flag(name): name for name in fields_of(Config)}
    fields: dict[str, list[str]] = {name: [text] for name, text in (known or {}).items()}
    rest = []
    for line in filter(None, map(str.strip, message.splitlines())):
        name = _named(line, names)
        if name is None and data and data in line:
            name = "data"
        if name is None:
            rest.append(line)
        else:
            fields.setdefault(name, []).append(line)
    return Refused("\n".join(rest), 400, {name: "\n".join(lines) for name, lines in fields.items()})


def _named(line: str, names: Mapping[str, str]) -> str | None:
    begins = re.match(r"(?:unknown )?([a-z0-9-]+)(?=[ :])", line)
    flags = re.findall(r"--([a-z0-9-]+)", line)
    candidates: Collection[str] = [*([begins[1]] if begins else []), *flags]
    return next((names[name] for name in candidates if name in names), None)
