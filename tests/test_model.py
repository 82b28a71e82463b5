"""Trained models: loading, sampling, display in notebooks, and their data."""

import base64
import dataclasses
import html
import io
import re
import shutil

import numpy as np
import pytest
import torch
from PIL import Image

import forgery
from forgery import ForgeryError, sample_files


def save(samples, out):
    sample_files.save_samples(samples.split(4), len(samples), samples.shape[1:], out)


def test_samples(tiny, tmp_path):
    trained = forgery.train(tiny, tmp_path / "run")
    model = forgery.load(tmp_path / "run")
    images = model.sample(10, seed=3)
    assert images.shape == (10, 1, 28, 28)
    assert torch.equal(images, trained.sample(10, seed=3))
    assert torch.allclose(model.sample(600, seed=3)[:10], images, atol=1e-6)
    assert not torch.equal(model.sample(10, seed=4), images)
    with pytest.raises(ForgeryError, match="seed must be at least 0, not -1"):
        model.sample(10, seed=-1)
    with pytest.raises(ForgeryError, match="at least 1"):
        model.sample(0)

    save(images, tmp_path / "a.npz")
    saved = np.load(tmp_path / "a.npz")["images"]
    assert saved.shape == (10, 1, 28, 28)
    assert saved.dtype == np.uint8
    save(images, tmp_path / "folder")
    assert len(list((tmp_path / "folder").glob("*.png"))) == 10
    with Image.open(tmp_path / "folder" / "000003.png") as opened:
        assert np.array_equal(np.asarray(opened), saved[3, 0])
    with pytest.raises(ForgeryError, match=r"use \.png"):
        save(images, tmp_path / "a.txt")
    with pytest.raises(ForgeryError, match="cannot write"):
        save(images, tmp_path / "absent" / "a.png")


def test_points_are_trained_on_sampled_and_measured(tmp_path):
    table = tmp_path / "mine.csv"
    generator = torch.Generator().manual_seed(0)
    points = torch.randn(400, 3, generator=generator) * torch.tensor([1.0, 50.0, 0.1]) + 7
    table.write_text("".join(",".join(map(str, row)) + "\n" for row in points.tolist()))
    config = forgery.recipes.points(
        data=str(table), g_width=8, d_width=8, steps=4, report_every=2, sample_every=2, device="cpu"
    )
    config = config.replace(batch_size=50)
    trained = forgery.train(config, tmp_path / "run")
    drawn = trained.sample(5, seed=1)
    assert drawn.shape == (5, 3)
    model = forgery.load(tmp_path / "run")
    assert torch.equal(model.sample(5, seed=1), drawn)
    # In the units of the table, whose columns have widths of 1, 50 and 0.1.
    spread = model.sample(1000).std(0)
    assert spread[1] > 10 * spread[0] > 10 * spread[2]
    with Image.open(tmp_path / "run/samples/00000004.png") as picture:
        assert picture.size == (320, 320)
    for name in ("points.csv", "points.npz", "points.png"):
        save(drawn, tmp_path / name)
    table = torch.tensor([[float(x) for x in line.split(",")] for line in
                          (tmp_path / "points.csv").read_text().splitlines()])  # fmt: skip
    torch.testing.assert_close(table, drawn)
    with pytest.raises(ForgeryError, match=r"use .png, .npz, or .csv"):
        save(drawn, tmp_path / "folder")


def test_the_best_step_of_a_run_without_tracking(tiny, tmp_path):
    forgery.train(tiny, tmp_path / "run")
    with pytest.raises(ForgeryError, match="has no best step"):
        forgery.load(tmp_path / "run", step="best")


def test_the_random_state_of_the_caller_is_kept(tiny, tmp_path):
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    model = forgery.train(tiny, tmp_path / "run")
    model.sample(3)
    assert torch.equal(torch.rand(3), expected)


