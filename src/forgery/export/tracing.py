"""From any generator to a :class:`Program`: its graph in PyTorch's operations.

``torch.export`` records which operations a generator applies. Those that depend neither on z nor on
the class are computed here, once (a weight norm, a sum of kernels); those that depend on the class
alone are computed for every class, and become a table (a one-hot code, an embedding). What remains
is translated by the functions of :data:`TRANSLATE`, and made smaller (``folding.py``).
"""

import copy
import operator
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, fx, nn
from torch.nn import functional as F

from ..errors import ForgeryError
from .drawing import graph_of, quiet
from .folding import folded, pruned
from .program import Operation, Program, Shape


@dataclass(frozen=True)
class Value:
    """What depends on z: the output of an operation; its shape is without the batch dimension."""

    number: int
    shape: Shape


@dataclass(frozen=True)
class PerClass:
    """What depends on the class alone: one result a class."""

    results: tuple[Any, ...]


class NotTranslatable(Exception):
    """An operation, or a use of one, that a program does not have."""


def program_of(generator: nn.Module, latent: int, classes: int = 0) -> Program:
    """Translate a generator in evaluation mode into operations on single samples.

    Parameters
    ----------
    generator:
        z ``[N, latent]``, and y int64 ``[N]`` if it takes a class → samples ``[N, *shape]``.
    latent:
        Dimensions of z.
    classes:
        The number of classes of a generator that takes one; 0 if it takes none.

    Raises
    ------
    ForgeryError
        With the name of the layer, if the generator uses an operation that has no translation.
    """
    network = copy.deepcopy(generator).cpu().float().eval().requires_grad_(False)
    z = torch.zeros(1, latent)
    given = (z, torch.zeros(1, dtype=torch.int64)) if classes else (z,)
    exported = graph_of(network, given)
    with quiet(), torch.no_grad():
        return _Tracer(exported, latent, classes).program()


