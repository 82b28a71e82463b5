import json
import sys

import numpy as np
import pytest
import torch
from PIL import Image

import forgery
from forgery import ForgeryError, recipes
from forgery import preflight as preflight_module
from forgery.cli import main
from forgery.data import load
from forgery.data.pictures import silent
from forgery.parts import networks
from forgery.preflight import preflight
from forgery.projected import Projection


@pytest.fixture(autouse=True)
def _quick(monkeypatch):
    monkeypatch.setattr(preflight_module, "SECONDS", 0.01)


@pytest.fixture
def photos(tmp_path):
    """Two classes of thirty small pictures each, a file that is no picture, and a copy."""
    random = np.random.default_rng(0)
    for name in ("cats", "dogs"):
        (tmp_path / "photos" / name).mkdir(parents=True)
        for i in range(30):
            pixels = random.integers(0, 256, (9, 8, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(tmp_path / "photos" / name / f"{i}.png")
    copy = (tmp_path / "photos/cats/0.png").read_bytes()
    (tmp_path / "photos/dogs/copy.png").write_bytes(copy)
    (tmp_path / "photos/notes.txt").write_text("hello")
    return str(tmp_path / "photos")


def small(**changes):
    return recipes.mlp(g_width=8, d_width=8, latent=4, device="cpu", threads=1, **changes)


def test_pictures(photos, tmp_path):
    found = preflight(small(data=photos), silent, tmp_path / "sheet.png")
    facts = dict(found.facts())
    train = len(found.dataset)
    assert facts["data"] == f"photos[train]: {train} images of [3, 8, 8]"
    assert facts["splits"] == f"train {train}, test {61 - train}"
    assert "the median shorter side is 8, RGB" in facts["converted"]
    assert facts["sizes"] == "height × width: 9 × 8 61"
    assert facts["modes"] == "RGB 61"
    assert facts["formats"] == "PNG 61"
    assert facts["set aside"] == "1"
    assert facts["copies"].startswith("1 ")
    assert facts["too few"].startswith("too few samples for --batch-size 100: use --batch-size")
    assert "cats" in facts["classes"]
    assert "an epoch takes" in facts["time"]
    assert found.rejects[0][0] == "notes.txt"
    assert found.duplicates == [["cats/0.png", "dogs/copy.png"]]
    with Image.open(tmp_path / "sheet.png") as sheet:
        assert sheet.width > 8 * 7
    with pytest.raises(ForgeryError, match="cannot write"):
        preflight(small(data=photos), silent, tmp_path / "nowhere" / "sheet.png")


def test_a_few_epochs_of_a_small_dataset_give_a_warning(photos):
    found = preflight(small(data=photos, batch_size=20, epochs=25.0), silent)
    n = len(found.dataset)
    assert dict(found.facts())["short"] == (
        f"Small dataset: 25 epochs is only {25 * (n // 20)} steps; use --epochs "
        f"{1_800_000 / n:.0f} for a full run"
    )
    # The length of the recipe is in images, and so does not depend on the data.
    facts = dict(preflight(small(data=photos, batch_size=20), silent).facts())
    assert "short" not in facts
    assert "1,800,000 images = " in facts["time"]
    assert "90,000 steps" in facts["time"]


def test_data_other_than_pictures(tmp_path):
    facts = dict(preflight(small(data="mnist", split="test", pack=2), silent).facts())
    assert facts["data"] == "mnist[test]: 10,000 images of [1, 28, 28]"
    assert "too few" not in facts
    assert "0 980, 1 1,135" in facts["classes"]
    points = preflight(small(data="ring8"), silent, tmp_path / "ring.png")
    assert dict(points.facts())["classes"] == "none"
    assert (tmp_path / "ring.png").is_file()


def test_memory_is_that_of_the_networks(photos):
    found = preflight(small(data=photos, batch_size=20), silent)
    config = found.config
    g = sum(a * b + b for a, b in ((4, 8), (8, 8), (8, 192)))
    d = sum(a * b + b for a, b in ((192, 8), (8, 8), (8, 1)))
    assert config.ema
    expected = 4 * (4 * (g + d) + g)  # weights, gradients, Adam's two; and G's average
    assert expected <= found.memory <= expected + 200  # Adam's counters


def test_a_run_on_a_folder_is_trained_resumed_and_diagnosed(photos, tmp_path):
    config = small(data=photos, batch_size=20, steps=2, report_every=1, grid=4)
    model = forgery.train(config, tmp_path / "run")
    assert model.sample(3).shape == (3, 3, 8, 8)
    again = forgery.resume(tmp_path / "run", steps=4)
    assert again.step == 4
    record = json.loads((tmp_path / "run" / "config.json").read_text())
    assert record["config"]["Pictures"]["fit"] == "crop"
    assert record["data"]["shape"] == [3, 8, 8]
    with pytest.raises(ForgeryError, match="fit crop → pad"):
        forgery.resume(tmp_path / "run", steps=6, fit="pad")
    forgery.doctor(tmp_path / "run", samples=10)
    (tmp_path / "photos" / "cats" / "1.png").unlink()
    with pytest.raises(ForgeryError, match="is not the data"):
        forgery.resume(tmp_path / "run", steps=6)


def test_data_mapped_from_disk_gives_the_same_run(photos, tmp_path, monkeypatch):
    config = small(data=photos, batch_size=20, steps=3, report_every=1, grid=4)
    first = forgery.train(config, tmp_path / "a").sample(4)
    monkeypatch.setattr("forgery.data.cache.LARGE", 10)
    assert torch.equal(forgery.train(config, tmp_path / "b").sample(4), first)


def test_a_run_is_measured_against_a_folder(photos, tmp_path):
    from forgery.evaluation import evaluators_of
    from forgery.extractors import save_classifier
    from forgery.extractors.classifier import Classifier

    network = Classifier((3, 8, 8), ("cats", "dogs")).eval()
    file = tmp_path / "classifier.safetensors"
    save_classifier(network, file, "pets")
    dimensions = network(torch.zeros(1, 3, 8, 8))[0].shape[1]
    random = np.random.default_rng(1)
    (tmp_path / "held").mkdir()
    for i in range(dimensions + 1):
        pixels = random.integers(0, 256, (20, 30, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(tmp_path / "held" / f"{i}.png")
    held, n, cpu = str(tmp_path / "held"), dimensions + 1, torch.device("cpu")
    (evaluator,) = evaluators_of(small(data=photos), load(photos), held, [file], n, 0, cpu)
    assert evaluator.reference.against.shape == (3, 8, 8)
    assert len(evaluator.reference.against) == n


@pytest.mark.parametrize(
    ("shape", "pretrained", "plain"),
    [
        ((1, 28, 28), "mlp", "mlp"),
        ((3, 28, 28), "pictures", "pictures-plain"),
        ((1, 32, 32), "pictures", "pictures-plain"),
        ((3, 64, 64), "pictures", "pictures-plain"),
        ((3, 56, 56), "pictures", "pictures-plain"),
        ((3, 48, 64), "pictures", "mlp"),
        ((3, 40, 40), "pictures", "mlp"),
        ((3, 16, 16), "pictures", "pictures-plain"),
        ((3, 8, 8), "mlp", "mlp"),
        ((3, 33, 32), "mlp", "mlp"),
    ],
)
def test_the_recipe_for_a_size_can_draw_it(shape, pretrained, plain):
    for expected, installed in ((pretrained, True), (plain, False)):
        chosen, why = recipes.recipe_for_images(shape, installed)
        assert chosen == expected
        assert why
        config = recipes.RECIPES[chosen](g_width=4, d_width=4)
        generator, discriminator = networks(config, torch.zeros(shape))
        images = generator(torch.zeros(2, config.latent))
        assert images.shape == (2, *shape)
        assert len(discriminator(images)) == 2


def test_the_length_in_minutes_is_said_in_steps(photos):
    found = preflight(small(data=photos, batch_size=20, minutes=2.0), silent)
    steps = round(120 / found.seconds_per_step)
    assert found.length().startswith(f"2 minutes = about {steps:,} steps = ")
    assert found.expectation().startswith(f"{len(found.dataset)} pictures: few; expect")


def test_pictures_of_one_size_that_networks_take_can_be_kept(tmp_path):
    for name, size in (("fits", (24, 32)), ("odd", (24, 31))):
        (tmp_path / name).mkdir()
        for i in range(20):
            Image.new("L", size, i).save(tmp_path / name / f"{i}.png")
        config = small(data=str(tmp_path / name), batch_size=4, steps=1)
        converted = dict(preflight(config, silent).facts())["converted"]
        assert ("--fit none" in converted) == (name == "fits")


def test_pictures_that_are_mostly_copies_give_a_warning(tmp_path, capsys, monkeypatch):
    folder = tmp_path / "same"
    folder.mkdir()
    for i in range(30):
        Image.linear_gradient("L").resize((8, 8)).save(folder / f"{i}.png")
    config = small(data=str(folder), batch_size=10, steps=1)
    message = "29 of the 30 pictures are copies of others: a GAN can only learn the 1 that differ"
    assert dict(preflight(config, silent).facts())["warning"] == message
    forgery.train(config, tmp_path / "run", progress=True)
    assert f"warning: {message}" in capsys.readouterr().out
    monkeypatch.setattr(sys, "argv", ["forgery", "data", str(folder), "--device=cpu"])
    for i in range(12):
        for copy in "ab":
            Image.new("L", (8, 8), 100 + i).save(folder / f"{i}{copy}.png")
    with pytest.raises(SystemExit):
        main()
    out = capsys.readouterr().out
    assert out.count("equal  ") == 11
    assert "equal      … and 3 more groups" in out


def test_a_warning_for_a_small_dataset_gives_the_epochs_of_a_full_run(tmp_path):
    np.save(tmp_path / "few.npy", np.random.default_rng(0).integers(0, 256, (600, 8, 8), np.uint8))
    config = small(data=str(tmp_path / "few.npy"), batch_size=20, epochs=2)
    facts = dict(preflight(config, silent).facts())
    message = "Small dataset: 2 epochs is only 60 steps; use --epochs 3000 for a full run"
    assert facts["short"] == message
    assert "(1 thread)" in facts["time"]


def test_an_array_of_copies_is_warned_of(tmp_path, capsys):
    images = np.zeros((30, 8, 8), np.uint8)
    images[0, 0, 0] = 255
    np.save(tmp_path / "same.npy", images)
    told = "28 of the 30 pictures are copies of others: a GAN can only learn the 2 that differ"
    config = small(data=str(tmp_path / "same.npy"), batch_size=10, steps=1)
    forgery.train(config, tmp_path / "run", progress=True)
    assert f"warning: {told}" in capsys.readouterr().out
    assert ("warning", told) in preflight(config, silent).facts()


def test_steps_are_timed_on_a_part_of_the_frozen_features(photos, monkeypatch):
    config = recipes.pictures(
        data=str(photos), image_size=16, g_width=4, d_width=4, batch_size=4, minutes=1, threads=1
    )
    seen = []
    forward = Projection.forward

    def counted(self, images):
        seen.append(len(images))
        return forward(self, images)

    monkeypatch.setattr(Projection, "forward", counted)
    whole = preflight(config)
    assert max(seen) == len(whole.dataset)
    seen.clear()
    monkeypatch.setattr(preflight_module, "TIMED", 4)
    part = preflight(config)
    assert part.features == whole.features
    assert max(seen) == 4
