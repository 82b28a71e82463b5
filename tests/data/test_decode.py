import contextlib
import io
import logging
import struct
import warnings
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from forgery import ForgeryError
from forgery.data.decode import Rejected, careful_pillow, decode, header
from forgery.data.settings import FITS, Form, ImageSettings, choose_size

quick = settings(max_examples=60, deadline=None)


def encoded(image: Image.Image, kind: str = "PNG", **options) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def ramp(*shape: int) -> np.ndarray:
    return (np.arange(np.prod(shape)) * 7 % 256).astype(np.uint8).reshape(shape)


def as_they_are(channels: int, size: int = 8) -> Form:
    return Form((size, size), channels, "crop", "white")


@pytest.mark.parametrize("kind", ["PNG", "BMP", "PPM", "TIFF", "WEBP", "GIF"])
def test_a_picture_of_the_target_size_keeps_its_pixels(kind):
    pixels = ramp(8, 8, 3) // 16 * 16 if kind != "GIF" else np.full((8, 8, 3), 48, np.uint8)
    lossless = {"lossless": True, "exact": True} if kind == "WEBP" else {}
    made, about = decode(encoded(Image.fromarray(pixels), kind, **lossless), as_they_are(3))
    np.testing.assert_array_equal(made, pixels.transpose(2, 0, 1))
    assert about.format == kind
    assert about.size == (8, 8)


def test_grey_to_rgb_and_back():
    grey = ramp(8, 8)
    made, about = decode(encoded(Image.fromarray(grey)), as_they_are(3))
    np.testing.assert_array_equal(made, np.stack([grey] * 3))
    assert about.grey
    again, _ = decode(encoded(Image.fromarray(made.transpose(1, 2, 0))), as_they_are(1))
    np.testing.assert_array_equal(again[0], grey)


def test_the_brightest_level_of_pictures_of_several_channels_of_16_bits():
    """Pillow keeps the high byte; it does not write such files."""
    rows = b"".join(b"\0" + struct.pack(">3H", 15 << 8, 0, 3) * 4 for _ in range(4))
    made, about = decode(png(4, 4, 16, 2, rows), as_they_are(3, 4))
    assert about.brightest == 4095
    assert made[:, 0, 0].tolist() == [15, 0, 0]
    assert not decode(encoded(Image.fromarray(ramp(4, 4, 3))), as_they_are(3, 4))[1].brightest


def png(width, height, depth, colour, rows):
    """A PNG file of given rows."""

    def chunk(kind, content):
        check = zlib.crc32(kind + content)
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", check)

    head = struct.pack(">2I5B", width, height, depth, colour, 0, 0, 0)
    parts = chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + parts


def test_a_grey_picture_is_padded_with_a_colour():
    form = Form((8, 8), 3, "pad", "red")
    made, _ = decode(encoded(Image.new("L", (8, 4), 90)), form)
    assert made[:, 0, 0].tolist() == [255, 0, 0]
    assert made[:, 4, 4].tolist() == [90, 90, 90]


def test_threads_that_decode_at_once_restore_the_settings_of_pillow():
    log = logging.getLogger("PIL")
    before = log.level, len(warnings.filters)
    first, second = careful_pillow(), careful_pillow()
    first.__enter__()
    second.__enter__()
    first.__exit__(None, None, None)  # the second is still decoding
    assert log.level > logging.CRITICAL
    second.__exit__(None, None, None)
    assert (log.level, len(warnings.filters)) == before


def test_sixteen_bits_are_divided_by_257():
    values = np.array([[0, 128, 129, 257], [300, 32768, 65534, 65535]] * 2, np.uint16)
    expected = [[0, 0, 1, 1], [1, 128, 255, 255]] * 2
    for kind in ("PNG", "TIFF"):
        made, about = decode(encoded(Image.fromarray(values), kind), as_they_are(1, 4))
        assert made[0].tolist() == expected
        assert about.grey


