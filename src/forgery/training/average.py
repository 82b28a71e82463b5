"""A moving average of the generator's weights, which draws better than the weights themselves."""

import copy

import torch
from torch import Tensor, nn


class Average:
    """θ̄ ← d·θ̄ + (1 - d)·θ after every step, with d = min(decay, (1 + t) / (10 + t)).

    The second term lets the average follow closely at first, when the weights at the start are
    not worth remembering. Buffers (batch statistics) are copied.
    """

    def __init__(self, network: nn.Module, decay: float) -> None:
        self.decay = decay
        self.network = copy.deepcopy(network).eval().requires_grad_(False)
        self._from = _tensors(network)
        self._to = _tensors(self.network)

    @torch.no_grad()
    def update(self, step: int) -> None:
        """Move towards the network, which has now made ``step`` steps."""
        decay = min(self.decay, (1 + step) / (10 + step))
        torch._foreach_lerp_(self._to[0], self._from[0], 1 - decay)
        for mine, theirs in zip(self._to[1], self._from[1], strict=True):
            mine.copy_(theirs)


def _tensors(network: nn.Module) -> tuple[list[Tensor], list[Tensor]]:
    return list(network.parameters()), list(network.buffers())
