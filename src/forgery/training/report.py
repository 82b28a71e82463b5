"""Reports during training: means of the step's numbers, and measures of the samples."""

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import torch
from torch import Tensor

from ..models.conditional import AuxiliaryDiscriminator
from ..models.layers import evaluation_mode
from .contention import core_times, core_wait
from .doctor import Doctor, Finding
from .run import Run
from .state import Training

#: Maximum number of samples and of real images in a report's comparison. With 64 and 100, the rise
#: of the energy distance in a run that gets worse is lost in the noise of such small sets.
VITAL_SAMPLES = 512


#: step → scores of the current generator by name; empty if none are due.
Scorer = Callable[[int], dict[str, float]]


@dataclass(frozen=True)
class Vitals:
    """The state of the training at a report.

    Parameters
    ----------
    examples_per_second:
        Real samples per second since the last report of this process.
    g_gradient:
        Norm of G's last gradient.
    diversity:
        Mean distance between samples of the fixed z, in multiples of that between real samples.
    energy_distance:
        Energy distance between samples and real data, in the same unit.
    augment_p:
        Probability of each transform of the images that D sees; None without augmentation.
    class_accuracy:
        Fraction of the samples of the fixed z for which D predicts the class, or InfoGAN's code,
        that they were drawn of; None if D predicts no class or G takes none.
    core_wait:
        Fraction of time that this process's threads waited for a CPU core since the last report;
        None if the system does not report it (``contention.py``).
    """

    examples_per_second: float
    g_gradient: float
    diversity: float
    energy_distance: float
    augment_p: float | None = None
    class_accuracy: float | None = None
    core_wait: float | None = None


@dataclass(frozen=True)
class Report:
    """Means over the steps since the last report; one line of metrics.jsonl.

    Parameters
    ----------
    step, epoch:
        Steps and passes over the data so far.
    seconds:
        Training time of the run so far.
    numbers:
        Means of the values that the steps returned, by name. GAN: ``d_loss``, ``g_loss``, and the
        probabilities ``d_real``, mean D(x), and ``d_fake``, mean D(G(z)). VAE: ``reconstruction``
        and ``kl``, in nats.
    vitals:
        The state of the training.
    quality:
        Scores of the samples by name: ``frechet`` distance to held-out data, if it is tracked;
        ``jsd``, ``kl`` and ``modes`` against a known density.
    findings:
        New findings of the doctor.
    """

    step: int
    epoch: float
    seconds: float
    numbers: dict[str, float]
    vitals: Vitals
    quality: dict[str, float] = field(default_factory=dict)
    findings: tuple[Finding, ...] = ()

    def line(self) -> dict[str, Any]:
        """The report as a line of metrics.jsonl, ``numbers`` and ``vitals`` flattened into it."""
        line = asdict(self)
        return line.pop("numbers") | line.pop("vitals") | line


@dataclass(frozen=True)
class Probe:
    """The fixed z and the real samples with which the samples of every report are compared.

    Parameters
    ----------
    z:
        Noise ``[n, Z]``.
    y:
        Classes ``[n]`` that the samples are conditioned on, or None.
    real:
        Real samples ``[n, …]`` as the networks see them, on the same device.
    """

    z: Tensor
    y: Tensor | None
    real: Tensor


