"""Evaluation and diagnosis of run folders."""

import json
import os
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import forgery
from forgery import ForgeryError, data
from forgery.cli.evaluate import evaluate as verb
from forgery.data.mnist import mnist
from forgery.evaluation import read_card, require_like
from forgery.run_data import DataNotFound


@pytest.fixture
def points_run(tmp_path):
    """A run on 300 points in a file, and a file of held-out points."""
    values = data.load("ring8", "test").values
    for name, rows in (("mine", slice(0, 300)), ("held", slice(300, 600))):
        np.save(tmp_path / f"{name}.npy", values[rows].numpy())
    config = forgery.recipes.points(
        data=str(tmp_path / "mine.npy"), g_width=8, d_width=8, steps=2, report_every=1,
        batch_size=50, device="cpu",
    )  # fmt: skip
    forgery.train(config, tmp_path / "run")
    return tmp_path / "run"


def measured(run, **given):
    held = str(run.parent / "held.npy")
    return forgery.evaluate(run, samples=100, against=held, device_name="cpu", **given)


def test_a_known_density_is_part_of_the_card(tmp_path):
    config = forgery.recipes.points(g_width=8, d_width=8, steps=2, device="cpu", limit=500)
    forgery.train(config, tmp_path / "run")
    held = data.load("ring8", "test").values[:500]
    np.save(tmp_path / "held.npy", held.numpy())
    card = forgery.evaluate(tmp_path / "run", samples=500, against=str(tmp_path / "held.npy"))
    assert card.scores["jsd"] > card.floor["jsd"]
    assert card.scores["modes"] <= card.floor["modes"] == 8
    assert card.protocol.kind == "points"
    assert read_card(tmp_path / "run" / "card.json") == card


def test_a_run_of_an_earlier_version_is_read_by_every_verb(tmp_path):
    """Trained and evaluated by forgery 0.1.0, 4 steps on ring8."""
    run = tmp_path / "run"
    shutil.copytree(Path(__file__).with_name("run_of_version_0_1_0"), run)
    model = forgery.load(run)
    assert (model.step, model.shape, model.config.recipe) == (4, (2,), "points")
    drawn = [[0.6018171, -0.3745636], [0.4984520, -0.4191936], [0.5199594, -0.2750996]]
    torch.testing.assert_close(model.sample(3, seed=1), torch.tensor(drawn), atol=1e-5, rtol=1e-5)
    assert len(model.dataset()) == 100_000
    assert forgery.doctor(run) == []
    old = read_card(run / "card.json")
    card = forgery.evaluate(run, samples=100, device_name="cpu")
    require_like([old, card])
    for now, then in ((card.scores, old.scores), (card.floor, old.floor)):
        for name in ("kernel", "kernel_std"):  # whose subsets of few samples were all of them
            del now[name], then[name]
        assert now == pytest.approx(then, rel=1e-3, abs=1e-3)


def test_scores_that_cannot_be_saved_are_returned(points_run, capsys):
    (points_run / "card.json").mkdir()  # so that no file can be written there, even by root
    card = measured(points_run)
    assert card.scores["frechet"] > 0
    assert "warning: the scores were not saved: cannot write" in capsys.readouterr().err
    with pytest.raises(ForgeryError, match="the scores above were not saved: cannot write"):
        verb(points_run, samples=100, against=str(points_run.parent / "held.npy"), device="cpu")
    assert "Fréchet distance" in capsys.readouterr().out
    (points_run / "card.json").rmdir()
    assert measured(points_run, keep=False) == card
    assert not (points_run / "card.json").exists()


def test_data_without_a_test_split_are_measured_against_another_path(points_run, tmp_path):
    told = "has no test split: give held-out data, .* with --against PATH"
    with pytest.raises(ForgeryError, match=rf"mine.npy {told}"):
        forgery.evaluate(points_run, samples=100, device_name="cpu")
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    for i in range(3):
        Image.new("RGB", (8, 8), (i, 0, 0)).save(pictures / f"{i}.png")
    config = forgery.recipes.mlp(
        data=str(pictures), g_width=8, d_width=8, steps=1, batch_size=3, device="cpu"
    )
    forgery.train(config, tmp_path / "few")
    with pytest.raises(ForgeryError, match=rf"pictures {told}"):
        forgery.evaluate(tmp_path / "few", samples=100, device_name="cpu")


def test_progress_is_shown_if_requested(points_run, capsys):
    measured(points_run, progress=False)
    assert capsys.readouterr() == ("", "")
    measured(points_run, progress=True)
    out = capsys.readouterr().out
    assert "drawing: 100 of 100" in out
    assert "measuring: " in out


