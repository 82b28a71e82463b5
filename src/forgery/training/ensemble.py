"""Training of many seeds together, as one game of batched networks.

The cost of small networks is dominated by launching operations rather than arithmetic: ten networks
in a batch cost little more than one. The first axis of every tensor is that of the members,
``[S, …]``. Each member has the weights, data, noise and gradients of a single run with its seed, so
that the results agree up to rounding.
"""

import copy
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from .. import randomness
from ..errors import ForgeryError, lookup


class Ensemble(nn.Module):
    """Networks of one architecture as a single network: x ``[S, N, …]`` → ``[S, N, …]``.

    Inside, members and minibatch share one axis ``[S·N, …]``, so that the network's code and layers
    without weights are used unchanged. Layers with weights are replaced by those of
    :data:`BATCHED`; their parameters keep their names and have a leading axis of members.

    Raises
    ------
    ForgeryError
        For a layer with weights that is not in the table, or a layer that draws random numbers
        (dropout), which would differ from those of single runs.
    """

    def __init__(self, members: Sequence[nn.Module]) -> None:
        super().__init__()
        self.size = len(members)
        self.network = _batched(list(members))
        # The template for member(), in a tuple so that nn.Module does not register it.
        self._one = (copy.deepcopy(members[0]),)

    @property
    def couples_batch(self) -> bool:
        """Whether an output depends on the other samples of the minibatch (batch norm)."""
        return any(isinstance(m, nn.modules.batchnorm._BatchNorm) for m in self._one[0].modules())

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.network(x.flatten(0, 1))
        return y.unflatten(0, (self.size, -1))

    def member(self, i: int) -> nn.Module:
        """A copy of network i."""
        one = copy.deepcopy(self._one[0])
        batched = dict(self.network.named_modules())
        for name, layer in one.named_modules():
            mine = batched[name].state_dict() if type(layer) in BATCHED else {}
            if isinstance(layer, nn.Linear):
                mine["weight"] = mine["weight"].transpose(1, 2)
            layer.load_state_dict({key: value[i] for key, value in mine.items()}, strict=bool(mine))
        return one.train(self.training)


class _Linear(nn.Module):
    """``[S·N, inputs]`` → ``[S·N, outputs]``, with separate weights for each member.

    Weights are stored as ``[S, inputs, outputs]``, the layout of their gradients.
    """

    def __init__(self, layers: Sequence[nn.Linear]) -> None:
        super().__init__()
        self.weight = _stack([layer.weight.T for layer in layers])
        has_bias = layers[0].bias is not None
        self.bias = _stack([layer.bias for layer in layers]) if has_bias else None

    def forward(self, x: Tensor) -> Tensor:
        x = x.unflatten(0, (len(self.weight), -1))
        if self.bias is None:
            return torch.bmm(x, self.weight).flatten(0, 1)
        return torch.baddbmm(self.bias[:, None], x, self.weight).flatten(0, 1)


class _BatchNorm(nn.Module):
    """Batch norm of ``[S·N, features]`` over the minibatch of each member."""

    running_mean: Tensor
    running_var: Tensor
    num_batches_tracked: Tensor

    def __init__(self, layers: Sequence[nn.BatchNorm1d]) -> None:
        super().__init__()
        self.weight = _stack([layer.weight for layer in layers])
        self.bias = _stack([layer.bias for layer in layers])
        for name, _ in layers[0].named_buffers():
            self.register_buffer(name, torch.stack([layer.get_buffer(name) for layer in layers]))
        self.momentum, self.eps = layers[0].momentum or 0.0, layers[0].eps

    def forward(self, x: Tensor) -> Tensor:
        if self.training:
            self.num_batches_tracked += 1
        size = len(self.weight)
        # [S·N, F] → [N, S·F]: batch norm treats members as further features.
        features = x.unflatten(0, (size, -1)).transpose(0, 1).flatten(1)
        features = functional.batch_norm(
            features,
            self.running_mean.view(-1),
            self.running_var.view(-1),
            self.weight.view(-1),
            self.bias.view(-1),
            self.training,
            self.momentum,
            self.eps,
        )
        return features.unflatten(1, (size, -1)).transpose(0, 1).flatten(0, 1)


#: Type of a layer with weights → function from the members' layers to a batched layer.
BATCHED: dict[type[nn.Module], Callable[[Sequence[Any]], nn.Module]] = {
    nn.Linear: _Linear,
    nn.BatchNorm1d: _BatchNorm,
}


def _batched(members: Sequence[nn.Module]) -> nn.Module:
    """Copy the first member, replacing every layer with weights by a batched one."""
    kind = type(members[0])
    if kind in BATCHED:
        return BATCHED[kind](members)
    random = isinstance(members[0], nn.modules.dropout._DropoutNd)
    if random or list(members[0].parameters(recurse=False)):
        raise ForgeryError(
            f"networks with {kind.__name__} layers cannot be trained as an ensemble of seeds"
            + (": their random numbers would differ from those of single runs" if random else "")
        )
    network = copy.copy(members[0])
    if getattr(network, "inplace", False):
        # An in-place operation on the view that a batched layer returns would cost copies.
        network.inplace = False  # type: ignore[assignment]
    network._modules = {
        name: _batched([m.get_submodule(name) for m in members]) for name in members[0]._modules
    }
    return network


def _stack(parameters: Sequence[Tensor]) -> nn.Parameter:
    return nn.Parameter(torch.stack([p.detach() for p in parameters]))


class MemberNoise:
    """z of all members, each with the random numbers of a single run: m → ``[S, m, Z]``."""

    def __init__(self, kind: str, latent: int, seeds: Sequence[int], device: torch.device) -> None:
        self._draw = lookup(randomness.NOISES, kind, "noise")
        self._latent, self._seeds, self._device = latent, seeds, device
        self._generators = [torch.Generator(device) for _ in seeds]

    def begin_step(self, step: int) -> None:
        """Seed the generator of every member for a step."""
        for generator, seed in zip(self._generators, self._seeds, strict=True):
            generator.manual_seed(randomness.derive(seed, "step", step))

    def __call__(self, m: int) -> Tensor:
        draws = [self._draw(m, self._latent, self._device, g) for g in self._generators]
        return torch.stack(draws)
