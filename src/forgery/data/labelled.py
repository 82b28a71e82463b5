"""The few samples whose labels a semi-supervised run knows."""

from collections.abc import Callable

import torch
from torch import Tensor

from ..errors import ForgeryError
from .dataset import Dataset


def choose_labelled(data: Dataset, n: int, order: Tensor) -> Tensor:
    """The rows ``[n]`` of ``n`` samples, as many of each class as of any other.

    Of each class the first in an ``order`` ``[N]`` of all samples; where n is no multiple of the
    number of classes, the first classes have one more. Classes of which there is none do not count.

    Raises
    ------
    ForgeryError
        When there are no labels, fewer samples than n, of some class too few, or n is less than
        the number of classes.
    """
    counts = data.class_counts
    present = counts.nonzero().flatten().tolist()
    if n > len(data):
        raise ForgeryError(f"labels {n} are more than the {len(data)} {data.kind} of {data.name}")
    if n < len(present):
        raise ForgeryError(
            f"labels {n} are fewer than the {len(present)} classes of {data.name}: at least one of "
            "each is needed"
        )
    assert data.labels is not None
    in_order = data.labels.cpu()[order]
    chosen = []
    for i, c in enumerate(present):
        wanted = n // len(present) + (i < n % len(present))
        if counts[c] < wanted:
            raise ForgeryError(
                f"labels {n} would be {wanted} of class {data.classes[c]!r}, and {data.name} has "
                f"{counts[c]} of it: give fewer --labels, or 0 for all"
            )
        chosen.append(order[in_order == c][:wanted])
    return torch.cat(chosen)


class Labelled:
    """Draws minibatches of labelled samples, with the random numbers of the step.

    A minibatch holds no sample twice, unless there are fewer samples than it holds.

    Parameters
    ----------
    data, rows:
        The samples ``[N]``, and which of them are labelled.
    batch_size:
        Samples in a minibatch.
    where:
        The device on which they are kept.
    parts:
        Number of equal parts in which a minibatch is returned, by one call after the other.
    local:
        Keeps the rows of a part that this process holds.
    """

    def __init__(
        self,
        data: Dataset,
        rows: Tensor,
        batch_size: int,
        where: torch.device,
        parts: int = 1,
        local: Callable[[Tensor], Tensor] = lambda rows: rows,
    ) -> None:
        assert data.labels is not None
        self.data, self.batch_size, self.parts, self.local = data, batch_size, parts, local
        self._drawn: list[Tensor] = []
        self.values = data.values[rows].to(where)
        self.labels = data.labels[rows].to(where)

    def __call__(self) -> tuple[Tensor, Tensor]:
        """Samples as the networks see them ``[m, *shape]``, and their classes, int64 ``[m]``."""
        if not self._drawn:
            n, where = len(self.labels), self.labels.device
            rounds = -(-self.batch_size // n)
            order = torch.cat([torch.randperm(n, device=where) for _ in range(rounds)])
            self._drawn = list(order[: self.batch_size].chunk(self.parts))
        rows = self.local(self._drawn.pop(0))
        return self.data.to_model(self.values[rows]), self.labels[rows]
