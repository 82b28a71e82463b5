"""Points in CSV, .npy and .npz files: tables of numbers with one point per row."""

import csv
import re
import tokenize
import zipfile
import zlib
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import torch

from ..errors import ForgeryError
from .dataset import Dataset, Units

#: Tables with more columns are rejected: they are probably flattened images, not points.
MAX_DIMENSIONS = 16
SUFFIXES = (".csv", ".npy", ".npz")
#: Points are float32. A column that this changes by more standard deviations is rejected.
MAX_ROUNDING = 1e-3
#: Exceptions raised by damaged .npy and .npz files, or by encryption and unknown compression.
NUMPY_DAMAGE = (
    *(OSError, EOFError, ValueError, TypeError, SyntaxError, RuntimeError, MemoryError),
    *(tokenize.TokenError, zipfile.BadZipFile, zlib.error),
)


def load_points(path: Path) -> Dataset:
    """Load points, with units that standardise them to mean 0 and standard deviation 1.

    A CSV file may start with a line of column names, none of which is a number. An .npz file must
    contain exactly one array.

    Raises
    ------
    ForgeryError
        The file cannot be read, has cells that are not finite numbers, fewer than two rows, more
        than :data:`MAX_DIMENSIONS` columns, a column with a single value, or one whose values are
        too far from 0 for float32.
    """
    table = _read_csv(path) if path.suffix.lower() == ".csv" else _read_numpy(path)
    return points_of(table, path.name, str(path))


def parse_points(text: str, name: str) -> Dataset:
    """:func:`load_points` of the text of a CSV file; ``name`` is that of the data."""
    return points_of(_parsed(text.splitlines(), name), name)


def points_of(table: np.ndarray, name: str, path: str = "") -> Dataset:
    """Points in a table, with units that standardise them.

    Parameters
    ----------
    table:
        Numbers ``[N, D]``, or ``[N]`` for points of one dimension.
    name:
        The name of the data.
    path:
        What errors call the table; its name by default.

    Raises
    ------
    ForgeryError
        As :func:`load_points` does for the numbers.
    """
    path = path or name
    if table.ndim == 1:
        table = table[:, None]
    if table.ndim != 2:
        raise ForgeryError(
            f"{path}: expected points as a table of rows and columns, got an array of shape "
            f"{list(table.shape)}"
        )
    rows, columns = table.shape
    if not 1 <= columns <= MAX_DIMENSIONS:
        raise ForgeryError(
            f"{path}: expected points of 1 to {MAX_DIMENSIONS} dimensions, got {columns}"
        )
    if rows < 2:
        raise ForgeryError(f"{path}: expected at least 2 points, got {rows}")
    bad = np.flatnonzero(~np.isfinite(table).all(axis=1))
    if len(bad):
        raise ForgeryError(
            f"{path}: {len(bad)} of {rows} points contain NaN or infinity, the first is point "
            f"{bad[0] + 1}"
        )
    points = torch.from_numpy(table.astype(np.float64))
    scale, offset = torch.std_mean(points, dim=0)
    rounding = (points - points.float()).abs().amax(0)
    for column, (mean, spread) in enumerate(zip(offset.tolist(), scale.tolist(), strict=True), 1):
        if spread <= 1e-12 * abs(mean):
            raise ForgeryError(
                f"{path}: column {column} has the same value in every row ({mean:g}): remove it"
            )
        if (lost := rounding[column - 1].item()) > MAX_ROUNDING * spread:
            raise ForgeryError(
                f"{path}: column {column} is too far from 0: float32 would change its values by "
                f"up to {lost:.2g}, of a standard deviation of {spread:.2g}: subtract {mean:.9g}"
            )
    return Dataset(name, points.float(), units=Units(offset.float(), scale.float()))


def _read_csv(path: Path) -> np.ndarray:
    try:
        with open(path, newline="", encoding="utf-8-sig") as file:
            return _parsed(file, str(path))
    except UnicodeDecodeError as error:
        raise ForgeryError(f"{path} is not a CSV file: {error}") from error
    except OSError as error:
        raise ForgeryError(f"cannot read {path}: {error.strerror or error}") from error


def _parsed(lines: Iterable[str], path: str) -> np.ndarray:
    rows: list[list[float]] = []
    may_name_columns = True
    try:
        for number, cells in enumerate(csv.reader(lines), start=1):
            if not cells:
                continue
            first, may_name_columns = may_name_columns, False
            try:
                row = [float(cell) for cell in cells]
            except ValueError:
                parts = re.split(r"[;\t ]+", cells[0].strip())
                if len(cells) == 1 and len(parts) > 1 and all(map(_is_number, parts)):
                    raise ForgeryError(
                        f"{path}, line {number}: expected numbers separated by commas, got "
                        f"{cells[0][:60]!r}"
                    ) from None
                if first and not any(map(_is_number, cells)):  # column names
                    continue
                raise ForgeryError(
                    f"{path}, line {number}: expected numbers, got {', '.join(cells)[:60]!r}"
                ) from None
            if rows and len(row) != len(rows[0]):
                raise ForgeryError(
                    f"{path}, line {number}: expected {len(rows[0])} numbers as in the lines "
                    f"before, got {len(row)}"
                )
            rows.append(row)
    except csv.Error as error:
        raise ForgeryError(f"{path} is not a CSV file: {error}") from error
    if not rows:
        raise ForgeryError(f"{path}: it contains no points")
    return np.array(rows)


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def _read_numpy(path: Path) -> np.ndarray:
    try:
        content = np.load(path, allow_pickle=False)
        if isinstance(content, np.lib.npyio.NpzFile):
            arrays = dict(content)  # read before they are counted, so that damage is reported
            if len(arrays) != 1:
                raise ForgeryError(
                    f"{path} has {len(arrays)} arrays ({', '.join(arrays)}): expected one array of "
                    "points, or images and optional labels, in arrays named images and labels"
                )
            (content,) = arrays.values()
    except NUMPY_DAMAGE as error:
        raise ForgeryError(f"cannot read {path} as a NumPy file: {error}") from error
    if content.dtype.kind not in "fiu":
        raise ForgeryError(f"{path}: expected numbers, got an array of {content.dtype}")
    return np.asarray(content)