def tiff(bits: int, white_is_zero: bool, width: int, content: bytes) -> bytes:
    """A grey TIFF of one row, which Pillow does not write."""
    entries = {
        256: width, 257: 1, 258: bits, 259: 1, 262: not white_is_zero, 273: 8, 277: 1, 278: 1,
        279: len(content),
    }  # fmt: skip
    directory = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in entries.items())
    content += b"\0" * (len(content) % 2)
    start = struct.pack("<2sHI", b"II", 42, 8 + len(content))
    return start + content + struct.pack("<H", len(entries)) + directory + b"\0" * 4


def test_tiffs_of_12_bits_and_those_in_which_0_is_white():
    twelve = bytes.fromhex("000 800 fff 001".replace(" ", ""))
    made, about = decode(tiff(12, False, 4, twelve), Form(None, 1, "none", "white"))
    assert made.flatten().tolist() == [0, 128, 255, 0]
    assert about.brightest == 0
    sixteen = struct.pack("<3H", 0, 65535, 257)
    made, about = decode(tiff(16, True, 3, sixteen), Form(None, 1, "none", "white"))
    assert made.flatten().tolist() == [255, 0, 254]
    assert about.brightest == 65535


def test_a_transparent_level_of_16_bits_shows_the_background():
    content = encoded(Image.fromarray(np.array([[0, 257, 514]], np.uint16)), transparency=257)
    made, about = decode(content, Form(None, 3, "none", "#ff8000"))
    assert made[:, 0].T.tolist() == [[0, 0, 0], [255, 128, 0], [2, 2, 2]]
    assert about.brightest == 514


def test_transparency_shows_the_background():
    rgba = np.zeros((8, 8, 4), np.uint8)
    rgba[:, :4] = (10, 20, 30, 255)
    form = Form((8, 8), 3, "crop", "#ff8000")
    made, _ = decode(encoded(Image.fromarray(rgba)), form)
    assert made[:, 0, 0].tolist() == [10, 20, 30]
    assert made[:, 0, 7].tolist() == [255, 128, 0]
    palette = Image.new("P", (8, 8), 1)
    palette.putpalette([10, 20, 30, 40, 50, 60])
    made, _ = decode(encoded(palette, transparency=1), form)
    assert made[:, 0, 0].tolist() == [255, 128, 0]
    made, _ = decode(encoded(palette), form)
    assert made[:, 0, 0].tolist() == [40, 50, 60]
    made, _ = decode(encoded(Image.new("LA", (8, 8), (9, 0))), as_they_are(1))
    assert made.tolist() == np.full((1, 8, 8), 255).tolist()


def test_cmyk_and_one_bit():
    made, about = decode(encoded(Image.new("CMYK", (16, 16), (0, 255, 255, 0)), "JPEG"),
                         as_they_are(3))  # fmt: skip
    assert about.mode == "CMYK"
    assert made[0].min() > 200
    assert made[1:].max() < 60
    made, about = decode(encoded(Image.new("1", (8, 8), 1)), as_they_are(1))
    assert about.grey
    assert made.min() == 255


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_rotation(orientation):
    upright = Image.fromarray(ramp(8, 8, 3))
    back = {2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}  # the Image.Transpose that reverts each
    stored = upright.transpose(Image.Transpose(back[orientation])) if orientation > 1 else upright
    exif = Image.Exif()
    exif[0x0112] = orientation
    made, _ = decode(encoded(stored, exif=exif), as_they_are(3))
    np.testing.assert_array_equal(made, ramp(8, 8, 3).transpose(2, 0, 1))


def test_the_first_frame_of_an_animation():
    frames = [Image.new("L", (8, 8), value) for value in (50, 200)]
    content = encoded(frames[0], "GIF", save_all=True, append_images=frames[1:])
    made, _ = decode(content, as_they_are(1))
    assert made.max() == 50


