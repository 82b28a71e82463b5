"""Where images come from: every source becomes one :class:`Dataset`."""

from collections.abc import Callable
from pathlib import Path

from ..errors import ForgeryError, did_you_mean, lookup
from ..pixels import to_model
from .dataset import Batches, Dataset
from .idx import labels_beside, load_idx
from .mnist import mnist

__all__ = ["SOURCES", "Batches", "Dataset", "load", "to_model"]

#: Name → function of the split. A new source is one file in this folder and one line here.
SOURCES: dict[str, Callable[[str], Dataset]] = {
    "mnist": mnist,
}


def load(source: str, split: str = "train") -> Dataset:
    """The data that a person asked for: a name of :data:`SOURCES`, or the path of an IDX file.

    An IDX file of images takes its labels from the file beside it that MNIST's naming expects
    (``…-images-idx3-ubyte`` and ``…-labels-idx1-ubyte``), where there is one. It has one split.
    """
    if source in SOURCES:
        return lookup(SOURCES, source, "data")(split)
    path = Path(source)
    if path.is_file():
        if split != "train":
            raise ForgeryError(f"{source} is one file and has one split, train, not {split!r}")
        return load_idx(path, labels_beside(path))
    if path.is_dir():
        raise ForgeryError(f"{source} is a folder: expected an IDX file or one of {list(SOURCES)}")
    raise ForgeryError(f"unknown data {source!r}: no such file{did_you_mean(source, SOURCES)}")
