import contextlib
import gzip
import struct

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as st_numpy

from forgery import data
from forgery.data.idx import load_idx, read_idx
from forgery.errors import ForgeryError

quick = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
arrays = st_numpy.arrays(
    np.uint8, st_numpy.array_shapes(min_dims=1, max_dims=4, min_side=0, max_side=6)
)


def idx(array: np.ndarray) -> bytes:
    header = struct.pack(f">HBB{array.ndim}I", 0, 8, array.ndim, *array.shape)
    return header + array.tobytes()


@quick
@given(array=arrays, zipped=st.booleans())
def test_round_trip(tmp_path, array, zipped):
    path = tmp_path / "file"
    path.write_bytes(gzip.compress(idx(array)) if zipped else idx(array))
    np.testing.assert_array_equal(read_idx(path), array)


@quick
@given(array=arrays, cut=st.integers(min_value=1), zipped=st.booleans())
def test_truncated_files_are_refused(tmp_path, array, cut, zipped):
    content = idx(array)
    content = content[: len(content) - 1 - cut % len(content)]
    path = tmp_path / "file"
    path.write_bytes(gzip.compress(content) if zipped else content)
    with pytest.raises(ForgeryError, match=str(path)):
        read_idx(path)


@quick
@given(content=st.binary(max_size=200))
def test_any_bytes_give_an_array_or_a_forgery_error(tmp_path, content):
    path = tmp_path / "file"
    path.write_bytes(content)
    with contextlib.suppress(ForgeryError):
        assert read_idx(path).dtype == np.uint8


@pytest.mark.parametrize(
    # Numbered ids, since parallel workers must agree on the name of a test.
    ("content", "message"),
    [
        (b"\0\0\x0d\x01\0\0\0\x01....", "not an IDX file of unsigned bytes"),
        (b"\0\0\0\x20ftypisom", "not data that forgery reads: expected a folder"),
        (b"\x89PNG\r\n\x1a\n", "not data that forgery reads: expected a folder"),
        (b"\0\0\x08\0", "no dimensions"),
        (b"\0\0\x08\x03\0\0", "truncated header"),
        (b"\0\0\x08\x04" + b"\xff" * 16, "too many for memory"),
        (b"\0\0\x08\x01\0\0\0\x02abc", "states 2 = 2 values, but the file has 3"),
        (b"\x1f\x8b\x08\0rubbish", "damaged gzip"),
        (gzip.compress(b"\0" * 1000, mtime=0)[:-12], "damaged gzip"),
    ],
    ids=map(str, range(8)),
)
def test_invalid_files_are_refused_with_name_and_reason(tmp_path, content, message):
    path = tmp_path / "bad-idx3-ubyte"
    path.write_bytes(content)
    with pytest.raises(ForgeryError, match=message) as caught:
        read_idx(path)
    assert "bad-idx3-ubyte" in str(caught.value)


def test_images_and_labels_must_match(tmp_path):
    images, labels = tmp_path / "a-images-idx3-ubyte", tmp_path / "a-labels-idx1-ubyte"
    pixels = np.arange(3 * 4 * 5, dtype=np.uint8).reshape(3, 4, 5)
    images.write_bytes(idx(pixels))
    labels.write_bytes(idx(np.array([2, 0, 1], np.uint8)))
    dataset = data.load(str(images))  # finds the labels by their name
    assert dataset.shape == (1, 4, 5)
    assert dataset.labels.tolist() == [2, 0, 1]
    assert torch.equal(dataset.values[:, 0], torch.from_numpy(pixels))
    labels.write_bytes(idx(np.array([2, 0], np.uint8)))
    with pytest.raises(ForgeryError, match="one label for each of the 3 images"):
        load_idx(images, labels)
    with pytest.raises(ForgeryError, match="expected images of 3 dimensions"):
        load_idx(labels)


def test_an_empty_set_of_images_is_refused(tmp_path):
    path = tmp_path / "none"
    path.write_bytes(idx(np.zeros((0, 28, 28), np.uint8)))
    with pytest.raises(ForgeryError, match="no images"):
        load_idx(path)