def test_fits():
    halves = np.zeros((8, 24, 3), np.uint8)
    halves[:, 8:16] = 200  # the middle
    image = encoded(Image.fromarray(halves))
    crop, _ = decode(image, as_they_are(3))
    assert (crop == 200).all()
    pad, _ = decode(image, Form((24, 24), 3, "pad", "#010203"))
    assert pad[:, 0, 0].tolist() == pad[:, 23, 23].tolist() == [1, 2, 3]
    np.testing.assert_array_equal(pad[:, 8:16].transpose(1, 2, 0), halves)
    stretch, _ = decode(image, Form((8, 8), 3, "stretch", "white"))
    assert stretch[0, 4].tolist()[0] < 50 < 150 < stretch[0, 4].tolist()[4]


def test_fits_to_a_rectangle():
    thirds = np.zeros((12, 24, 3), np.uint8)
    thirds[:, 8:16] = 200
    image = encoded(Image.fromarray(thirds))
    crop, _ = decode(image, Form((12, 8), 3, "crop", "white"))
    assert (crop == 200).all()  # the central third, as it is
    crop, _ = decode(image, Form((3, 12), 3, "crop", "white"))
    assert crop.shape == (3, 3, 12)
    assert crop[0, 1].tolist()[0] < 20 < 180 < crop[0, 1].tolist()[6]  # the whole width
    pad, _ = decode(image, Form((16, 24), 3, "pad", "#010203"))
    assert pad[:, 0, 0].tolist() == pad[:, 15, 23].tolist() == [1, 2, 3]
    np.testing.assert_array_equal(pad[:, 2:14].transpose(1, 2, 0), thirds)
    pad, _ = decode(image, Form((12, 30), 3, "pad", "#010203"))
    np.testing.assert_array_equal(pad[:, :, 3:27].transpose(1, 2, 0), thirds)
    stretch, _ = decode(image, Form((5, 8), 3, "stretch", "white"))
    assert stretch.shape == (3, 5, 8)
    assert stretch[0, 4].tolist()[0] < 50 < 150 < stretch[0, 4].tolist()[4]
    kept, _ = decode(image, Form((5, 8), 3, "none", "white"))
    np.testing.assert_array_equal(kept.transpose(1, 2, 0), thirds)


@quick
@given(*[st.integers(1, 400)] * 2, *[st.integers(1, 60)] * 2)
def test_a_crop_is_inside_the_picture_and_has_the_proportions(across, down, height, width):
    boxes = []
    image = Image.new("L", (across, down))
    image.resize = lambda size, resample, box: boxes.append((size, box))
    FITS["crop"](image, (height, width), (0, 0, 0))
    (size, (left, top, right, bottom)) = boxes[0]
    assert size == (width, height)
    assert 0 <= left < right <= across
    assert 0 <= top < bottom <= down
    assert left == 0 or top == 0
    assert (right - left) * height == pytest.approx((bottom - top) * width)
    assert left + right == pytest.approx(across)
    assert top + bottom == pytest.approx(down)


