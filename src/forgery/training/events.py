"""Events of training, which are passed to callbacks.

A callback is a function of one event: ``forgery.train("mnist", callbacks=[print])``. It runs in the
training process, between two steps, so that training waits for it. A callback stops the run by
raising :class:`StopTraining`; after any other exception, the run is saved before it ends.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from .doctor import Finding
from .report import Report


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
Event = StepDone | Report | Finding | SamplesDrawn | CheckpointSaved
Callback = Callable[[Event], object]


class StopTraining(Exception):
    """Raised by a callback to stop the run after the step; the run is saved as usual."""
