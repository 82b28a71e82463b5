"""Images in NumPy files, and arrays brought to another size or colour."""

import numpy as np
import pytest
import torch

from forgery import ForgeryError, data, recipes
from forgery.data import ImageSettings
from forgery.data import arrays as arrays_module

GREY = np.arange(5 * 6 * 7, dtype=np.uint8).reshape(5, 6, 7)
RGB = np.arange(5 * 6 * 7 * 3, dtype=np.uint8).reshape(5, 6, 7, 3)


@pytest.mark.parametrize(
    ("images", "expected"),
    [
        (GREY, GREY[:, None]),
        (GREY[..., None], GREY[:, None]),
        (GREY[:, None], GREY[:, None]),
        (RGB, RGB.transpose(0, 3, 1, 2)),
        (RGB.transpose(0, 3, 1, 2), RGB.transpose(0, 3, 1, 2)),
    ],
    ids=map(str, range(5)),
)
@pytest.mark.parametrize("large", [False, True])
def test_every_order_of_the_dimensions(tmp_path, monkeypatch, images, expected, large):
    monkeypatch.setattr(arrays_module, "LARGE", 10 if large else 1 << 30)
    np.save(tmp_path / "a.npy", images)
    dataset = data.load(str(tmp_path / "a.npy"))
    np.testing.assert_array_equal(dataset.values, expected)
    assert bool(dataset.mapping) == large
    assert recipes.recipe_for(str(tmp_path / "a.npy")) == "mlp"


def test_a_subset_of_mapped_images_lies_in_memory(tmp_path, monkeypatch):
    monkeypatch.setattr(arrays_module, "LARGE", 10)
    np.save(tmp_path / "a.npy", GREY)
    some = data.load(str(tmp_path / "a.npy"), limit=3)
    assert some.mapping is None
    assert some.name == "a.npy[3 of 5]"
    rows = data.load(str(tmp_path / "a.npy")).stratified(3)
    np.testing.assert_array_equal(some.values[:, 0], GREY[rows])


def test_an_npz_with_labels(tmp_path):
    path = tmp_path / "a.npz"
    np.savez(path, images=RGB, labels=np.array([0, 2, 1, 0, 2]))
    dataset = data.load(str(path))
    assert dataset.labels.tolist() == [0, 2, 1, 0, 2]
    assert dataset.classes == ("0", "1", "2")
    assert recipes.recipe_for(str(path)) == "mlp"
    np.savez(path, GREY)
    assert data.load(str(path)).shape == (1, 6, 7)
    for labels in (np.zeros(4, int), np.zeros(5), np.full(5, -1)):
        np.savez(path, images=RGB, labels=labels)
        with pytest.raises(ForgeryError, match="labels"):
            data.load(str(path))


def test_transparent_pixels_show_the_background(tmp_path):
    rgba = np.zeros((2, 6, 6, 4), np.uint8)
    rgba[0] = (1, 2, 3, 255)
    np.save(tmp_path / "a.npy", rgba)
    dataset = data.load(str(tmp_path / "a.npy"), settings=ImageSettings(background="#040506"))
    assert dataset.values[:, :, 0, 0].tolist() == [[1, 2, 3], [4, 5, 6]]


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.zeros((5, 3, 6, 3), np.uint8), r"may be \[N, C, H, W\] or \[N, H, W, C\]"),
        (np.zeros((5, 6, 6, 5), np.uint8), "1, 3 or 4 channels"),
        (np.zeros((5, 6, 6), np.float32), r"this array has shape \[5, 6, 6\]"),
        (np.zeros((0, 6, 6), np.uint8), "no images"),
    ],
)
def test_arrays_that_are_no_images(tmp_path, array, message):
    np.save(tmp_path / "a.npy", array)
    with pytest.raises(ForgeryError, match=message):
        data.load(str(tmp_path / "a.npy"))


def test_tables_stay_points(tmp_path):
    np.save(tmp_path / "a.npy", np.arange(10, dtype=np.uint8).reshape(5, 2))
    assert data.load(str(tmp_path / "a.npy")).kind == "points"
    assert recipes.recipe_for(str(tmp_path / "a.npy")) == "points"
    with pytest.raises(ForgeryError, match="are points, which have no image-size"):
        data.load(str(tmp_path / "a.npy"), settings=ImageSettings(size=8))


def test_any_images_take_another_size_or_colour():
    digits = data.load("mnist", "test")
    assert data.load("mnist", "test", ImageSettings(28, colour="grey")).values.equal(digits.values)
    red = data.load("mnist", "test", ImageSettings(colour="rgb"))
    assert red.shape == (3, 28, 28)
    assert red.values[:, 2].equal(digits.values[:, 0])
    large = data.load("mnist", "test", ImageSettings(32))
    assert large.shape == (1, 32, 32)
    assert large.labels.equal(digits.labels)
    assert large.fingerprint != digits.fingerprint


def test_other_data_is_made_like_what_it_is_compared_with(tmp_path):
    like = data.load("mnist", "test", ImageSettings(8, colour="rgb"))
    np.save(tmp_path / "a.npy", GREY)
    beside = data.load_beside(str(tmp_path / "a.npy"), "train", like)
    assert beside.shape == like.shape
    assert beside.values.dtype == torch.uint8
