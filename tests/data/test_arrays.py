"""Images in NumPy files, and conversion of arrays to another size or colour."""

import numpy as np
import pytest
import torch

from forgery import ForgeryError, data
from forgery.data import ImageSettings
from forgery.data import arrays as arrays_module
from forgery.data import cache as cache_module

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
def test_dimension_orders(tmp_path, monkeypatch, images, expected, large):
    monkeypatch.setattr(arrays_module, "LARGE", 10 if large else 1 << 30)
    np.save(tmp_path / "a.npy", images)
    dataset = data.load(str(tmp_path / "a.npy"))
    np.testing.assert_array_equal(dataset.values, expected)
    assert bool(dataset.mapping) == large


def test_a_subset_of_mapped_images_is_in_memory(tmp_path, monkeypatch):
    monkeypatch.setattr(arrays_module, "LARGE", 10)
    np.save(tmp_path / "a.npy", GREY)
    some = data.load(str(tmp_path / "a.npy"), limit=3)
    assert some.mapping is None
    assert some.name == "a.npy[3 of 5]"
    rows = data.load(str(tmp_path / "a.npy")).stratified(3)
    np.testing.assert_array_equal(some.values[:, 0], GREY[rows])


def test_npz_with_labels(tmp_path):
    path = tmp_path / "a.npz"
    np.savez(path, images=RGB, labels=np.array([0, 2, 1, 0, 2]))
    dataset = data.load(str(path))
    assert dataset.labels.tolist() == [0, 2, 1, 0, 2]
    assert dataset.classes == ("0", "1", "2")
    np.savez(path, GREY)
    assert data.load(str(path)).shape == (1, 6, 7)
    for labels in (np.zeros(4, int), np.zeros(5), np.full(5, -1), np.full(5, 2**31 - 1)):
        np.savez(path, images=RGB, labels=labels)
        with pytest.raises(ForgeryError, match="labels"):
            data.load(str(path))


def test_transparency_is_composited_over_the_background(tmp_path):
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
        (np.zeros((5, 6, 6), np.complex64), "uint8 of 0 to 255, .* got complex64"),
        (np.zeros((2, 1, 1, 6, 6), np.float32), r"got an array of shape \[2, 1, 1, 6, 6\]"),
        (np.zeros((0, 6, 6), np.uint8), "no images"),
    ],
)
def test_invalid_image_arrays_are_refused(tmp_path, array, message):
    np.save(tmp_path / "a.npy", array)
    with pytest.raises(ForgeryError, match=message):
        data.load(str(tmp_path / "a.npy"))


UNIT = np.array([0, 1, 0.5, 100.4 / 255, 100.6 / 255, 1e-9]).reshape(3, 2, 1)
LEVELS = [0, 255, 128, 100, 101, 0]


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_floats_of_a_known_range_are_images(tmp_path, dtype):
    path = str(tmp_path / "a.npy")
    np.save(path, UNIT.astype(dtype))
    assert data.load(path).values.flatten().tolist() == LEVELS
    np.save(path, (2 * UNIT - 1).astype(dtype))
    signed = data.load(path).values.flatten().tolist()
    assert signed == LEVELS
    levels = np.arange(256).reshape(-1, 1, 1)
    np.save(path, (levels / 255).astype(dtype))  # as torchvision's ToTensor leaves pixels
    assert data.load(path).values.flatten().tolist() == list(range(256))
    np.save(path, UNIT > 0.5)
    assert data.load(path).values.flatten().tolist() == [0, 255, 0, 0, 0, 0]


def test_floats_in_an_npz_with_labels(tmp_path):
    path = str(tmp_path / "a.npz")
    np.savez(path, images=np.repeat(UNIT[..., None], 3, 3), labels=np.array([1, 0, 1]))
    assert data.load(path).shape == (3, 2, 1)
    assert data.load(path).values[0, 2].flatten().tolist() == [0, 255]
    assert data.load(path).labels.tolist() == [1, 0, 1]
    np.savez(path, x=UNIT, y=np.array([1, 0, 1]))
    with pytest.raises(ForgeryError, match=r"2 arrays \(x, y\): expected one .* named images"):
        data.load(path)


@pytest.mark.parametrize(
    ("images", "found", "levels"),
    [
        (np.array([0, 7, 255]), "int64 of 0 to 255", [0, 7, 255]),
        (np.array([0.0, 7.4, 255.0]), "float64 of 0 to 255", [0, 7, 255]),
        (np.array([0, 1, 1]), "int64 of 0 to 1", [0, 255, 255]),
        (np.array([0, 257, 65535], np.uint16), "uint16 of 0 to 65535", [0, 1, 255]),
        (np.array([-128, 0, 127], np.int8), "int8 of -128 to 127", [0, 128, 255]),
        (np.array([0, 0.5, 1.001]), "float64 of 0 to 1.001", [0, 127, 255]),
        (np.array([0, 0, 1 + 1e-7], np.float32), "float32 of 0 to 1.00000012", [0, 0, 255]),
        (np.array([-3, 0, 3], np.float32), "float32 of -3 to 3", [0, 128, 255]),
        (np.array([0, np.nan, 1]), "float64 with NaN or infinity", [0, 0, 255]),
        (np.array([-np.inf, np.inf, 1]), "float64 with NaN or infinity", [0, 255, 255]),
    ],
    ids=str,
)
def test_other_ranges_are_refused_with_a_converting_expression(tmp_path, images, found, levels):
    images = images.reshape(3, 1, 1)
    path = str(tmp_path / "a.npy")
    np.save(path, images)
    with pytest.raises(ForgeryError, match="uint8 of 0 to 255, or floats of 0 to 1") as refused:
        data.load(path)
    assert found in str(refused.value)
    expression = str(refused.value).split(": ")[-1]
    np.save(path, eval(expression, {"np": np, "images": images}))
    assert data.load(path).values.flatten().tolist() == levels


