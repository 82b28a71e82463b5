"""Reports of contention for CPU cores, on recorded times."""

import dataclasses

import pytest
import torch

from forgery.preflight import Preflight
from forgery.progress import _numbers
from forgery.training.contention import core_times, core_wait, describe_wait
from forgery.training.report import Report, Vitals

REPORT = Report(1, 0.1, 1.0, {}, Vitals(100.0, 0.1, 1.0, 0.1))


@pytest.fixture
def threads(tmp_path):
    """Write files like Linux's for threads: name → contents of its schedstat."""

    def write(**contents: str):
        for name, content in contents.items():
            (tmp_path / name).mkdir(exist_ok=True)
            (tmp_path / name / "schedstat").write_text(content)
        return tmp_path

    return write


def test_the_fraction_is_that_of_the_interval_over_all_threads(threads):
    before = core_times(threads(main="1000 500 7\n", worker="100 0 3\n"))
    assert before == {"main": (1000, 500), "worker": (100, 0)}
    after = core_times(threads(main="1300 700 9\n", worker="200 300 5\n", late="100 100 1\n"))
    assert core_wait(before, after) == 600 / (500 + 600)
    assert core_wait(after, after) is None
    del after["worker"]  # the thread has ended
    assert core_wait(before, after) == 300 / 700


def test_without_times_of_the_system_nothing_is_reported(threads, tmp_path):
    assert core_times(tmp_path / "nowhere") == {}
    assert core_times(threads(empty="", odd="no numbers", whole="5 6 7")) == {"whole": (5, 6)}
    assert core_wait({}, {}) is None
    assert describe_wait(None, 2) == ""


def test_the_times_of_this_process_can_be_read():
    share = core_wait({}, core_times())
    assert share is None or 0 <= share <= 1


def test_long_waits_are_reported():
    message = "threads waited for a CPU core 58 % of the time"
    assert describe_wait(0.2, 2) == ""
    assert describe_wait(0.584, 2) == f"{message}; --threads 1 may be faster"
    assert describe_wait(0.584, 1) == message
    torch.set_num_threads(1)
    vitals = dataclasses.replace(REPORT.vitals, core_wait=0.584)
    assert _numbers(dataclasses.replace(REPORT, vitals=vitals))[-2:] == ["100/s", message]
    assert _numbers(REPORT)[-1] == "100/s"
    assert REPORT.line()["core_wait"] is None


def test_forgery_data_reports_waits_beside_the_time(tiny, monkeypatch):
    from forgery.data import load

    found = Preflight(
        tiny.replace(threads=2), load("mnist", "test"), None, 0.1, 10, 5.0, 10, 0, None, 0.584
    )
    assert dict(found.facts())["time"].endswith(
        "steps take 1.00 s; threads waited for a CPU core 58 % of the time; "
        "--threads 1 may be faster"
    )
    assert "core" not in dict(dataclasses.replace(found, core_wait=None).facts())["time"]
