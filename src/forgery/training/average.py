"""Exponential moving average of the generator's weights, which gives better samples."""

import copy

import torch
from torch import Tensor, nn


class Average:
    """Update θ̄ ← d·θ̄ + (1 - d)·θ after every step t, with d = min(decay, (1 + t) / (10 + t)).

    The second bound makes the average forget the initial weights quickly. Batch norm's statistics
    are averaged too, since those of the current weights do not fit the averaged ones; other buffers
    are copied.
    """

    def __init__(self, network: nn.Module, decay: float) -> None:
        self.decay = decay
        self.network = copy.deepcopy(network).eval().requires_grad_(False)
        self._from = _tensors(network)
        self._to = _tensors(self.network)

    @torch.no_grad()
    def update(self, step: int) -> None:
        """Update the average after step number ``step``."""
        decay = min(self.decay, (1 + step) / (10 + step))
        torch._foreach_lerp_(self._to[0], self._from[0], 1 - decay)
        for average, current in zip(self._to[1], self._from[1], strict=True):
            if average.is_floating_point():
                average.lerp_(current, 1 - decay)
            else:
                average.copy_(current)


def _tensors(network: nn.Module) -> tuple[list[Tensor], list[Tensor]]:
    return list(network.parameters()), list(network.buffers())
