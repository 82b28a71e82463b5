"""Loggers: callbacks that pass reports, samples and findings on to other programs.

``forgery train --log csv,tensorboard`` uses those of :data:`LOGGERS`. The others keep their records
outside the run folder, in an experiment tracker, and are given from Python::

    forgery.train("mnist", callbacks=[forgery.callbacks.WandB(project="digits")])

Each is a function of one event (``forgery.training.events``), and closes what it opened when the
run ends. It imports its package when it is created, so that a missing one is reported before
training.
"""

import csv
import io
import json
import secrets
import time
from collections.abc import Callable, Iterable
from dataclasses import fields
from importlib import import_module
from pathlib import Path
from typing import Any, TextIO

import numpy
from PIL import Image

from .config import ReportingSettings
from .config.choices import LogName
from .errors import ForgeryError
from .training.algorithm1 import AdversarialGame
from .training.doctor import Finding
from .training.events import Event, Outcome, RunEnded, RunStarted, SamplesDrawn
from .training.report import Report, Vitals
from .training.run import Run
from .training.vae import VAE
from .writing import write_file

#: ``model`` of a run → the names of ``Report.numbers``.
NUMBERS = {"gan": AdversarialGame.number_names, "vae": VAE.number_names}
#: The names of ``Report.quality``.
QUALITY = ("frechet", "jsd", "kl", "modes", "high_quality")


class Logger:
    """A callback that passes each kind of event to a method; subclasses override some of them."""

    _started = False

    def __call__(self, event: Event) -> None:
        match event:
            case RunStarted():
                self.start(event.run, event.step)
                self._started = True
            case Report():
                self.report(event)
            case Finding():
                self.finding(event)
            case SamplesDrawn():
                self.samples(event)
            case RunEnded() if self._started:
                self._started = False
                self.end(event.outcome)

    def start(self, run: Run, step: int) -> None:
        """Training starts after ``step`` steps; 0 of a new run."""

    def report(self, report: Report) -> None:
        """A report was made."""

    def finding(self, finding: Finding) -> None:
        """The doctor noticed a problem in the last report."""

    def samples(self, drawn: SamplesDrawn) -> None:
        """A sample grid, or a scatter plot of points, was written."""

    def end(self, outcome: Outcome) -> None:
        """Training has ended, also by an error; it is not called if :meth:`start` failed."""


class CSV(Logger):
    """Write ``metrics.csv`` into the run folder: one row per report, one column per quantity.

    The columns are those of metrics.jsonl, and do not change over a run. Scores are named
    ``quality.frechet`` …; a cell is empty if the score was not measured. ``findings`` holds the new
    findings as text, and ``samples`` the path of the sample grid of the step, if one was drawn.

    The file repeats metrics.jsonl: it is written anew when a run is resumed, so that it has one row
    for each report, also of the time before it was first logged.
    """

    def start(self, run: Run, step: int) -> None:
        self._run = run
        self._rewrite()

    def report(self, report: Report) -> None:
        with open(self._path, "a", newline="", encoding="utf-8") as file:
            self._write(file, [report.line()])

    def end(self, outcome: Outcome) -> None:
        self._rewrite()  # with the pictures that were drawn after their report

    @property
    def _path(self) -> Path:
        return self._run.path / "metrics.csv"

    def _rewrite(self) -> None:
        text = io.StringIO(newline="")
        csv.writer(text, lineterminator="\n").writerow(self._columns)
        self._write(text, self._run.read_metrics())
        write_file(self._path, text.getvalue().encode())

    @property
    def _columns(self) -> list[str]:
        return [
            *("step", "epoch", "seconds"),
            *NUMBERS[self._run.config.model],
            *(field.name for field in fields(Vitals)),
            *(f"quality.{name}" for name in QUALITY),
            *("findings", "samples"),
        ]

    def _write(self, file: TextIO, reports: Iterable[dict[str, Any]]) -> None:
        writer = csv.DictWriter(file, self._columns, extrasaction="ignore", lineterminator="\n")
        for report in reports:
            grid = self._run.samples / f"{report['step']:08d}.png"
            scores = {f"quality.{name}": score for name, score in report["quality"].items()}
            texts = [
                ": ".join(f[key] for key in ("name", "seen") if key in f)
                for f in report["findings"]
            ]
            picture = grid.relative_to(self._run.path).as_posix() if grid.exists() else ""
            writer.writerow(report | scores | {"findings": "; ".join(texts), "samples": picture})


