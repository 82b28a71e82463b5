"""What is reported while a run trains: one line of numbers every so often."""

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace

import torch
from torch import Tensor

from .doctor import Doctor, Finding
from .run import Run
from .state import Training

#: How many samples, and real images, the doctor looks at.
VITAL_SAMPLES = 64


@dataclass(frozen=True)
class Report:
    """Means over the steps since the last report; one line of metrics.jsonl.

    ``d_real`` is the mean of D(x) and ``d_fake`` of D(G(z)), both probabilities; ``seconds`` is
    the training time of the whole run so far, ``images_per_second`` counts real images since the
    last report of this process. ``g_gradient`` is the norm of G's last gradient; ``diversity`` how
    far apart the samples of the fixed z lie, in multiples of how far real images do; ``frechet``
    the distance to held-out data, where it was asked for.
    """

    step: int
    epoch: float
    seconds: float
    d_loss: float
    g_loss: float
    d_real: float
    d_fake: float
    images_per_second: float
    g_gradient: float
    diversity: float
    frechet: float | None = None
    findings: tuple[Finding, ...] = ()


class Reporter:
    """Makes the reports of one process, and writes them into the run folder.

    Parameters
    ----------
    training, run:
        What is reported on, and where to.
    z:
        The noise whose samples the doctor looks at, the same every time.
    real:
        Real images, to compare them with.
    batches_per_epoch:
        How many minibatches are one pass over the data.
    measure:
        The Fréchet distance to held-out data, for every ``evaluate_every`` steps.
    """

    def __init__(
        self,
        training: Training,
        run: Run,
        z: Tensor,
        real: Tensor,
        batches_per_epoch: int,
        measure: Callable[[], float] | None,
    ) -> None:
        self._training, self._run, self._measure = training, run, measure
        self._z = z[:VITAL_SAMPLES]
        self._real_spread = spread(real[:VITAL_SAMPLES])
        self._epochs_per_step = training.game.batches_per_step / batches_per_epoch
        self._doctor = Doctor(run.read_metrics())
        self._at, self._time = training.step, time.perf_counter()
        #: Seconds spent on measuring quality, which are not training time.
        self.measuring = 0.0

    def report(self) -> Report:
        """Write the numbers since the last report, and begin the next interval."""
        training, config = self._training, self._run.config
        means = read_totals(training)
        now = time.perf_counter()
        batches = (training.step - self._at) * training.game.batches_per_step
        report = Report(
            training.step,
            training.step * self._epochs_per_step,
            training.seconds,
            *means,
            images_per_second=batches * config.batch_size / (now - self._time),
            g_gradient=gradient_norm(training),
            diversity=spread(training.draw(self._z)) / self._real_spread,
        )
        if self._measure and training.step % config.evaluate_every == 0:
            report = replace(report, frechet=self._measure())
            self.measuring += time.perf_counter() - now
        report = replace(report, findings=tuple(self._doctor.examine(asdict(report))))
        self._at, self._time = training.step, time.perf_counter()
        training.totals.zero_()
        self._run.append_metrics(asdict(report))
        return report


def read_totals(training: Training) -> tuple[float, float, float, float]:
    """The means of [D's loss, G's loss, D(x), D(G(z))] since the last report."""
    d_loss, g_loss, d_real, d_fake, count = training.totals.tolist()
    return d_loss / count, g_loss / count, d_real / count, d_fake / count


def spread(images: Tensor) -> float:
    """The mean distance between two different images of ``[n, C, H, W]``."""
    return torch.pdist(images.flatten(1).float().cpu()).mean().item() if len(images) > 1 else 1.0


def gradient_norm(training: Training) -> float:
    """The norm of the gradient that G has last followed."""
    gradients = [p.grad for p in training.game.generator.parameters if p.grad is not None]
    return torch.nn.utils.get_total_norm(gradients).item()
