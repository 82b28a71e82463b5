"""Exported weights draw in this package, and by the code of their README without it."""

import json
import re
import subprocess
import sys

import pytest
import torch
from safetensors.torch import load_file, save_file

import forgery
from forgery import ForgeryError
from forgery.cli.export import export
from forgery.export import model_files, to_safetensors, write_folder
from forgery.models import GENERATORS

from .made_runs import KINDS, make_run, settings_of

#: Runs the code of each folder's README in a process that has no forgery.
WITHOUT_FORGERY = """
import os, re, sys
sys.modules["forgery"] = None  # importing it raises ImportError
import torch
torch.set_num_threads(1)
from safetensors.torch import load_file, save_file
for folder in sys.argv[1:]:
    os.chdir(folder)
    blocks = re.findall(r"```python\\n(.*?)```", open("README.md").read(), re.S)
    (code,) = [block for block in blocks if "load_file" in block]
    names = {}
    exec(code, names)
    drawn = names.get("images", names.get("points"))
    given = load_file("given.safetensors")
    samples = names["generate"](*(given[key] for key in sorted(given))).contiguous()
    save_file({"drawn": drawn.contiguous(), "samples": samples}, "samples.safetensors")
"""


@pytest.fixture
def digits(tmp_path):
    """A run of three classes."""
    return make_run(tmp_path / "runs" / "digits", **KINDS["conditional"])


def check_code(runs, tmp_path, **options):
    """The README's code draws the samples of each run, without this package."""
    folders, models = [], []
    for i, run in enumerate(runs):
        folder = tmp_path / f"exported-{i}"
        to_safetensors(forgery.load(run), folder, **options)
        model = forgery.load(folder)
        labels = model.labels(5, seed=2)
        given = {"1": model.sampler.z(5, seed=2)} | ({} if labels is None else {"2": labels})
        save_file(given, folder / "given.safetensors")
        folders.append(folder)
        models.append(model)
    subprocess.run([sys.executable, "-c", WITHOUT_FORGERY, *map(str, folders)], check=True)
    for run, folder, model in zip(runs, folders, models, strict=True):
        found, expected = load_file(folder / "samples.safetensors"), model.sample(5, seed=2)
        scale = expected.abs().max().clamp(min=1)
        assert (found["samples"] - expected).abs().max() <= 1e-5 * scale, run
        assert found["drawn"].shape == (64, *model.shape)


def test_the_code_of_the_readme_draws_without_this_package(digits, tmp_path):
    check_code([digits], tmp_path, precision="float16")
    text = (tmp_path / "exported-0" / "README.md").read_text()
    assert "torch.ops" not in text  # readable
    assert 'forgery.load("exported-0")' in text
    assert str(tmp_path) not in text


@pytest.mark.slow
def test_the_code_of_every_family_draws_without_this_package(tmp_path):
    every = {name: settings_of(name) for name in GENERATORS} | KINDS
    runs = [make_run(tmp_path / name, **settings) for name, settings in every.items()]
    check_code(runs, tmp_path)
    for i in range(len(runs)):
        text = (tmp_path / f"exported-{i}" / "README.md").read_text()
        assert "torch.ops" not in text
        assert (
            max(map(len, re.search(r"```python\nimport torch.*?```", text, re.S)[0].split("\n")))
            <= 120
        )


def weights_of(run, out, *options):
    """Export the weights without a README, whose code takes seconds to trace."""
    write_folder(out, model_files(forgery.load(run), *options))
    return forgery.load(out)


def test_an_exported_model_draws_as_its_run(digits, tmp_path):
    original = forgery.load(digits)
    for precision, close in (("float32", 0), ("float16", 1e-2)):
        model = weights_of(digits, tmp_path / precision, precision)
        assert (model.sample(20) - original.sample(20)).abs().max() <= close
        assert model.step == original.step
        assert model.discriminator is None
    half, whole = (
        (tmp_path / name / "model.safetensors").stat().st_size for name in ("float16", "float32")
    )
    assert half < 0.7 * whole


def test_all_networks_adds_the_other_network(digits, tmp_path):
    vae = make_run(tmp_path / "vae", **KINDS["vae"])
    for run, role in ((digits, "discriminator"), (vae, "encoder")):
        whole = weights_of(run, tmp_path / f"with-{role}", "float32", True)
        assert getattr(whole, role) is not None
        alone = weights_of(whole.path, tmp_path / f"without-{role}")  # exported again
        assert getattr(alone, role) is None
        assert torch.equal(alone.sample(3), forgery.load(run).sample(3))
        with pytest.raises(ForgeryError, match=f"has no {role}: it was exported without"):
            export(alone.path, to="safetensors", out=tmp_path / "never", all_networks=True)
        assert not (tmp_path / "never").exists()


def test_a_file_that_is_no_card_is_not_exported(digits):
    model = forgery.load(digits)
    for content in ("[]", "{}", f'{{"step": {model.step}}}', '"card"', "{"):
        (digits / "card.json").write_text(content)
        assert "card.json" not in model_files(model)


def test_no_file_names_a_path_of_this_machine(tmp_path):
    run = make_run(tmp_path / "run", data=str(tmp_path / "secret" / "photos"))
    record = json.loads((run / "config.json").read_text())
    record["parts"] = {"generator": {"name": "mlp", "from": str(tmp_path / "secret" / "net.py")}}
    (run / "config.json").write_text(json.dumps(record))
    weights_of(run, tmp_path / "out")
    for file in (tmp_path / "out").iterdir():
        assert str(tmp_path).encode() not in file.read_bytes(), file
    record = json.loads((tmp_path / "out" / "config.json").read_text())
    assert record["config"]["Data"]["data"] == "photos"
    assert record["parts"]["generator"]["from"] == "net.py"


def test_a_folder_called_like_a_bundled_source_is_not_taken_for_it(tmp_path):
    run = make_run(tmp_path / "run", data=str(tmp_path / "faces"))
    weights_of(run, tmp_path / "out")
    record = json.loads((tmp_path / "out" / "config.json").read_text())
    assert record["config"]["Data"]["data"] == "./faces"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"to": "onnx", "precision": "float16"}, "--precision has no effect with --to onnx"),
        ({"to": "page", "all_networks": True}, "--all-networks has no effect with --to page: give"),
        ({"to": "safetensors", "license": "mit"}, "--license has no effect .* --to hub-folder"),
        ({"to": "safetensors", "also": "onnx"}, "--with has no effect with --to safetensors"),
        ({"to": "safetensors", "step": 7}, r"has no checkpoint of step 7: it has \[3\]"),
        ({"to": "safetensors", "out": "taken"}, "taken already exists and is never overwritten"),
    ],
)
def test_what_has_no_effect_or_no_place_is_refused(digits, tmp_path, monkeypatch, options, message):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "taken").write_text("mine")
    with pytest.raises(ForgeryError, match=message):
        export(digits, **options)
    assert {path.name for path in tmp_path.iterdir()} == {"runs", "taken"}


def test_a_damaged_folder_is_named(digits, tmp_path):
    weights_of(digits, tmp_path / "out")
    weights = tmp_path / "out" / "model.safetensors"
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1
    weights.write_bytes(content)
    with pytest.raises(ForgeryError, match=r"model\.safetensors is damaged: .* checksum"):
        export(tmp_path / "out", to="safetensors", out=tmp_path / "again")
    weights.unlink()
    with pytest.raises(ForgeryError, match=r"cannot read .*model\.safetensors"):
        export(tmp_path / "out", to="safetensors", out=tmp_path / "again")
    assert not (tmp_path / "again").exists()
