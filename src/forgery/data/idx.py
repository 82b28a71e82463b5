"""Images and labels in IDX, the format of MNIST, gzipped or not.

Layout: two zero bytes, one byte for the type (0x08 = unsigned byte), one byte for the number of
dimensions, the dimensions as big-endian 32-bit integers, then the values in C order.
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
#: A header that states more values than this (64 GiB) is considered damaged.
MAX_VALUES = 1 << 36


def read_idx(path: Path) -> np.ndarray:
    """Read an IDX file of unsigned bytes as a uint8 array.

    Raises
    ------
    ForgeryError
        The file cannot be read, is not IDX, has another type than unsigned byte or no dimensions,
        or does not have the number of values that its header states.
    """
    content = _read_bytes(path)
    if len(content) < 4:
        raise ForgeryError(f"{path}: expected an IDX header of 4 bytes, got {len(content)} bytes")
    zeros, kind, dimensions = struct.unpack(">HBB", content[:4])
    if zeros != 0 or kind == 0:  # films begin with two zero bytes too
        raise ForgeryError(
            f"{path}: not data that forgery reads: expected a folder, .zip or .tar of pictures, "
            "a .parquet, .npy, .npz or .csv file, or IDX, which begins with 000008"
        )
    if kind != UNSIGNED_BYTE:
        raise ForgeryError(
            f"{path}: not an IDX file of unsigned bytes: expected it to start with 000008 and the "
            f"number of dimensions, got {content[:4].hex()}"
        )
    if dimensions == 0:
        raise ForgeryError(f"{path}: the IDX header states no dimensions")
    start = 4 + 4 * dimensions
    if len(content) < start:
        raise ForgeryError(
            f"{path}: truncated header: {dimensions} dimensions need {start} bytes, got "
            f"{len(content)}"
        )
    shape = struct.unpack(f">{dimensions}I", content[4:start])
    size = math.prod(shape)
    if size > MAX_VALUES:
        raise ForgeryError(
            f"{path}: the header states {' × '.join(map(str, shape))} = {size} values, "
            "too many for memory: the file is damaged or not IDX"
        )
    if len(content) - start != size:
        raise ForgeryError(
            f"{path}: the header states {' × '.join(map(str, shape))} = {size} values, "
            f"but the file has {len(content) - start}"
        )
    return np.frombuffer(content, dtype=np.uint8, offset=start).reshape(shape)


def load_idx(images: Path, labels: Path | None = None) -> Dataset:
    """Load images ``[N, H, W]`` or ``[N, C, H, W]`` and labels ``[N]`` from IDX files."""
    pixels = read_idx(images)
    if pixels.ndim == 3:
        pixels = pixels[:, None]
    if pixels.ndim != 4:
        raise ForgeryError(
            f"{images}: expected images of 3 dimensions (number, height, width) or 4 "
            f"(number, channels, height, width), got {pixels.ndim}"
        )
    if labels is None:
        return Dataset(images.name, _tensor(pixels))
    values = read_idx(labels)
    if values.shape != pixels.shape[:1]:
        raise ForgeryError(
            f"{labels}: expected one label for each of the {len(pixels)} images of {images.name}, "
            f"got shape {list(values.shape)}"
        )
    return Dataset(images.name, _tensor(pixels), _tensor(values))


def labels_path(images: Path) -> Path | None:
    """Return the labels file of an images file by MNIST's naming; None if there is none."""
    name = images.name.replace("images", "labels").replace("idx3", "idx1").replace("idx4", "idx1")
    labels = images.with_name(name)
    return labels if labels != images and labels.is_file() else None


def _read_bytes(path: Path) -> bytes:
    try:
        content = path.read_bytes()
        return gzip.decompress(content) if content[:2] == b"\x1f\x8b" else content
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise ForgeryError(f"{path}: damaged gzip file ({error})") from error
    except OSError as error:
        raise ForgeryError(f"cannot read {path}: {error.strerror or error}") from error


def _tensor(array: np.ndarray) -> Tensor:
    return torch.from_numpy(array.copy())  # copied, since a buffer of bytes is read-only
