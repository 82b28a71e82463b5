"""ONNX files draw what PyTorch draws."""

import importlib
import json
import sys

import numpy as np
import pytest
import torch

import forgery
from forgery import ForgeryError
from forgery.cli import main
from forgery.export import to_onnx
from forgery.models import GENERATORS

from .made_runs import KINDS, UNITS, make_run, settings_of

onnx = pytest.importorskip("onnx")
onnxruntime = pytest.importorskip("onnxruntime")
pytest.importorskip("onnxscript")
module = importlib.import_module("forgery.export.onnx")


@pytest.fixture
def digits(tmp_path):
    """A run of three classes."""
    return make_run(tmp_path / "runs" / "digits", **KINDS["conditional"])


def check(model, path):
    """The file alone draws the samples of the model, in batches of several sizes."""
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    for n in (1, 3, 7):
        z = model.sampler.z(n, seed=5)
        labels = model.labels(n, seed=5)
        given = {"z": z.numpy()} | ({} if labels is None else {"class": labels.numpy()})
        assert [i.name for i in session.get_inputs()] == list(given)
        (found,) = session.run(None, given)
        expected = model.sample(n, seed=5).numpy()
        assert found.dtype == np.float32
        np.testing.assert_allclose(found, expected, atol=1e-4 * max(1, np.abs(expected).max()))
    return onnx.load(path)


@pytest.mark.slow
@pytest.mark.parametrize("family", GENERATORS)
def test_every_family_draws_the_same_samples(family, tmp_path):
    model = forgery.load(make_run(tmp_path / "run", **settings_of(family)))
    assert to_onnx(model, tmp_path / "model.onnx") <= 1e-4
    check(model, tmp_path / "model.onnx")


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["vae", "points", "uniform"])
def test_every_kind_of_model_draws_the_same_samples(kind, tmp_path):
    model = forgery.load(make_run(tmp_path / "run", **KINDS[kind]))
    to_onnx(model, tmp_path / "model.onnx")
    proto = check(model, tmp_path / "model.onnx")
    facts = {fact.key: fact.value for fact in proto.metadata_props}
    assert proto.graph.output[0].name == ("points" if kind == "points" else "images")
    assert facts["noise"].startswith("uniform" if kind == "uniform" else "normal")
    assert ("VAE" in facts["model"]) == (kind == "vae")
    if kind == "points":
        expected = {name: pytest.approx(values) for name, values in UNITS.items()}
        assert json.loads(facts["units"]) == expected


def test_the_command_writes_one_file_and_one_line(digits, tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["forgery", "export", str(digits), "--to", "onnx"])
    with pytest.raises(SystemExit) as left:
        main()
    printed = capfd.readouterr()
    assert not left.value.code, printed
    assert not printed.err
    (line,) = printed.out.splitlines()
    assert line.startswith("step 3 in digits.onnx (")
    assert "difference from PyTorch" in line
    assert {p.name for p in tmp_path.iterdir()} == {"runs", "digits.onnx"}

    proto = check(forgery.load(digits), tmp_path / "digits.onnx")
    (opset,) = (entry.version for entry in proto.opset_import if not entry.domain)
    assert opset >= 18
    (output,) = proto.graph.output
    for value in (*proto.graph.input, output):
        dims = value.type.tensor_type.shape.dim
        assert dims[0].dim_param  # of any size
        assert all(dim.dim_value for dim in dims[1:])
    facts = {fact.key: fact.value for fact in proto.metadata_props}
    assert facts["step"] == "3"
    assert facts["forgery"] == forgery.__version__
    assert facts["latent"] == "5"
    assert facts["data"] == "mnist[train]"
    assert json.loads(facts["classes"]) == list(KINDS["conditional"]["classes"])
    assert float(facts["difference"]) <= 1e-4
    # The exporter would record the paths of this machine's source files.
    content = (tmp_path / "digits.onnx").read_bytes()
    assert b"/forgery/" not in content
    assert str(tmp_path).encode() not in content


@pytest.fixture
def untraced(monkeypatch):
    """Skips the exporter, which takes seconds."""
    monkeypatch.setattr(module, "_proto", lambda model: onnx.ModelProto())


@pytest.mark.parametrize("difference", [2e-4, float("nan")])
def test_a_file_that_draws_otherwise_is_not_written(
    digits, tmp_path, monkeypatch, untraced, difference
):
    monkeypatch.setattr(module, "_difference", lambda model, content: difference)
    with pytest.raises(ForgeryError, match=r"differs from PyTorch by .* at most 1e-04"):
        to_onnx(forgery.load(digits), tmp_path / "new" / "model.onnx")
    assert not (tmp_path / "new" / "model.onnx").exists()
    assert not any((tmp_path / "new").iterdir())


def test_an_existing_file_is_refused_before_tracing(digits, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "_proto", lambda model: pytest.fail("traced"))
    (tmp_path / "a.onnx").write_text("mine")
    with pytest.raises(ForgeryError, match=r"a\.onnx already exists and is never overwritten"):
        to_onnx(forgery.load(digits), tmp_path / "a.onnx")
    assert (tmp_path / "a.onnx").read_text() == "mine"


def test_a_missing_package_is_named_with_its_extra(digits, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnxscript", None)
    with pytest.raises(ForgeryError, match=r"onnxscript: pip install 'forgery\[onnx\]'"):
        to_onnx(forgery.load(digits), tmp_path / "a.onnx")


def test_weights_that_do_not_fit_into_one_file_are_refused(digits, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "MOST", 1000)
    with pytest.raises(ForgeryError, match=r"of weights, but one ONNX file holds at most 1 KB"):
        to_onnx(forgery.load(digits), tmp_path / "a.onnx")


def test_a_network_that_cannot_be_traced_is_named(digits, tmp_path):
    class Fickle(torch.nn.Module):
        def forward(self, z, y):
            return z if z.sum() > 0 else -z

    model = forgery.load(digits)
    sampler = forgery.sampler.Sampler(Fickle(), "normal", 5, (1, 16, 16))
    object.__setattr__(model, "sampler", sampler)
    with pytest.raises(ForgeryError, match="cannot trace the generator"):
        to_onnx(model, tmp_path / "a.onnx")
    assert not (tmp_path / "a.onnx").exists()
