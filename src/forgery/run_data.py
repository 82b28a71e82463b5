"""The data of a run: its location, and the check that it is unchanged."""

from pathlib import Path

from .data import FROM_PYTHON, Dataset, is_name
from .errors import ForgeryError
from .parts import data_of
from .training.run import Run

#: A run's data: a name, a path, or the dataset.
Source = Path | str | Dataset


class DataNotFound(ForgeryError):
    """The data of a run is not at its recorded location."""


def dataset_of(run: Run, split: str | None = None, data: Source | None = None) -> Dataset:
    """The data that a run was trained on, or another split of it.

    Parameters
    ----------
    run:
        The run folder.
    split:
        Another split; None is that of the run.
    data:
        New path of the data, if it was moved after training; or the dataset.

    Raises
    ------
    DataNotFound
        If nothing exists at the recorded path, or at ``data``.
    ForgeryError
        If the data differs from that of the run (checked if ``split`` is None).
    """
    if isinstance(data, Dataset):
        if split is not None:
            raise ForgeryError(f"{data.name} was given from Python and has one split, not {split}")
        source, dataset = data.name, data.limited(run.config.limit)
    else:
        source = require_data(run, data)
        dataset = data_of(run.config.replace(data=source), split)
    if split is None and dataset.fingerprint != run.record["data"]["fingerprint"]:
        raise _different_data(run, source, dataset)
    return dataset


def require_data(run: Run, data: Path | str | None = None) -> str:
    """The name or path of a run's data, or :class:`DataNotFound` if it is missing.

    ``data`` is the new path of the data, if it was moved after training.
    """
    source = run.config.data if data is None else absolute(data)
    if source.startswith(FROM_PYTHON):
        raise DataNotFound(
            f"the data of {run.path}, {source.removeprefix(FROM_PYTHON)}, was given from Python: "
            "give it again, for example forgery.resume(run, data=dataset)"
        )
    if is_name(source) or Path(source).exists():
        return source
    message = f"the data of {run.path} was not found: there is no {source}"
    if data is None:
        where = "" if Path(source).is_absolute() else f" in {Path.cwd()}"
        message += f"{where}; if it was moved, give its new path with --data PATH"
    raise DataNotFound(message)


def absolute(data: Path | str) -> str:
    """Make a path of data absolute; a name is unchanged."""
    if isinstance(data, str) and (is_name(data) or data.startswith(FROM_PYTHON)):
        return data
    return str(Path(data).absolute())


def _different_data(run: Run, source: str, dataset: Dataset) -> ForgeryError:
    """The error for data that differs from that of a run."""
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