class Reporter:
    """Create the reports of a process and write them into the run folder.

    Parameters
    ----------
    training:
        The state of training.
    run:
        The run folder.
    probe:
        The fixed z and the real samples for the comparison.
    batches_per_epoch:
        Minibatches in one pass over the data.
    batch_size:
        Real samples in a minibatch, over all processes.
    score:
        Returns the scores of the samples at the step of a report.
    """

    def __init__(
        self,
        training: Training,
        run: Run,
        probe: Probe,
        batches_per_epoch: int,
        batch_size: int,
        score: Scorer,
    ) -> None:
        self._training, self._run, self._score = training, run, score
        self._probe = probe
        self._compare = Comparison(probe.real)
        batches = training.game.batches_per_step
        self._epochs_per_step = batches / batches_per_epoch
        self._samples_per_step = batches * batch_size
        self._doctor = Doctor(run.config.objective, run.read_metrics())
        #: The step of the last report, or at which this process started.
        self.step = training.step
        self._time, self._cores = time.perf_counter(), core_times()
        #: Seconds spent on measuring quality, which do not count as training time.
        self.measuring = 0.0

    def report(self) -> Report:
        """Write a report over the steps since the last one, and start the next interval."""
        training, probe = self._training, self._probe
        means = read_totals(training)
        now, cores = time.perf_counter(), core_times()
        samples = (training.step - self.step) * self._samples_per_step
        drawn = training.draw(probe.z, probe.y)
        diversity, energy_distance = self._compare(drawn)
        augment = training.game.modules.get("augment")
        vitals = Vitals(
            examples_per_second=samples / (now - self._time),
            g_gradient=gradient_norm(training),
            diversity=diversity,
            energy_distance=energy_distance,
            augment_p=None if augment is None else augment.get_buffer("p").item(),
            class_accuracy=class_accuracy(training, drawn, probe.y),
            core_wait=core_wait(self._cores, cores),
        )
        epoch = training.step * self._epochs_per_step
        report = Report(training.step, epoch, training.seconds, means, vitals)
        measured = time.perf_counter()
        report = replace(report, quality=self._score(training.step))
        self.measuring += time.perf_counter() - measured
        report = replace(report, findings=tuple(self._doctor.examine(report.line())))
        self.step, self._time, self._cores = training.step, time.perf_counter(), core_times()
        training.totals.zero_()
        self._run.append_metrics(report.line())
        return report


def read_totals(training: Training) -> dict[str, float]:
    """Means of the values that the steps since the last report returned, by name."""
    *sums, count = training.totals.tolist()
    return {name: s / count for name, s in zip(training.game.number_names, sums, strict=True)}


class Comparison:
    """Comparison of samples with real data ``[n, …]`` by distances between their values.

    It needs no features and so applies to any data. The energy distance (Székely 2003) is
    2 E‖X - Y‖ - E‖X - X'‖ - E‖Y - Y'‖ for samples X and real data Y. It is nonnegative; for n and m
    samples of the same distribution, it is about (1/n + 1/m) E‖Y - Y'‖.
    """

    def __init__(self, real: Tensor) -> None:
        self._real = real
        self._within = mean_distance(real, real)
        self._unit = spread(self._within, len(real)) or 1.0  # raw values if all images are equal

    def __call__(self, samples: Tensor) -> tuple[float, float]:
        """(mean distance between samples, energy distance), in multiples of the data's spread."""
        within = mean_distance(samples, samples)
        energy = 2 * mean_distance(samples, self._real) - within - self._within
        return spread(within, len(samples)) / self._unit, energy / self._unit


def mean_distance(a: Tensor, b: Tensor) -> float:
    """Mean Euclidean distance over all pairs of ``a`` ``[n, …]`` and ``b`` ``[m, …]``."""
    return torch.cdist(a.flatten(1).float(), b.flatten(1).float()).mean().item()


def spread(within: float, n: int) -> float:
    """Mean distance between two different samples, from the mean over all n² pairs."""
    return within * n / (n - 1) if n > 1 else 1.0


def class_accuracy(training: Training, samples: Tensor, y: Tensor | None) -> float | None:
    """Fraction of samples whose class y ``[n]`` D predicts; None if it predicts no class of G's."""
    discriminator = training.game.modules.get("discriminator")
    if y is None or not isinstance(discriminator, AuxiliaryDiscriminator):
        return None
    with evaluation_mode(discriminator), torch.no_grad():
        return (discriminator.predict(samples) == y).double().mean().item()


def gradient_norm(training: Training) -> float:
    """Norm of the gradient of G's last update."""
    gradients = [p.grad for p in training.game.generator.parameters if p.grad is not None]
    return torch.nn.utils.get_total_norm(gradients).item()