class TensorBoard(Logger):
    """Write event files for TensorBoard: scalars, sample grids, findings and settings as text.

    ``tensorboard --logdir runs`` shows all runs of a folder. When a run is resumed, the events of
    discarded steps are purged.

    Parameters
    ----------
    folder:
        Folder of the event files; by default ``tensorboard`` in the run folder.

    Raises
    ------
    ForgeryError
        If the package tensorboard is not installed.
    """

    def __init__(self, folder: Path | str | None = None) -> None:
        module = _imported("torch.utils.tensorboard", "TensorBoard", "forgery[tensorboard]")
        self._open: Callable[..., Any] = module.SummaryWriter
        self._folder = folder

    def start(self, run: Run, step: int) -> None:
        # The pictures of step 0 are drawn again, if the run is resumed from there.
        self._writer = self._open(
            str(self._folder or run.path / "tensorboard"), purge_step=step + 1 if step else 0
        )
        rows = "\n".join(f"| {name} | {value} |" for name, value in settings_of(run).items())
        self._writer.add_text("settings", f"| setting | value |\n|---|---|\n{rows}", step)

    def report(self, report: Report) -> None:
        for name, value in values_of(report).items():
            self._writer.add_scalar(name, value, report.step)
        self._writer.flush()

    def finding(self, finding: Finding) -> None:
        self._writer.add_text("findings", str(finding), finding.step)

    def samples(self, drawn: SamplesDrawn) -> None:
        with Image.open(drawn.path) as picture:
            pixels = numpy.asarray(picture.convert("RGB"))
        self._writer.add_image("samples", pixels, drawn.step, dataformats="HWC")

    def end(self, outcome: Outcome) -> None:
        self._writer.close()


