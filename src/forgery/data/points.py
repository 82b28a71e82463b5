"""A user's own points: a table of numbers, one point a row, from CSV, .npy or .npz."""

import csv
from pathlib import Path

import numpy as np
import torch

from ..errors import ForgeryError
from .dataset import Dataset, Units

#: More columns than this are not points but something else: an image flattened, perhaps.
MOST_DIMENSIONS = 16
SUFFIXES = (".csv", ".npy", ".npz")


def load_points(path: Path) -> Dataset:
    """The points in a file, shown to the networks with mean 0 and standard deviation 1.

    A CSV file may begin with one line of column names. An .npz file must hold one array.

    Raises
    ------
    ForgeryError
        Naming the file and what is wrong: text or nothing where a number should be (with its
        line), NaN or infinity, fewer than two rows, more than :data:`MOST_DIMENSIONS` columns, a
        column that is the same in every row.
    """
    table = _read_csv(path) if path.suffix.lower() == ".csv" else _read_numpy(path)
    if table.ndim == 1:
        table = table[:, None]
    if table.ndim != 2:
        raise ForgeryError(
            f"{path}: points are a table of rows and columns, this array has shape "
            f"{list(table.shape)}"
        )
    rows, columns = table.shape
    if not 1 <= columns <= MOST_DIMENSIONS:
        raise ForgeryError(
            f"{path}: points may have 1 to {MOST_DIMENSIONS} dimensions, these have {columns}"
        )
    if rows < 2:
        raise ForgeryError(f"{path}: {rows} row is too little data: at least 2 points are needed")
    bad = np.flatnonzero(~np.isfinite(table).all(axis=1))
    if len(bad):
        raise ForgeryError(
            f"{path}: {len(bad)} of {rows} points hold NaN or infinity, the first is point "
            f"{bad[0] + 1}"
        )
    points = torch.from_numpy(table.astype(np.float64))
    scale, offset = torch.std_mean(points, dim=0)
    for column, spread in enumerate(scale.tolist(), start=1):
        if spread <= 1e-12 * max(1.0, abs(offset[column - 1].item())):
            raise ForgeryError(
                f"{path}: column {column} is the same in every row ({offset[column - 1]:g}): "
                "leave it out"
            )
    return Dataset(path.name, points.float(), units=Units(offset.float(), scale.float()))


def _read_csv(path: Path) -> np.ndarray:
    rows: list[list[float]] = []
    try:
        with open(path, newline="", encoding="utf-8-sig") as file:
            for number, cells in enumerate(csv.reader(file), start=1):
                if not cells:
                    continue
                try:
                    row = [float(cell) for cell in cells]
                except ValueError:
                    if number == 1:  # the names of the columns
                        continue
                    raise ForgeryError(
                        f"{path}, line {number}: expected numbers, found {', '.join(cells)[:60]!r}"
                    ) from None
                if rows and len(row) != len(rows[0]):
                    raise ForgeryError(
                        f"{path}, line {number}: {len(row)} numbers, the lines before have "
                        f"{len(rows[0])}"
                    )
                rows.append(row)
    except (UnicodeDecodeError, csv.Error) as error:
        raise ForgeryError(f"{path} is not a CSV file: {error}") from error
    except OSError as error:
        raise ForgeryError(f"cannot read {path}: {error.strerror or error}") from error
    if not rows:
        raise ForgeryError(f"{path}: there are no points in it")
    return np.array(rows)


def _read_numpy(path: Path) -> np.ndarray:
    try:
        content = np.load(path, allow_pickle=False)
    except (ValueError, EOFError, OSError) as error:
        raise ForgeryError(f"cannot read {path} as a NumPy file: {error}") from error
    if isinstance(content, np.lib.npyio.NpzFile):
        names = content.files
        if len(names) != 1:
            raise ForgeryError(
                f"{path} holds {len(names)} arrays ({', '.join(names)}): expected 1 of points, or "
                "images of three or four dimensions, named images, with or without labels"
            )
        content = content[names[0]]
    if content.dtype.kind not in "fiu":
        raise ForgeryError(f"{path}: expected numbers, found an array of {content.dtype}")
    return np.asarray(content)
