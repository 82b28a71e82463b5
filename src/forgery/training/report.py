"""What is reported while a run trains: one line of numbers every so often."""

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import torch
from torch import Tensor

from .contention import core_times, core_wait
from .doctor import Doctor, Finding
from .run import Run
from .state import Training

#: How many samples, and real images, the doctor looks at (fewer where it is given fewer). With 64
#: and 100 the energy distance of a run that gets worse drowns in that of so small sets.
VITAL_SAMPLES = 512


#: Scores by name of the generator as it stands at a step; none where none are due.
Measure = Callable[[int], dict[str, float]]


@dataclass(frozen=True)
class Report:
    """Means over the steps since the last report; one line of metrics.jsonl.

    ``numbers`` are what the steps returned, by name. Of a GAN: ``d_loss``, ``g_loss``, and the
    means ``d_real`` of D(x) and ``d_fake`` of D(G(z)), both probabilities; of a VAE:
    ``reconstruction`` and ``kl``, in nats. ``seconds`` is the training time of the whole run so
    far; ``examples_per_second`` counts real images since the last report of this process.
    ``g_gradient`` is the norm of G's last gradient; ``diversity`` how far apart the samples of the
    fixed z lie, in multiples of how far real images do; ``energy_distance`` how far from real
    images they lie as a whole, in the same unit; ``quality`` the scores of samples by name:
    ``frechet`` to held-out data, where it was asked for; ``jsd``, ``kl`` and, where it has them,
    ``modes`` against a known density. ``augment_p`` is the probability of each change to the images
    that D sees, None where they are not changed. ``core_wait`` is the share of their time that this
    process's threads waited for a CPU core since the last report, None where the system does not
    tell (``contention.py``).
    """

    step: int
    epoch: float
    seconds: float
    numbers: dict[str, float]
    examples_per_second: float
    g_gradient: float
    diversity: float
    energy_distance: float
    quality: dict[str, float] = field(default_factory=dict)
    findings: tuple[Finding, ...] = ()
    augment_p: float | None = None
    core_wait: float | None = None

    def line(self) -> dict[str, Any]:
        """It as a line of metrics.jsonl, where the numbers stand beside the rest."""
        line = asdict(self)
        return line.pop("numbers") | line


@dataclass(frozen=True)
class Reference:
    """What the samples of every report are drawn from and compared with.

    Parameters
    ----------
    z:
        The noise ``[n, Z]``, the same for every report.
    y:
        The classes ``[n]`` that the samples are conditioned on, or None.
    real:
        Real samples ``[n, …]`` as the networks see them, on the same device.
    """

    z: Tensor
    y: Tensor | None
    real: Tensor


class Reporter:
    """Makes the reports of one process, and writes them into the run folder.

    Parameters
    ----------
    training, run:
        What is reported on, and where to.
    reference:
        What samples are drawn from and compared with.
    batches_per_epoch:
        Minibatches in one pass over the data.
    batch_size:
        Real samples in a minibatch, over all processes.
    measure:
        Scores the samples of a step that is reported.
    """

    def __init__(
        self,
        training: Training,
        run: Run,
        reference: Reference,
        batches_per_epoch: int,
        batch_size: int,
        measure: Measure,
    ) -> None:
        self._training, self._run, self._measure = training, run, measure
        self._reference = reference
        self._compare = Comparison(reference.real)
        batches = training.game.batches_per_step
        self._epochs_per_step = batches / batches_per_epoch
        self._samples_per_step = batches * batch_size
        self._doctor = Doctor(run.read_metrics())
        #: The step of the last report, or the one at which this process began.
        self.step = training.step
        self._time, self._cores = time.perf_counter(), core_times()
        #: Seconds spent on measuring quality, which are not training time.
        self.measuring = 0.0

    def report(self) -> Report:
        """Write the numbers since the last report, and begin the next interval."""
        training, reference = self._training, self._reference
        means = read_totals(training)
        now, cores = time.perf_counter(), core_times()
        samples = (training.step - self.step) * self._samples_per_step
        diversity, energy_distance = self._compare(training.draw(reference.z, reference.y))
        augment = training.game.modules.get("augment")
        report = Report(
            training.step,
            training.step * self._epochs_per_step,
            training.seconds,
            means,
            examples_per_second=samples / (now - self._time),
            g_gradient=gradient_norm(training),
            diversity=diversity,
            energy_distance=energy_distance,
            augment_p=None if augment is None else augment.get_buffer("p").item(),
            core_wait=core_wait(self._cores, cores),
        )
        measured = time.perf_counter()
        report = replace(report, quality=self._measure(training.step))
        self.measuring += time.perf_counter() - measured
        report = replace(report, findings=tuple(self._doctor.examine(report.line())))
        self.step, self._time, self._cores = training.step, time.perf_counter(), core_times()
        training.totals.zero_()
        self._run.append_metrics(report.line())
        return report


def read_totals(training: Training) -> dict[str, float]:
    """The means of what the steps since the last report returned, by name."""
    *sums, count = training.totals.tolist()
    return {name: s / count for name, s in zip(training.game.numbers, sums, strict=True)}


class Comparison:
    """Samples beside real ones, both ``[n, …]``, by the distances between their values.

    It needs no features, so it works for any data. The energy distance (Székely 2003) is
    2 E‖X - Y‖ - E‖X - X'‖ - E‖Y - Y'‖ for samples X and real ones Y: at least 0, and about
    1/n + 1/m of the data's own E‖Y - Y'‖ for n and m of one distribution.
    """

    def __init__(self, real: Tensor) -> None:
        self._real = real
        self._within = mean_distance(real, real)
        self._unit = spread(self._within, len(real)) or 1.0  # of images that are all alike: pixels

    def __call__(self, samples: Tensor) -> tuple[float, float]:
        """(how far apart they lie, their energy distance), in multiples of the data's spread."""
        within = mean_distance(samples, samples)
        energy = 2 * mean_distance(samples, self._real) - within - self._within
        return spread(within, len(samples)) / self._unit, energy / self._unit


def mean_distance(a: Tensor, b: Tensor) -> float:
    """Over all pairs of one of ``[n, …]`` and one of ``[m, …]``."""
    return torch.cdist(a.flatten(1).float(), b.flatten(1).float()).mean().item()


def spread(within: float, n: int) -> float:
    """The mean distance between two different ones of n, from the mean over all pairs."""
    return within * n / (n - 1) if n > 1 else 1.0


def gradient_norm(training: Training) -> float:
    """The norm of the gradient that G has last followed."""
    gradients = [p.grad for p in training.game.generator.parameters if p.grad is not None]
    return torch.nn.utils.get_total_norm(gradients).item()
