"""MNIST: all 70,000 digits, included in the package (see NOTICE in this folder)."""

from importlib.resources import as_file, files

from ...errors import lookup
from ..dataset import Dataset
from ..idx import load_idx

#: Split → (file prefix, start, stop). The 2014 paper uses train50k and valid10k.
SPLITS = {
    "train": ("train", 0, 60_000),
    "test": ("t10k", 0, 10_000),
    "train50k": ("train", 0, 50_000),
    "valid10k": ("train", 50_000, 60_000),
}


def mnist(split: str = "train") -> Dataset:
    """Load handwritten digits, uint8 ``[N, 1, 28, 28]``, with labels 0 to 9.

    Parameters
    ----------
    split:
        ``train`` (60,000), ``test`` (10,000), or the 2014 paper's division of the training
        images: ``train50k`` (the first 50,000) and ``valid10k`` (the last 10,000).
    """
    prefix, start, stop = lookup(SPLITS, split, "split of mnist")
    with as_file(files(__name__)) as folder:
        whole = load_idx(
            folder / f"{prefix}-images-idx3-ubyte.gz", folder / f"{prefix}-labels-idx1-ubyte.gz"
        )
    assert whole.labels is not None
    return Dataset(
        f"mnist[{split}]", whole.values[start:stop], whole.labels[start:stop], whole.classes
    )
