"""Minibatches of the labelled samples of a semi-supervised run."""

from collections.abc import Callable

import torch
from torch import Tensor

from .dataset import Dataset


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
