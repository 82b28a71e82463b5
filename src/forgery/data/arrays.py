"""Images in NumPy files, and images that are arrays already brought to another size or colour."""

import zipfile
from dataclasses import replace
from pathlib import Path
from typing import IO

import numpy as np
import torch
from PIL import Image

from ..errors import ForgeryError
from .cache import LARGE
from .dataset import Dataset, mapping_of
from .decode import prepare
from .settings import COLOURS, Form, ImageSettings

#: Grey, RGB, RGBA.
CHANNELS = (1, 3, 4)


def is_image_array(path: Path) -> bool:
    """Whether a .npy or .npz file holds images: uint8 of three or four dimensions.

    Only the header is read. In an .npz they are its one array, or the one named ``images``.
    """
    try:
        if path.suffix.lower() == ".npy":
            with open(path, "rb") as file:
                shape, dtype = _header(file)
        elif path.suffix.lower() == ".npz":
            with zipfile.ZipFile(path) as zipped:
                names = [Path(name).stem for name in zipped.namelist()]
                name = "images" if "images" in names else names[0]
                with zipped.open(f"{name}.npy") as member:
                    shape, dtype = _header(member)
                if len(names) > 1 and name != "images":
                    return False
        else:
            return False
    except (OSError, ValueError, EOFError, KeyError, IndexError, zipfile.BadZipFile):
        return False  # not such a file: whoever reads it says what is wrong with it
    return dtype == np.uint8 and len(shape) in (3, 4)


def load_image_array(path: Path, settings: ImageSettings) -> Dataset:
    """The images in a .npy or .npz file: uint8 [N, H, W], [N, H, W, C] or [N, C, H, W].

    C is 1, 3 or 4 (RGBA, put over the background). An .npz may hold ``labels``, integers [N],
    beside ``images``. A large .npy file is memory-mapped.

    Raises
    ------
    ForgeryError
        Naming the file and what is wrong.
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
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise ForgeryError(f"cannot read {path} as a NumPy file: {error}") from error
    images = _channels_first(path, images)
    if labels is not None and (labels.shape != images.shape[:1] or labels.dtype.kind not in "iu"):
        raise ForgeryError(
            f"{path}: expected one whole number for each of the {len(images)} images as labels, "
            f"found {labels.dtype} {list(labels.shape)}"
        )
    if labels is not None and len(labels) and not 0 <= labels.min() <= labels.max() < 2**31:
        raise ForgeryError(f"{path}: labels must be 0 or more, found {labels.min()}")
    if images.shape[1] == 4:
        images = _each(images, Form(0, 3, settings.fit, settings.background))
    dataset = Dataset(
        path.name,
        torch.from_numpy(images),
        None if labels is None else torch.from_numpy(labels.astype(np.int64)),
        () if labels is None else tuple(str(i) for i in range(int(labels.max(initial=0)) + 1)),
        mapping=mapping_of(images),
    )
    return adapted(dataset, settings)


def adapted(dataset: Dataset, settings: ImageSettings) -> Dataset:
    """Images that are arrays already, in the size and colour asked for; as they are if neither is.

    Raises
    ------
    ForgeryError
        For points, or images that are neither grey nor RGB.
    """
    if not settings.size and COLOURS[settings.colour] is None:
        return dataset
    if dataset.kind == "points":
        raise ForgeryError(f"{dataset.name} are points, which have no image-size and no colour")
    channels, height, width = dataset.shape
    form = Form(
        settings.size, COLOURS[settings.colour] or channels, settings.fit, settings.background
    )
    if form.channels == channels and settings.size in (0, height) and settings.size in (0, width):
        return dataset
    if channels not in (1, 3):
        raise ForgeryError(
            f"{dataset.name}: images of {channels} channels cannot be given another size or colour"
        )
    values = _each(dataset.values.numpy(), form)
    return replace(dataset, values=torch.from_numpy(values), known_fingerprint=None, mapping=None)


def _each(images: np.ndarray, form: Form) -> np.ndarray:
    """``[N, C, H, W]`` of any size in the form asked for, one after the other."""
    pictures = (
        Image.fromarray(np.ascontiguousarray(i[0] if len(i) == 1 else i.transpose(1, 2, 0)))
        for i in images
    )
    rows = [prepare(picture, form) for picture in pictures]
    size = (form.size or images.shape[2], form.size or images.shape[3])
    return np.stack(rows) if rows else np.zeros((0, form.channels, *size), np.uint8)


def _channels_first(path: Path, images: np.ndarray) -> np.ndarray:
    if images.ndim == 3:
        return images[:, None]
    first, last = images.shape[1] in CHANNELS, images.shape[3] in CHANNELS
    if first and last:
        raise ForgeryError(
            f"{path}: shape {list(images.shape)} may be [N, C, H, W] or [N, H, W, C]: both the "
            "second and the last number could be channels"
        )
    if not (first or last):
        raise ForgeryError(
            f"{path}: shape {list(images.shape)}: images are [N, H, W], [N, H, W, C] or "
            "[N, C, H, W] with 1, 3 or 4 channels"
        )
    if first:
        return images
    moved = np.moveaxis(images, 3, 1)
    return moved if isinstance(images, np.memmap) else np.ascontiguousarray(moved)


def _header(file: IO[bytes]) -> tuple[tuple[int, ...], np.dtype]:
    version = np.lib.format.read_magic(file)
    read = np.lib.format.read_array_header_1_0
    if version != (1, 0):
        read = np.lib.format.read_array_header_2_0
    shape, _, dtype = read(file)
    return shape, dtype
