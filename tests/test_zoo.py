"""The zoo: trained models inside the package."""

import json

import pytest
import torch

import forgery
from forgery import addresses
from forgery.data import Dataset
from forgery.errors import ForgeryError
from forgery.extractors import load_extractor
from forgery.extractors.choose import DIGITS
from forgery.pixels import to_pixels

ZOO = addresses.zoo()
NAMES = list(ZOO)


def test_the_zoo_has_digits_faces_and_points():
    assert NAMES == ["faces32", "mnist", "ring8"]


def test_it_is_small():
    sizes = {name: (path / "model.safetensors").stat().st_size for name, path in ZOO.items()}
    assert max(sizes.values()) <= 2_000_000
    files = [file for path in ZOO.values() for file in path.iterdir()]
    assert sum(file.stat().st_size for file in files) <= 5_000_000


@pytest.mark.parametrize("name", NAMES)
def test_each_has_its_settings_card_and_model_card(name):
    folder = ZOO[name]
    record = json.loads((folder / "config.json").read_bytes())
    card = json.loads((folder / "card.json").read_bytes())
    assert card["step"] == record["exported"]["step"]
    assert record["exported"]["networks"] == ["generator", "discriminator"]
    assert f"zoo:{name}" in (folder / "README.md").read_text(encoding="utf-8")
    everything = "".join(file.read_text(encoding="utf-8") for file in folder.glob("*.json"))
    assert '"/' not in everything  # no path of the machine that trained it


@pytest.mark.parametrize("name", NAMES)
def test_samples_follow_from_the_seed(name):
    model = forgery.load(f"zoo:{name}")
    a, b = model.sample(4, seed=3), model.sample(6, seed=3)
    assert a.shape == (4, *model.shape)
    assert a.isfinite().all()
    assert torch.allclose(a, b[:4], atol=1e-5)
    assert not torch.allclose(a, model.sample(4, seed=4))


def test_the_digits_are_those_that_are_asked_for():
    model = forgery.load("zoo:mnist")
    classifier = load_extractor(DIGITS)
    classes = torch.arange(10).repeat(20)
    samples = model.sample(200, classes=list(range(10)))
    predicted = classifier.logits(to_pixels(samples)).argmax(1)
    assert (predicted == classes).float().mean() > 0.9


def test_the_points_are_near_the_ring():
    points = forgery.load("zoo:ring8").sample(500)
    assert ((points.norm(dim=1) - 1).abs() < 0.1).float().mean() > 0.8


@pytest.mark.parametrize("name", ["mnist", "ring8"])
def test_training_starts_from_its_weights(name, tmp_path):
    settings = {"steps": 1, "g_learning_rate": 1e-12, "threads": 1, "device": "cpu"}
    started = forgery.train(name, tmp_path / "run", start_from=f"zoo:{name}", **settings)
    assert started.config.start_from == f"zoo:{name}"
    before = forgery.load(f"zoo:{name}").generator.state_dict()
    after = forgery.load(tmp_path / "run").generator.state_dict()
    assert all(torch.allclose(before[key], after[key], atol=1e-5) for key in before)


def test_fine_tuning_faces_starts_from_its_weights(tmp_path):
    faces = Dataset("mine", torch.zeros(40, 3, 32, 32, dtype=torch.uint8))
    settings = {"steps": 1, "g_learning_rate": 1e-12, "threads": 1, "device": "cpu"}
    run = forgery.train(faces, tmp_path / "run", start_from="zoo:faces32", **settings)
    assert run.config.discriminator == "dcgan"
    assert run.config.start_from == "zoo:faces32"


def test_an_unknown_name_is_refused_with_the_nearest():
    with pytest.raises(ForgeryError, match="unknown model of the zoo 'mnst': did you mean 'mnist'"):
        forgery.load("zoo:mnst")


def test_it_cannot_be_resumed():
    with pytest.raises(ForgeryError, match="exported model, which cannot be resumed"):
        forgery.resume("zoo:mnist")


def test_it_has_one_step_only():
    with pytest.raises(ForgeryError, match="it has no step 5"):
        forgery.load("zoo:mnist", step=5)