def test_a_notebook_shows_samples_and_a_caption(tiny, tmp_path):
    model = forgery.train(tiny.replace(steps=1), tmp_path / "run")
    with Image.open(io.BytesIO(model._repr_png_())) as picture:
        assert picture.size == (4 * 30 + 2, 4 * 30 + 2)  # 16 digits
        drawn = np.asarray(picture)[2:30, 2:30]
    expected = model.sample(1)[0, 0].add(1).mul(127.5).round().numpy()
    assert np.abs(drawn - expected).max() <= 1
    page = model._repr_html_()
    encoded = re.search(r'src="data:image/png;base64,([^"]+)"', page).group(1)
    assert base64.b64decode(encoded) == model._repr_png_()
    assert f"width: {2 * (4 * 30 + 2)}px" in page  # twice as large
    assert f"<figcaption>{html.escape(repr(model))}</figcaption>" in page


def test_the_logits_of_single_samples(tiny, tmp_path):
    model = forgery.train(tiny, tmp_path / "run")
    images = model.sample(7)
    logits = model.logits(images)
    assert logits.shape == (7,)
    assert torch.allclose(model.logits(images[3:4]), logits[3:4], atol=1e-5)
    assert torch.allclose(model.logits(images, torch.zeros(7, dtype=torch.int64)), logits)

    class InPlaces(torch.nn.Linear):  # as the projected D, which judges an image in several places
        def forward(self, x):
            return super().forward(x.flatten(1))

    places = InPlaces(784, 3)
    several = dataclasses.replace(model, discriminator=places)
    assert torch.allclose(several.logits(images), places(images).mean(1), atol=1e-5)


def test_the_logits_of_a_conditional_discriminator_depend_on_the_class(tiny, tmp_path):
    model = forgery.train(tiny.replace(conditional="concat"), tmp_path / "run")
    images = model.sample(2, classes=["3", "4"])
    of_3, of_4 = (model.logits(images, torch.full((2,), y)) for y in (3, 4))
    assert not torch.allclose(of_3, of_4)
    with pytest.raises(ForgeryError, match="together with its class"):
        model.logits(images)
    for labels in ([0, 1, 2], [3, 10], [-1, 0]):
        with pytest.raises(ForgeryError, match="the classes of 2 samples, each from 0 to 9"):
            model.logits(images, torch.tensor(labels))


def test_classes_of_numpy_and_torch(tiny, tmp_path):
    model = forgery.train(tiny.replace(conditional="concat"), tmp_path / "run")
    expected = model.sample(4, classes=[3, 1])
    for given in (np.array([3, 1]), torch.tensor([3, 1]), [np.int64(3), torch.tensor(1)]):
        assert torch.equal(model.sample(4, classes=given), expected)
    assert torch.equal(model.sample(4, classes=np.int64(3)), model.sample(4, classes="3"))
    with pytest.raises(ForgeryError, match="has no class 12: its classes are 0 to 9"):
        model.sample(4, classes=torch.tensor(12))
    with pytest.raises(ForgeryError, match=r"has no class 1\.5"):
        model.sample(4, classes=[1.5])


def test_a_notebook_shows_a_class_in_each_column(tiny, tmp_path):
    model = forgery.train(tiny.replace(conditional="concat", steps=1), tmp_path / "run")
    with Image.open(io.BytesIO(model._repr_png_())) as picture:
        assert picture.size == (10 * 30 + 2, 4 * 30 + 2)


def test_a_notebook_shows_points(tmp_path):
    config = forgery.recipes.points(g_width=8, d_width=8, steps=1, device="cpu")
    model = forgery.train(config, tmp_path / "run")
    with Image.open(io.BytesIO(model._repr_png_())) as picture:
        assert picture.size == (320, 320)


def test_sampling_needs_neither_the_data_nor_the_run_folder(tmp_path):
    np.save(tmp_path / "mine.npy", np.random.default_rng(0).normal(size=(200, 2)))
    config = forgery.recipes.points(
        data=str(tmp_path / "mine.npy"), g_width=8, d_width=8, steps=1, batch_size=50, device="cpu"
    )
    drawn = forgery.train(config, tmp_path / "run").sample(5)
    (tmp_path / "mine.npy").unlink()
    model = forgery.load(tmp_path / "run")
    shutil.rmtree(tmp_path / "run")
    assert torch.equal(model.sample(5), drawn)
    assert model.units is not None
    assert model.shape == (2,)
