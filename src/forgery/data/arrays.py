"""Images in NumPy files, and conversion of image arrays to another size or colour."""

import zipfile
from dataclasses import replace
from pathlib import Path
from typing import IO

import numpy as np
import torch
from PIL import Image

from ..errors import ForgeryError
from ..sizes import in_words
from ..user_cache import cache_folder
from . import cache
from .cache import LARGE
from .dataset import Dataset, mapping_of
from .decode import prepare
from .listing import stamp
from .points import NUMPY_DAMAGE
from .settings import COLOURS, Form, ImageSettings

#: Grey, RGB, RGBA.
CHANNELS = (1, 3, 4)
#: Floats in [0, 1] may have been rounded to slightly less than 0, as by resizing. Floats in [-1, 1]
#: have at least one value below the second number.
ROUNDED, NEGATIVE = -1e-3, -0.5
#: Bytes of an array that are converted to uint8 at a time (64 MiB).
CONVERTED_BYTES = 1 << 26


def is_image_array(path: Path) -> bool:
    """Whether a .npy or .npz file contains images: an array of three or four dimensions.

    Only the header is read. In an .npz file, images are the only array or the one named ``images``.
    """
    try:
        if path.suffix.lower() == ".npy":
            with open(path, "rb") as file:
                shape = _shape(file)
        elif path.suffix.lower() == ".npz":
            with zipfile.ZipFile(path) as zipped:
                names = [Path(name).stem for name in zipped.namelist()]
                name = "images" if "images" in names else names[0]
                with zipped.open(f"{name}.npy") as member:
                    shape = _shape(member)
                if len(names) > 1 and name != "images":
                    return False
        else:
            return False
    except (*NUMPY_DAMAGE, LookupError):
        return False  # reading the file later reports what is wrong with it
    return len(shape) in (3, 4)


def load_image_array(path: Path, settings: ImageSettings) -> Dataset:
    """Load images ``[N, H, W]``, ``[N, H, W, C]`` or ``[N, C, H, W]`` from a .npy or .npz file.

    Values are uint8 from 0 to 255, floats from 0 to 1 or from -1 to 1 (if any is negative), or
    bool. C is 1, 3 or 4 (RGBA, composited over the background). An .npz file may contain integer
    ``labels`` ``[N]`` besides ``images``. A large .npy file is memory-mapped; if it is not uint8,
    its images are stored in the cache as uint8.

    Raises
    ------
    ForgeryError
        The file cannot be read, or does not contain such arrays.
    """
    labels = None
    try:
        if path.suffix.lower() == ".npy":
            mapped = np.load(path, mmap_mode="c", allow_pickle=False)
            images = mapped if mapped.nbytes > LARGE else np.array(mapped)
        else:
            with np.load(path, allow_pickle=False) as content:
                name = "images" if "images" in content.files else content.files[0]
                images = content[name]
                labels = content["labels"] if "labels" in content.files else None
    except NUMPY_DAMAGE as error:
        raise ForgeryError(f"cannot read {path} as a NumPy file: {error}") from error
    images = _as_levels(path, _channels_first(path, images))
    if not isinstance(images, np.memmap):
        images = np.ascontiguousarray(images)
    if labels is not None and (labels.shape != images.shape[:1] or labels.dtype.kind not in "iu"):
        raise ForgeryError(
            f"{path}: expected integer labels [{len(images)}], one per image, "
            f"got {labels.dtype} {list(labels.shape)}"
        )
    if images.shape[1] == 4:
        images = _each(images, Form(None, 3, settings.fit, settings.background))
    dataset = Dataset(
        path.name,
        torch.from_numpy(images),
        None if labels is None else torch.from_numpy(labels.astype(np.int64)),
        mapping=mapping_of(images),
    )
    return adapted(dataset, settings)


def adapted(dataset: Dataset, settings: ImageSettings) -> Dataset:
    """Convert the images of a data set to the size and colour in ``settings``, if any are given.

    Raises
    ------
    ForgeryError
        The data are points, or images of another size that fit ``none`` does not convert.
    """
    if not settings.size and COLOURS[settings.colour] is None:
        return dataset
    if dataset.kind == "points":
        raise ForgeryError(
            f"{dataset.name}: --image-size and --colour apply to images, but the data are points"
        )
    channels, height, width = dataset.shape
    form = Form(
        settings.sides, COLOURS[settings.colour] or channels, settings.fit, settings.background
    )
    if form.channels == channels and form.size in (None, (height, width)):
        return dataset
    if form.fit == "none" and form.size not in (None, (height, width)):
        raise ForgeryError(
            f"{dataset.name}: --fit none keeps images as they are, {in_words((height, width))}, "
            f"which contradicts --image-size {settings.size}: leave it out, or give --fit crop, "
            "pad or stretch"
        )
    values = _each(dataset.values.numpy(), form)
    return replace(dataset, values=torch.from_numpy(values), known_fingerprint=None, mapping=None)


