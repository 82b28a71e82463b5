"""The run folder, which holds the settings, reports, samples and checkpoints of a run.

::

    config.json        the settings that have an effect, versions, machine, fingerprint of the data
    metrics.jsonl      one line per report
    real.png           real images, for comparison
    samples/           sample grids from a fixed z
    evolution.gif      animation of these grids
    curves.png         losses and scores
    metrics.csv        the reports as a table, and tensorboard/, event files, by --log
    trackers.json      what experiment trackers have been given (callbacks.py)
    checkpoints/       see checkpoint.py
"""

import itertools
import json
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

from .. import strict_json
from ..addresses import folder_of
from ..config import Config, choices
from ..data.listing import safe_name
from ..errors import ForgeryError, command
from ..writing import unused, write_file, writing
from . import checkpoint

#: Keys of every report, and the types of their values.
IN_EVERY_REPORT: dict[str, type] = {
    "step": int,
    "epoch": float,
    "seconds": float,
    "g_gradient": float,
    "diversity": float,
    "quality": dict,
    "findings": list,
}
#: Further keys of a GAN's reports, absent from a VAE's.
OF_A_GAN = ("d_loss", "g_loss", "d_real", "d_fake")
#: The file of settings, by which a folder is known as a run.
CONFIG = "config.json"
#: Attempts to lock a run: :func:`training_process` holds the lock for a moment.
LOCK_TRIES = 4


