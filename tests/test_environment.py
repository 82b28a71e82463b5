"""``forgery doctor --environment``: the description of this machine for a bug report."""

import os
import platform
import sys

import pytest
import torch

import forgery
from forgery.cli import main
from forgery.environment import environment


def test_it_names_versions_processor_memory_and_disk(monkeypatch, tmp_path):
    cache = tmp_path / "cache"
    cache.mkdir()
    (cache / "picture").write_bytes(bytes(12_000))
    monkeypatch.setenv("FORGERY_CACHE", str(cache))
    facts = dict(environment())
    assert facts["forgery"].startswith(forgery.__version__)
    assert platform.python_version() in facts["Python"]
    assert f"torch {torch.__version__}" in facts["packages"]
    assert torch.backends.cpu.get_cpu_capability() in facts["CPU"]
    assert facts["libraries"].startswith("BLAS ")
    assert facts["GPU"]
    assert facts["cache"].startswith(f"12 KB in {cache}")
    assert f"FORGERY_CACHE={cache}" in facts["variables"]
    assert os.getcwd() in facts["free disk"]


def test_a_missing_package_of_an_extra_is_named(monkeypatch):
    wanted = ["torch>=2.10", 'no-such-package>=1; extra == "faces"', 'ruff; extra == "dev"']
    monkeypatch.setattr("importlib.metadata.requires", lambda name: wanted)
    facts = dict(environment())
    assert facts["[faces]"] == "no-such-package not installed"
    assert "[dev]" not in facts


def test_a_cache_that_does_not_exist_yet_is_empty(monkeypatch, tmp_path):
    monkeypatch.setenv("FORGERY_CACHE", str(tmp_path / "none"))
    assert dict(environment())["cache"].startswith("0 bytes in ")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("doctor", "give a run folder, or --environment"),
        ("doctor runs/a --environment", "leave out the run runs/a"),
        ("doctor --environment --data b", "leave out --data b"),
    ],
)
def test_either_a_run_or_the_environment(arguments, message, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["forgery", *arguments.split()])
    with pytest.raises(SystemExit) as left:
        main()
    assert left.value.code == 2
    assert message in capsys.readouterr().err


def test_the_command_prints_a_line_for_each(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["forgery", "doctor", "--environment"])
    with pytest.raises(SystemExit) as left:
        main()
    assert not left.value.code
    printed = capsys.readouterr().out.splitlines()
    assert [line.split("  ")[0] for line in printed] == [name for name, _ in environment()]