class _Tracer:
    """The state of one translation."""

    def __init__(self, exported: Any, latent: int, classes: int) -> None:
        self.graph: fx.Graph = exported.graph
        self.classes = classes
        self.shapes: list[Shape] = [(latent,)]
        self.weights: list[Tensor] = []
        self.operations: list[Operation] = []
        self.known: dict[fx.Node, Any] = {}
        signature = exported.graph_signature
        stored = exported.state_dict | exported.constants
        names = (
            signature.inputs_to_parameters
            | signature.inputs_to_buffers
            | signature.inputs_to_lifted_tensor_constants
        )
        inputs: list[Any] = [
            Value(0, (latent,)),
            PerClass(tuple(torch.tensor([y]) for y in range(classes))),
        ]
        for node in self.graph.nodes:
            if node.op == "placeholder":
                self.known[node] = stored[names[node.name]] if node.name in names else inputs.pop(0)

    def program(self) -> Program:
        last = next(node for node in self.graph.nodes if node.op == "output")
        needed = _needed(last)
        for node in self.graph.nodes:
            if node.op == "call_function" and node in needed:
                self.known[node] = self.result(node)
        output = self.as_value(self.known[last.args[0][0]]).number
        whole = Program(tuple(self.shapes), tuple(self.weights), tuple(self.operations), output)
        return pruned(folded(whole))

    def result(self, node: fx.Node) -> Any:
        """The result of a node: a tensor, one for each class, or a value."""
        found = [x for n in node.all_input_nodes for x in _each(self.known[n])]
        if not any(isinstance(x, Value) for x in found):
            if not any(isinstance(x, PerClass) for x in found):
                return self.computed(node)
            return PerClass(tuple(self.computed(node, y) for y in range(self.classes)))
        if node.target is operator.getitem:
            return self.known[node.all_input_nodes[0]][node.args[1]]
        name = getattr(node.target, "overloadpacket", node.target).__name__  # type: ignore[union-attr]
        sizes = node.meta["val"]
        shape = tuple(sizes.shape) if isinstance(sizes, Tensor) else (1,)
        try:
            if name not in TRANSLATE:
                raise NotTranslatable(f"uses the operation {name}")
            if not shape or shape[0] != 1:
                raise NotTranslatable(f"mixes the samples of a batch by the operation {name}")
            return TRANSLATE[name](self, shape[1:], **self.arguments(node))
        except NotTranslatable as problem:
            raise ForgeryError(f"{_layer(node)} {problem}") from None

    def computed(self, node: fx.Node, y: int | None = None) -> Any:
        """The result of a node that does not depend on z; for class y, if y is given."""
        assert callable(node.target)
        return node.target(*self.filled(node.args, y), **self.filled(node.kwargs, y))

    def arguments(self, node: fx.Node) -> dict[str, Any]:
        """The arguments of a node by the names of its operation's schema, defaults included."""
        args, kwargs = self.filled(node.args), self.filled(node.kwargs)
        target: Any = node.target
        found = {}
        for i, argument in enumerate(target._schema.arguments):
            default = argument.default_value if argument.has_default_value() else None
            found[argument.name] = args[i] if i < len(args) else kwargs.get(argument.name, default)
        return found

    def filled(self, given: Any, y: int | None = None) -> Any:
        """Arguments with results in the places of nodes; those of class y, if y is given."""
        if isinstance(given, fx.Node):
            value = self.known[given]
            return value.results[y] if y is not None and isinstance(value, PerClass) else value
        if isinstance(given, tuple):
            return tuple(self.filled(x, y) for x in given)
        if isinstance(given, list):
            return [self.filled(x, y) for x in given]
        if isinstance(given, dict):
            return {name: self.filled(x, y) for name, x in given.items()}
        return given

    # ---- what translations are made of

    def emit(
        self,
        kind: str,
        inputs: Sequence[Value],
        shape: Shape,
        weights: Sequence[Tensor | None] = (),
        **settings: Any,
    ) -> Value:
        """Append an operation and return its output."""
        numbers = []
        for weight in weights:
            if weight is not None:
                numbers.append(len(self.weights))
                self.weights.append(weight.detach().float().contiguous())
        value = Value(len(self.shapes), tuple(int(n) for n in shape))
        self.shapes.append(value.shape)
        given = tuple(x.number for x in inputs)
        operation = Operation(kind, given, value.number, tuple(numbers), settings)
        self.operations.append(operation)
        return value

    def as_value(self, x: Any) -> Value:
        """A constant, or what depends on the class alone, as a value."""
        if isinstance(x, PerClass):
            rows = torch.cat([row.float() for row in x.results])
            return self.emit("table", [], tuple(rows.shape[1:]), [rows])
        if isinstance(x, Tensor):
            if x.dim() < 1 or x.shape[0] != 1:
                raise NotTranslatable("mixes the samples of a batch")
            return self.emit("constant", [], tuple(x.shape[1:]), [x[0]])
        if not isinstance(x, Value):
            raise NotTranslatable(f"needs a tensor, not {x!r}")
        return x


def _needed(last: fx.Node) -> set[fx.Node]:
    """The nodes on which the output depends."""
    needed, waiting = set(), [last]
    while waiting:
        node = waiting.pop()
        if node not in needed:
            needed.add(node)
            waiting += node.all_input_nodes
    return needed


def _each(result: Any) -> Iterator[Any]:
    """A result, or those of an operation that has several."""
    if isinstance(result, tuple):
        yield from result
    else:
        yield result


def _layer(node: fx.Node) -> str:
    """The layer that a node belongs to, in words."""
    path, kind = list((node.meta.get("nn_module_stack") or {"": ("", "")}).values())[-1]
    kind = (kind if isinstance(kind, str) else kind.__name__).rpartition(".")[2]
    return f"layer {path} ({kind})" if path else f"the generator ({kind})"


# ---- translations: (tracer, shape of the result without the batch, **arguments) → result --------


def _unary(kind: str, **settings: Any) -> Callable[..., Value]:
    def translate(tracer: _Tracer, shape: Shape, self: Any, **_: Any) -> Value:
        return tracer.emit(kind, [self], shape, **settings)

    return translate


