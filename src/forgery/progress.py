"""Progress of long tasks: a bar on a terminal, plain lines in a notebook or a pipe."""

import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING

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

#: Value of a report → its name on a report line, and its format.
NUMBERS = {
    "d_loss": ("D loss", ".3f"),
    "g_loss": ("G loss", ".3f"),
    "d_real": ("D(x)", ".2f"),
    "d_fake": ("D(G(z))", ".2f"),
    "reconstruction": ("-log p(x|z)", ".1f"),
    "kl": ("KL", ".1f"),
}


def _numbers(report: "Report") -> list[str]:
    """The values of a report as text, the most important first."""
    import torch  # imported here so that help pages do not import torch

    values = [(*NUMBERS[name], value) for name, value in report.numbers.items()]
    numbers = [f"{name} {value:{form}}" for name, form, value in values]
    numbers.append(f"{report.vitals.examples_per_second:,.0f}/s")
    if report.vitals.augment_p is not None:
        numbers.append(f"augment p {report.vitals.augment_p:.2f}")
    numbers += [f"{SHORT[name]} {value:.3g}" for name, value in report.quality.items()]
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
    with _display() if shown else nullcontext(None) as display:
        listeners = [*([display] if display else []), *callbacks]

        def notify(event: "Event") -> None:
            for listener in listeners:
                listener(event)

        yield notify


def _display() -> "AbstractContextManager[Callback]":
    return _bar() if _has_bars() else nullcontext(_plain)


def _has_bars() -> bool:
    console = Console()
    return console.is_terminal and not console.is_jupyter  # rich needs ipywidgets in a notebook


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
    unit: str = "step ", shown: bool = True
) -> Iterator["Callable[[str, int, int], None]"]:
    """Show the progress of several long tasks.

    Yields a function to call with (task, step, total number of steps).
    """
    if not shown:
        yield lambda name, step, steps: None
        return
    if not _has_bars():
        yield _counter(unit)
        return
    # Wrap a long name, so that the bar and its numbers are not truncated.
    name = TextColumn("{task.description}", table_column=Column(no_wrap=False))
    bar = (BarColumn(bar_width=15), TaskProgressColumn(), TimeRemainingColumn())
    with Progress(*bar, name) as progress:
        tasks: dict[str, TaskID] = {}

        def count(name: str, step: int, steps: int) -> None:
            if name not in tasks:
                tasks[name] = progress.add_task(name, total=steps)
            progress.update(tasks[name], completed=step)

        yield count


def _counter(unit: str) -> "Callable[[str, int, int], None]":
    """Print a line at every twentieth of a task, and at least every :data:`SECONDS`."""
    shown: dict[str, tuple[int, float]] = {}

    def count(name: str, step: int, steps: int) -> None:
        part, now = 20 * step // steps, time.monotonic()
        before, since = shown.get(name, (-1, now))
        if part != before or now - since >= SECONDS:
            shown[name] = part, now
            print(f"{name}: {unit}{step:,} of {steps:,}", flush=True)

    return count
