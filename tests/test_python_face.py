"""The Python interface: the caller's settings are kept, and common calls work."""

import importlib
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import forgery
from forgery import ForgeryError, bench, recipes
from forgery import preflight as preflight_module
from forgery.data.pictures import silent
from forgery.evaluation import train_extractor
from forgery.preflight import preflight
from forgery.progress import counting, is_shown
from forgery.resolve import config_of
from forgery.training import device
from forgery.training.doctor import Finding
from forgery.training.events import StepDone


@pytest.fixture(params=[False, True], ids=["denormals kept", "denormals flushed"])
def callers(request, monkeypatch):
    """Settings of the caller that differ from those of training, and a check that they are kept."""
    if not torch.set_flush_denormal(request.param):
        pytest.skip("this processor cannot flush denormal numbers")
    monkeypatch.setattr(device, "resolve_threads", lambda threads: 2)
    torch.set_num_threads(3)
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)

    def check():
        assert torch.get_num_threads() == 3
        assert device.flushes_denormals() is request.param
        assert torch.equal(torch.rand(3), expected)

    yield check
    torch.set_flush_denormal(False)


def test_training_leaves_the_callers_settings_alone(callers, tiny, tmp_path):
    used = []

    def note(event):
        used.append((torch.get_num_threads(), device.flushes_denormals()))

    forgery.train(tiny, tmp_path / "run", callbacks=[note])
    forgery.resume(tmp_path / "run", callbacks=[note], steps=8)
    assert set(used) == {(2, True)}
    callers()


def test_training_that_fails_leaves_the_callers_settings_alone(callers, tiny, tmp_path):
    def fail(event):
        raise RuntimeError("a fault of the caller's")

    with pytest.raises(RuntimeError, match="of the caller's"):
        forgery.train(tiny, tmp_path / "run", callbacks=[fail])
    with pytest.raises(ForgeryError, match="larger than the data"):
        forgery.train(tiny.replace(batch_size=10_001), tmp_path / "none")
    callers()


def test_measuring_leaves_the_callers_settings_alone(callers, tiny, tmp_path, monkeypatch):
    monkeypatch.setattr(preflight_module, "SECONDS", 0.01)
    preflight(tiny, silent)
    for name, points in zip(("mine", "held"), torch.randn(2, 120, 2), strict=True):
        np.save(tmp_path / f"{name}.npy", points)
    config = recipes.points(
        data=str(tmp_path / "mine.npy"), g_width=8, d_width=8, steps=2, batch_size=50, device="cpu"
    )
    torch.manual_seed(5)  # the caller's state
    forgery.train(config, tmp_path / "run")
    held = str(tmp_path / "held.npy")
    forgery.evaluate(tmp_path / "run", samples=50, against=held, device_name="cpu")
    small = recipes.pacgan(g_width=6, d_width=6, steps=2, device="cpu")
    bench.bench(small, ["non-saturating"], [1], [0, 1], tmp_path / "bench")
    callers()


def test_training_a_classifier_leaves_the_callers_settings_alone(callers, tmp_path):
    path = tmp_path / "few.npz"
    np.savez(path, images=np.zeros((130, 28, 28), np.uint8), labels=np.arange(130) % 2)
    train_extractor(
        str(path), tmp_path / "c.safetensors", test="train", epochs=0, device_name="cpu"
    )
    callers()


class Notebook:
    is_terminal, is_jupyter = False, True


def test_training_is_silent_without_a_terminal(tiny, tmp_path, capsys):
    forgery.train(tiny, tmp_path / "run")
    forgery.resume(tmp_path / "run", steps=8)
    assert capsys.readouterr() == ("", "")


def test_requested_progress_is_a_line_per_report(tiny, tmp_path, capsys):
    steps = []

    def note(event):
        if isinstance(event, StepDone):
            steps.append(event.step)

    forgery.train(tiny, tmp_path / "run", callbacks=[note], progress=True)
    forgery.resume(tmp_path / "run", callbacks=[note], progress=True, steps=8)
    lines = [line for line in capsys.readouterr().out.splitlines() if line.startswith("step")]
    assert [line.split()[1] for line in lines] == ["2", "4", "6", "8"]
    assert steps == list(range(1, 9))  # the caller's callbacks are called as well