class Run:
    """An existing run folder, returned by :func:`create` and :func:`open_run`."""

    def __init__(self, path: Path, record: dict[str, Any]) -> None:
        self.path = path
        self.record = record
        self.config = Config.from_record(record["config"])

    @property
    def exported(self) -> bool:
        """Whether the folder holds an exported model: no reports, no checkpoints to resume from."""
        return "exported" in self.record

    @property
    def title(self) -> str:
        """The recipe and the data: ``mlp on mnist``."""
        return f"{self.config.recipe} on {safe_name(Path(self.config.data).name)}"

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of a training sample: (C, H, W) or (D,)."""
        return tuple(self.record["data"]["shape"])

    @property
    def kind(self) -> Literal["images", "points"]:
        """What the run is trained on."""
        return "points" if "points" in self.record["data"] else "images"

    @property
    def count(self) -> int:
        """Number of training samples."""
        count: int = self.record["data"][self.kind]
        return count

    @property
    def classes(self) -> dict[str, int]:
        """Class → number of training samples; empty without classes."""
        classes: dict[str, int] = self.record["data"].get("classes", {})
        return classes

    @property
    def pictures(self) -> list[Path]:
        """The sample grids in the order of their steps."""
        return sorted(p for p in self.samples.glob("*.png") if p.stem.isdigit())

    @property
    def captions(self) -> list[str]:
        """A caption for each of :attr:`pictures`."""
        return [f"step {int(picture.stem):,}" for picture in self.pictures]

    @property
    def checkpoints(self) -> Path:
        return self.path / "checkpoints"

    @property
    def samples(self) -> Path:
        return self.path / "samples"

    @property
    def metrics(self) -> Path:
        return self.path / "metrics.jsonl"

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Raise :class:`ForgeryError` for an OSError of the block, which writes to the folder."""
        try:
            yield
        except OSError as error:
            message = f"cannot write to {self.path}: {error.strerror or error}"
            if not self.path.is_dir():
                message = f"the run folder {self.path} has been removed"
            if any(True for _ in checkpoint.steps(self.checkpoints)):
                message += f"; once there is space, resume the run: {command('resume', self.path)}"
            raise ForgeryError(message) from error

    def append_metrics(self, line: dict[str, Any]) -> None:
        """Append a line to metrics.jsonl."""
        with self.writing(), open(self.metrics, "a", encoding="utf-8") as file:
            file.write(strict_json.dumps(line) + "\n")

    def read_metrics(self) -> list[dict[str, Any]]:
        """Read all reports, skipping damaged and unfinished lines."""
        return [report for line in self._lines() if (report := read_report(line)) is not None]

    def _lines(self) -> list[bytes]:
        try:
            return self.metrics.read_bytes().splitlines()
        except FileNotFoundError:
            return []

    def best_step(self) -> int | None:
        """The step with the lowest Fréchet distance, or None if it was not tracked."""
        measured = [r for r in self.read_metrics() if "frechet" in r["quality"]]
        return min(measured, key=lambda r: r["quality"]["frechet"])["step"] if measured else None

    def rewind(self, step: int) -> None:
        """Discard the reports and pictures of later steps, to resume the run from ``step``.

        Later checkpoints, which are damaged, are renamed; a damaged metrics.jsonl is backed up.
        """
        names = checkpoint.set_aside_after(self.checkpoints, step)
        if names:
            _warn(f"set aside in {self.checkpoints}: {', '.join(names)}")
        found = [read_report(line) for line in self._lines()]
        reports = [report for report in found if report is not None]
        # A killed process may leave its last line unfinished, which does not count as damage.
        if None in found[:-1]:
            damaged = unused(self.metrics, ".damaged.jsonl")
            # A copy, since the file itself must exist until it is replaced below.
            write_file(damaged, self.metrics.read_bytes())
            _warn(
                f"{self.metrics} is damaged: kept {len(reports)} of {len(found)} reports and saved "
                f"the original file as {damaged.name}"
            )
        kept = [strict_json.dumps(report) for report in reports if report["step"] <= step]
        write_file(self.metrics, "".join(line + "\n" for line in kept).encode())
        for picture in self.pictures:
            if int(picture.stem) > step:
                picture.unlink()

    def rewrite_config(self, config: Config) -> None:
        """Record a config with changes that a resumed run may make."""
        self.record = self.record | {"config": config.effective()}
        self.config = config
        _write_record(self.path, self.record)

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Lock the run for this process, so that no other process trains it at the same time."""
        try:
            import fcntl
        except ImportError:  # Windows: no advisory locks of this kind
            yield
            return
        with writing(f"to {self.path}"):
            handle = os.open(self.path / ".lock", os.O_RDWR | os.O_CREAT, 0o644)
        for tries_left in range(LOCK_TRIES - 1, -1, -1):
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if tries_left:
                    time.sleep(0.05)
                    continue
                os.close(handle)
                raise ForgeryError(f"{self.path} is being trained by another process") from None
            except OSError as error:  # a file system without locks
                _warn(f"{self.path} cannot be locked ({error.strerror}): train it only once")
                break
        try:
            os.truncate(handle, 0)
            os.write(handle, str(os.getpid()).encode())
            yield
        finally:
            os.close(handle)  # also releases the lock


def training_process(path: Path) -> int | None:
    """The process that trains the run in a folder: its number, 0 if unknown, None if none does."""
    try:
        import fcntl
    except ImportError:  # Windows
        return None
    try:
        handle = os.open(path / ".lock", os.O_RDONLY)
    except OSError:  # never trained, or deleted
        return None
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
        return None
    except BlockingIOError:
        text = os.read(handle, 20)
        return int(text) if text.isdigit() else 0
    except OSError:  # a file system without locks
        return None
    finally:
        os.close(handle)


def create(path: Path | None, config: Config, facts: dict[str, Any]) -> Run:
    """Create a run folder.

    Parameters
    ----------
    path:
        Path of the folder; None creates ``runs/DATA-DATE-TIME``.
    config:
        Settings of the run.
    facts:
        Entries of config.json beside the settings: versions, machine, data.

    Raises
    ------
    ForgeryError
        If the path exists and is not an empty folder, or the folder cannot be created.
    """
    try:
        if path is None:
            path = _new_folder(Path("runs"), Path(config.data).name)
        else:
            require_new(path)
        path.mkdir(parents=True, exist_ok=True)
        try:  # only one of several processes that start at once makes the file
            (path / CONFIG).touch(exist_ok=False)
        except FileExistsError:
            raise _exists(path) from None
        record = {"config": config.effective()} | facts
        _write_record(path, record)
    except OSError as error:
        raise ForgeryError(f"cannot create the run folder {path}: {error.strerror}") from error
    return Run(path, record)


def require_new(path: Path) -> None:
    """Refuse the path of a run folder if it exists and is not an empty folder."""
    if path.exists() and (not path.is_dir() or any(path.iterdir())):
        raise _exists(path)


def open_run(path: Path | str) -> Run:
    """Open a run folder, or an exported model: its folder, ``zoo:NAME`` or ``hub:OWNER/NAME``.

    Raises
    ------
    ForgeryError
        If the path is no run folder, config.json is damaged, or a package is not installed.
    """
    path = folder_of(path)
    damaged = f"{path}/config.json is damaged or from another version of forgery"
    try:
        record = json.loads((path / CONFIG).read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        what = "it has no config.json" if path.is_dir() else "there is no such folder"
        raise ForgeryError(f"{path} is not a run folder: {what}") from None
    except OSError as error:
        raise ForgeryError(f"cannot read {path}: {error.strerror}") from error
    except ValueError as error:
        raise ForgeryError(f"{damaged}: {error}") from None
    if not isinstance(record, dict) or "config" not in record or "forgery" not in record:
        raise ForgeryError(
            f"{path} is not a run folder: its config.json is that of another program"
        )
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
    """Parse a line of metrics.jsonl; None if it is damaged or unfinished."""
    try:
        report = strict_json.loads(line.decode())
        valid = (
            all(isinstance(report[name], kind) for name, kind in IN_EVERY_REPORT.items())
            and all(isinstance(finding["name"], str) for finding in report["findings"])
            and sum(isinstance(report.get(name), float) for name in OF_A_GAN) in (0, 4)
        )
    except (ValueError, KeyError, TypeError, IndexError, AttributeError):
        return None
    return report if valid else None


def _warn(message: str) -> None:
    print(f"warning: {message}", file=sys.stderr)


def _exists(path: Path) -> ForgeryError:
    resumed = f", or resume it: {command('resume', path)}" if (path / CONFIG).is_file() else ""
    return ForgeryError(
        f"{path} already exists and is never overwritten: choose another --out{resumed}"
    )


def _new_folder(parent: Path, data: str) -> Path:
    parent.mkdir(parents=True, exist_ok=True)
    stem = f"{data}-{datetime.now():%Y-%m-%d-%H%M%S}"
    for name in itertools.chain([stem], (f"{stem}-{n}" for n in itertools.count(2))):
        with suppress(FileExistsError):
            (parent / name).mkdir()
            return parent / name
    raise AssertionError


def _write_record(path: Path, record: dict[str, Any]) -> None:
    write_file(path / CONFIG, (json.dumps(record, indent=1) + "\n").encode())
