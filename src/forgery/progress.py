"""What a person sees of long tasks: a bar on a terminal, plain lines in a notebook or a pipe."""

import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import TYPE_CHECKING

from rich.console import Console, RenderableType
from rich.progress import (
    BarColumn,
    Progress,
    TaskID,
    TaskProgressColumn,
    TextColumn,
    TimeRemainingColumn,
)
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


#: Number of a step → its name on a report line, and how it is written.
NUMBERS = {
    "d_loss": ("D loss", ".3f"),
    "g_loss": ("G loss", ".3f"),
    "d_real": ("D(x)", ".2f"),
    "d_fake": ("D(G(z))", ".2f"),
    "reconstruction": ("-log p(x|z)", ".1f"),
    "kl": ("KL", ".1f"),
}


def _numbers(report: "Report") -> str:
    import torch  # once there are reports: help pages need no torch

    contention = describe_wait(report.core_wait, torch.get_num_threads())
    said = [(*NUMBERS[name], value) for name, value in report.numbers.items()]
    return (
        "".join(f"{name} {value:{form}}  " for name, form, value in said)
        + f"{report.examples_per_second:,.0f}/s"
        + ("" if report.augment_p is None else f"  augment p {report.augment_p:.2f}")
        + "".join(f"  {SHORT[name]} {value:.3g}" for name, value in report.quality.items())
        + (f"  {contention}" if contention else "")
    )


def is_shown(progress: bool | None) -> bool:
    """Whether progress is shown: as asked; None shows it on a terminal and in a notebook.

    Of several processes that train one GAN the first alone shows it.
    """
    if os.environ.get("RANK", "0") != "0":
        return False
    if progress is not None:
        return progress
    console = Console()
    return console.is_terminal or console.is_jupyter


@contextmanager
def watching(shown: bool, callbacks: "Sequence[Callback]" = ()) -> Iterator["Callback"]:
    """Show the progress of a training while the block runs, if it is to be shown.

    Yields a callback that passes each event to the display and to ``callbacks``.
    """
    with _display() if shown else nullcontext(None) as display:
        listeners = [*([display] if display else []), *callbacks]

        def tell(event: "Event") -> None:
            for listener in listeners:
                listener(event)

        yield tell


def _display() -> "AbstractContextManager[Callback]":
    return _bar() if _has_bars() else nullcontext(_plain)


def _has_bars() -> bool:
    console = Console()
    return console.is_terminal and not console.is_jupyter  # there rich would need ipywidgets


def _plain(event: "Event") -> None:
    from .training.events import Finding, Report  # help pages need no torch

    if isinstance(event, Report):
        line = f"step {event.step:7,}  epoch {event.epoch:6.1f}  {_numbers(event)}"
        print(line, flush=True)
    elif isinstance(event, Finding):
        print(f"doctor: {event}", flush=True)


class _Bar(Progress):
    """A bar, and below it the last report: side by side they need more than 80 columns."""

    numbers = ""

    def get_renderables(self) -> Iterator[RenderableType]:
        yield from super().get_renderables()
        yield Text(self.numbers)


@contextmanager
def _bar() -> Iterator["Callback"]:
    from .training.events import Finding, Report, StepDone

    columns = (
        BarColumn(bar_width=20),
        TaskProgressColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.description}"),
    )
    with _Bar(*columns) as progress:
        task = progress.add_task("starting", total=None)
        shown = 0.0

        def show(event: "Event") -> None:
            nonlocal shown
            if isinstance(event, Report):
                progress.numbers = _numbers(event)
            elif isinstance(event, Finding):
                progress.console.print(f"doctor: {event}", markup=False)
            elif isinstance(event, StepDone):
                if not shown:  # a resumed run has not done all of it just now
                    progress.reset(task, total=1)
                    progress.update(task, completed=event.done)
                now = time.monotonic()
                if event.done == 1 or now - shown > 0.1:
                    shown = now
                    progress.update(task, completed=event.done, description=f"step {event.step:,}")

        yield show


@contextmanager
def counting(
    unit: str = "step ", shown: bool = True
) -> Iterator["Callable[[str, int, int], None]"]:
    """Show how far each of several long tasks is: (task, step, steps in all)."""
    if not shown:
        yield lambda name, step, steps: None
        return
    if not _has_bars():
        yield _counter(unit)
        return
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn())
    with Progress(*columns, TimeRemainingColumn()) as progress:
        tasks: dict[str, TaskID] = {}

        def count(name: str, step: int, steps: int) -> None:
            if name not in tasks:
                tasks[name] = progress.add_task(name, total=steps)
            progress.update(tasks[name], completed=step)

        yield count


def _counter(unit: str) -> "Callable[[str, int, int], None]":
    """A plain line at every twentieth of a task."""
    shown: dict[str, int] = {}

    def count(name: str, step: int, steps: int) -> None:
        part = 20 * step // steps
        if part != shown.get(name):
            shown[name] = part
            print(f"{name}: {unit}{step:,} of {steps:,}", flush=True)

    return count