@pytest.fixture
def notebook(monkeypatch):
    """The shell of a notebook, whose outputs are captured in place of being sent."""
    shells = pytest.importorskip("IPython.core.interactiveshell")
    monkeypatch.setattr("forgery.progress.Console", Notebook)
    history = shells.InteractiveShell.instance(history_manager=None)
    publisher = importlib.import_module("IPython.core.displaypub").CapturingDisplayPublisher()
    history.display_pub = publisher
    yield publisher
    shells.InteractiveShell.clear_instance()


def test_a_notebook_shows_one_output_that_is_updated(tiny, tmp_path, capsys, notebook):
    forgery.train(tiny, tmp_path / "run")
    first, *updates = notebook.outputs
    assert not first["update"]
    assert all(output["update"] for output in updates)
    assert len({output["transient"]["display_id"] for output in notebook.outputs}) == 1
    shown = notebook.outputs[-1]["data"]
    assert shown["text/plain"].startswith("100%  step 6  D loss ")
    assert '<progress value="1.0000"' in shown["text/html"]
    forgery.train(tiny, tmp_path / "silent", progress=False)
    assert notebook.outputs[-1]["data"] is shown
    assert capsys.readouterr().out == ""


def test_a_notebook_keeps_findings(tiny, tmp_path, capsys, notebook, monkeypatch):
    found = Finding("D has won", 4, "D(x) 1.00", "G learns nothing.", "a penalty")
    checks = [lambda reports: found if len(reports) == 2 else None]
    monkeypatch.setattr("forgery.training.doctor.CHECKS", checks)
    forgery.train(tiny, tmp_path / "run")
    assert capsys.readouterr().out == f"doctor: {found}\n"


def test_a_notebook_shows_one_output_for_each_of_several_tasks(notebook):
    with counting() as count:
        for step in (1, 2, 3):
            count("minimax", step, 3)
        count("hinge", 1, 3)
    shown = {o["transient"]["display_id"]: o["data"]["text/plain"] for o in notebook.outputs}
    assert list(shown.values()) == ["100%  minimax: step 3 of 3", "33%  hinge: step 1 of 3"]


