"""Batch norm over the minibatch of all processes.

torch's own layer normalises by the rows of one process, and its SyncBatchNorm runs on GPUs only.
"""

from typing import cast

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from .parallel import Ranks


class SharedBatchNorm(_BatchNorm):
    """Batch norm ``[n, C, …]`` whose statistics in training are those of all processes' rows.

    Mean and variance, their running averages and all gradients are those that one process would
    compute from the whole minibatch; every process must therefore hold as many rows.
    """

    ranks: Ranks

    def forward(self, input: Tensor) -> Tensor:
        if not self.training:
            return super().forward(input)
        axes = [axis for axis in range(input.dim()) if axis != 1]
        shape = [1, -1] + [1] * (input.dim() - 2)
        x = input.float()  # not the statistics of bfloat16 numbers
        n = x.numel() // self.num_features * self.ranks.count
        mean = self.ranks.total(x.sum(axes)) / n
        centred = x - mean.view(shape)
        variance = self.ranks.total(centred.square().sum(axes)) / n
        self._remember(mean.detach(), variance.detach() * n / (n - 1))
        y = centred * (variance + self.eps).rsqrt().view(shape)
        if self.affine:
            y = y * self.weight.view(shape) + self.bias.view(shape)
        return y.to(input.dtype)

    @torch.no_grad()
    def _remember(self, mean: Tensor, variance: Tensor) -> None:
        average, of_variance = self.running_mean, self.running_var
        if average is None or of_variance is None or self.num_batches_tracked is None:
            return
        self.num_batches_tracked += 1
        share = 1 / self.num_batches_tracked.item() if self.momentum is None else self.momentum
        average.lerp_(mean, share)
        of_variance.lerp_(variance, share)

    def _check_input_dim(self, input: Tensor) -> None:
        """Accept any number of axes: this class replaces BatchNorm1d, 2d and 3d."""


def share_batch_norm(network: nn.Module, ranks: Ranks) -> None:
    """Make the network's batch norm that of all processes, in place; weights and names stay.

    Layers of one's own that derive from torch's remain as they are.
    """
    if ranks.count == 1:
        return
    for layer in network.modules():
        if type(layer) in (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d):
            layer.__class__ = SharedBatchNorm
            cast(SharedBatchNorm, layer).ranks = ranks
