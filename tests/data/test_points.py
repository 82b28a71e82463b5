import numpy as np
import pytest
import torch

from forgery import ForgeryError, data
from forgery.data.points import parse_points, points_of

ROWS = [[1.0, 100.0], [2.0, 300.0], [4.0, 500.0]]


@pytest.mark.parametrize("suffix", [".csv", ".npy", ".npz"])
def test_points_from_every_format(tmp_path, suffix):
    path = tmp_path / f"mine{suffix}"
    if suffix == ".csv":
        path.write_text("x,y\n" + "".join(f"{x},{y}\n" for x, y in ROWS))
    elif suffix == ".npy":
        np.save(path, np.array(ROWS))
    else:
        np.savez(path, points=np.array(ROWS))
    points = data.load(str(path))
    assert points.values.tolist() == ROWS
    shown = points.to_model(points.values)
    torch.testing.assert_close(shown.mean(0), torch.zeros(2), atol=1e-6, rtol=0)
    torch.testing.assert_close(shown.std(0), torch.ones(2))
    torch.testing.assert_close(points.units.from_model(shown), points.values)
    torch.testing.assert_close(points.mean, torch.zeros(2), atol=1e-6, rtol=0)


def test_one_dimensional_arrays_are_points(tmp_path):
    np.save(tmp_path / "line.npy", np.arange(5))
    assert data.load(str(tmp_path / "line.npy")).shape == (1,)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("1,2\n3,nan\n", r"1 of 2 points contain NaN or infinity, the first is point 2"),
        ("1,2\n3,2\n", r"column 2 has the same value in every row \(2\)"),
        ("1,2\n", "at least 2 points, got 1"),
        ("x,y\n1,2\n3,four\n", r"line 3: expected numbers, got '3, ?four'"),
        ("1,2\n3\n", "line 2: expected 2 numbers as in the lines before, got 1"),
        (
            ",".join("1" * 17) + "\n" + ",".join("2" * 17) + "\n",
            "1 to 16 dimensions, got 17",
        ),
        ("", "no points"),
        ("x,y\n", "no points"),
        ("NA,2\n3,4\n5,6\n", "line 1: expected numbers, got 'NA, 2'"),
        (
            "1,5650000.7\n2,5649999.5\n",
            "column 2 is too far .* by up to .*: subtract 5650000.1",
        ),
    ],
)
def test_invalid_csv_files_are_refused(tmp_path, text, message):
    path = tmp_path / "bad.csv"
    path.write_text(text)
    with pytest.raises(ForgeryError, match=message):
        data.load(str(path))


def test_invalid_numpy_files_are_refused(tmp_path):
    np.savez(tmp_path / "two.npz", a=np.ones(3), b=np.ones(3))
    np.save(tmp_path / "words.npy", np.array(["a", "b"]))
    np.save(tmp_path / "cube.npy", np.zeros((2, 2, 2, 2, 2)))
    (tmp_path / "text.npy").write_text("hello")
    np.savez(tmp_path / "objects.npz", points=np.array([{}, {}], dtype=object))
    whole = (tmp_path / "two.npz").read_bytes()
    (tmp_path / "half.npz").write_bytes(whole[: len(whole) // 2])
    np.save(tmp_path / "open.npy", np.ones((3, 2)))
    header = (tmp_path / "open.npy").read_bytes()
    (tmp_path / "open.npy").write_bytes(header.replace(b"), }", b", }}"))
    np.savez(tmp_path / "images.npz", images=np.zeros((3, 4, 4)), labels=np.arange(3))
    content = (tmp_path / "images.npz").read_bytes()
    at = content.index(b"PK\x01\x02")  # its directory, which states flags and compression
    (tmp_path / "unknown.npz").write_bytes(content[: at + 10] + b"\x63" + content[at + 11 :])
    (tmp_path / "encrypted.npz").write_bytes(content[: at + 8] + b"\x01" + content[at + 9 :])
    for name, message in {
        "two.npz": r"2 arrays \(a, b\): expected one",
        "words.npy": "expected numbers",
        "cube.npy": r"shape \[2, 2, 2, 2, 2\]",
        "text.npy": "as a NumPy file",
        "objects.npz": "as a NumPy file",
        "half.npz": "as a NumPy file",
        "open.npy": "as a NumPy file",
        "unknown.npz": "as a NumPy file: That compression method is not supported",
        "encrypted.npz": "as a NumPy file: .* encrypted",
    }.items():
        with pytest.raises(ForgeryError, match=message):
            data.load(str(tmp_path / name))


def test_a_column_that_float32_does_not_change_may_be_far_from_0():
    metres = parse_points("5650000.5,0\n5649999.5,1\n", "northing")
    assert metres.to_model(metres.values)[:, 0].tolist() == pytest.approx([0.5**0.5, -(0.5**0.5)])


def test_points_in_small_units(tmp_path):
    points = np.random.default_rng(0).normal(size=(100, 2)) * 1.6e-19  # coulomb
    assert points_of(points, "charges").units.scale.tolist() == pytest.approx(
        [1.6e-19] * 2, rel=0.3
    )
    for same in (0.0, 1e-19, 1e9):
        with pytest.raises(ForgeryError, match="column 2 has the same value"):
            points_of(np.stack([points[:, 0], np.full(100, same)], 1), "charges")


def test_column_names_after_empty_lines():
    assert len(parse_points("\n\na,b\n1,2\n3,4\n", "x.csv")) == 2


@pytest.mark.parametrize("separator", [";", "\t", " ", "; "])
def test_other_separators_are_named(separator):
    text = "".join(f"{i}{separator}{i + 1}\n" for i in range(3))
    with pytest.raises(ForgeryError, match="line 1: expected numbers separated by commas"):
        parse_points(text, "x.csv")