def test_a_terminal_shows_a_bar(tiny, tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("FORCE_COLOR", "1")  # rich then treats any output as a terminal
    monkeypatch.setenv("COLUMNS", "80")
    forgery.train(tiny.replace(conditional="auxiliary"), tmp_path / "run")
    out = capsys.readouterr().out
    assert "━" * 20 in re.sub(r"\x1b\[[\d;]*m", "", out)  # the complete bar
    assert "step 6" in out
    assert "/s" in out
    forgery.train(tiny, tmp_path / "silent", progress=False)
    assert capsys.readouterr().out == ""


def test_only_rank_0_shows_progress(monkeypatch):
    monkeypatch.setenv("RANK", "1")
    assert not is_shown(True)


QUICK = {"steps": 1, "g_width": 6, "d_width": 6, "device": "cpu", "threads": 1}


@pytest.fixture
def photos(tmp_path):
    (tmp_path / "photos").mkdir()
    for i in range(8):
        Image.new("RGB", (28, 28), (30 * i, 0, 0)).save(tmp_path / "photos" / f"{i}.png")
    return tmp_path / "photos"


def test_training_takes_the_name_of_data(tmp_path):
    config = forgery.train("mnist", tmp_path / "run", **QUICK, split="test").config
    assert (config.recipe, config.data, config.steps) == ("mlp", "mnist", 1)
    assert forgery.train("ring8", tmp_path / "ring", **QUICK).config.recipe == "points"


def test_training_takes_the_name_of_a_recipe(tmp_path):
    config = forgery.train("tutorial", tmp_path / "run", **QUICK, limit=50).config
    assert (config.recipe, config.data, config.batch_size) == ("tutorial", "mnist", 50)
    config = forgery.train("vae", tmp_path / "vae", data="mnist", batch_size=7, **QUICK).config
    assert (config.recipe, config.model, config.batch_size) == ("vae", "vae", 7)


def test_training_takes_a_path(photos, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for i, what in enumerate(("photos/", "./photos", str(photos), photos)):
        config = forgery.train(what, tmp_path / f"run{i}", **QUICK).config
        assert (config.recipe, config.batch_size) == ("pictures", 8)
        assert isinstance(config.data, str)
    config = forgery.train(photos, tmp_path / "other", recipe="mlp", **QUICK).config
    assert config.recipe == "mlp"
    config = forgery.train("mlp", tmp_path / "third", data=photos, **QUICK).config
    assert config.data == str(photos)


def test_a_known_name_is_not_a_file_but_a_path_is(photos, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("mnist", "dcgan"):
        photos.rename(tmp_path / name)
        photos = tmp_path / name
    assert config_of("dcgan", {}).data == "mnist"
    assert config_of(Path("dcgan"), {}).data == "dcgan"
    assert config_of("./dcgan", {}).data == "./dcgan"


def test_training_takes_a_config_with_changes(tiny, tmp_path):
    config = forgery.train(tiny, tmp_path / "run", steps=2, seed=4).config
    assert config == tiny.replace(steps=2, seed=4)
    with pytest.raises(ForgeryError, match="larger than the data"):
        forgery.train(tiny.replace(limit=10), tmp_path / "none")


@pytest.mark.parametrize(
    ("what", "changes", "message"),
    [
        ("mnits", {}, "unknown data or recipe 'mnits'.*did you mean 'mnist'"),
        ("dcgn", {}, "unknown data or recipe 'dcgn'.*did you mean 'dcgan'"),
        ("nowhere/photos", {}, "no such file or folder"),
        (Path("nowhere"), {}, "no such file or folder"),
        (None, {}, "expected the name of data or of a recipe, a path, or a Config, not None"),
        (recipes.mlp, {}, "not <function mlp"),
        (torch.zeros(9, 28), {}, r"or a Config, not tensor.{50,60}$"),
        (["mnist"], {"recipe": "mlp"}, "or a Config, not \\['mnist'\\]"),
        ("mnist", {"epoch": 2}, "unknown setting 'epoch': did you mean 'epochs'"),
        ("mnist", {"recipe": "dcgn"}, "unknown recipe 'dcgn': did you mean 'dcgan'"),
        ("mnist", {"epochs": "two"}, "epochs must be a number, not 'two'"),
        ("dcgan", {"recipe": "mlp"}, "cannot be combined with a recipe or Config: give it"),
        (
            recipes.mlp(),
            {"recipe": "dcgan"},
            "cannot be combined with a recipe or Config: give it with",
        ),
    ],
)
def test_invalid_arguments_of_training(what, changes, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ForgeryError, match=message):
        forgery.train(what, tmp_path / "run", **changes)
    assert not any(tmp_path.iterdir())


def test_decoding_shows_progress_if_it_is_requested(photos, tmp_path, capsys):
    (photos / "notes.txt").write_text("hello")
    forgery.train(photos, tmp_path / "shown", progress=True, **QUICK)
    out = capsys.readouterr().out
    assert "decoding: 9 of 9" in out
    assert "1 file set aside: notes.txt" in out
    assert "batch size reduced from 32 to 8" in out
    forgery.train(photos, tmp_path / "silent", fit="pad", **QUICK)
    assert capsys.readouterr() == ("", "")


def test_the_repr_of_a_model(tiny, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    trained = forgery.train(tiny, "runs/first", limit=500)
    said = "Model(runs/first, step 6: mnist[test, 500 samples] [1, 28, 28], 7,168 parameters)"
    assert repr(trained) == said
    loaded = forgery.load("runs/first")
    shutil.rmtree("runs")  # not needed for a model in memory
    assert repr(loaded) == said
    assert loaded.shape == trained.shape == (1, 28, 28)
