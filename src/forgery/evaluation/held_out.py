"""Held-out data: loading, overlap with the training data, and detection of copies."""

from pathlib import Path

import torch
from torch import Tensor

from .. import metrics
from ..data import Dataset, ImageSettings, holds_pictures, load, load_beside
from ..errors import ForgeryError

#: Maximum number of training samples searched for copies, and of held-out samples that set the
#: threshold.
SEARCHED, FRESH = 60_000, 2_000
#: Minimum number of held-out samples that can set the threshold.
FEWEST = round(1 / metrics.memorisation.QUANTILE)
#: Held-out data is refused if a larger fraction of it was trained on.
MOST_TRAINED_ON = 0.5


class Overlap(ForgeryError):
    """Most of the data given as held-out was trained on."""


def load_held_out(data: str, against: str, train: Dataset, settings: ImageSettings) -> Dataset:
    """Load the data that scores are measured against.

    Parameters
    ----------
    data:
        The source of the run's data.
    against:
        A split of the source, or the path of other data, tried in this order, since a file or a
        folder may have the name of a split. Other pictures are converted to the size and colour of
        ``train``.
    train:
        The training data.
    settings:
        How the run reads pictures.
    """
    try:
        return load(data, against, settings)
    except ForgeryError:
        if not (Path(against).is_file() or holds_pictures(against)):
            raise
    split = "all" if holds_pictures(against) else "train"
    return load_beside(against, split, train, settings)


def fresh_rows(held_out: Dataset, train: Dataset) -> Tensor:
    """Rows of held-out data that was not trained on, int64 ``[F]``; any prefix is representative.

    Raises
    ------
    Overlap
        If more than :data:`MOST_TRAINED_ON` was trained on.
    """
    found = metrics.occurs_in(held_out.values, train.values)
    train.release()
    held_out.release()
    if found.double().mean() > MOST_TRAINED_ON:
        which = "all" if found.all() else f"{int(found.sum()):,} of the {len(found):,}"
        raise Overlap(
            f"{which} {held_out.kind} of {held_out.name} are in {train.name}, which the run was "
            "trained on"
        )
    rows = held_out.stratified(len(held_out))
    return rows[~found[rows]]


def too_few_fresh(held_out: Dataset, fresh: Tensor) -> str | None:
    """The reason why copies cannot be detected, or None."""
    if len(fresh) >= FEWEST:
        return None
    return (
        f"at least {FEWEST} held-out {held_out.kind} that were not trained on are needed, and "
        f"{held_out.name} has {len(fresh)}"
    )


def memorisation_of(
    values: Tensor, train: Dataset, held_out: Dataset, fresh: Tensor | None = None, n: int = FRESH
) -> metrics.Memorisation:
    """Detect samples that are copies of training data.

    Parameters
    ----------
    values:
        Samples ``[N, …]`` in the format of a dataset.
    train:
        The training data.
    held_out:
        Data that sets the threshold.
    fresh:
        Rows of ``held_out`` that were not trained on (:func:`fresh_rows`, the default).
    n:
        Number of samples, and of held-out samples, to compare.

    Raises
    ------
    ForgeryError
        If fewer than :data:`FEWEST` held-out samples were not trained on, or most of them were.
    """
    fresh = fresh_rows(held_out, train) if fresh is None else fresh
    if reason := too_few_fresh(held_out, fresh):
        raise ForgeryError(reason)
    return metrics.detect_memorisation(
        unit_range(values[:n]),
        unit_range(train.values[train.stratified(SEARCHED)]),
        unit_range(held_out.values[fresh[:n]]),
    )


def unit_range(values: Tensor) -> Tensor:
    """Convert uint8 pixels to float32 in [0, 1]; points are unchanged."""
    return values.float() / 255 if values.dtype == torch.uint8 else values