def test_moved_data_is_found_at_its_new_path(points_run, monkeypatch, capsys):
    mine, moved = points_run.parent / "mine.npy", points_run.parent / "moved.npy"
    mine.rename(moved)
    model = forgery.load(points_run)
    for attempt in (
        model.dataset,
        lambda: measured(points_run),
        lambda: forgery.resume(points_run),
    ):
        with pytest.raises(DataNotFound, match=r"was not found: there is no .*mine.npy; .* --data"):
            attempt()
    assert forgery.doctor(points_run) == []
    assert "not checked for copies of training data: the data of" in capsys.readouterr().err
    monkeypatch.chdir(points_run.parent)
    assert len(model.dataset(data="moved.npy")) == 300
    assert measured(points_run, data=moved).scores["frechet"] > 0
    assert forgery.doctor(points_run, data="moved.npy") == []
    assert re.search(
        "not checked for copies of training data: .* is a single file", capsys.readouterr().err
    )
    resumed = forgery.resume(points_run, data="moved.npy", steps=3)
    assert resumed.step == 3
    assert resumed.config.data == str(moved)
    assert len(forgery.load(points_run).dataset()) == 300  # the new path was recorded


def test_different_data_is_refused_at_any_path(points_run):
    held = points_run.parent / "held.npy"
    for attempt in (
        forgery.load(points_run).dataset,
        lambda data: measured(points_run, data=data),
        lambda data: forgery.doctor(points_run, data=data),
        lambda data: forgery.resume(points_run, data=data, steps=4),
    ):
        with pytest.raises(ForgeryError, match=r"held.npy is not the data that .* trained on"):
            attempt(data=held)
        with pytest.raises(DataNotFound, match=r"there is no .*nowhere$"):
            attempt(data=points_run / "nowhere")
    assert json.loads((points_run / "config.json").read_text())["config"]["Length"]["steps"] == 2


def test_the_recorded_path_of_data_is_absolute(tmp_path, monkeypatch, tiny):
    monkeypatch.chdir(tmp_path)
    np.save("few.npy", mnist("test").values[:50, 0])
    forgery.train(tiny.replace(data="few.npy", split="train"), "run")
    os.mkdir("elsewhere")
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert forgery.resume("../run", steps=8).config.data == str(tmp_path / "few.npy")
    assert forgery.train(tiny, "bundled").config.data == "mnist"


def test_a_relative_path_of_an_earlier_version(points_run, monkeypatch, tmp_path):
    record = json.loads((points_run / "config.json").read_text())
    record["config"]["data"] = "mine.npy"
    (points_run / "config.json").write_text(json.dumps(record))
    monkeypatch.chdir(points_run.parent)
    assert len(forgery.load(points_run).dataset()) == 300
    os.mkdir("elsewhere")
    monkeypatch.chdir("elsewhere")
    with pytest.raises(DataNotFound, match=r"there is no mine.npy in .*elsewhere; if it was moved"):
        forgery.resume(points_run)


def test_a_step_that_was_chosen_on_the_held_out_images_is_noted(tiny, tmp_path):
    run = forgery.train(tiny.replace(split="train50k", limit=100), tmp_path / "run").path
    report = json.loads((run / "metrics.jsonl").read_text().splitlines()[-1])
    report["quality"] = {"frechet": 1.0}
    (run / "metrics.jsonl").write_text(json.dumps(report) + "\n")

    def notes(step, against="test"):
        card = forgery.evaluate(run, 20, against, extractor="none", step=step, device_name="cpu")
        return " ".join(card.notes)

    assert "was chosen for its Fréchet distance to these held-out images" in notes("best")
    assert "was chosen" not in notes(None)
    assert "was chosen" not in notes("best", "valid10k")


def test_the_doctor_reads_the_reports_of_a_run_whose_data_has_changed(tiny, tmp_path, capsys):
    forgery.train(tiny.replace(split="train50k"), tmp_path / "run")
    path = tmp_path / "run" / "config.json"
    path.write_text(path.read_text().replace('"fingerprint": "', '"fingerprint": "0'))
    assert forgery.doctor(tmp_path / "run") == []
    assert "not checked for copies of training data" in capsys.readouterr().err


def test_a_run_without_reports_cannot_be_diagnosed(points_run):
    shutil.copytree(points_run, points_run.parent / "young")
    (points_run.parent / "young" / "metrics.jsonl").unlink()
    with pytest.raises(ForgeryError, match="has no reports yet"):
        forgery.doctor(points_run.parent / "young")


def test_an_exported_model_has_no_reports_to_diagnose():
    with pytest.raises(ForgeryError, match="zoo:ring8 is an exported model: it has no reports"):
        forgery.doctor("zoo:ring8")
