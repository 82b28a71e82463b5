"""Progress of long tasks: a bar on a terminal, an output that is updated in a notebook, else lines.

A notebook needs no ipywidgets: IPython itself replaces the output of a cell.
"""

import html
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.progress import (
    BarColumn,
    Progress,
    TaskID,
    TaskProgressColumn,
    TextColumn,
    TimeRemainingColumn,
)
from rich.table import Column
from rich.text import Text

from .training.contention import describe_wait

if TYPE_CHECKING:
    from .training.events import Callback, Event
    from .training.report import Report


#: Score → its name on a report line.
SHORT = {
    "frechet": "Fréchet",
    "jsd": "JSD",
    "kl": "KL",
    "modes": "modes",
    "high_quality": "near a mode",
}


#: Maximum time between two progress lines where there is no bar.
SECONDS = 10.0
#: Minimum time between two updates of an output in a notebook.
REFRESH = 0.25

#: Value of a report → its name on a report line, and its format.
NUMBERS = {
    "d_loss": ("D loss", ".3f"),
    "g_loss": ("G loss", ".3f"),
    "d_real": ("D(x)", ".2f"),
    "d_fake": ("D(G(z))", ".2f"),
    "reconstruction": ("-log p(x|z)", ".1f"),
    "kl": ("KL", ".1f"),
}


def in_words(numbers: Mapping[str, Any], quality: Mapping[str, float]) -> list[str]:
    """The losses and scores of a report as text; other entries of ``numbers`` are left out."""
    values = [(*NUMBERS[name], numbers[name]) for name in NUMBERS if name in numbers]
    return [
        *(f"{name} {value:{form}}" for name, form, value in values),
        *(f"{SHORT[name]} {value:.3g}" for name, value in quality.items()),
    ]


def _numbers(report: "Report") -> list[str]:
    """The values of a report as text, the most important first."""
    import torch  # imported here so that help pages do not import torch

    numbers = in_words(report.numbers, {})
    numbers.append(f"{report.vitals.examples_per_second:,.0f}/s")
    if report.vitals.augment_p is not None:
        numbers.append(f"augment p {report.vitals.augment_p:.2f}")
    if report.vitals.class_accuracy is not None:
        numbers.append(f"class accuracy {report.vitals.class_accuracy:.2f}")
    numbers += in_words({}, report.quality)
    contention = describe_wait(report.vitals.core_wait, torch.get_num_threads())
    return [*numbers, contention] if contention else numbers


def _fitting(parts: Sequence[str], width: int) -> str:
    """Join the first parts that fit into a line of the given width."""
    line = parts[0]
    for part in parts[1:]:
        if len(line) + 2 + len(part) > width:
            break
        line += f"  {part}"
    return line


def is_shown(progress: bool | None) -> bool:
    """Whether to show progress; None shows it on a terminal and in a notebook.

    Of several processes that train one GAN, only rank 0 shows it.
    """
    if os.environ.get("RANK", "0") != "0":
        return False
    if progress is not None:
        return progress
    console = Console()
    return console.is_terminal or console.is_jupyter


@contextmanager
def watching(shown: bool, callbacks: "Sequence[Callback]" = ()) -> Iterator["Callback"]:
    """Show the progress of training during the block, if ``shown``.

    Yields a callback that passes each event to the display and to ``callbacks``.
    """
    from .training.events import RunEnded  # imported here: help pages do not import torch

    with _display() if shown else nullcontext(None) as display:
        listeners = [*([display] if display else []), *callbacks]

        def notify(event: "Event") -> None:
            if not isinstance(event, RunEnded):
                for listener in listeners:
                    listener(event)
                return
            with ExitStack() as calls:  # all learn of the end, even if one of them fails
                for listener in reversed(listeners):
                    calls.callback(listener, event)

        yield notify


def _display() -> "AbstractContextManager[Callback]":
    if Console().is_jupyter:
        return _notebook()
    return _bar() if _has_bars() else nullcontext(_plain)


def _has_bars() -> bool:
    console = Console()
    return console.is_terminal and not console.is_jupyter  # rich needs ipywidgets in a notebook


class _Output:
    """An output of a notebook's cell that shows the progress of one task, and is updated.

    ``width`` is that of the bar in HTML, which frontends show; others show the text.
    """

    def __init__(self, width: str = "16em") -> None:
        self._width, self._handle = width, None
        self._start: tuple[float, float] | None = None

    def show(self, done: float, texts: Sequence[str]) -> None:
        """Show the fraction ``done``, 0 to 1, the time left, and a text for each line below."""
        from IPython.display import display

        now = time.monotonic()
        since, before = self._start = self._start or (now, done)
        left = (now - since) * (1 - done) / (done - before) if done > before else None
        head = f"{done:4.0%}" + ("" if left is None or done == 1 else f", {_duration(left)} left")
        bar = f'<progress value="{done:.4f}" max="1" style="width: {self._width}"></progress>'
        lines = "".join(f"<div>{html.escape(text)}</div>" for text in texts)
        page = f'<div style="font-size: 90%"><div>{bar} {head}</div>{lines}</div>'
        content = {"text/plain": "  ".join([head.strip(), *texts]), "text/html": page}
        if self._handle is None:
            self._handle = display(content, raw=True, display_id=True)
        else:
            self._handle.update(content, raw=True)


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes}:{rest:02}"


