"""Folders for the hub: the model card, the files, and other loaders."""

import dataclasses
import json
import re
import sys

import pytest
import torch
from PIL import Image
from safetensors.torch import save_file
from torch import nn

import forgery
from forgery import ForgeryError, recipes
from forgery.evaluation import Card, Protocol
from forgery.export import model_card as cards
from forgery.export import to_hub_folder
from forgery.export.licences import LICENCES, check_licence
from forgery.export.plain_pytorch import drawing_code
from forgery.extractors import inception
from forgery.training.run import open_run

from .made_runs import KINDS, make_run

hub = pytest.importorskip("huggingface_hub")

PROTOCOL = Protocol("mnist[train]", "ab", "mnist[test]", "cd", 1000, 0, "mnist-digits", "58" * 32)
CARD = Card(
    run="runs/digits",
    step=3,
    protocol=PROTOCOL,
    scores={"frechet": 2.5, "kernel": 1e-7, "near_train": 0.0125, "frechet@other": 30.0},
    floor={"frechet": 0.5, "kernel": 2e-8, "frechet@other": 20.0},
    nonfinite=0,
    histogram=[],
    left_out={"parzen": "its protocol needs pixels"},
    notes=["A note."],
)
CARD = dataclasses.replace(
    CARD,
    protocol=dataclasses.replace(
        PROTOCOL, also=(forgery.evaluation.Network("other", "77" * 32, 64),)
    ),
)
REPORT = {
    "step": 3,
    "epoch": 0.1,
    "seconds": 90.0,
    "g_gradient": 1.0,
    "diversity": 0.5,
    "d_loss": 1.0,
    "g_loss": 1.0,
    "d_real": 0.5,
    "d_fake": 0.5,
    "quality": {},
    "findings": [],
}


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A conditional run that was measured, with a report."""
    path = make_run(tmp_path_factory.mktemp("hub") / "runs" / "digits", **KINDS["conditional"])
    CARD.write(path / "card.json")
    (path / "metrics.jsonl").write_text(json.dumps(REPORT) + "\n")
    return path


@pytest.fixture(scope="module")
def folder(run):
    """Its folder for the hub."""
    out = run.parent.parent / "out"
    to_hub_folder(forgery.load(run), out, license="MIT")
    return out


def test_a_folder_holds_the_weights_a_card_and_pictures_and_no_pickle(run, folder):
    names = {file.name for file in folder.iterdir()}
    assert names == {
        *("README.md", "config.json", "model.safetensors", "card.json", "samples.png"),
        "metrics.jsonl",
    }
    assert torch.equal(forgery.load(folder).sample(5), forgery.load(run).sample(5))
    with Image.open(folder / "samples.png") as picture:
        picture.verify()
    for file in folder.iterdir():
        content = file.read_bytes()
        assert not content.startswith((b"\x80\x02", b"\x80\x04", b"PK\x03\x04")), file
        assert str(run.parent).encode() not in content, file


def test_the_metadata_is_what_the_hub_reads(folder):
    facts = hub.metadata_load(folder / "README.md")
    assert facts["license"] == "mit"
    assert facts["library_name"] == "forgery"
    assert facts["pipeline_tag"] == "unconditional-image-generation"
    assert facts["datasets"] == ["ylecun/mnist"]
    assert "gan" in facts["tags"]
    card = hub.ModelCard.load(folder / "README.md")
    results = {result.metric_type: result for result in card.data.eval_results}
    frechet = next(r for r in card.data.eval_results if r.metric_value == 2.5)
    assert frechet.metric_type == "frechet-distance"
    assert frechet.metric_name == "Fréchet distance (mnist-digits); of real training data: 0.5"
    assert frechet.metric_args["floor"] == 0.5
    assert (
        frechet.task_type,
        frechet.dataset_type,
        frechet.dataset_name,
        frechet.dataset_split,
    ) == (*("unconditional-image-generation", "ylecun/mnist", "mnist", "test"),)
    assert results["kernel-distance"].metric_value == pytest.approx(1e-7)  # a number, not a text
    assert len(card.data.eval_results) == len(CARD.scores)


def test_the_text_says_how_the_model_was_made_measured_and_is_used(folder):
    text = (folder / "README.md").read_text()
    for heading in ("# digits", "## Use it", "## Training", "## Evaluation", "## Limitations"):
        assert f"\n{heading}\n" in text
    assert "| Fréchet distance (other, 64 axes) | 30 | 20 | lower |" in text
    assert "FID" not in text
    assert 'forgery.load("hub:OWNER/NAME")' in text
    assert "3 steps of 100 samples, in 90 s" in text
    assert "recipe: mlp, with `generator" not in text
    assert "`g-width 8`" in text
    assert "seed: 0" in text
    assert "1.25% of the samples, where about 1% is expected" in text
    assert "SHA-256 `5858585858585858…`" in text
    assert "Not measured: parzen: its protocol needs pixels." in text


def test_a_setting_that_is_off_is_stated_as_off():
    config = recipes.sngan(spectral_norm=False)
    assert "`no-spectral-norm`" in cards._recipe(config)
    assert "`spectral-norm`" in cards._recipe(recipes.mlp(spectral_norm=True))


def test_only_the_original_inception_gives_a_fid():
    protocol = dataclasses.replace(PROTOCOL, extractor=inception.NAME)
    # A network of the same name is not that network.
    assert cards.score_title("frechet", protocol) == f"Fréchet distance ({inception.NAME})"
    protocol = dataclasses.replace(protocol, extractor_sha256=inception.SHA256)
    assert cards.score_title("frechet", protocol) == "FID"
    assert cards.score_title("kernel", protocol) == "KID × 1000"
    assert cards.score_title("recall", protocol) == f"recall (k = 3) ({inception.NAME})"


def test_a_mixin_of_the_hub_loads_the_folder(run, folder, capsys):
    original = forgery.load(run)

    class Digits(nn.Module, hub.PyTorchModelHubMixin):
        def __init__(self, config: dict, data: dict) -> None:
            super().__init__()
            settings = config["Networks"]
            width, height = data["shape"][1:]
            inputs = settings["latent"] + len(data["classes"])
            hidden = settings["g_width"]
            self.generator = nn.ModuleDict({"network": nn.Module()})
            self.generator["network"].layers = nn.Sequential(
                *(nn.Linear(inputs, hidden), nn.ReLU(), nn.Linear(hidden, hidden), nn.ReLU()),
                *(nn.Linear(hidden, width * height), nn.Tanh(), nn.Unflatten(1, data["shape"])),
            )

        def forward(self, z, y):
            code = nn.functional.one_hot(y, 3).to(z.dtype)
            return self.generator["network"].layers(torch.cat([z, code], 1))

    model = Digits.from_pretrained(str(folder))
    with torch.no_grad():
        drawn = model(original.sampler.z(9, 0), original.labels(9))
    assert torch.allclose(drawn, original.sample(9), atol=1e-6)


class Own(nn.Module):
    """A generator with a constant input, slices along the last axis, and sizes of the batch."""

    def __init__(self, kind):
        super().__init__()
        self.kind = kind
        self.constant = nn.Parameter(torch.randn(1, 2, 4, 4))
        self.linear = nn.Linear(5, 32)

    def forward(self, z):
        n, h = z.shape[0], self.linear(z)
        if self.kind == "expand":
            x = torch.cat([self.constant.expand(n, -1, -1, -1), h.view(n, 2, 4, 4)], 1)
            return torch.tanh(x.sum(1, keepdim=True))
        if self.kind == "repeat":
            return torch.sigmoid(
                self.constant.repeat(n, 1, 1, 1)[:, :1] + h.view(n, 2, 4, 4)[:, 1:]
            )
        if self.kind == "twice":
            halves = h.view(2 * n, 16).view(n, 2, 16)
            return torch.tanh(halves.sum(1).view(n, 1, 4, 4))
        return (h.narrow(-1, 0, 16) * torch.sigmoid(h.narrow(-1, 16, 16))).view(n, 1, 4, 4)


def drawn_by(generator, tmp_path):
    """A model of images of 1 × 4 × 4 with another generator."""
    model = forgery.load(make_run(tmp_path / "own", (1, 4, 4)))
    return dataclasses.replace(
        model, sampler=dataclasses.replace(model.sampler, generator=generator)
    )


@pytest.mark.parametrize("kind", ["expand", "repeat", "twice", "narrow"])
def test_the_code_of_a_generator_of_ones_own_draws_the_same(kind, tmp_path):
    torch.manual_seed(0)
    model = drawn_by(Own(kind), tmp_path)
    names = {}
    code = drawing_code(model)
    tensors = {f"generator.{key}": tensor for key, tensor in model.generator.state_dict().items()}
    save_file(tensors, tmp_path / "model.safetensors")
    exec(code.replace('"model.safetensors"', f"{str(tmp_path / 'model.safetensors')!r}"), names)
    with torch.no_grad():
        drawn = names["generate"](model.sampler.z(7, 0))
        torch.testing.assert_close(drawn, model.generator(model.sampler.z(7, 0)).clamp(-1, 1))


def test_code_that_draws_something_else_is_not_shown(tmp_path):
    class Noisy(Own):
        def forward(self, z):
            return super().forward(z) + torch.rand(z.shape[0], 1, 4, 4)

    with pytest.raises(ForgeryError, match="cannot be written as code"):
        drawing_code(drawn_by(Noisy("narrow"), tmp_path))


def test_points_without_scores_are_no_images(tmp_path):
    run = make_run(tmp_path / "ring", **KINDS["points"])
    to_hub_folder(forgery.load(run), tmp_path / "out", license="cc-by-4.0")
    facts = hub.metadata_load(tmp_path / "out" / "README.md")
    assert "pipeline_tag" not in facts
    assert "datasets" not in facts
    assert "model-index" not in facts
    text = (tmp_path / "out" / "README.md").read_text()
    assert "points of 2 dimensions" in text
    assert "points [N, 2] in the data's units" in text
    assert "The samples were not measured." in text
    assert "Whether samples are copies of training data was not measured." in text
    assert not {"card.json", "metrics.jsonl"} & {f.name for f in (tmp_path / "out").iterdir()}


def test_scores_of_points_have_a_task_of_their_own(tmp_path):
    path = make_run(tmp_path / "ring", **KINDS["points"])
    protocol = dataclasses.replace(PROTOCOL, train="my points[train]", against="my points[test]")
    card = dataclasses.replace(CARD, protocol=protocol)
    model, opened = forgery.load(path), open_run(path)
    (entry,) = cards.metadata(model, opened, card, "mit", "owner/ring")["model-index"]
    (result,) = entry["results"]
    assert entry["name"] == "ring"
    assert result["task"]["type"] == "other"
    assert result["dataset"] == {"type": "my-points", "name": "my points", "split": "test"}


@pytest.mark.slow
def test_other_forms_join_the_folder(run, tmp_path):
    pytest.importorskip("onnxruntime")
    to_hub_folder(forgery.load(run), tmp_path / "out", license="mit", also=["onnx"])
    assert (tmp_path / "out" / "model.onnx").is_file()
    text = (tmp_path / "out" / "README.md").read_text()
    assert "onnx" in hub.metadata_load(tmp_path / "out" / "README.md")["tags"]
    (code,) = re.findall(r"```python\n(import numpy.*?)```", text, re.S)
    names: dict = {}
    exec(code.replace('"model.onnx"', f'"{tmp_path}/out/model.onnx"'), names)
    assert names["images"].shape == (64, 1, 16, 16)


def test_the_licence_is_required_and_known():
    assert check_licence("Apache-2.0") == "apache-2.0"
    assert len(set(LICENCES)) == len(LICENCES)
    with pytest.raises(ForgeryError, match=r"states its licence: give --license, such as"):
        check_licence(None)
    with pytest.raises(
        ForgeryError, match=r"knows no licence 'apache2': did you mean 'apache-2.0'"
    ):
        check_licence("apache2")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "give --license"),
        ({"license": "mit", "also": ["onxx"]}, "no form 'onxx': did you mean 'onnx'"),
        ({"license": "mit", "also": ["onnx"]}, r"onnxscript: pip install 'forgery\[onnx\]'"),
    ],
)
def test_a_refused_folder_is_not_begun(run, tmp_path, monkeypatch, options, message):
    monkeypatch.setitem(sys.modules, "onnxscript", None)
    with pytest.raises(ForgeryError, match=message):
        to_hub_folder(forgery.load(run), tmp_path / "new" / "out", **options)
    assert not (tmp_path / "new" / "out").exists()
    assert not list(tmp_path.rglob("*.json"))


def test_the_card_s_yaml_is_read_as_it_was_written(tmp_path):
    yaml = pytest.importorskip("yaml")
    value = {
        "word": "apache-2.0",
        "reserved": ["yes", "null", "On", "1e3", "3.10", "a: b # c", 'quo"te', "Fréchet", ""],
        "numbers": [1e-7, -2e20, 0.5, 3, 0.0],
        "nested": [{"a": {"b": 1}, "c": [{"d": "e"}, {"d": "f"}]}, {"a": "g"}],
        "flag": True,
    }
    assert yaml.safe_load(cards._yaml(value)) == value
