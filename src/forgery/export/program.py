"""A generator as a list of operations, small enough to be computed anywhere.

The operations work on single samples: the batch dimension is left out of every shape. Whatever does
not depend on z or on the class has been computed beforehand and is a weight.

::

    table      weights [K, *shape]: row y, the class
    linear     x [*rows, I], weights [O, I] (and bias [O])
    conv       x [C, H, W], weights [O, C/groups, h, w] (and bias [O]); stride, padding, dilation
    deconv     a transposed convolution: weights [C, O/groups, h, w] (and bias [O]); stride,
               padding, output_padding
    affine     x [C, …]·scale [C] + shift [C]
    add subtract multiply divide maximum minimum
               of two values that broadcast, or of a value and a weight
    constant   weights [*shape], the same for every sample
    resample   x [C, H, W]: linear interpolation at positions `rows` and `columns`
    reshape permute slice concat expand
               what torch calls view, permute, narrow, cat, expand
    max sum mean
               over `axes`, which are kept with size 1
    relu leaky-relu tanh sigmoid softplus silu elu clamp exp sqrt abs power
               of each number
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

Shape = tuple[int, ...]


@dataclass(frozen=True)
class Operation:
    """One operation: values and weights in, one value out.

    Parameters
    ----------
    kind:
        A name of the list above.
    inputs, output:
        Numbers of values; 0 is z.
    weights:
        Numbers of weights.
    settings:
        Integers, numbers, or lists of them: ``stride`` …
    """

    kind: str
    inputs: tuple[int, ...]
    output: int
    weights: tuple[int, ...] = ()
    settings: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Program:
    """The operations that turn z, and the class, into a sample.

    Parameters
    ----------
    shapes:
        The shape of each value; value 0 is z.
    weights:
        float32 tensors.
    operations:
        In the order in which they are computed. Each value is the output of one of them.
    output:
        The number of the value that is the sample.
    """

    shapes: tuple[Shape, ...]
    weights: tuple[Tensor, ...]
    operations: tuple[Operation, ...]
    output: int

    def __call__(self, z: Tensor, y: Tensor | None = None) -> Tensor:
        """Compute samples ``[N, *shape]`` from z ``[N, Z]`` and the classes y ``[N]``."""
        values: dict[int, Tensor] = {0: z}
        for operation in self.operations:
            given = [values[i] for i in operation.inputs]
            weights = [self.weights[i] for i in operation.weights]
            if operation.kind == "table":
                assert y is not None
                result = weights[0][y]
            elif operation.kind == "constant":
                result = weights[0].expand(len(z), *weights[0].shape)
            elif operation.kind == "expand":
                result = given[0].expand(len(z), *self.shapes[operation.output])
            else:
                result = COMPUTE[operation.kind](given, weights, operation.settings)
            values[operation.output] = result.reshape(len(z), *self.shapes[operation.output])
        return values[self.output]

    @property
    def numbers(self) -> int:
        """How many numbers the weights have."""
        return sum(weight.numel() for weight in self.weights)

    @property
    def multiply_adds(self) -> int:
        """Products in linear layers and convolutions for one sample."""
        return sum(self._products(operation) for operation in self.operations)

    def _products(self, operation: Operation) -> int:
        if operation.kind not in ("linear", "conv", "deconv"):
            return 0
        weight = self.weights[operation.weights[0]]
        if operation.kind == "linear":
            return math.prod(self.shapes[operation.inputs[0]][:-1]) * weight.numel()
        # Each weight is used once at each place of the smaller grid.
        place = operation.output if operation.kind == "conv" else operation.inputs[0]
        return math.prod(self.shapes[place][1:]) * weight.numel()

    def rounded(self) -> "Program":
        """The same with each weight rounded to float16."""
        return replace(self, weights=tuple(weight.half().float() for weight in self.weights))


def _bias(weights: list[Tensor]) -> Tensor | None:
    return weights[1] if len(weights) > 1 else None


def _along_channels(numbers: Tensor, x: Tensor) -> Tensor:
    """Numbers ``[C]`` as ``[C, 1, …]``, to broadcast with x ``[N, C, …]``."""
    return numbers.view(-1, *[1] * (x.dim() - 2))


def _operands(given: list[Tensor], weights: list[Tensor], settings: Mapping[str, Any]) -> Any:
    if not weights:
        # Values of fewer dimensions have their missing ones in front, after the batch dimension.
        most = max(x.dim() for x in given)
        return [x.view(len(x), *[1] * (most - x.dim()), *x.shape[1:]) for x in given]
    return (weights[0], given[0]) if settings.get("weight_first") else (given[0], weights[0])


def _binary(operation: Callable[[Tensor, Tensor], Tensor]) -> Callable[..., Tensor]:
    return lambda x, w, s: operation(*_operands(x, w, s))


def _sampled(x: Tensor, positions: list[float], axis: int) -> Tensor:
    """Linear interpolation of x at positions along an axis."""
    at = torch.tensor(positions)
    low = at.floor().long()
    high = (low + 1).clamp(max=x.shape[axis] - 1)
    share = (at - low).view(-1, *[1] * (x.dim() - 1 - axis))
    return x.index_select(axis, low) * (1 - share) + x.index_select(axis, high) * share


#: Kind → function of (values ``[N, …]``, weights, settings).
COMPUTE: dict[str, Callable[[list[Tensor], list[Tensor], Mapping[str, Any]], Tensor]] = {
    "linear": lambda x, w, s: F.linear(x[0], *w),
    "conv": lambda x, w, s: F.conv2d(x[0], w[0], _bias(w), **s),
    "deconv": lambda x, w, s: F.conv_transpose2d(x[0], w[0], _bias(w), **s),
    "affine": lambda x, w, s: x[0] * _along_channels(w[0], x[0]) + _along_channels(w[1], x[0]),
    "add": _binary(torch.add),
    "subtract": _binary(torch.subtract),
    "multiply": _binary(torch.multiply),
    "divide": _binary(torch.divide),
    "maximum": _binary(torch.maximum),
    "minimum": _binary(torch.minimum),
    "resample": lambda x, w, s: _sampled(_sampled(x[0], s["rows"], 2), s["columns"], 3),
    "reshape": lambda x, w, s: x[0],
    "permute": lambda x, w, s: x[0].permute(0, *(axis + 1 for axis in s["axes"])),
    "slice": lambda x, w, s: x[0].narrow(s["axis"] + 1, s["start"], s["length"]),
    "concat": lambda x, w, s: torch.cat(x, s["axis"] + 1),
    "max": lambda x, w, s: x[0].amax([axis + 1 for axis in s["axes"]], keepdim=True),
    "sum": lambda x, w, s: x[0].sum([axis + 1 for axis in s["axes"]], keepdim=True),
    "mean": lambda x, w, s: x[0].mean([axis + 1 for axis in s["axes"]], keepdim=True),
    "relu": lambda x, w, s: x[0].relu(),
    "leaky-relu": lambda x, w, s: F.leaky_relu(x[0], s["slope"]),
    "tanh": lambda x, w, s: x[0].tanh(),
    "sigmoid": lambda x, w, s: x[0].sigmoid(),
    "softplus": lambda x, w, s: F.softplus(x[0], s["beta"]),
    "silu": lambda x, w, s: F.silu(x[0]),
    "elu": lambda x, w, s: F.elu(x[0], s["alpha"]),
    "clamp": lambda x, w, s: x[0].clamp(s["low"], s["high"]),
    "exp": lambda x, w, s: x[0].exp(),
    "sqrt": lambda x, w, s: x[0].sqrt(),
    "abs": lambda x, w, s: x[0].abs(),
    "power": lambda x, w, s: x[0].pow(s["exponent"]),
}
