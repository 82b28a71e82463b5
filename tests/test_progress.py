"""Progress of long tasks on terminals of different widths."""

import dataclasses
import io
import re

import pytest
from rich.console import Console

from forgery import progress
from forgery.training.events import StepDone
from forgery.training.report import Report, Vitals

NUMBERS = {"d_loss": 1.234, "g_loss": 0.9876, "d_real": 0.65, "d_fake": 0.34}
QUALITY = {"jsd": 0.123, "kl": 0.234, "modes": 7, "high_quality": 0.98}
REPORT = Report(12_345, 20.5, 100.0, NUMBERS, Vitals(123_456, 1.0, 0.9, 0.1), QUALITY)
WIDTHS = [40, 60, 80, 100, 120]


@pytest.fixture
def terminal(monkeypatch):
    """A terminal of a given width; returns a function for the last lines shown."""

    def make(width: int):
        file = io.StringIO()
        console = Console(file=file, width=width, force_terminal=True, color_system=None)
        monkeypatch.setattr("rich.progress.get_console", lambda: console)
        monkeypatch.setattr(progress, "Console", lambda: console)

        def shown() -> list[str]:
            last = re.split(r"\x1b\[2K", file.getvalue())[-1]
            return [line.rstrip() for line in re.sub(r"\x1b\[\S*[a-zA-Z]", "", last).splitlines()]

        return shown

    return make


@pytest.mark.parametrize("width", WIDTHS)
def test_a_bar_keeps_percentage_and_time_and_drops_numbers_from_the_right(terminal, width):
    shown = terminal(width)
    with progress.watching(True) as watch:
        for event in (StepDone(1, 0.1), REPORT, StepDone(12_345, 0.5)):
            watch(event)
    bar, numbers, *rest = shown()
    assert rest == []
    assert re.fullmatch(r"━+╸? +50% \d:\d\d:\d\d", bar)
    assert len(numbers) <= width
    whole = ["step 12,345", *progress._numbers(REPORT)]
    kept = numbers.split("  ")
    assert kept == whole[: len(kept)]
    if len(kept) < len(whole):
        assert len(numbers) + 2 + len(whole[len(kept)]) > width


def test_the_class_accuracy_is_shown_if_d_predicts_classes():
    vitals = dataclasses.replace(REPORT.vitals, class_accuracy=0.876)
    shown = progress._numbers(dataclasses.replace(REPORT, vitals=vitals))
    assert "class accuracy 0.88" in shown
    assert not any("accuracy" in number for number in progress._numbers(REPORT))


@pytest.mark.parametrize("width", WIDTHS)
def test_several_tasks_keep_their_bars(terminal, width):
    shown = terminal(width)
    with progress.counting() as count:
        count("relativistic-average, pack 2", 500, 1000)
    text = shown()
    assert re.match(r"━+╸? +50% [-\d]:[-\d]{2}:[-\d]{2} ", text[0])
    assert max(map(len, text)) <= width


def test_without_a_terminal_progress_is_printed_every_ten_seconds(monkeypatch, capsys):
    times = iter([0.0, 3.0, 9.0, 10.5, 11.0, 21.0])
    monkeypatch.setattr(progress.time, "monotonic", lambda: next(times))
    with progress.counting("") as count:
        for done in range(1, 7):
            count("drawing", done, 1000)
    assert capsys.readouterr().out.splitlines() == [
        "drawing: 1 of 1,000",
        "drawing: 4 of 1,000",
        "drawing: 6 of 1,000",
    ]


def test_few_lines_come_ever_more_rarely(monkeypatch, capsys):
    times = iter(range(400))
    monkeypatch.setattr(progress.time, "monotonic", lambda: float(next(times)))
    with progress.counting("", few=True) as count:
        for second in range(400):
            count("drawing", second, 400)
    lines = capsys.readouterr().out.splitlines()
    assert lines == [f"drawing: {n} of 400" for n in (0, 10, 30, 70, 150, 310)]


def test_the_bar_of_a_task_that_goes_on_shows_its_new_total(terminal):
    shown = terminal(80)
    with progress.counting("") as count:
        count("features", 100, 100)
        count("features", 100, 400)
    assert " 25% " in shown()[0]
