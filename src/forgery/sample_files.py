"""Files of samples: a picture, an array, a table or a folder of images."""

import io
import itertools
import re
import zlib
from collections.abc import Iterable, Sequence
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile

import numpy
import torch
from PIL.Image import Image
from torch import Tensor

from . import plots
from .errors import ForgeryError
from .pixels import as_stored, to_pixels
from .resources import check_disk, check_memory, in_words
from .writing import replacing, writing

#: File suffixes of pictures (grids of images, scatter plots of points).
PICTURE_SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".bmp")
#: Maximum pixels of a grid, which Pillow opens without a warning; maximum side of each format.
MOST_PIXELS = 89_000_000
MOST_SIDE = {".jpg": 65_500, ".jpeg": 65_500, ".webp": 16_383}
#: Maximum number of points in a picture.
MOST_POINTS = 1_000_000
#: Number of samples from which the size of an output file is estimated.
SIZE_SAMPLE = 64
#: Bytes of a disk block on most file systems.
DISK_BLOCK = 4096


def save_samples(
    samples: Iterable[Tensor],
    n: int,
    shape: Sequence[int],
    out: Path,
    labels: Iterable[Tensor] | None = None,
    names: Sequence[str] = (),
    scale: int | None = None,
) -> None:
    """Write samples in the format given by the suffix of ``out``.

    Images: a grid (``.png`` …), ``.npz``, or a folder of PNGs. Points: a picture (``.png`` …),
    ``.npz``, or ``.csv``. Files are written atomically and replace earlier ones; an interrupted
    folder keeps its complete images. All formats but pictures are written part by part.

    Parameters
    ----------
    samples:
        Parts of the samples: images ``[m, C, H, W]`` in [-1, 1], or points ``[m, D]``.
    n, shape:
        Total number of samples; (C, H, W) or (D,).
    out:
        The file, or the folder if it has no suffix.
    labels:
        Parts of the samples' classes ``[m]``, saved in an ``.npz``.
    names:
        Names of the classes, if the images show them in turn: a grid then has one column per class,
        below its name. Without names, the grid is square.
    scale:
        Each pixel of an image in a grid or folder becomes a square of scale × scale.

    Raises
    ------
    ForgeryError
        For an unknown suffix, a scale for an output without pictures of images, a picture that
        would be too large, a folder with more images of an earlier call, a disk with too little
        space (estimated from the first samples), or a file that cannot be written.
    """
    suffix, images = out.suffix.lower(), len(shape) == 3
    kinds = (*PICTURE_SUFFIXES, ".npz", "" if images else ".csv")
    if suffix not in kinds:
        third = "a name without a suffix" if images else ".csv"
        raise ForgeryError(f"cannot write {out}: use .png, .npz, or {third}")
    if scale and not (images and suffix in (*PICTURE_SUFFIXES, "")):
        raise ForgeryError("scale enlarges pictures of images: write a .png or a folder of PNGs")
    if suffix and out.is_dir():
        raise ForgeryError(f"cannot write {out}: it is a folder")
    if not suffix and (old := sum(_number(path) >= n for path in out.glob("*.png"))):
        raise ForgeryError(
            f"{out} has {old:,} image{'' if old == 1 else 's'} with numbers from {n:06d} on, which "
            f"would be mixed with the {n:,} new ones: choose another folder, or remove them"
        )
    with writing(out):
        if suffix in PICTURE_SUFFIXES:
            _check_picture(n, shape, out, len(names), scale)
            picture = _picture(torch.cat(list(samples)), names, scale)
            with replacing(out.resolve()) as file:
                picture.save(file)
            return
        samples = iter(samples)
        first = next(samples)
        some = first[:SIZE_SAMPLE]
        kind = "images" if images else "points"
        check_disk(f"{n:,} {kind}", n / len(some) * _size(some, suffix, scale), out)
        samples = itertools.chain([first], samples)
        if suffix == ".npz":
            with replacing(out.resolve()) as file, ZipFile(file, "w", ZIP_DEFLATED) as archive:
                stored = (as_stored(part) for part in samples)
                _write_array(archive, kind, stored, (n, *shape))
                if labels is not None:
                    _write_array(archive, "labels", labels, (n,))
        elif suffix == ".csv":
            with replacing(out.resolve()) as file, open(file, "wb") as table:
                for part in samples:
                    table.write(_csv(part))
        else:
            out.mkdir(parents=True, exist_ok=True)
            for i, image in enumerate(image for part in samples for image in part):
                with replacing(out / f"{i:06d}.png") as file:
                    file.write_bytes(_png(image, scale))


