"""The IDX format that MNIST is published in, for images and labels, gzipped or not.

Layout: two zero bytes, one byte for the type (0x08 = unsigned byte), one byte for the number of
dimensions, each dimension as a big-endian 32-bit integer, then the values in C order.
"""

import gzip
import math
import struct
import zlib
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ..errors import ForgeryError
from .dataset import Dataset

UNSIGNED_BYTE = 0x08
#: More than this in one file is taken for a damaged header, not for data (64 GiB).
LARGEST = 1 << 36


def read_idx(path: Path) -> np.ndarray:
    """An IDX file of unsigned bytes as a uint8 array of the shape that its header states.

    Raises
    ------
    ForgeryError
        Naming the file and what was expected: not IDX, another type than unsigned byte, no
        dimensions, sizes whose product cannot be held, fewer or more values than stated.
    """
    content = _read_bytes(path)
    if len(content) < 4:
        raise ForgeryError(f"{path}: {len(content)} bytes is too short for an IDX header (4)")
    zeros, kind, dimensions = struct.unpack(">HBB", content[:4])
    if zeros != 0 or kind != UNSIGNED_BYTE:
        raise ForgeryError(
            f"{path}: not an IDX file of unsigned bytes: it begins with {content[:4].hex()}, "
            "expected 000008 and the number of dimensions"
        )
    if dimensions == 0:
        raise ForgeryError(f"{path}: the IDX header states no dimensions")
    start = 4 + 4 * dimensions
    if len(content) < start:
        raise ForgeryError(
            f"{path}: cut short in its header: {dimensions} dimensions need {start} bytes, "
            f"there are {len(content)}"
        )
    shape = struct.unpack(f">{dimensions}I", content[4:start])
    size = math.prod(shape)
    if size > LARGEST:
        raise ForgeryError(
            f"{path}: the header states {' × '.join(map(str, shape))} = {size} values, "
            "more than memory can hold: the file is damaged or not IDX"
        )
    if len(content) - start != size:
        raise ForgeryError(
            f"{path}: the header states {' × '.join(map(str, shape))} = {size} values, "
            f"the file holds {len(content) - start}"
        )
    return np.frombuffer(content, dtype=np.uint8, offset=start).reshape(shape)


def load_idx(images: Path, labels: Path | None = None) -> Dataset:
    """A data set from an IDX file of images ([N, H, W] or [N, C, H, W]) and one of labels ([N])."""
    pixels = read_idx(images)
    if pixels.ndim == 3:
        pixels = pixels[:, None]
    if pixels.ndim != 4:
        raise ForgeryError(
            f"{images}: images need 3 dimensions (number, height, width) or 4 "
            f"(number, channels, height, width), the file has {pixels.ndim}"
        )
    if labels is None:
        return Dataset(images.name, _tensor(pixels))
    values = read_idx(labels)
    if values.shape != pixels.shape[:1]:
        raise ForgeryError(
            f"{labels}: expected one label for each of the {len(pixels)} images of {images.name}, "
            f"found shape {list(values.shape)}"
        )
    classes = tuple(str(i) for i in range(int(values.max(initial=0)) + 1))
    return Dataset(images.name, _tensor(pixels), _tensor(values).long(), classes)


def labels_beside(images: Path) -> Path | None:
    """The labels file that MNIST's naming puts beside an images file, if it is there."""
    name = images.name.replace("images", "labels").replace("idx3", "idx1").replace("idx4", "idx1")
    beside = images.with_name(name)
    return beside if beside != images and beside.is_file() else None


def _read_bytes(path: Path) -> bytes:
    try:
        content = path.read_bytes()
        return gzip.decompress(content) if content[:2] == b"\x1f\x8b" else content
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise ForgeryError(f"{path}: damaged gzip file ({error})") from error
    except OSError as error:
        raise ForgeryError(f"cannot read {path}: {error.strerror or error}") from error


def _tensor(array: np.ndarray) -> Tensor:
    return torch.from_numpy(array.copy())  # copied: a buffer of bytes is not writable
