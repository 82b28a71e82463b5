"""Where images and points come from: every source becomes one :class:`Dataset`."""

from collections.abc import Callable
from pathlib import Path

from ..errors import ForgeryError, did_you_mean, lookup
from .dataset import Batches, Dataset, Units
from .densities import DENSITIES, Density, density_source
from .faces import faces_source
from .idx import labels_beside, load_idx
from .labelled import Labelled, choose_labelled
from .mnist import mnist
from .points import SUFFIXES, load_points
from .stacked_mnist import stacked_mnist

__all__ = [
    "DENSITIES",
    "SOURCES",
    "Batches",
    "Dataset",
    "Density",
    "Labelled",
    "Units",
    "choose_labelled",
    "load",
]

#: Name → function of the split. A new source is one file in this folder and one line here.
SOURCES: dict[str, Callable[[str], Dataset]] = {
    "mnist": mnist,
    "stacked-mnist": stacked_mnist,
    "faces": faces_source(32),
    "faces64": faces_source(64),
    **{name: density_source(name) for name in DENSITIES},
}


def load(source: str, split: str = "train", limit: int = 0) -> Dataset:
    """The data that a person asked for: a name of :data:`SOURCES`, or the path of a file.

    A .csv, .npy or .npz file holds points (``points.py``), any other file images in IDX, which
    take their labels from the file beside it that MNIST's naming expects
    (``…-images-idx3-ubyte`` and ``…-labels-idx1-ubyte``), where there is one. A file has one split.
    With a ``limit``, the first so many of it.
    """
    whole = _whole(source, split)
    return whole.first(limit) if limit else whole


def _whole(source: str, split: str) -> Dataset:
    if source in SOURCES:
        return lookup(SOURCES, source, "data")(split)
    path = Path(source)
    if path.is_file():
        if split != "train":
            raise ForgeryError(f"{source} is one file and has one split, train, not {split!r}")
        if path.suffix.lower() in SUFFIXES:
            return load_points(path)
        return load_idx(path, labels_beside(path))
    if path.is_dir():
        raise ForgeryError(f"{source} is a folder: expected a file or one of {list(SOURCES)}")
    raise ForgeryError(f"unknown data {source!r}: no such file{did_you_mean(source, SOURCES)}")
