"""What a person sees while a run trains: a bar on a terminal, plain lines in a pipe."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import (
    BarColumn,
    Progress,
    TaskID,
    TaskProgressColumn,
    TextColumn,
    TimeRemainingColumn,
)

if TYPE_CHECKING:
    from ..config import Config
    from ..data import Pictures
    from ..studio import Model
    from ..training.loop import Watch
    from ..training.report import Report


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
    said = [(*NUMBERS[name], value) for name, value in report.numbers.items()]
    return (
        "".join(f"{name} {value:{form}}  " for name, form, value in said)
        + f"{report.examples_per_second:,.0f}/s"
        + ("" if report.augment_p is None else f"  augment p {report.augment_p:.2f}")
        + "".join(f"  {SHORT[name]} {value:.3g}" for name, value in report.quality.items())
    )


@contextmanager
def watching() -> Iterator["Watch"]:
    """Show progress while the block runs; yields what the training tells its steps to."""
    if Console().is_terminal:
        with _bar() as watch:
            yield watch
    else:
        yield _plain


def _plain(step: int, done: float, report: "Report | None") -> None:
    if report:
        print(f"step {step:7,}  epoch {report.epoch:6.1f}  {_numbers(report)}", flush=True)
        for finding in report.findings:
            print(f"doctor: {finding}", flush=True)


@contextmanager
def _bar() -> Iterator["Watch"]:
    columns = (
        BarColumn(bar_width=20),
        TaskProgressColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.description}"),
    )
    with Progress(*columns) as progress:
        task = progress.add_task("starting", total=None)
        shown, numbers = 0.0, ""

        def watch(step: int, done: float, report: "Report | None") -> None:
            nonlocal shown, numbers
            if not shown:  # a resumed run has not done all of it just now
                progress.reset(task, total=1)
                progress.update(task, completed=done)
            now = time.monotonic()
            if report:
                numbers = _numbers(report)
                for finding in report.findings:
                    progress.console.print(f"doctor: {finding}", markup=False)
            if report or now - shown > 0.1:
                shown = now
                text = f"step {step:,}  {numbers}"
                progress.update(task, completed=done, description=text)

        yield watch


@contextmanager
def counting(unit: str = "step ") -> Iterator["Callable[[str, int, int], None]"]:
    """Show how far each of several long tasks is: (task, step, steps in all)."""
    if not Console().is_terminal:
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


def decoded(config: "Config") -> "Pictures":
    """A run's pictures, decoded with a bar where they are not decoded yet."""
    from ..build import image_settings
    from ..data import load_pictures

    with counting(unit="") as progress:
        return load_pictures(config.data, image_settings(config), progress)


def decoding(config: "Config") -> None:
    """Decode a run's pictures, if its data are pictures; say what must be known about them."""
    from ..data import holds_pictures, set_aside

    if not holds_pictures(config.data):
        return
    pictures = decoded(config)
    if pictures.survey.licence:
        print(f"licence of {config.data}: {pictures.survey.licence}")
    if pictures.survey.rejects:
        print(f"{set_aside(pictures.survey.rejects)}; forgery data {config.data} lists them")


def say_where(model: "Model") -> int:
    """Say where the results are; the exit code of the verb."""
    if model.interrupted_by:
        print(
            f"stopped at step {model.step:,} and saved; go on with it: forgery resume {model.path}"
        )
        return 128 + model.interrupted_by
    print(f"{model.step:,} steps, kept in {model.path}")
    for name, what in (
        (f"samples/{model.step:08d}.png", "the last samples"),
        ("real.png", "real images beside them"),
        ("evolution.gif", "how they came to be"),
        ("curves.png", "the losses"),
    ):
        print(f"  {model.path / name!s:<44} {what}")
    sys.stdout.flush()
    return 0
