"""A network and the optimiser that trains it.

Everything about the implementation of a step is here, so that the algorithms read like their
papers: the precision of the forward pass, the accumulation of gradients over parts of a minibatch,
the sum of gradients over processes, and the clipping of weights.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from .parallel import ALONE, Ranks
from .shared_norm import share_batch_norm


class Player:
    """A network with the optimiser that updates its parameters, and no others.

    Parameters
    ----------
    network:
        The generator, the discriminator or the encoder.
    optimizer:
        An optimiser of the network's parameters.
    ranks:
        The processes over which gradients are summed, and batch norm is taken.
    accumulate:
        Number of equal parts into which a minibatch is split. The optimiser makes one step for
        every ``accumulate`` calls of :meth:`minimise`.
    clip:
        After each step every weight is clamped to [-clip, clip], which bounds the network's slope
        (Arjovsky et al. 2017); 0 disables clipping.
    precision:
        Data type of the forward pass under autocast. Weights and outputs are always float32.
    """

    def __init__(
        self,
        network: nn.Module,
        optimizer: Optimizer,
        ranks: Ranks = ALONE,
        accumulate: int = 1,
        clip: float = 0.0,
        precision: torch.dtype = torch.float32,
    ) -> None:
        share_batch_norm(network, ranks)
        self.network = network
        self.optimizer = optimizer
        self.ranks = ranks
        self.accumulate = accumulate
        self.clip = clip
        self.precision = precision
        self.parameters: list[Tensor] = optimizer.param_groups[0]["params"]
        self._accumulated: list[Sequence[Tensor]] = []

    def __call__(self, x: Tensor, y: Tensor | None = None) -> Any:
        """The network's output: a tensor, or a tuple of tensors."""
        return self._forward(self.network, x, y)

    def logits_and_features(self, x: Tensor, y: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Logits ``[n]`` and features ``[n, F]`` of a discriminator, from one forward pass."""
        network: Any = self.network
        logits, features = self._forward(network.look, x, y)
        return logits, features

    def _forward(self, function: Any, x: Tensor, y: Tensor | None) -> Any:
        inputs = (x,) if y is None else (x, y)
        if self.precision == torch.float32:
            return function(*inputs)
        with torch.autocast(x.device.type, self.precision):
            output = function(*inputs)
        return output.float() if isinstance(output, Tensor) else tuple(o.float() for o in output)

    def minimise(self, loss: Tensor) -> None:
        """Update this network only, by the gradient of ``loss`` (a scalar)."""
        self.update(self.gradient(loss))

    def gradient(self, loss: Tensor, retain_graph: bool = False) -> Sequence[Tensor]:
        """The gradient of ``loss`` for each parameter; zeros for unused parameters."""
        return torch.autograd.grad(
            loss, self.parameters, retain_graph=retain_graph, materialize_grads=True
        )

    def update(self, gradient: Sequence[Tensor]) -> None:
        """Update the network by a gradient, averaged over the parts of the minibatch."""
        if self.accumulate > 1:
            self._accumulated.append(gradient)
            if len(self._accumulated) < self.accumulate:
                return
            gradient = [
                torch.stack(parts).mean(0) for parts in zip(*self._accumulated, strict=True)
            ]
            self._accumulated = []
        for parameter, g in zip(self.parameters, self.ranks.summed(gradient), strict=True):
            parameter.grad = g
        self.optimizer.step()
        if self.clip:
            with torch.no_grad():
                torch._foreach_clamp_min_(self.parameters, -self.clip)
                torch._foreach_clamp_max_(self.parameters, self.clip)


def minimise_jointly(loss: Tensor, players: Sequence[Player]) -> None:
    """Update all players by the gradient of a shared loss, with one backward pass."""
    parameters = [p for player in players for p in player.parameters]
    gradient = torch.autograd.grad(loss, parameters, materialize_grads=True)
    for player in players:
        n = len(player.parameters)
        player.update(gradient[:n])
        gradient = gradient[n:]