def _same(tracer: _Tracer, shape: Shape, **given: Any) -> Any:
    """An operation that changes nothing in evaluation mode, on float32."""
    if given.get("dtype") not in (None, torch.float32) or given.get("train"):
        raise NotTranslatable(f"converts to {given['dtype']}" if "dtype" in given else "is random")
    return given.get("self", given.get("input"))


def _reshape(tracer: _Tracer, shape: Shape, self: Any, **_: Any) -> Value:
    return tracer.emit("reshape", [self], shape)


def _expand(tracer: _Tracer, shape: Shape, self: Any, **_: Any) -> Value:
    if len(self.shape) != len(shape):
        raise NotTranslatable("mixes the samples of a batch")
    return tracer.emit("expand", [self], shape)


def _linear(tracer: _Tracer, shape: Shape, input: Any, weight: Any, bias: Any) -> Value:
    return tracer.emit("linear", [input], shape, [_constant(weight), _constant(bias)])


def _matmul(tracer: _Tracer, shape: Shape, self: Any, **given: Any) -> Value:
    other = given.get("other", given.get("mat2"))
    if not isinstance(self, Value) or not isinstance(other, Tensor) or other.dim() != 2:
        raise NotTranslatable("multiplies by something other than a matrix of weights")
    return tracer.emit("linear", [self], shape, [other.T])


def _conv(tracer: _Tracer, shape: Shape, input: Any, weight: Any, bias: Any, **given: Any) -> Value:
    if isinstance(given["padding"], str) or len(input.shape) != 3:
        raise NotTranslatable("is a convolution that is not 2-D, or whose padding is not in pixels")
    names = ("stride", "padding", "dilation", "groups")
    settings = {name: _pair(given[name]) for name in names[:3]} | {"groups": given["groups"]}
    return tracer.emit("conv", [input], shape, [_constant(weight), _constant(bias)], **settings)


def _deconv(
    tracer: _Tracer, shape: Shape, input: Any, weight: Any, bias: Any, **given: Any
) -> Value:
    if _pair(given["dilation"]) != [1, 1] or len(input.shape) != 3:
        raise NotTranslatable("is a transposed convolution that is not 2-D, or has dilation")
    settings = {name: _pair(given[name]) for name in ("stride", "padding", "output_padding")}
    return tracer.emit(
        "deconv",
        [input],
        shape,
        [_constant(weight), _constant(bias)],
        **settings,
        groups=given["groups"],
    )


def _batch_norm(
    tracer: _Tracer,
    shape: Shape,
    input: Any,
    weight: Any,
    bias: Any,
    running_mean: Any,
    running_var: Any,
    eps: float,
    **given: Any,
) -> tuple[Any, None, None]:
    if given.get("training") or running_mean is None:
        raise NotTranslatable("normalises by the statistics of a batch")
    # Small variances make large scales, so that this is computed in float64.
    scale = (running_var.double() + eps).rsqrt()
    if weight is not None:
        scale = scale * weight
    shift = -running_mean * scale
    if bias is not None:
        shift = shift + bias
    return tracer.emit("affine", [input], input.shape, [scale, shift]), None, None


def _just_batch_norm(tracer: _Tracer, shape: Shape, **given: Any) -> Any:
    return _batch_norm(tracer, shape, **given)[0]


def _binary(kind: str) -> Callable[..., Value]:
    def translate(tracer: _Tracer, shape: Shape, self: Any, other: Any, **given: Any) -> Value:
        alpha = given.get("alpha", 1) or 1
        if given.get("rounding_mode"):
            raise NotTranslatable("divides and rounds")
        if alpha != 1 and not isinstance(other, Tensor | float | int):
            raise NotTranslatable("adds a layer with alpha other than 1")
        if isinstance(self, Value) and not isinstance(other, Value | PerClass):
            weight = torch.as_tensor(other, dtype=torch.float64) * alpha
            return _with_weight(tracer, shape, kind, self, weight)
        if isinstance(other, Value) and not isinstance(self, Value | PerClass):
            weight = torch.as_tensor(self, dtype=torch.float64)
            if kind in ("add", "multiply", "maximum", "minimum"):
                return _with_weight(tracer, shape, kind, other, weight)
            weight = _per_sample(weight, other)
            return tracer.emit(kind, [other], shape, [weight], weight_first=True)
        return tracer.emit(kind, [tracer.as_value(self), tracer.as_value(other)], shape)

    return translate


