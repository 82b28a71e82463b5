"""The run folder: where everything that a run decides, reports, draws and learns is kept.

::

    config.json        every setting, versions, machine, fingerprint of the data
    metrics.jsonl      one line a report
    real.png           real images, for comparison
    samples/           a grid from the same z every so often; evolution.gif and curves.png beside it
    checkpoints/       see checkpoint.py
"""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from ..config import Config
from ..errors import ForgeryError
from .checkpoint import write_file


class Run:
    """A run folder that exists. :func:`create` makes one, :func:`open_run` opens one."""

    def __init__(self, path: Path, record: dict[str, Any]) -> None:
        self.path = path
        self.record = record
        self.config = Config(**record["config"])

    @property
    def checkpoints(self) -> Path:
        return self.path / "checkpoints"

    @property
    def samples(self) -> Path:
        return self.path / "samples"

    @property
    def metrics(self) -> Path:
        return self.path / "metrics.jsonl"

    def append_metrics(self, line: dict[str, Any]) -> None:
        """Add one line to metrics.jsonl."""
        with open(self.metrics, "a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")

    def read_metrics(self) -> list[dict[str, Any]]:
        """Every report so far; a last line that a killed process left unfinished is passed over."""
        try:
            lines = self.metrics.read_text(encoding="utf-8").splitlines()
        except FileNotFoundError:
            return []
        reports = []
        for line in lines:
            try:
                reports.append(json.loads(line))
            except ValueError:
                break
        return reports

    def best_step(self) -> int | None:
        """The step with the lowest Fréchet distance, if the run was evaluated while it trained."""
        measured = [r for r in self.read_metrics() if "frechet" in r["quality"]]
        return min(measured, key=lambda r: r["quality"]["frechet"])["step"] if measured else None

    def rewind(self, step: int) -> None:
        """Forget reports and pictures of later steps: the run goes on from ``step``."""
        kept = [line for line in self.read_metrics() if line["step"] <= step]
        write_file(self.metrics, "".join(json.dumps(line) + "\n" for line in kept).encode())
        for picture in self.samples.glob("*.png"):
            if picture.stem.isdigit() and int(picture.stem) > step:
                picture.unlink()

    def rewrite_config(self, config: Config) -> None:
        """Record a config that differs in what a resumed run may change."""
        self.record = self.record | {"config": config.to_dict()}
        self.config = config
        _write_record(self.path, self.record)

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Hold the run for this process: two that trained it at once would spoil it."""
        try:
            import fcntl
        except ImportError:  # Windows: no advisory locks of this kind
            yield
            return
        try:
            handle = os.open(self.path / ".lock", os.O_RDWR | os.O_CREAT, 0o644)
        except OSError as error:
            raise ForgeryError(f"cannot write to {self.path}: {error.strerror}") from error
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(handle)
            raise ForgeryError(f"{self.path} is being trained by another process") from None
        try:
            yield
        finally:
            os.close(handle)  # which also gives the lock back


def create(path: Path | None, config: Config, facts: dict[str, Any]) -> Run:
    """A new run folder; without a path, ``runs/DATA-DATE-TIME``.

    Parameters
    ----------
    facts:
        What config.json records beside the settings: versions, machine, data.

    Raises
    ------
    ForgeryError
        When something is at that path already (a run is never overwritten), or it cannot be made.
    """
    try:
        if path is None:
            path = _new_name(Path("runs"), Path(config.data).name)
        elif path.exists() and (not path.is_dir() or any(path.iterdir())):
            raise ForgeryError(
                f"{path} is there already and a run is never overwritten: "
                f"choose another --out, or go on with it: forgery resume {path}"
            )
        path.mkdir(parents=True, exist_ok=True)
        record = {"config": config.to_dict()} | facts
        _write_record(path, record)
    except OSError as error:
        raise ForgeryError(f"cannot make the run folder {path}: {error.strerror}") from error
    return Run(path, record)


def open_run(path: Path) -> Run:
    """The run at that path; a :class:`ForgeryError` if it is not one."""
    try:
        record = json.loads((path / "config.json").read_text(encoding="utf-8"))
        if not isinstance(record, dict) or "config" not in record or "forgery" not in record:
            raise ForgeryError(f"{path} is not a run folder: its config.json is another program's")
        return Run(path, record)
    except (FileNotFoundError, NotADirectoryError):
        what = "it has no config.json" if path.is_dir() else "there is no such folder"
        raise ForgeryError(f"{path} is not a run folder: {what}") from None
    except OSError as error:
        raise ForgeryError(f"cannot read {path}: {error.strerror}") from error
    except (ValueError, TypeError) as error:
        raise ForgeryError(
            f"{path}/config.json is damaged or from another version of forgery: {error}"
        ) from None


def _new_name(folder: Path, data: str) -> Path:
    stem = f"{data}-{datetime.now():%Y-%m-%d-%H%M%S}"
    path, n = folder / stem, 1
    while path.exists():
        n += 1
        path = folder / f"{stem}-{n}"
    return path


def _write_record(path: Path, record: dict[str, Any]) -> None:
    write_file(path / "config.json", (json.dumps(record, indent=1) + "\n").encode())
