"""Where a run ends."""

from dataclasses import dataclass

from ..config import LengthSettings
from ..data import Batches
from .state import Training


@dataclass(frozen=True)
class End:
    """The step at which a run ends, or the training time after which it does.

    Parameters
    ----------
    step, minutes:
        One of them; the other is None.
    """

    step: int | None = None
    minutes: float | None = None

    @classmethod
    def of(cls, length: LengthSettings, batches: Batches, batches_per_step: int) -> "End":
        """The end of a run on these data with ``batches_per_step`` minibatches in a step."""
        if length.epochs is not None:
            return cls(max(1, round(length.epochs * batches.per_epoch / batches_per_step)))
        if length.images is not None:
            return cls(max(1, round(length.images / (batches.batch_size * batches_per_step))))
        return cls(length.steps, length.minutes)

    def share(self, training: Training) -> float:
        """Fraction of the run that is complete, 0 to 1; 0 if it has no end."""
        if self.step is not None:
            return training.step / self.step
        if self.minutes is None:
            return 0.0
        return min(1.0, training.seconds / (60 * self.minutes))

    def is_reached(self, training: Training) -> bool:
        return self.share(training) >= 1
