"""Many seeds of one game trained together, as one game of batched networks.

Small networks are bound by the cost of starting an operation, not by its arithmetic: ten of them
side by side cost little more than one. Every tensor leads with an axis of members, ``[S, …]``. Each
member gets the weights, the data and the noise that its seed gives it alone, and its own gradients,
so that it becomes what it would become alone, but for rounding.
"""

import copy
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from ..errors import ForgeryError, lookup
from . import randomness


class Ensemble(nn.Module):
    """Networks of one kind as one network: x ``[S, N, …]`` → ``[S, N, …]``.

    Inside, members and minibatch are one axis ``[S·N, …]``, so that the network's own code and
    every layer without weights are used as they are. Only layers with weights are replaced by
    those of :data:`BATCHED`; their parameters keep their names and lead with the axis of members.

    Raises
    ------
    ForgeryError
        For a layer that is not in the table, or that draws random numbers (dropout): members would
        no longer be what they are alone.
    """

    def __init__(self, members: Sequence[nn.Module]) -> None:
        super().__init__()
        self.size = len(members)
        self.network = _batched(list(members))
        # The template for member(); in a tuple, where nn.Module does not look for parameters.
        self._one = (copy.deepcopy(members[0]),)

    @property
    def couples_batch(self) -> bool:
        """Whether samples of one batch see each other in it."""
        return any(isinstance(m, nn.modules.batchnorm._BatchNorm) for m in self._one[0].modules())

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.network(x.flatten(0, 1))
        return y.unflatten(0, (self.size, -1))

    def member(self, i: int) -> nn.Module:
        """Network i on its own: a copy."""
        one = copy.deepcopy(self._one[0])
        batched = dict(self.network.named_modules())
        for name, layer in one.named_modules():
            mine = batched[name].state_dict() if type(layer) in BATCHED else {}
            if isinstance(layer, nn.Linear):
                mine["weight"] = mine["weight"].transpose(1, 2)
            layer.load_state_dict({key: value[i] for key, value in mine.items()}, strict=bool(mine))
        return one.train(self.training)


class _Linear(nn.Module):
    """``[S·N, inputs]`` → ``[S·N, outputs]``, each member by its own weights.

    They are kept as ``[S, inputs, outputs]``, the layout in which their gradients arise.
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
    """``[S·N, features]`` normalised over each member's own minibatch."""

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
        # [S·N, F] → [N, S·F]: to batch norm, members are further features.
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


#: Layer with weights → the same layer of many members, made from the members' layers.
BATCHED: dict[type[nn.Module], Callable[[Sequence[Any]], nn.Module]] = {
    nn.Linear: _Linear,
    nn.BatchNorm1d: _BatchNorm,
}


def _batched(members: Sequence[nn.Module]) -> nn.Module:
    """A copy of the first member in which every layer with weights is the members' batched one."""
    kind = type(members[0])
    if kind in BATCHED:
        return BATCHED[kind](members)
    random = isinstance(members[0], nn.modules.dropout._DropoutNd)
    if random or list(members[0].parameters(recurse=False)):
        raise ForgeryError(
            f"networks with {kind.__name__} layers cannot be trained as an ensemble of seeds"
            + (": each seed would draw other random numbers than it draws alone" if random else "")
        )
    network = copy.copy(members[0])
    if getattr(network, "inplace", False):
        # In place on the view that a batched layer returns costs copies.
        network.inplace = False  # type: ignore[assignment]
    network._modules = {
        name: _batched([m.get_submodule(name) for m in members]) for name in members[0]._modules
    }
    return network


def _stack(parameters: Sequence[Tensor]) -> nn.Parameter:
    return nn.Parameter(torch.stack([p.detach() for p in parameters]))


class MemberNoise:
    """z for every member at once, each drawn as its seed would draw it alone: m → ``[S, m, Z]``."""

    def __init__(self, kind: str, latent: int, seeds: Sequence[int], device: torch.device) -> None:
        self._draw = lookup(randomness.NOISES, kind, "noise")
        self._latent, self._seeds, self._device = latent, seeds, device
        self._generators = [torch.Generator(device) for _ in seeds]

    def begin_step(self, step: int) -> None:
        """Seed every member's generator for a step."""
        for generator, seed in zip(self._generators, self._seeds, strict=True):
            generator.manual_seed(randomness.derive(seed, "step", step))

    def __call__(self, m: int) -> Tensor:
        draws = [self._draw(m, self._latent, self._device, g) for g in self._generators]
        return torch.stack(draws)
