"""The run folder: where everything that a run decides, reports, draws and learns is kept.

::

    config.json        the settings that have an effect, versions, machine, fingerprint of the data
    metrics.jsonl      one line a report
    real.png           real images, for comparison
    samples/           a grid from the same z every so often; evolution.gif and curves.png beside it
    checkpoints/       see checkpoint.py
"""

import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from .. import strict_json
from ..config import Config, choices
from ..errors import ForgeryError
from . import checkpoint
from .checkpoint import write_file

#: The names that every report has, and the type of their values.
IN_EVERY_REPORT: dict[str, type] = {
    "step": int,
    "epoch": float,
    "seconds": float,
    "g_gradient": float,
    "diversity": float,
    "quality": dict,
    "findings": list,
}
#: A GAN's reports have these as well, a VAE's none of them.
OF_A_GAN = ("d_loss", "g_loss", "d_real", "d_fake")


class Run:
    """A run folder that exists. :func:`create` makes one, :func:`open_run` opens one."""

    def __init__(self, path: Path, record: dict[str, Any]) -> None:
        self.path = path
        self.record = record
        self.config = Config.from_record(record["config"])

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
            file.write(strict_json.dumps(line) + "\n")

    def read_metrics(self) -> list[dict[str, Any]]:
        """Every report so far. Lines that are damaged, or were left unfinished, are passed over."""
        return [report for line in self._lines() if (report := read_report(line)) is not None]

    def _lines(self) -> list[bytes]:
        try:
            return self.metrics.read_bytes().splitlines()
        except FileNotFoundError:
            return []

    def best_step(self) -> int | None:
        """The step with the lowest Fréchet distance, if the run was evaluated while it trained."""
        measured = [r for r in self.read_metrics() if "frechet" in r["quality"]]
        return min(measured, key=lambda r: r["quality"]["frechet"])["step"] if measured else None

    def rewind(self, step: int) -> None:
        """Forget reports and pictures of later steps: the run is resumed from ``step``.

        Later checkpoints, which are damaged, are set aside, and so is a damaged metrics.jsonl.
        """
        names = checkpoint.set_aside_after(self.checkpoints, step)
        if names:
            _warn(f"set aside in {self.checkpoints}: {', '.join(names)}")
        found = [read_report(line) for line in self._lines()]
        reports = [report for report in found if report is not None]
        # The last line of a killed process may be unfinished: that is no damage.
        if None in found[:-1]:
            damaged, n = self.metrics.with_suffix(".damaged.jsonl"), 1
            while damaged.exists():
                n += 1
                damaged = self.metrics.with_suffix(f".damaged-{n}.jsonl")
            # A copy: the file itself stays until what is left of it takes its place.
            write_file(damaged, self.metrics.read_bytes())
            _warn(
                f"{self.metrics} is damaged: {len(reports)} of its {len(found)} reports are kept, "
                f"and the file as it was is {damaged.name}"
            )
        kept = [strict_json.dumps(report) for report in reports if report["step"] <= step]
        write_file(self.metrics, "".join(line + "\n" for line in kept).encode())
        for picture in self.samples.glob("*.png"):
            if picture.stem.isdigit() and int(picture.stem) > step:
                picture.unlink()

    def rewrite_config(self, config: Config) -> None:
        """Record a config that differs in what a resumed run may change."""
        self.record = self.record | {"config": config.effective()}
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
                f"choose another --out, or resume it: forgery resume {path}"
            )
        path.mkdir(parents=True, exist_ok=True)
        record = {"config": config.effective()} | facts
        _write_record(path, record)
    except OSError as error:
        raise ForgeryError(f"cannot make the run folder {path}: {error.strerror}") from error
    return Run(path, record)


def open_run(path: Path) -> Run:
    """The run at that path; a :class:`ForgeryError` if it is not one."""
    damaged = f"{path}/config.json is damaged or from another version of forgery"
    try:
        record = json.loads((path / "config.json").read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        what = "it has no config.json" if path.is_dir() else "there is no such folder"
        raise ForgeryError(f"{path} is not a run folder: {what}") from None
    except OSError as error:
        raise ForgeryError(f"cannot read {path}: {error.strerror}") from error
    except ValueError as error:
        raise ForgeryError(f"{damaged}: {error}") from None
    if not isinstance(record, dict) or "config" not in record or "forgery" not in record:
        raise ForgeryError(f"{path} is not a run folder: its config.json is another program's")
    for setting, part in record.get("parts", {}).items():
        name = part["name"]
        if ":" not in name and name not in choices(Config, setting):
            raise ForgeryError(
                f"{path} uses the {setting} {name!r} of the package {part['from']}, which is not "
                "installed"
            )
    try:
        return Run(path, record)
    except (ForgeryError, ValueError, TypeError) as error:
        raise ForgeryError(f"{damaged}: {error}") from None


def read_report(line: bytes) -> dict[str, Any] | None:
    """One line of metrics.jsonl; None where it is damaged or unfinished."""
    try:
        report = strict_json.loads(line.decode())
        whole = (
            all(isinstance(report[name], kind) for name, kind in IN_EVERY_REPORT.items())
            and all(isinstance(finding["name"], str) for finding in report["findings"])
            and sum(isinstance(report.get(name), float) for name in OF_A_GAN) in (0, 4)
        )
    except (ValueError, KeyError, TypeError, IndexError, AttributeError):
        return None
    return report if whole else None


def _warn(message: str) -> None:
    print(f"warning: {message}", file=sys.stderr)


def _new_name(folder: Path, data: str) -> Path:
    stem = f"{data}-{datetime.now():%Y-%m-%d-%H%M%S}"
    path, n = folder / stem, 1
    while path.exists():
        n += 1
        path = folder / f"{stem}-{n}"
    return path


def _write_record(path: Path, record: dict[str, Any]) -> None:
    write_file(path / "config.json", (json.dumps(record, indent=1) + "\n").encode())
