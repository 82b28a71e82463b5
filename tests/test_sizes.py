"""The size of images: the forms in which it is given, and runs on images that are not square."""

import json

import numpy as np
import pytest
import torch
from PIL import Image

import forgery
from forgery import ForgeryError, recipes
from forgery.config import Config
from forgery.data import Dataset
from forgery.resolve import settings_from
from forgery.sizes import as_setting, in_words, sides_of


@pytest.mark.parametrize(
    ("given", "setting", "sides"),
    [
        (0, 0, None),
        ("0", 0, None),
        (32, 32, (32, 32)),
        ("32", 32, (32, 32)),
        ("32x32", 32, (32, 32)),
        ((32, 32), 32, (32, 32)),
        ("48x64", "48x64", (48, 64)),
        (" 48 × 64 ", "48x64", (48, 64)),
        ((48, 64), "48x64", (48, 64)),
        ([48, 64], "48x64", (48, 64)),
        (torch.Size([48, 64]), "48x64", (48, 64)),
    ],
    ids=repr,
)
def test_a_size_is_given_in_several_forms_and_kept_in_one(given, setting, sides):
    assert as_setting(given) == setting
    assert sides_of(given) == sides_of(setting) == sides
    config = recipes.mlp(image_size=given)
    assert config.image_size == setting
    assert Config.from_record(json.loads(json.dumps(config.effective()))) == config


@pytest.mark.parametrize(
    "given",
    ["48x", "x48", "axb", "48x64x3", "4.5", "", "1" * 5000, True, None, 4.5, (4,), (4, 5, 6),
     (4.0, 5), (True, 5), ("4", "5")],
    ids=lambda given: repr(given)[:9],
)  # fmt: skip
def test_what_is_no_size_is_refused(given):
    with pytest.raises(ForgeryError, match="image-size must be height x width, such as 48x64"):
        recipes.mlp(image_size=given)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (-1, "image-size must be at least 0, not -1"),
        (4097, "image-size must be at most 4096, not 4097"),
        ("0x5", "height and width of image-size must be at least 1, not 0x5"),
        ((5, 0), r"height and width of image-size must be at least 1, not \(5, 0\)"),
        ("-3x5", "height and width of image-size must be at least 1, not -3x5"),
        ("4097x5", "height and width of image-size must be at most 4096, not 4097x5"),
    ],
)
def test_sides_out_of_bounds_are_refused(given, message):
    with pytest.raises(ForgeryError, match=message):
        recipes.mlp(image_size=given)


def test_sizes_in_messages_state_their_order_unless_they_are_squares():
    assert in_words((32, 32)) == in_words((1, 32, 32)) == "32 × 32"
    assert in_words((3, 48, 64)) == "48 × 64 (height × width)"


@pytest.mark.parametrize("line", ['"12x20"', "[12, 20]"])
def test_a_toml_file_takes_both_forms(tmp_path, line):
    file = tmp_path / "mine.toml"
    file.write_text(f"image_size = {line}\nfit = 'pad'\nbatch_size = 5")
    config = settings_from("mnist", "mlp", file, {})
    assert (config.image_size, config.fit) == ("12x20", "pad")


def test_the_fit_of_square_images_has_an_effect_for_rectangles_alone():
    wide = recipes.mlp(data="mnist", image_size="28x40", fit="pad", background="black")
    assert wide.effective()["Pictures"] == {
        "image_size": "28x40", "fit": "pad", "colour": "auto", "background": "black",
    }  # fmt: skip
    square = wide.replace(image_size="28x28")
    assert (square.image_size, square.fit, square.background) == (28, "crop", "white")
    with pytest.raises(ForgeryError, match="fit has no effect with data mnist and image-size 28"):
        square.replace(fit="pad")


@pytest.fixture
def photos(tmp_path):
    random = np.random.default_rng(0)
    for i in range(150):
        path = tmp_path / "photos" / "ab"[i % 2] / f"{i}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(random.integers(0, 256, (12, 20, 3), dtype=np.uint8)).save(path)
    return tmp_path / "photos"


TINY = {
    "g_width": 8,
    "d_width": 8,
    "latent": 4,
    "batch_size": 10,
    "steps": 2,
    "report_every": 1,
    "grid": 6,
    "device": "cpu",
    "threads": 1,
}


@pytest.mark.parametrize("changes", [{"fit": "none"}, {"image_size": (12, 20), "flip": True}])
def test_a_run_on_rectangles(photos, tmp_path, changes, monkeypatch):
    monkeypatch.chdir(tmp_path)
    model = forgery.train(photos, "run", recipe="mlp", **TINY, **changes)
    assert model.shape == (3, 12, 20)
    assert model.sample(5).shape == (5, 3, 12, 20)
    for name in ("real.png", "samples/00000002.png"):
        with Image.open(tmp_path / "run" / name) as grid:
            assert grid.size == (3 * 22 + 2, 2 * 14 + 2)
    assert forgery.resume("run", steps=3, **changes).step == 3
    assert forgery.load("run").config.image_size == as_setting(changes.get("image_size", 0))
    with pytest.raises(ForgeryError, match=r"image-size \w+ → 20x12"):
        forgery.resume("run", steps=4, image_size=(20, 12))
    forgery.evaluate("run", samples=10)
    forgery.doctor("run", samples=10)
    straight = forgery.train(photos, "straight", recipe="mlp", **TINY | {"steps": 3}, **changes)
    assert torch.equal(straight.sample(4), forgery.load("run").sample(4))


def test_other_pictures_are_made_like_those_of_a_run_on_rectangles(photos, tmp_path):
    forgery.train(photos, tmp_path / "run", recipe="mlp", image_size="6x15", **TINY)
    (tmp_path / "others").mkdir()
    for i in range(30):
        Image.new("L", (30 + i, 40), 8 * i).save(tmp_path / "others" / f"{i}.png")
    card = forgery.evaluate(tmp_path / "run", samples=10, against=str(tmp_path / "others"))
    assert card.protocol.against.startswith("others[all]")


def test_conditional_networks_and_augmentations_on_rectangles(photos, tmp_path):
    for augment in ("diffaugment", "adaptive"):
        forgery.train(
            photos, tmp_path / augment, recipe="mlp", augment=augment, conditional="concat",
            discriminator="maxout-conv2014", fit="none", generator="deconv2014", **TINY,
        )  # fmt: skip


def test_networks_for_squares_are_refused_before_a_run_is_made(photos, tmp_path):
    with pytest.raises(ForgeryError, match=r"square images .* 12 × 20 \(height × width\): .* mlp"):
        forgery.train(photos, tmp_path / "run", recipe="dcgan", fit="none", **TINY)
    assert not (tmp_path / "run").exists()


def test_a_dataset_from_python_is_taken_as_it_is(tmp_path):
    images = torch.zeros(20, 1, 8, 8, dtype=torch.uint8)
    with pytest.raises(ForgeryError, match="image-size has no effect with data python:mine"):
        forgery.train(Dataset("mine", images), tmp_path / "run", image_size=16, steps=1)
    assert not (tmp_path / "run").exists()
