"""Animations as mp4."""

import numpy as np
import pytest
from PIL import Image

from forgery import ForgeryError
from forgery.plots import films

ffmpeg = pytest.importorskip("imageio_ffmpeg")


def frames_of(path) -> tuple[dict, list[np.ndarray]]:
    """The properties of a film, and its frames ``[H, W, 3]``."""
    reader = ffmpeg.read_frames(str(path))
    about = next(reader)
    width, height = about["size"]
    return about, [np.frombuffer(f, np.uint8).reshape(height, width, 3) for f in reader]


def test_pixels_are_squares_of_the_right_colours_for_the_right_time(tmp_path):
    """Two frames of 3 × 3 random pixels, far apart in colour."""
    random = np.random.default_rng(0)
    pixels = random.integers(0, 256, (2, 3, 3, 3), dtype=np.uint8)
    pictures = [Image.fromarray(frame) for frame in pixels]
    films.write_film(pictures, [120, 2000], tmp_path / "x.mp4")
    about, frames = frames_of(tmp_path / "x.mp4")
    assert (about["codec"], about["pix_fmt"].partition("(")[0]) == ("h264", "yuv420p")
    assert (about["fps"], about["size"]) == (25, (480, 480))
    assert len(frames) == 3 + 50
    for frame, expected in ((frames[1], pixels[0]), (frames[-1], pixels[1])):
        middles = frame[80::160, 80::160].astype(int)
        assert abs(middles - expected).max() <= 12


@pytest.mark.parametrize("size", [(7, 481), (301, 5), (33, 17)])
def test_odd_sizes_get_a_margin_of_one_pixel(tmp_path, size):
    films.write_film([Image.new("L", size, 200)] * 2, [40, 40], tmp_path / "x.mp4")
    about, frames = frames_of(tmp_path / "x.mp4")
    times = max(1, round(480 / max(size)))
    expected = tuple(side * times + side * times % 2 for side in size)
    assert about["size"] == expected
    assert abs(frames[0][: size[1], : size[0]].astype(int) - 200).max() <= 3


def test_a_failure_of_ffmpeg_is_reported_and_leaves_nothing(tmp_path):
    (tmp_path / "x.mp4").mkdir()
    with pytest.raises((ForgeryError, OSError)):
        films.write_film([Image.new("L", (8, 8))], [40], tmp_path / "x.mp4")
    with pytest.raises(ForgeryError, match="ffmpeg failed"):
        films.write_film([Image.new("L", (8, 8))], [40], tmp_path / "nowhere" / "x.mp4")
    assert [path.name for path in tmp_path.iterdir()] == ["x.mp4"]