class Tracker(Logger):
    """A logger to an experiment tracker, which keeps what it has been given.

    A resumed run is the same run of the tracker: ``trackers.json`` in the run folder holds its
    identifier and the last steps that were logged. Steps that are trained again, since the run was
    killed after them, are not logged again; their numbers would be the same.

    Subclasses define the methods below, of which :meth:`open` is called first.
    """

    #: The key in trackers.json.
    name = ""

    def open(self, run: Run, identifier: str | None) -> str:
        """Open a new run of the tracker, or the one with an identifier; return its identifier."""
        raise NotImplementedError

    def log(self, values: dict[str, float], step: int) -> None:
        """Log the numbers of a report."""
        raise NotImplementedError

    def show(self, picture: Image.Image, step: int) -> None:
        """Log a picture of samples."""
        raise NotImplementedError

    def note(self, finding: Finding) -> None:
        """Log a finding of the doctor."""
        raise NotImplementedError

    def close(self, outcome: Outcome) -> None:
        """Close the run of the tracker."""
        raise NotImplementedError

    def start(self, run: Run, step: int) -> None:
        self._file = run.path / "trackers.json"
        self._kept: dict[str, Any] = self._read().get(self.name, {})
        self._keep(id=self.open(run, self._kept.get("id")))

    def report(self, report: Report) -> None:
        if report.step > self._kept.get("report", -1):
            self.log(values_of(report), report.step)
            self._keep(report=report.step)

    def finding(self, finding: Finding) -> None:
        self.note(finding)

    def samples(self, drawn: SamplesDrawn) -> None:
        if drawn.step > self._kept.get("samples", -1):
            with Image.open(drawn.path) as picture:
                self.show(picture, drawn.step)
            self._keep(samples=drawn.step)

    def end(self, outcome: Outcome) -> None:
        self.close(outcome)

    def _read(self) -> dict[str, Any]:
        try:
            kept: dict[str, Any] = json.loads(self._file.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return {}
        except ValueError as error:
            raise ForgeryError(
                f"{self._file} is damaged ({error}): delete it, and the run continues as a new one "
                "of the tracker"
            ) from None
        return kept

    def _keep(self, **changes: Any) -> None:
        self._kept |= changes
        kept = self._read() | {self.name: self._kept}
        write_file(self._file, (json.dumps(kept, indent=1) + "\n").encode())


class WandB(Tracker):
    """Log to Weights & Biases; offline with ``WANDB_MODE=offline``.

    Findings are alerts, and entries of the run's summary.

    Parameters
    ----------
    project:
        The project.
    init:
        Further arguments of ``wandb.init``, such as ``entity``, ``tags``, ``mode``, ``name`` (by
        default that of the run folder) and ``dir`` (by default the run folder).

    Raises
    ------
    ForgeryError
        If the package wandb is not installed.
    """

    name = "wandb"

    def __init__(self, project: str = "forgery", **init: Any) -> None:
        self._wandb = _imported("wandb", "Weights & Biases", "wandb")
        self._init = {"project": project} | init

    def open(self, run: Run, identifier: str | None) -> str:
        options = {
            "name": run.path.absolute().name,
            "id": identifier or secrets.token_hex(4),
            "resume": "allow",
            "dir": str(run.path),
            "config": settings_of(run),
            "allow_val_change": True,  # a resumed run may change its length
            "reinit": "create_new",  # leaves a run of the caller's alone
        }
        self._run = self._wandb.init(**options | self._init)
        return str(self._run.id)

    def log(self, values: dict[str, float], step: int) -> None:
        self._run.log(values, step=step)

    def show(self, picture: Image.Image, step: int) -> None:
        self._run.log({"samples": self._wandb.Image(picture)}, step=step)

    def note(self, finding: Finding) -> None:
        self._run.summary[f"findings/{finding.name}"] = str(finding)
        self._run.alert(finding.name, finding.text, level=self._wandb.AlertLevel.WARN)

    def close(self, outcome: Outcome) -> None:
        self._run.finish(exit_code=int(outcome == "failed"))


class Trackio(Tracker):
    """Log to trackio: a local database, or a Space with ``space_id``. Findings are alerts.

    Parameters
    ----------
    project:
        The project.
    init:
        Further arguments of ``trackio.init``, such as ``name`` (by default that of the run folder)
        and ``space_id``.

    Raises
    ------
    ForgeryError
        If the package trackio is not installed.
    """

    name = "trackio"

    def __init__(self, project: str = "forgery", **init: Any) -> None:
        self._trackio = _imported("trackio", "trackio", "trackio")
        self._init = {"project": project} | init

    def open(self, run: Run, identifier: str | None) -> str:
        options = {
            "name": identifier or run.path.absolute().name,
            "resume": "allow" if identifier else "never",
            "config": settings_of(run),
        }
        self._run = self._trackio.init(**options | self._init)
        return str(self._run.name)

    def log(self, values: dict[str, float], step: int) -> None:
        self._run.log(values, step=step)

    def show(self, picture: Image.Image, step: int) -> None:
        self._run.log({"samples": self._trackio.Image(picture)}, step=step)

    def note(self, finding: Finding) -> None:
        self._run.alert(finding.name, finding.text)

    def close(self, outcome: Outcome) -> None:
        self._run.finish()


class MLflow(Tracker):
    """Log to MLflow: metrics, parameters, images; findings are tags.

    Parameters
    ----------
    experiment:
        The experiment, which is created if it does not exist.
    tracking_uri:
        Address of the tracking server or database; None is that of ``MLFLOW_TRACKING_URI``, or
        MLflow's default.

    Raises
    ------
    ForgeryError
        If neither the package mlflow nor mlflow-skinny is installed.
    """

    name = "mlflow"

    def __init__(self, experiment: str = "forgery", tracking_uri: str | None = None) -> None:
        self._mlflow = _imported("mlflow", "MLflow", "mlflow")
        self._experiment, self._uri = experiment, tracking_uri

    def open(self, run: Run, identifier: str | None) -> str:
        self._client = client = self._mlflow.MlflowClient(self._uri)
        if identifier is None:
            found = client.get_experiment_by_name(self._experiment)
            place = found.experiment_id if found else client.create_experiment(self._experiment)
            self._id = client.create_run(place, run_name=run.path.absolute().name).info.run_id
        else:
            self._id = identifier
            client.update_run(identifier, status="RUNNING")
        params = client.get_run(self._id).data.params
        for name, value in settings_of(run).items():
            if name not in params:
                client.log_param(self._id, name, value)
            elif params[name] != str(value):  # a parameter cannot be changed
                client.set_tag(self._id, f"resumed with {name}", value)
        return str(self._id)

    def log(self, values: dict[str, float], step: int) -> None:
        entities, now = self._mlflow.entities, int(1000 * time.time())
        metrics = [entities.Metric(name, value, now, step) for name, value in values.items()]
        self._client.log_batch(self._id, metrics)

    def show(self, picture: Image.Image, step: int) -> None:
        self._client.log_image(self._id, picture, key="samples", step=step)

    def note(self, finding: Finding) -> None:
        self._client.set_tag(self._id, f"findings/{finding.name}", str(finding))

    def close(self, outcome: Outcome) -> None:
        status = {"finished": "FINISHED", "stopped": "KILLED", "failed": "FAILED"}[outcome]
        self._client.set_terminated(self._id, status)


#: The loggers of ``--log``, which write into the run folder.
LOGGERS: dict[LogName, Callable[[], Logger]] = {"csv": CSV, "tensorboard": TensorBoard}


def loggers_of(settings: ReportingSettings) -> list[Logger]:
    """Create the loggers that ``--log`` names.

    Raises
    ------
    ForgeryError
        If a package is not installed.
    """
    return [make() for name, make in LOGGERS.items() if name in settings.log.split(",")]


def values_of(report: Report) -> dict[str, float]:
    """The numbers of a report by the names that trackers show in groups: ``training/d_loss`` …"""
    vitals = {field.name: getattr(report.vitals, field.name) for field in fields(Vitals)}
    groups = {
        "training": report.numbers | {"epoch": report.epoch, "seconds": report.seconds},
        "vitals": {name: value for name, value in vitals.items() if value is not None},
        "quality": report.quality,
    }
    return {f"{group}/{name}": value for group, of in groups.items() for name, value in of.items()}


def settings_of(run: Run) -> dict[str, Any]:
    """The settings of a run that have an effect, by name, and the version and data that it has."""
    settings = {k: v for group in run.config.effective().values() for k, v in group.items()}
    data = run.record["data"]
    return settings | {"forgery": run.record["forgery"], "fingerprint": data["fingerprint"]}


def _imported(module: str, title: str, install: str) -> Any:
    try:
        return import_module(module)
    except ImportError as error:
        raise ForgeryError(
            f"logging to {title} needs a package that cannot be imported ({error}): pip install "
            f"'{install}'"
        ) from None