def _number(path: Path) -> int:
    """The number of an image in a folder, by its name; -1 for another file."""
    return int(path.stem) if re.fullmatch("[0-9]{6,}", path.stem) else -1


def _picture(samples: Tensor, names: Sequence[str], scale: int | None) -> Image:
    """A grid of images, by class if they have names, or a scatter plot of points."""
    if samples.dim() == 2:
        return plots.scatter(samples)
    if names:
        return plots.by_class(samples, names, scale)
    return plots.enlarged(plots.grid(samples), scale or 1)


def _check_picture(
    n: int, shape: Sequence[int], out: Path, classes: int, scale: int | None
) -> None:
    """Refuse a picture that is too large for viewers or for memory."""
    if len(shape) != 3:
        if n > MOST_POINTS:
            raise ForgeryError(
                f"at most {MOST_POINTS:,} points can be drawn in a picture, not {n:,}: draw fewer, "
                "or write them to an .npz or a .csv"
            )
        return
    channels, height, width = shape
    across, down = plots.grid_size(n, height, width)
    across, down = across * (scale or 1), down * (scale or 1)
    if classes:
        times = scale or plots.times_for(height)
        across, down = plots.by_class_size(n, classes, height, width, times)
    most = MOST_SIDE.get(out.suffix.lower(), MOST_PIXELS)
    # Float and 8-bit, each twice: images and grid, or parts and their concatenation.
    needed = across * down * channels * 2 * (4 + 1)
    instead = "draw fewer, or write them to a folder or an .npz"
    if across * down > MOST_PIXELS or max(across, down) > most:
        raise ForgeryError(
            f"a grid of {n:,} images would be {across:,} × {down:,} pixels "
            f"({in_words(across * down * channels)}), which is too large: {instead}"
        )
    check_memory(f"a grid of {n:,} images", needed, instead)


def _size(samples: Tensor, suffix: str, scale: int | None = None) -> int:
    """Number of bytes that samples take on disk."""
    if suffix == ".npz":
        return len(zlib.compress(as_stored(samples).numpy().tobytes()))
    if suffix == ".csv":
        return len(_csv(samples))
    return sum(-(-len(_png(image, scale)) // DISK_BLOCK) * DISK_BLOCK for image in samples)


def _png(image: Tensor, scale: int | None) -> bytes:
    """Encode an image ``[C, H, W]`` in [-1, 1] as PNG."""
    buffer = io.BytesIO()
    plots.enlarged(plots.image(to_pixels(image)), scale or 1).save(buffer, "PNG")
    return buffer.getvalue()


def _csv(points: Tensor) -> bytes:
    """Encode points ``[m, D]`` as CSV, one per line."""
    buffer = io.BytesIO()
    numpy.savetxt(buffer, points.numpy(), delimiter=",", fmt="%.7g")
    return buffer.getvalue()


def _write_array(
    archive: ZipFile, name: str, parts: Iterable[Tensor], shape: tuple[int, ...]
) -> None:
    """Write an array into an .npz part by part, in the format of ``numpy.savez_compressed``."""
    with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
        for i, part in enumerate(parts):
            values = part.numpy()
            if i == 0:
                kind = numpy.lib.format.dtype_to_descr(values.dtype)
                header = {"descr": kind, "fortran_order": False, "shape": shape}
                numpy.lib.format.write_array_header_1_0(member, header)
            member.write(values.tobytes())