def _with_weight(tracer: _Tracer, shape: Shape, kind: str, x: Value, weight: Tensor) -> Value:
    """x + weight, x·weight …: as scale and shift of channels, if it is that."""
    weight = _per_sample(weight, x)
    aligned = weight.view(*[1] * (len(x.shape) - weight.dim()), *weight.shape)
    by_channel = x.shape and shape == x.shape and aligned.numel() in (1, aligned.shape[0])
    if not by_channel or kind in ("maximum", "minimum"):
        return tracer.emit(kind, [x], shape, [weight])
    channels = aligned.flatten().expand(x.shape[0])
    one, zero = torch.ones(x.shape[0]), torch.zeros(x.shape[0])
    scale, shift = {
        "add": (one, channels),
        "subtract": (one, -channels),
        "multiply": (channels, zero),
        "divide": (1 / channels, zero),
    }[kind]
    return tracer.emit("affine", [x], shape, [scale, shift])


def _per_sample(weight: Tensor, x: Value) -> Tensor:
    """A constant that meets a value, without its batch dimension."""
    if weight.dim() <= len(x.shape):
        return weight
    if weight.dim() > len(x.shape) + 1 or weight.shape[0] != 1:
        raise NotTranslatable("mixes the samples of a batch")
    return weight[0]


def _reduced(kind: str) -> Callable[..., Any]:
    def translate(tracer: _Tracer, shape: Shape, self: Any, dim: Any, **_: Any) -> Value:
        dims = list(range(1, len(self.shape) + 1)) if dim is None else _list(dim)
        axes = sorted(_axis(d, self) for d in dims)
        kept = tuple(1 if i in axes else n for i, n in enumerate(self.shape))
        value = tracer.emit(kind, [self], kept, axes=axes)
        return tracer.emit("reshape", [value], shape)

    return translate


def _max(tracer: _Tracer, shape: Shape, self: Any, dim: Any = None, **given: Any) -> Any:
    """max of one tensor along a dimension (values, indices), or of two tensors."""
    if "other" in given:
        return _binary("maximum")(tracer, shape, self, given["other"])
    if dim is None:
        raise NotTranslatable("mixes the samples of a batch by the operation max")
    axis = _axis(dim, self)
    kept = tuple(1 if i == axis else n for i, n in enumerate(self.shape))
    value = tracer.emit("max", [self], kept, axes=[axis])
    if not given.get("keepdim"):
        value = tracer.emit("reshape", [value], self.shape[:axis] + self.shape[axis + 1 :])
    return value, None


def _permute(tracer: _Tracer, shape: Shape, self: Any, dims: Any) -> Value:
    axes = [d % (len(self.shape) + 1) for d in dims]
    if axes[0] != 0:
        raise NotTranslatable("mixes the samples of a batch")
    return tracer.emit("permute", [self], shape, axes=[d - 1 for d in axes[1:]])


def _transpose(tracer: _Tracer, shape: Shape, self: Any, dim0: int, dim1: int) -> Value:
    axes = list(range(len(self.shape)))
    a, b = _axis(dim0, self), _axis(dim1, self)
    axes[a], axes[b] = axes[b], axes[a]
    return tracer.emit("permute", [self], shape, axes=axes)


def _pixel_shuffle(tracer: _Tracer, shape: Shape, self: Any, upscale_factor: int) -> Value:
    _, height, width = self.shape
    r = upscale_factor
    split = tracer.emit("reshape", [self], (shape[0], r, r, height, width))
    moved = tracer.emit("permute", [split], (shape[0], height, r, width, r), axes=[0, 3, 1, 4, 2])
    return tracer.emit("reshape", [moved], shape)