@pytest.mark.parametrize("orientation", [1, 6])
def test_a_rotated_picture_is_upright_before_it_is_measured(orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    content = encoded(Image.fromarray(ramp(8, 12, 3)), exif=exif)
    upright = (8, 12) if orientation == 1 else (12, 8)
    made, about = decode(content, Form(upright, 3, "crop", "white"))
    kept, _ = decode(content, Form(None, 3, "none", "white"))
    assert about.size == upright[::-1]
    np.testing.assert_array_equal(made, kept)


@quick
@given(
    mode=st.sampled_from(["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "YCbCr", "I;16", "I"]),
    width=st.integers(1, 40),
    height=st.integers(1, 40),
    size=st.tuples(st.integers(1, 20), st.integers(1, 20)),
    channels=st.sampled_from([1, 3]),
    fit=st.sampled_from(sorted(FITS)),
)
def test_any_mode_and_size_is_converted_to_the_form(mode, width, height, size, channels, fit):
    if mode in ("I", "I;16"):
        image = Image.fromarray(np.full((height, width), 40_000, np.uint16))
        image = image.convert("I") if mode == "I" else image
    else:
        image = Image.fromarray(ramp(height, width, 3)).convert(mode)
    kind = "TIFF" if mode in ("CMYK", "YCbCr", "I") else "PNG"
    made, about = decode(encoded(image, kind), Form(size, channels, fit, "black"))
    assert made.shape == (channels, *((height, width) if fit == "none" else size))
    assert made.dtype == np.uint8
    assert about.size == (width, height)


def test_a_large_jpeg_is_close_to_full_resolution_decoding():
    smooth = Image.fromarray(ramp(4, 4, 3)).resize((640, 480), Image.Resampling.BICUBIC)
    content = encoded(smooth, "JPEG", quality=95)
    whole = Image.open(io.BytesIO(content)).resize((32, 32), Image.Resampling.LANCZOS,
                                                   box=(80, 0, 560, 480))  # fmt: skip
    made, _ = decode(content, as_they_are(3, 32))
    difference = np.abs(made.transpose(1, 2, 0).astype(int) - np.asarray(whole).astype(int))
    assert difference.mean() < 2


def bomb(width: int, height: int) -> bytes:
    """A small PNG whose header states a large size."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        checksum = zlib.crc32(kind + content)
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", checksum)

    size = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    parts = (chunk(b"IHDR", size), chunk(b"IDAT", zlib.compress(b"\0" * 1000)), chunk(b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "empty"),
        (b"hello", "not a picture"),
        (b"<svg/>", "not a picture"),
        (encoded(Image.fromarray(ramp(64, 64, 3)), "JPEG")[:900], "damaged JPEG: .*truncated"),
        (encoded(Image.fromarray(ramp(64, 64, 3)))[:-100], "damaged PNG"),
        (encoded(Image.fromarray(ramp(64, 64, 3)))[:30], "not a picture|damaged"),
        (bomb(50_000, 50_000), "has more than 89,478,485 pixels"),
        (bomb(10_000, 10_000), "has more than 89,478,485 pixels"),
        (bomb(100, 100), "damaged PNG"),
        (encoded(Image.fromarray(np.ones((8, 8), np.float32)), "TIFF"), "floating-point"),
        (encoded(Image.fromarray(np.full((8, 8), 70_000, np.int32)), "TIFF"), "beyond 65535"),
    ],
    ids=map(str, range(11)),
)
def test_unusable_files_are_rejected_with_a_reason(content, reason):
    with careful_pillow(), pytest.raises(Rejected, match=reason):
        decode(content, as_they_are(3))


@quick
@given(cut=st.integers(0, 400), at=st.integers(0, 400), byte=st.integers(0, 255))
def test_damaged_files_decode_or_are_rejected(cut, at, byte):
    for kind in ("PNG", "JPEG", "GIF", "BMP", "TIFF", "WEBP"):
        content = bytearray(encoded(Image.fromarray(ramp(12, 12, 3)), kind))
        content[at % len(content)] = byte
        content = bytes(content[: len(content) - cut])
        for read in (header, lambda content: decode(content, as_they_are(3))):
            with careful_pillow(), contextlib.suppress(Rejected):
                read(content)


def test_automatic_size():
    assert choose_size([28] * 10) == 28
    assert choose_size([31, 32, 33]) == 32
    assert choose_size([60]) == 56
    assert choose_size([4000]) == 64
    assert choose_size([3]) == 8


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"fit": "crp"}, "unknown fit 'crp': did you mean 'crop'"),
        ({"colour": "gray"}, "unknown colour 'gray': did you mean 'grey'"),
        ({"background": "whit"}, "unknown background 'whit'"),
        ({"size": -1}, "size must be at least 0, not -1"),
        ({"size": (0, 8)}, "height and width of image-size must be at least 1"),
    ],
)
def test_invalid_settings_are_refused(given, message):
    with pytest.raises(ForgeryError, match=message):
        ImageSettings(**given)