def _each(images: np.ndarray, form: Form) -> np.ndarray:
    """Convert images ``[N, C, H, W]`` to a form, one after the other."""
    pictures = (
        Image.fromarray(np.ascontiguousarray(i[0] if len(i) == 1 else i.transpose(1, 2, 0)))
        for i in images
    )
    rows = [prepare(picture, form) for picture in pictures]
    size = form.size or images.shape[2:]
    return np.stack(rows) if rows else np.zeros((0, form.channels, *size), np.uint8)


def _channels_first(path: Path, images: np.ndarray) -> np.ndarray:
    if images.ndim == 3:
        return images[:, None]
    first, last = images.shape[1] in CHANNELS, images.shape[3] in CHANNELS
    if first and last:
        raise ForgeryError(
            f"{path}: shape {list(images.shape)} is ambiguous, it may be [N, C, H, W] or "
            "[N, H, W, C]: the second and the last dimension could both be channels"
        )
    if not (first or last):
        raise ForgeryError(
            f"{path}: expected images [N, H, W], [N, H, W, C] or [N, C, H, W] with 1, 3 or 4 "
            f"channels, got {list(images.shape)}"
        )
    return images if first else np.moveaxis(images, 3, 1)


def _as_levels(path: Path, images: np.ndarray) -> np.ndarray:
    """Convert images to uint8, 0 to 255; those of a large mapped file into a file in the cache."""
    if images.dtype == np.uint8:
        return images
    if not isinstance(images, np.memmap) or images.size <= LARGE:
        levels = np.empty(images.shape, np.uint8)
        _convert(path, images, levels)
        return levels
    slot = cache.Slot(cache_folder() / "images", cache.key_of("array", stamp(path)))
    with slot.building():
        if slot.read() is None:
            whole = slot.temporary()
            try:
                levels = cache.new_pixels(whole, images.shape)
                _convert(path, images, levels)
                levels.flush()  # type: ignore[attr-defined]
                del levels  # Windows does not rename a file that is mapped
                slot.write(whole, {"shape": list(images.shape)})
            except OSError as error:
                raise cache.cannot_write(slot.folder, error) from error
        found = slot.read()
    if found is None:
        raise ForgeryError(f"{slot.pixels} was written but cannot be read back")
    return found[0]


def _convert(path: Path, images: np.ndarray, levels: np.ndarray) -> None:
    """Convert images ``[N, …]`` of any dtype into uint8 ``levels`` of the same shape, in parts."""
    step = max(1, CONVERTED_BYTES // max(1, images[:1].nbytes))
    parts = [slice(start, start + step) for start in range(0, len(images), step)]
    scale, offset = _scale(path, images, parts)
    for part in parts:
        values = images[part].astype(np.float64) * scale + offset
        levels[part] = np.rint(values).clip(0, 255)


def _scale(path: Path, images: np.ndarray, parts: list[slice]) -> tuple[float, float]:
    """Return (a, b) such that a·value + b is in 0 to 255, or rounds to it.

    Raises
    ------
    ForgeryError
        The range is ambiguous; the message has a NumPy expression that converts the values.
    """
    if images.dtype == np.bool_ or not images.size:
        return 255, 0
    expected = f"{path}: expected uint8 of 0 to 255, or floats of 0 to 1 or of -1 to 1, got"
    if images.dtype.kind not in "fiu":
        raise ForgeryError(f"{expected} {images.dtype}")
    low = float(np.min([images[part].min() for part in parts]))
    high = float(np.max([images[part].max() for part in parts]))
    if not np.isfinite([low, high]).all():
        raise ForgeryError(
            f"{expected} {images.dtype} with NaN or infinity. To replace those: "
            "np.nan_to_num(images, nan=0, posinf=1, neginf=0)"
        )
    if images.dtype.kind == "f" and low >= -1 and high <= 1:
        if low > ROUNDED:
            return 255, 0
        if low < NEGATIVE:
            return 127.5, 127.5
        raise ForgeryError(
            f"{expected} {images.dtype} of {low:.9g} to {high:.9g}, which may be either. To "
            "convert it if black is -1 (if black is 0, put 0 in its place): "
            "np.interp(images, (-1, 1), (0, 255)).round().astype(np.uint8)"
        )
    convert = f"np.interp(images, ({low:.9g}, {high:.9g}), (0, 255)).round().astype(np.uint8)"
    if low >= 0 and high <= 255 and not 0 < high < 2:
        convert = "images.round().astype(np.uint8)"
    raise ForgeryError(
        f"{expected} {images.dtype} of {low:.9g} to {high:.9g}. To convert that range: {convert}"
    )


def _shape(file: IO[bytes]) -> tuple[int, ...]:
    version = np.lib.format.read_magic(file)
    read = np.lib.format.read_array_header_1_0
    if version != (1, 0):
        read = np.lib.format.read_array_header_2_0
    shape: tuple[int, ...] = read(file)[0]
    return shape
