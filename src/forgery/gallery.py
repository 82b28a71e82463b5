"""Pictures of a run: sample grids during training, its summary, and files of samples."""

import io
import itertools
import os
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile

import numpy
import torch
from PIL.Image import Image
from torch import Tensor

from . import plots
from .config import Config, ReportingSettings
from .data import Dataset
from .errors import ForgeryError
from .pixels import as_stored, to_pixels
from .resources import check_disk, check_memory, in_words
from .sampler import Sampler
from .training.algorithm1 import AdversarialGame
from .training.run import Run
from .training.state import Training
from .training.surface import belief_and_directions

#: Rows of a grid with a column for each class: of few classes, it would be a tall strip.
MOST_ROWS = 10
#: Number of points in a picture drawn during training.
POINTS_SHOWN = 1000
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


def artist(
    config: Config, data: Dataset, training: Training, classes: dict[str, int]
) -> Callable[[int], Image]:
    """Create a function from a step to its picture: a grid of images, or points over a landscape.

    Parameters
    ----------
    config:
        Settings of the run.
    data:
        The training data.
    training:
        The state of training to draw from.
    classes:
        The classes that G is conditioned on → number of training samples; empty if none.
    """
    game = training.game
    # No units: landscapes are drawn as the networks see points.
    sampler = Sampler(training.sampler, config.noise, config.latent, data.shape)
    n = config.grid if data.kind == "images" else POINTS_SHOWN
    z = sampler.z(n, config.seed)
    y = None
    if classes:
        y, names = _in_columns(classes, n)
        # One z per row: rows show the effect of the class, columns that of z.
        z = z[torch.arange(n) // len(names)]
        if data.kind == "images":
            most = MOST_ROWS * len(names)
            return lambda step: plots.by_class(sampler.draw(z[:most], y[:most]), names)
    if data.kind == "images":
        return lambda step: plots.grid(sampler.draw(z, y))
    # As many real points as samples, since some objectives pair them; a small dataset is repeated.
    rows = data.stratified(n)
    real = data.to_model(data.values[rows[torch.arange(n) % len(rows)]])
    landscape = plots.Landscape(real.cpu(), *view_of(data))

    def draw(step: int) -> Image:
        samples, belief, directions = sampler.draw(z, y), None, None
        places = landscape.places()
        # D can be shown only if it takes single points and no class.
        alone = config.pack == 1 and not config.is_conditional
        if places is not None and alone and isinstance(game, AdversarialGame):
            belief, directions = belief_and_directions(
                game, places.to(training.device), samples.to(training.device), real
            )
        return landscape.draw(
            f"{data.name}, step {step:,}",
            samples,
            belief,
            directions,
            z[:, 0] if config.latent == 1 else None,
        )

    return draw


def _in_columns(classes: dict[str, int], n: int) -> tuple[Tensor, list[str]]:
    """The classes of n pictures with one class per column, int64 ``[n]``; and the columns' names.

    Classes without samples in the data are skipped, and at most n are used.
    """
    present = torch.tensor(list(classes.values())).nonzero().flatten()[:n]
    names = list(classes)
    return present[torch.arange(n) % len(present)], [names[i] for i in present.tolist()]


def view_of(data: Dataset) -> tuple[Tensor, Callable[[Tensor], Tensor] | None]:
    """The box to show points in, a fifth larger than the data on each side, and p_data if known.

    Both are in the networks' units.
    """
    if data.density is not None:
        box = data.density.bounds
    else:
        shown = data.to_model(data.values.cpu())
        box = torch.stack([shown.min(0).values, shown.max(0).values])
    margin = (box[1] - box[0]) / 5
    known = data.density
    density = None if known is None else lambda x: known.log_density(x).exp()
    return torch.stack([box[0] - margin, box[1] + margin]), density


def real_picture(settings: ReportingSettings, data: Dataset, classes: dict[str, int]) -> Image:
    """Real data in the layout of the sample pictures, for comparison: by ``classes``, if any."""
    if data.kind == "images" and classes:
        assert data.labels is not None
        y, names = _in_columns(classes, settings.grid)
        columns = len(names)
        y = y[: MOST_ROWS * columns]
        order = data.stratified(len(data))
        labels = data.labels.cpu()[order]
        of = {c: order[labels == c] for c in y[:columns].tolist()}
        rows = [of[c][i // columns % len(of[c])] for i, c in enumerate(y.tolist())]
        return plots.by_class(data.to_model(data.values[torch.stack(rows)].cpu()), names)
    n = settings.grid if data.kind == "images" else POINTS_SHOWN
    shown = data.values[data.stratified(n)].cpu()
    if data.kind == "points":
        return plots.scatter(shown, real=True)
    return plots.grid(data.to_model(shown))


def draw_summary(run: Run) -> None:
    """Write evolution.gif from the sample grids and curves.png from the reports."""
    if run.pictures:
        plots.evolution(run.pictures, run.path / "evolution.gif", run.captions)
    reports = run.read_metrics()
    if reports:
        plots.curves(reports, run.path / "curves.png", run.title, run.config.objective)


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
    ``.npz``, or ``.csv``. Files are written atomically; an interrupted folder keeps its complete
    images. All formats but pictures are written part by part.

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
        would be too large, a disk with too little space (estimated from the first samples), or a
        file that cannot be written.
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
    try:
        if suffix in PICTURE_SUFFIXES:
            _check_picture(n, shape, out, len(names), scale)
            values = torch.cat(list(samples))
            if names:
                picture = plots.by_class(values, names, scale)
            elif images:
                picture = plots.enlarged(plots.grid(values), scale or 1)
            else:
                picture = plots.scatter(values)
            with _replacing(out) as file:
                picture.save(file)
            return
        samples = iter(samples)
        first = next(samples)
        some = first[:SIZE_SAMPLE]
        kind = "images" if images else "points"
        check_disk(f"{n:,} {kind}", n / len(some) * _size(some, suffix, scale), out)
        samples = itertools.chain([first], samples)
        if suffix == ".npz":
            with _replacing(out) as file, ZipFile(file, "w", ZIP_DEFLATED) as archive:
                stored = (as_stored(part) for part in samples)
                _write_array(archive, kind, stored, (n, *shape))
                if labels is not None:
                    _write_array(archive, "labels", labels, (n,))
        elif suffix == ".csv":
            with _replacing(out) as file, open(file, "wb") as table:
                for part in samples:
                    table.write(_csv(part))
        else:
            out.mkdir(parents=True, exist_ok=True)
            for i, image in enumerate(image for part in samples for image in part):
                with _replacing(out / f"{i:06d}.png") as file:
                    file.write_bytes(_png(image, scale))
    except OSError as error:
        raise ForgeryError(f"cannot write {out}: {error.strerror or error}") from error


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


@contextmanager
def _replacing(path: Path) -> Iterator[Path]:
    """Yield a temporary file that replaces ``path`` if the block succeeds."""
    path = path.resolve()  # follow links
    temporary = path.with_name(f".{path.stem}.{os.getpid()}{path.suffix}")
    try:
        yield temporary
        os.replace(temporary, path)
    except BaseException:  # Ctrl-C too
        with suppress(OSError):
            temporary.unlink()
        raise
