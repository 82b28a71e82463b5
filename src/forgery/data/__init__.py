"""Data sources: images and points, each loaded as a :class:`Dataset`."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from .. import plugins
from ..errors import ForgeryError, did_you_mean
from ..user_cache import cache_folder
from . import cache
from .arrays import adapted, is_image_array, load_image_array
from .dataset import Batches, Dataset, Units
from .densities import DENSITIES, Density, density_source
from .faces import faces_source
from .idx import labels_path, load_idx
from .labelled import Labelled
from .mnist import mnist
from .pictures import Pictures, is_collection, is_table, load_pictures, no_table
from .points import SUFFIXES, load_points
from .settings import ImageSettings
from .stacked_mnist import stacked_mnist
from .survey import Survey, set_aside, warnings_of

__all__ = [
    "DENSITIES",
    "FROM_PYTHON",
    "SOURCES",
    "Batches",
    "Dataset",
    "Density",
    "ImageSettings",
    "Labelled",
    "Pictures",
    "Survey",
    "Units",
    "clear_cache",
    "holds_pictures",
    "is_name",
    "load",
    "load_beside",
    "load_pictures",
    "set_aside",
    "warnings_of",
]

#: Name → function of the split. To add a source, write one file in this folder and a line here.
SOURCES: dict[str, Callable[[str], Dataset]] = {
    "mnist": mnist,
    "stacked-mnist": stacked_mnist,
    "faces": faces_source(32),
    "faces64": faces_source(64),
    "faces-loose": faces_source(32, loose=True),
    **{name: density_source(name) for name in DENSITIES},
}


DEFAULT_SETTINGS = ImageSettings()
#: The entry-point group by which packages add sources.
PLUGINS = "forgery.data"
#: Begins the name of data that was given from Python.
FROM_PYTHON = "python:"


def load(
    source: str, split: str = "train", settings: ImageSettings = DEFAULT_SETTINGS, limit: int = 0
) -> Dataset:
    """Load data by name or path.

    Parameters
    ----------
    source:
        One of these:

        - a name in :data:`SOURCES`;
        - a folder, an archive (.zip, .tar, .tar.gz …), a .parquet file or a data set of the
          Hugging Face hub (``hf:OWNER/NAME``) of pictures (``pictures.py`` describes their splits
          and classes);
        - a .npy or .npz file: images if it has three or four dimensions (``arrays.py``), otherwise
          points;
        - a .csv file of points (``points.py``);
        - an IDX file of images. Labels are read from the file next to it that follows MNIST's
          naming (``…-images-idx3-ubyte`` and ``…-labels-idx1-ubyte``), if there is one.
    split:
        Name of the split. Files of arrays or points have only ``train``.
    settings:
        Size, colour and other properties of images. Images that are arrays already are only
        converted if a size or a colour is given.
    limit:
        Number of samples to keep, chosen by :meth:`Dataset.subset`; 0 for all.

    Raises
    ------
    ForgeryError
        The source or the split is unknown, or the data cannot be read.
    """
    return _whole(source, split, settings).limited(limit)


def _whole(source: str, split: str, settings: ImageSettings) -> Dataset:
    if holds_pictures(source):
        return load_pictures(source, settings).split(split)
    if source not in SOURCES and source in plugins.names(PLUGINS):
        return adapted(_of_package(source, split), settings)
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
        raise ForgeryError(f"{source} is a single file: its only split is train, not {split!r}")
    if is_image_array(path):
        return load_image_array(path, settings)
    if path.suffix.lower() in SUFFIXES:
        return adapted(load_points(path), settings)
    return adapted(load_idx(path, labels_path(path)), settings)


def _of_package(source: str, split: str) -> Dataset:
    """A split of the data of an installed package."""
    try:
        found = plugins.load(PLUGINS, source)(split)
    except ForgeryError:
        raise
    except Exception as error:  # whatever the package's own code raises
        raise ForgeryError(
            f"the data {source!r} of a package has no split {split!r}, or cannot be loaded: "
            f"{type(error).__name__}: {error}"
        ) from error
    if not isinstance(found, Dataset):
        raise ForgeryError(
            f"the data {source!r} of a package are a {type(found).__name__}: expected a "
            "forgery.data.Dataset"
        )
    return found


def is_name(source: str) -> bool:
    """Whether a source is a name, of bundled data, a package's or the hub's, and not a path."""
    return source in SOURCES or source in plugins.names(PLUGINS) or source.startswith("hf:")


def holds_pictures(source: str) -> bool:
    """Whether :func:`load_pictures` can load ``source``."""
    is_source = source in SOURCES or source in plugins.names(PLUGINS)
    return not is_source and is_collection(source)


def clear_cache() -> tuple[int, int, Path]:
    """Delete all decoded pictures; return the number of sets, their bytes, and their folder."""
    folder = cache_folder() / "images"
    return *cache.clear(folder), folder


def load_beside(
    source: str, split: str, like: Dataset, settings: ImageSettings = DEFAULT_SETTINGS
) -> Dataset:
    """Load another source, with images of the same size and colour as those of ``like``."""
    if like.kind == "images":
        settings = settings.like(like.shape)
    if not is_table(source):
        settings = replace(settings, image_column="", label_column="")
    return load(source, split, settings)