@pytest.mark.parametrize("order", ["C", "F"])
def test_a_large_file_of_floats_is_converted_in_parts_and_mapped(
    tmp_path, monkeypatch, cache, order
):
    path = str(tmp_path / "a.npy")
    np.save(path, np.asarray(RGB / 255, np.float32, order=order))
    expected = data.load(path)
    assert expected.mapping is None
    for module in (arrays_module, cache_module):
        monkeypatch.setattr(module, "LARGE", 10)
    monkeypatch.setattr(arrays_module, "CONVERTED_BYTES", 2 * 4 * 6 * 7 * 3)  # two images
    sizes, convert = [], np.rint
    monkeypatch.setattr(np, "rint", lambda part: sizes.append(len(part)) or convert(part))
    large = data.load(path)
    assert sizes == [2, 2, 1]
    assert large.mapping
    assert large.values.equal(expected.values)
    assert large.fingerprint == expected.fingerprint
    assert data.load(path).values.equal(expected.values)
    assert sizes == [2, 2, 1]  # it was found in the cache
    assert len(list(cache.glob("*.npy"))) == 1
    np.save(path, np.asarray(RGB / 100, np.float32))
    with pytest.raises(ForgeryError, match="float32 of 0 to 2"):
        data.load(path)
    assert len(list(cache.glob("*.tmp"))) == 0
    np.save(path, np.asarray(RGB / 255, np.float64))
    monkeypatch.setenv("FORGERY_CACHE", str(tmp_path / "a.npy"))
    with pytest.raises(ForgeryError, match=r"cannot write to .*FORGERY_CACHE"):
        data.load(path)


def test_two_dimensional_arrays_are_points(tmp_path):
    np.save(tmp_path / "a.npy", np.arange(10, dtype=np.uint8).reshape(5, 2))
    assert data.load(str(tmp_path / "a.npy")).kind == "points"
    with pytest.raises(ForgeryError, match="the data are points"):
        data.load(str(tmp_path / "a.npy"), settings=ImageSettings(size=8))


def test_image_arrays_are_converted_to_another_size_or_colour():
    digits = data.load("mnist", "test")
    assert data.load("mnist", "test", ImageSettings(28, colour="grey")).values.equal(digits.values)
    red = data.load("mnist", "test", ImageSettings(colour="rgb"))
    assert red.shape == (3, 28, 28)
    assert red.values[:, 2].equal(digits.values[:, 0])
    large = data.load("mnist", "test", ImageSettings(32))
    assert large.shape == (1, 32, 32)
    assert large.labels.equal(digits.labels)
    assert large.fingerprint != digits.fingerprint
    wide = data.load("mnist", "test", ImageSettings("28x40", "pad", background="white"))
    assert wide.shape == (1, 28, 40)
    assert wide.values[:, :, :, 6:-6].equal(digits.values)
    assert (wide.values[:, :, :, :6] == 255).all()
    assert data.load("mnist", "test", ImageSettings(28, "none")).values.equal(digits.values)
    with pytest.raises(ForgeryError, match="28 × 28, which contradicts --image-size 20x28"):
        data.load("mnist", "test", ImageSettings((20, 28), "none"))


def test_load_beside_matches_size_and_colour(tmp_path):
    like = data.load("mnist", "test", ImageSettings(8, colour="rgb"))
    np.save(tmp_path / "a.npy", GREY)
    beside = data.load_beside(str(tmp_path / "a.npy"), "train", like)
    assert beside.shape == like.shape
    assert beside.values.dtype == torch.uint8
    flat = data.load("mnist", "test", ImageSettings("6x9"))
    assert data.load_beside(str(tmp_path / "a.npy"), "train", flat).shape == (1, 6, 9)


def test_values_rounded_below_0_are_black(tmp_path):
    path = str(tmp_path / "a.npy")
    np.save(path, np.array([-6e-8, 0, 1], np.float32).reshape(3, 1, 1))
    assert data.load(path).values.flatten().tolist() == [0, 0, 255]
    for low in (-0.4, -0.01):
        images = np.array([low, 0, 1]).reshape(3, 1, 1)
        np.save(path, images)
        with pytest.raises(ForgeryError, match=f"{low} to 1, which may be either") as refused:
            data.load(path)
        np.save(path, eval(str(refused.value).split(": ")[-1], {"np": np, "images": images}))
        assert data.load(path).values.flatten().tolist()[1:] == [128, 255]


def test_a_mapped_file_is_closed_before_it_is_renamed(tmp_path, monkeypatch, cache, mapped_files):
    np.save(tmp_path / "a.npy", np.asarray(RGB / 255, np.float32))
    for module in (arrays_module, cache_module):
        monkeypatch.setattr(module, "LARGE", 10)
    data.load(str(tmp_path / "a.npy"))
    assert mapped_files == [False, False]
