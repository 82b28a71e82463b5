"""Where images and points come from: every source becomes one :class:`Dataset`."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from ..errors import ForgeryError, did_you_mean
from . import cache
from .arrays import adapted, is_image_array, load_image_array
from .dataset import Batches, Dataset, Units
from .densities import DENSITIES, Density, density_source
from .faces import faces_source
from .idx import labels_beside, load_idx
from .labelled import Labelled, choose_labelled
from .mnist import mnist
from .pictures import Pictures, Survey, is_collection, is_table, load_pictures, no_table, set_aside
from .points import SUFFIXES, load_points
from .settings import ImageSettings
from .stacked_mnist import stacked_mnist

__all__ = [
    "DENSITIES",
    "SOURCES",
    "Batches",
    "Dataset",
    "Density",
    "ImageSettings",
    "Labelled",
    "Pictures",
    "Survey",
    "Units",
    "choose_labelled",
    "clear_cache",
    "holds_pictures",
    "load",
    "load_beside",
    "load_pictures",
    "set_aside",
]

#: Name → function of the split. A new source is one file in this folder and one line here.
SOURCES: dict[str, Callable[[str], Dataset]] = {
    "mnist": mnist,
    "stacked-mnist": stacked_mnist,
    "faces": faces_source(32),
    "faces64": faces_source(64),
    **{name: density_source(name) for name in DENSITIES},
}


#: The settings of who does not care.
AS_THEY_COME = ImageSettings()


def load(
    source: str, split: str = "train", settings: ImageSettings = AS_THEY_COME, limit: int = 0
) -> Dataset:
    """The data that a person asked for: a name of :data:`SOURCES`, or a path.

    A folder, an archive (.zip, .tar, .tar.gz …), a .parquet file or a data set of the hub
    (``hf:OWNER/NAME``) holds pictures (``pictures.py``, which says what its splits and classes
    are). A .npy or .npz file holds images if it has three or four dimensions (``arrays.py``),
    else points, as .csv does (``points.py``). Any other file holds images in IDX, which take their
    labels from the file beside it that MNIST's naming expects (``…-images-idx3-ubyte`` and
    ``…-labels-idx1-ubyte``), where there is one. A file of arrays or points has one split.

    Parameters
    ----------
    settings:
        Size, colour and so on of images. Those that are not in picture files stay as they are
        unless a size or a colour is asked for.
    limit:
        Number of samples to keep, a stratified choice (:meth:`Dataset.subset`); 0 for all.
    """
    whole = _whole(source, split, settings)
    return whole.subset(limit) if limit else whole


def _whole(source: str, split: str, settings: ImageSettings) -> Dataset:
    if holds_pictures(source):
        return load_pictures(source, settings).split(split)
    path = Path(source)
    if source not in SOURCES and not path.is_file():
        raise ForgeryError(
            f"unknown data {source!r}: no such file or folder{did_you_mean(source, SOURCES)}"
        )
    if settings.image_column or settings.label_column:
        raise no_table(source)
    if source in SOURCES:
        return adapted(SOURCES[source](split), settings)
    if split != "train":
        raise ForgeryError(f"{source} is one file and has one split, train, not {split!r}")
    if is_image_array(path):
        return load_image_array(path, settings)
    if path.suffix.lower() in SUFFIXES:
        return adapted(load_points(path), settings)
    return adapted(load_idx(path, labels_beside(path)), settings)


def holds_pictures(source: str) -> bool:
    """Whether a source is one that :func:`load_pictures` decodes."""
    return source not in SOURCES and is_collection(source)


def clear_cache() -> tuple[int, int, Path]:
    """Remove all decoded pictures; how many sets there were, their bytes, and where they were."""
    folder = cache.cache_folder() / "images"
    return *cache.clear(folder), folder


def load_beside(
    source: str, split: str, like: Dataset, settings: ImageSettings = AS_THEY_COME
) -> Dataset:
    """Other data to compare with: of the size and colour that ``like`` has."""
    if like.kind == "images":
        settings = settings.like(like.shape)
    if not is_table(source):
        settings = replace(settings, image_column="", label_column="")
    return load(source, split, settings)
