"""Verbs that read the data of a run find it at a new path, from any folder."""

import sys
from pathlib import Path

import numpy as np
import pytest

from forgery.cli import main
from forgery.data.mnist import mnist


@pytest.fixture
def verb(monkeypatch, capsys, tmp_path):
    """Run the program: arguments → (exit code, output, errors)."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["forgery", *arguments])
        with pytest.raises(SystemExit) as left:
            main()
        captured = capsys.readouterr()
        return left.value.code or 0, captured.out, captured.err

    return run


def test_every_verb_that_reads_the_data_takes_its_new_path(verb, monkeypatch):
    test = mnist("test")
    for name, rows in (("few", slice(0, 150)), ("held", slice(150, 300))):
        np.savez(f"{name}.npz", images=test.values[rows, 0], labels=test.labels[rows])
    settings = ("--device=cpu", "--threads=1", "--g-width=8", "--d-width=8", "--latent=4")
    every = ("--report-every=1", "--sample-every=2", "--checkpoint-every=2", "--grid=4")
    training = ("train", "few.npz", *settings, *every, "--batch-size=20", "--steps=2", "--out=run")
    assert verb(*training)[0] == 0
    Path("elsewhere").mkdir()
    monkeypatch.chdir("elsewhere")
    calls = {
        "doctor": ("../run",),
        "neighbours": ("../run", "--no-features", "--rows=2"),
        "evaluate": ("../run", "--samples=100", "--against=../held.npz", "--device=cpu"),
        "resume": ("../run", "--steps=3"),
    }
    Path("../few.npz").rename("moved.npz")
    for name, arguments in calls.items():
        code, _, err = verb(name, *arguments)
        assert "was not found: there is no" in err
        assert "--data PATH" in err
        assert code == (0 if name == "doctor" else 2)
    for name, arguments in calls.items():
        code, out, err = verb(name, *arguments, "--data=moved.npz")
        assert code == 0, name
        assert "was not found" not in err, name
        assert out
    assert verb("resume", "../run", "--steps=4")[0] == 0  # the new path was recorded
    for name in ("invert ../run", "direction ../run 3", "arithmetic ../run 3+4-5"):
        for data in ("moved.npz", "nowhere.npz"):
            err = verb(*name.split(), f"--data={data}")[2]
            assert ("nowhere.npz" in err) == (data == "nowhere.npz"), (name, err)