def _slice(
    tracer: _Tracer, shape: Shape, self: Any, dim: int, start: Any, end: Any, step: int
) -> Value:
    if dim == 0 and start in (None, 0) and step == 1:  # x[:, …]: all samples
        return self
    axis = _axis(dim, self)
    if step != 1:
        raise NotTranslatable("slices with a step other than 1")
    first, _, _ = slice(start, end).indices(self.shape[axis])
    return tracer.emit("slice", [self], shape, axis=axis, start=first, length=shape[axis])


def _select(tracer: _Tracer, shape: Shape, self: Any, dim: int, index: int) -> Value:
    axis = _axis(dim, self)
    kept = tuple(1 if i == axis else n for i, n in enumerate(self.shape))
    start = index % self.shape[axis]
    row = tracer.emit("slice", [self], kept, axis=axis, start=start, length=1)
    return tracer.emit("reshape", [row], shape)


def _split(tracer: _Tracer, shape: Shape, self: Any, dim: int, **given: Any) -> tuple[Value, ...]:
    axis = _axis(dim, self)
    size: Any = given.get("split_size", given.get("split_sizes"))
    if "chunks" in given:
        size = -(-self.shape[axis] // given["chunks"])
    sizes = size if isinstance(size, list) else [size] * (self.shape[axis] // size)
    if (rest := self.shape[axis] - sum(sizes)) > 0:
        sizes = [*sizes, rest]
    parts, start = [], 0
    for length in sizes:
        kept = tuple(length if i == axis else n for i, n in enumerate(self.shape))
        parts.append(tracer.emit("slice", [self], kept, axis=axis, start=start, length=length))
        start += length
    return tuple(parts)


def _concat(tracer: _Tracer, shape: Shape, tensors: Any, dim: int) -> Value:
    values = [tracer.as_value(x) for x in tensors]
    return tracer.emit("concat", values, shape, axis=_axis(dim, values[0]))


def _resample(
    tracer: _Tracer,
    shape: Shape,
    resampled: Callable[[Tensor], Tensor],
    given: dict[str, Any],
) -> Value:
    """Interpolation of maps, by the positions at which it looks at a row and at a column.

    An interpolation of the numbers 0, 1, 2 … gives the positions themselves.
    """
    x: Any = given.get("input", given.get("self"))
    _, height, width = x.shape
    rows = torch.arange(float(height))[:, None].expand(height, width)
    columns = torch.arange(float(width)).expand(height, width)
    return tracer.emit(
        "resample",
        [x],
        shape,
        rows=resampled(rows[None, None])[0, 0, :, 0].tolist(),
        columns=resampled(columns[None, None])[0, 0, 0, :].tolist(),
    )


def _upsample(mode: str) -> Callable[..., Value]:
    def translate(tracer: _Tracer, shape: Shape, **given: Any) -> Value:
        options: dict[str, Any] = {"mode": mode}
        if mode == "bilinear":
            options["align_corners"] = given["align_corners"]
        if factors := given.get("scale_factors"):
            options["scale_factor"] = factors
        else:
            options["size"] = list(shape[1:])
        return _resample(tracer, shape, lambda maps: F.interpolate(maps, **options), given)

    return translate


def _softplus(tracer: _Tracer, shape: Shape, self: Any, beta: float, **_: Any) -> Value:
    return tracer.emit("softplus", [self], shape, beta=float(beta))


def _leaky_relu(tracer: _Tracer, shape: Shape, self: Any, negative_slope: float) -> Value:
    return tracer.emit("leaky-relu", [self], shape, slope=float(negative_slope))


def _elu(tracer: _Tracer, shape: Shape, self: Any, **given: Any) -> Value:
    if given["scale"] != 1 or given["input_scale"] != 1:
        raise NotTranslatable("is a scaled ELU")
    return tracer.emit("elu", [self], shape, alpha=float(given["alpha"]))


def _clamp(low: str, high: str) -> Callable[..., Value]:
    def translate(tracer: _Tracer, shape: Shape, self: Any, **given: Any) -> Value:
        ends = [given.get(low), given.get(high)]
        if any(isinstance(end, Tensor | Value) for end in ends):
            raise NotTranslatable("clamps to limits that are tensors")
        most = torch.finfo(torch.float32).max  # JSON has no infinity
        least = -most if ends[0] is None else float(ends[0])
        return tracer.emit(
            "clamp", [self], shape, low=least, high=most if ends[1] is None else float(ends[1])
        )

    return translate


def _power(tracer: _Tracer, shape: Shape, self: Any, exponent: Any) -> Value:
    if not isinstance(self, Value) or not isinstance(exponent, int | float):
        raise NotTranslatable("has an exponent that is a tensor")
    return tracer.emit("power", [self], shape, exponent=float(exponent))


def _constant(x: Any) -> Any:
    """A weight, which must not depend on z or on the class; None stays."""
    if isinstance(x, Value | PerClass):
        raise NotTranslatable("has weights that depend on z or on the class")
    return x


def _axis(dim: int, x: Value) -> int:
    """An axis of a value, by the number that it has with the batch dimension."""
    axis = dim % (len(x.shape) + 1) - 1
    if axis < 0:
        raise NotTranslatable("mixes the samples of a batch")
    return axis


def _list(dim: Any) -> list[int]:
    return list(dim) if isinstance(dim, list | tuple) else [dim]


def _pair(x: Any) -> list[int]:
    pair = _list(x)
    return pair * 2 if len(pair) == 1 else pair


#: Name of an operation of PyTorch → its translation.
TRANSLATE: dict[str, Callable[..., Any]] = {
    "linear": _linear,
    "matmul": _matmul,
    "mm": _matmul,
    "conv2d": _conv,
    "conv_transpose2d": _deconv,
    "_native_batch_norm_legit_no_training": _batch_norm,
    "batch_norm": _just_batch_norm,
    "add": _binary("add"),
    "sub": _binary("subtract"),
    "subtract": _binary("subtract"),
    "rsub": lambda tracer, shape, self, other, **given: _binary("subtract")(
        tracer, shape, other, self, **given
    ),
    "mul": _binary("multiply"),
    "multiply": _binary("multiply"),
    "div": _binary("divide"),
    "divide": _binary("divide"),
    "maximum": _binary("maximum"),
    "minimum": _binary("minimum"),
    "max": _max,
    "amax": _reduced("max"),
    "sum": _reduced("sum"),
    "mean": _reduced("mean"),
    **dict.fromkeys(
        ("view", "reshape", "_unsafe_view", "flatten", "unflatten", "unsqueeze", "squeeze"),
        _reshape,
    ),
    **dict.fromkeys(
        ("alias", "clone", "contiguous", "detach", "dropout", "lift_fresh_copy", "_to_copy", "to"),
        _same,
    ),
    "expand": _expand,
    "permute": _permute,
    "transpose": _transpose,
    "pixel_shuffle": _pixel_shuffle,
    "slice": _slice,
    "select": _select,
    **dict.fromkeys(("split", "split_with_sizes", "chunk"), _split),
    "cat": _concat,
    "upsample_nearest2d": _upsample("nearest"),
    "_upsample_nearest_exact2d": _upsample("nearest-exact"),
    "upsample_bilinear2d": _upsample("bilinear"),
    "relu": _unary("relu"),
    "leaky_relu": _leaky_relu,
    "tanh": _unary("tanh"),
    "sigmoid": _unary("sigmoid"),
    "softplus": _softplus,
    "silu": _unary("silu"),
    "elu": _elu,
    "relu6": _unary("clamp", low=0.0, high=6.0),
    "clamp": _clamp("min", "max"),
    "clip": _clamp("min", "max"),
    "clamp_min": _clamp("min", ""),
    "clamp_max": _clamp("", "max"),
    "hardtanh": _clamp("min_val", "max_val"),
    "exp": _unary("exp"),
    "sqrt": _unary("sqrt"),
    "rsqrt": _unary("power", exponent=-0.5),
    "reciprocal": _unary("power", exponent=-1.0),
    "square": _unary("power", exponent=2.0),
    "abs": _unary("abs"),
    "pow": _power,
    "neg": lambda tracer, shape, self: _binary("multiply")(tracer, shape, self, -1.0),
}
