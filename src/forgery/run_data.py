"""The data of a run folder: where it is, and whether it is what the run was trained on."""

from pathlib import Path

from .data import FROM_PYTHON, Dataset, is_name
from .errors import ForgeryError
from .parts import data_of
from .training.run import Run

#: Where a run's data is: a name, a path, or the data itself.
Source = Path | str | Dataset


class DataNotFound(ForgeryError):
    """The data of a run is not where the run recorded it."""


def dataset_of(run: Run, split: str | None = None, data: Source | None = None) -> Dataset:
    """The data that a run was trained on, or another split of it.

    Parameters
    ----------
    run, split:
        The run, and another split than its own.
    data:
        Where the data is now, if it was moved since the training; or the data.

    Raises
    ------
    DataNotFound
        If nothing is at the recorded path, or at ``data``.
    ForgeryError
        If the data differs from what the run was trained on (``split`` is None only).
    """
    if isinstance(data, Dataset):
        if split is not None:
            raise ForgeryError(f"{data.name} was given from Python and has one split, not {split}")
        source, dataset = data.name, limited(data, run.config.limit)
    else:
        source = require_data(run, data)
        dataset = data_of(run.config.replace(data=source), split)
    if split is None and dataset.fingerprint != run.record["data"]["fingerprint"]:
        raise _different_data(run, source, dataset)
    return dataset


def limited(dataset: Dataset, limit: int) -> Dataset:
    """The stratified choice of ``limit`` samples; all of them if it is 0."""
    return dataset.subset(limit) if limit else dataset


def require_data(run: Run, data: Path | str | None = None) -> str:
    """The name or path of a run's data; :class:`DataNotFound` if there is nothing.

    Parameters
    ----------
    data:
        Where the data is now, if it was moved since the training.
    """
    source = run.config.data if data is None else absolute(data)
    if source.startswith(FROM_PYTHON):
        raise DataNotFound(
            f"the data of {run.path}, {source.removeprefix(FROM_PYTHON)}, was given from Python: "
            "give it again, as in forgery.resume(run, data=dataset)"
        )
    if is_name(source) or Path(source).exists():
        return source
    message = f"the data of {run.path} is not found: there is no {source}"
    if data is None:
        where = "" if Path(source).is_absolute() else f" in {Path.cwd()}"
        message += f"{where}; if it was moved, give its new place with --data PATH"
    raise DataNotFound(message)


def absolute(data: Path | str) -> str:
    """A path of data as an absolute one; a name as it is."""
    if isinstance(data, str) and (is_name(data) or data.startswith(FROM_PYTHON)):
        return data
    return str(Path(data).absolute())


def _different_data(run: Run, source: str, dataset: Dataset) -> ForgeryError:
    """The error for data that is not what a run was trained on."""
    before, limit = run.record["data"], run.config.limit
    message = (
        f"{source} is not the data that {run.path} was trained on: that was {before['name']} "
        f"(fingerprint {before['fingerprint'][:12]}…), this is {dataset.name} "
        f"({dataset.fingerprint[:12]}…)"
    )
    if limit and before["name"].endswith(f"[:{limit}]"):
        message += (
            f". An earlier forgery took the first {limit} samples for --limit {limit}; this one "
            "takes a stratified random choice: start a new run with forgery train"
        )
    return ForgeryError(message)
