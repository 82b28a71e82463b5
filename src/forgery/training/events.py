"""Events of training, which are passed to callbacks.

A callback is a function of one event: ``forgery.train("mnist", callbacks=[print])``. It runs in the
training process, between two steps, so that training waits for it. A callback stops the run by
raising :class:`StopTraining`; after any other exception, the run is saved before it ends. Every
callback receives :class:`RunEnded`, whatever ends the run.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from .doctor import Finding
from .report import Report
from .run import Run

#: How a run ended: it reached its length, was stopped by a signal or a callback, or an exception.
Outcome = Literal["finished", "stopped", "failed"]


@dataclass(frozen=True)
class RunStarted:
    """The first event: training starts after ``step`` steps, 0 of a new run.

    ``run`` is the run folder, with its path, config and record. Reports and pictures of later steps
    have been discarded (:meth:`Run.rewind`).
    """

    step: int
    run: Run


@dataclass(frozen=True)
class RunEnded:
    """The last event, also after an error: time to close what a callback opened.

    The pictures of the summary, such as curves.png, have been written, unless the run failed.
    """

    step: int
    outcome: Outcome


@dataclass(frozen=True)
class StepDone:
    """A step was made; ``done`` is the fraction of the run that is complete, 0 to 1."""

    step: int
    done: float


@dataclass(frozen=True)
class SamplesDrawn:
    """A picture of the samples of a step was written to ``path``."""

    step: int
    path: Path


@dataclass(frozen=True)
class CheckpointSaved:
    """The checkpoint of a step was written to the folder ``path``."""

    step: int
    path: Path


#: Every finding follows the report in which the doctor found it.
Event = RunStarted | StepDone | Report | Finding | SamplesDrawn | CheckpointSaved | RunEnded
Callback = Callable[[Event], object]


class StopTraining(Exception):
    """Raised by a callback to stop the run after the step; the run is saved as usual."""