@contextmanager
def _notebook() -> Iterator["Callback"]:
    """One output of the cell that shows a bar, the step and the last report; findings below it."""
    from .training.events import Finding, Report, RunEnded, StepDone

    output, shown = _Output(), 0.0
    step, done, numbers = "starting", 0.0, ""

    def show(event: "Event") -> None:
        nonlocal shown, step, done, numbers
        if isinstance(event, Finding):
            print(f"doctor: {event}", flush=True)
        elif isinstance(event, Report):
            numbers = "  ".join(_numbers(event))
        elif isinstance(event, StepDone):
            step, done = f"step {event.step:,}", event.done
        now = time.monotonic()
        if isinstance(event, RunEnded) or now - shown > REFRESH:
            shown = now
            output.show(done, [f"{step}  {numbers}".strip()])

    yield show


def _plain(event: "Event") -> None:
    from .training.events import Finding, Report  # imported here: help pages do not import torch

    if isinstance(event, Report):
        numbers = "  ".join(_numbers(event))
        print(f"step {event.step:7,}  epoch {event.epoch:6.1f}  {numbers}", flush=True)
    elif isinstance(event, Finding):
        print(f"doctor: {event}", flush=True)


@dataclass(frozen=True)
class _Line:
    """One line with the first parts that fit into the width of the terminal."""

    parts: Sequence[str]

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        yield Text(_fitting(self.parts, options.max_width), no_wrap=True)


class _Bar(Progress):
    """A bar, with the step and the last report on one line below it."""

    step = "starting"
    numbers: Sequence[str] = ()

    def get_renderables(self) -> Iterator[RenderableType]:
        yield from super().get_renderables()
        yield _Line([self.step, *self.numbers])


@contextmanager
def _bar() -> Iterator["Callback"]:
    from .training.events import Finding, Report, StepDone

    with _Bar(BarColumn(bar_width=20), TaskProgressColumn(), TimeRemainingColumn()) as progress:
        task = progress.add_task("", total=None)
        shown, due = 0.0, False

        def show(event: "Event") -> None:
            nonlocal shown, due
            if isinstance(event, Report):
                progress.numbers = _numbers(event)
                due = True
            elif isinstance(event, Finding):
                progress.console.print(f"doctor: {event}", markup=False)
            elif isinstance(event, StepDone):
                if not shown:  # a resumed run starts part of the way
                    progress.reset(task, total=1)
                    progress.update(task, completed=event.done)
                now = time.monotonic()
                if due or event.done == 1 or now - shown > 0.1:
                    shown, due = now, False
                    progress.step = f"step {event.step:,}"
                    progress.update(task, completed=event.done)

        yield show


@contextmanager
def counting(
    unit: str = "step ", shown: bool = True, few: bool = False
) -> Iterator["Callable[[str, int, int], None]"]:
    """Show the progress of several long tasks.

    Yields a function to call with (task, step, total number of steps). Where there is no bar,
    ``few`` prints a line when a task begins, and then after 10, 30, 70, 150 … seconds.
    """
    if not shown:
        yield lambda name, step, steps: None
        return
    if Console().is_jupyter:
        yield _outputs(unit)
        return
    if not _has_bars():
        yield _counter(unit, few)
        return
    # Wrap a long name, so that the bar and its numbers are not truncated.
    name = TextColumn("{task.description}", table_column=Column(no_wrap=False))
    bar = (BarColumn(bar_width=15), TaskProgressColumn(), TimeRemainingColumn())
    with Progress(*bar, name) as progress:
        tasks: dict[str, TaskID] = {}

        def count(name: str, step: int, steps: int) -> None:
            if name not in tasks:
                tasks[name] = progress.add_task(name, total=steps)
            progress.update(tasks[name], completed=step, total=steps)

        yield count


def _outputs(unit: str) -> "Callable[[str, int, int], None]":
    """One output of a notebook's cell for each task."""
    outputs: dict[str, tuple[_Output, float]] = {}

    def count(name: str, step: int, steps: int) -> None:
        output, shown = outputs.get(name) or (_Output(width="10em"), 0.0)
        now = time.monotonic()
        if step == steps or now - shown > REFRESH:
            outputs[name] = output, now
            output.show(step / steps, [f"{name}: {unit}{step:,} of {steps:,}"])

    return count


def _counter(unit: str, few: bool) -> "Callable[[str, int, int], None]":
    """Print a line at every twentieth of a task, and at least every :data:`SECONDS`.

    With ``few``, the seconds double after each line, and parts of a task have none.
    """
    shown: dict[str, tuple[int, float, float]] = {}

    def count(name: str, step: int, steps: int) -> None:
        part, now = 0 if few else 20 * step // steps, time.monotonic()
        before, since, wait = shown.get(name, (-1, now, SECONDS))
        if part != before or now - since >= wait:
            shown[name] = part, now, wait * 2 if few and name in shown else wait
            print(f"{name}: {unit}{step:,} of {steps:,}", flush=True)

    return count
