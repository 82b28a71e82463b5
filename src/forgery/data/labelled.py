"""The labelled samples of a semi-supervised run."""

from collections.abc import Callable

import torch
from torch import Tensor

from ..errors import ForgeryError
from .dataset import Dataset


def choose_labelled(data: Dataset, n: int, order: Tensor) -> Tensor:
    """Choose ``n`` samples, balanced across classes, and return their rows ``[n]``.

    Each class contributes its first samples in ``order`` ``[N]``, a permutation of the data. If n
    is not a multiple of the number of classes, the first classes contribute one more. Classes
    without samples are ignored.

    Raises
    ------
    ForgeryError
        The data has no labels or fewer than n samples, a class has too few samples, or n is less
        than the number of classes.
    """
    counts = data.class_counts
    present = counts.nonzero().flatten().tolist()
    if n > len(data):
        raise ForgeryError(f"--labels {n} is more than the {len(data)} {data.kind} of {data.name}")
    if n < len(present):
        raise ForgeryError(
            f"--labels {n} is less than the {len(present)} classes of {data.name}: at least one of "
            "each is needed"
        )
    assert data.labels is not None
    in_order = data.labels.cpu()[order]
    chosen = []
    for i, c in enumerate(present):
        wanted = n // len(present) + (i < n % len(present))
        if counts[c] < wanted:
            raise ForgeryError(
                f"--labels {n} needs {wanted} of class {data.classes[c]!r}, but {data.name} has "
                f"{counts[c]}: choose fewer --labels, or 0 for all"
            )
        chosen.append(order[in_order == c][:wanted])
    return torch.cat(chosen)


class Labelled:
    """Random minibatches of labelled samples, drawn with the global random number generator.

    Samples are not repeated in a minibatch unless there are fewer of them than its size.

    Parameters
    ----------
    data, rows:
        The samples ``[N]``, and which of them are labelled.
    batch_size:
        Samples per minibatch.
    device:
        Device of the minibatches.
    parts:
        Number of equal parts in which a minibatch is returned, one per call.
    local:
        Keeps the rows of a part that this process holds.
    """

    def __init__(
        self,
        data: Dataset,
        rows: Tensor,
        batch_size: int,
        device: torch.device,
        parts: int = 1,
        local: Callable[[Tensor], Tensor] = lambda rows: rows,
    ) -> None:
        assert data.labels is not None
        self.data, self.batch_size, self.parts, self.local = data, batch_size, parts, local
        self._drawn: list[Tensor] = []
        self.values = data.values[rows].to(device)
        self.labels = data.labels[rows].to(device)

    def __call__(self) -> tuple[Tensor, Tensor]:
        """Return samples ``[m, *shape]`` in the networks' range and their classes ``[m]``."""
        if not self._drawn:
            n, device = len(self.labels), self.labels.device
            rounds = -(-self.batch_size // n)
            order = torch.cat([torch.randperm(n, device=device) for _ in range(rounds)])
            self._drawn = list(order[: self.batch_size].chunk(self.parts))
        rows = self.local(self._drawn.pop(0))
        return self.data.to_model(self.values[rows]), self.labels[rows]
