"""Exponential moving average of the generator's weights, which gives better samples."""

import copy

import torch
from torch import Tensor, nn

#: Ends of the names of batch norm's statistics.
STATISTICS = ("running_mean", "running_var")


class Average:
    """Update θ̄ ← d·θ̄ + (1 - d)·θ after every step t, with d = min(decay, (1 + t) / (10 + t)).

    The second bound makes the average forget the initial weights quickly. Batch norm's statistics
    are averaged too, since those of the current weights do not fit the averaged ones. Other buffers
    are copied: the mean of spectral normalisation's singular vectors would have another length.
    """

    def __init__(self, network: nn.Module, decay: float) -> None:
        self.decay = decay
        self.network = copy.deepcopy(network).eval().requires_grad_(False)
        self._from: list[Tensor] = list(network.parameters())
        self._to: list[Tensor] = list(self.network.parameters())
        of_average = dict(self.network.named_buffers())
        self._buffers = [
            (of_average[name], buffer, name.endswith(STATISTICS))
            for name, buffer in network.named_buffers()
        ]

    @torch.no_grad()
    def update(self, step: int) -> None:
        """Update the average after step number ``step``."""
        decay = min(self.decay, (1 + step) / (10 + step))
        torch._foreach_lerp_(self._to, self._from, 1 - decay)
        for average, current, averaged in self._buffers:
            if averaged:
                average.lerp_(current, 1 - decay)
            else:
                average.copy_(current)
