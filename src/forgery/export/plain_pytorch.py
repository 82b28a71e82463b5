"""A generator as a Python function of plain PyTorch, for people who do not have this package.

The function is printed from the graph that ``torch.export`` traces: one call of
``torch.nn.functional`` for each layer, with the names that the weights have in model.safetensors.
"""

import operator
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import chain, count
from typing import Any

import numpy
import torch
from torch import Tensor
from torch.export import ExportedProgram
from torch.fx import Node

from ..errors import ForgeryError
from ..model import Model
from .drawing import Drawing, inputs_of, traced

#: Longest line of the code.
WIDTH = 100
#: Most values of a tensor that is written into the code, since it is no weight.
WRITTEN = 1000
#: Number of samples for which the code is compared with the generator.
CHECKED = 3
#: The line of the code that imports the function which reads its weights.
LOADING = "from safetensors.torch import load_file"
#: The names of variables, in the order of their use.
VARIABLES = ("x", "h", "a", "b", "c", "d")

#: Operator → function of the same arguments, and method of the first argument.
FUNCTIONS = {
    **{
        name: f"F.{name}"
        for name in (
            *("linear", "conv2d", "conv_transpose2d", "relu", "leaky_relu", "softplus", "elu"),
            *("gelu", "silu", "pixel_shuffle", "pad", "avg_pool2d", "one_hot"),
        )
    },
    **{
        name: f"torch.{name}"
        for name in ("tanh", "sigmoid", "cat", "exp", "sin", "cos", "erf", "abs")
    },
    "linalg_vector_norm": "torch.linalg.vector_norm",
}
METHODS = ("view", "expand", "flip", "transpose", "permute", "unsqueeze", "squeeze", "clamp")
OPERATORS = {"add": "+", "sub": "-", "mul": "*", "div": "/"}
#: Operators of Python, on sizes.
OF_SIZES: dict[Any, str] = {operator.mul: "*", operator.add: "+", operator.floordiv: "//"}
#: Operators that compute no value of a sample.
EMPTY = ("_assert_tensor_metadata", "_assert_scalar", "sym_size")
#: Operators around the code of their argument: relu(linear(x)).
AROUND = (
    *("relu", "leaky_relu", "tanh", "sigmoid", "softplus", "_to_copy", "cat", *METHODS),
    "_native_batch_norm_legit_no_training",
)
#: Arguments that are given by position.
BY_POSITION = (
    *("self", "input", "tensors", "running_mean", "running_var", "weight", "bias"),
    *("num_classes", "upscale_factor", "negative_slope"),
)
#: Arguments with a number for each axis of an image, or one for both.
OF_BOTH_AXES = ("stride", "padding", "output_padding", "dilation", "kernel_size", "scale_factor")
#: The end of a slice that has none.
END = 2**63 - 1
#: The tensors of a batch norm in evaluation mode, and code of a function that looks them up.
OF_A_NORM = ("running_mean", "running_var", "weight", "bias")
NORM = """\
def norm(x, name, eps=1e-5):
    mean, variance, gain, bias = (
        w[f"{name}.{part}"] for part in ("running_mean", "running_var", "weight", "bias")
    )
    return F.batch_norm(x, mean, variance, gain, bias, eps=eps)
"""


def drawing_code(model: Model, file: str = "model.safetensors") -> str:
    """Code that loads the weights of an exported model and defines ``generate(z)``.

    For a generator that takes a class, it defines ``generate(z, y)``. The functions return what
    ``Model.sample`` does.

    Raises
    ------
    ForgeryError
        If the generator cannot be traced, holds large tensors that are not among its weights, or
        draws something else than its code.
    """
    program = traced(model)
    tensors = model.generator.state_dict().items()
    weights = {f"generator.{name}": tensor.cpu() for name, tensor in tensors}
    code = _Printer(program, set(weights), file).print(_about(model))
    _check(code, model, weights)
    return code


def _check(code: str, model: Model, weights: Mapping[str, Tensor]) -> None:
    """Compare what the code draws with what the generator draws."""
    inputs = inputs_of(model, CHECKED)
    names: dict[str, Any] = {"load_file": lambda file: weights}
    try:
        with torch.no_grad():
            exec(code.replace(LOADING, "", 1), names)
            drawn, expected = names["generate"](*inputs), Drawing(model)(*inputs)
            torch.testing.assert_close(drawn, expected, rtol=1e-3, atol=1e-3)
    except Exception as error:  # of any kind, since the network may be anyone's
        raise ForgeryError(f"the generator cannot be written as code: {error}") from error


def _about(model: Model) -> str:
    """The docstring of the function."""
    classes = list(model.classes) if model.takes_class else []
    given = f"z [N, {model.sampler.latent}]{', y [N]' if classes else ''}"
    size = ", ".join(map(str, model.shape))
    kind, units = ("images", "[-1, 1]") if len(model.shape) == 3 else ("points", "the data's units")
    drawn = f"{kind} [N, {size}] in {units}"
    if not classes:
        return f"{given} → {drawn}."
    first, last = (re.sub(r'["\\\n]', " ", name) for name in (classes[0], classes[-1]))
    named = f"0 ({first}) to {len(classes) - 1} ({last})"
    return f"{given} → {drawn}.\n\n    y is the number of a class, from {named}.\n    "


@dataclass
class _Expression:
    """Python code of a value, and the nodes whose variables it reads.

    A method can follow ``simple`` code without parentheses.
    """

    text: str
    reads: set[Node] = field(default_factory=set)
    simple: bool = True

    @property
    def operand(self) -> str:
        """The code, in parentheses unless it is simple."""
        return self.text if self.simple else f"({self.text})"


class _Printer:
    """Prints the graph of a generator as Python.

    Parameters
    ----------
    program:
        The graph, with functional operators.
    kept:
        The names of the tensors that model.safetensors holds.
    file:
        Its path in the code.
    """

    def __init__(self, program: ExportedProgram, kept: set[str], file: str) -> None:
        signature = program.graph_signature
        self.kept, self.file = kept, file
        #: Placeholder → name of its tensor; name → tensor.
        self.tensors = {
            **signature.inputs_to_parameters,
            **signature.inputs_to_buffers,
            **signature.inputs_to_lifted_tensor_constants,
        }
        self.values: Mapping[str, Any] = {**program.state_dict, **program.constants}
        self.nodes: list[Node] = list(program.graph.nodes)
        self.inputs = [
            n for n in self.nodes if n.op == "placeholder" and n.name not in self.tensors
        ]
        #: Code → name of a tensor that is written into the code.
        self.constants: dict[str, str] = {}
        #: Code of the nodes that have no variable, and a mark for the variable of the others.
        self.inlined: dict[Node, _Expression] = {}
        self.marks: dict[Node, str] = {}
        self.norms = False

    def print(self, about: str) -> str:
        self.marks = {node: _mark(node) for node in self.inputs}
        statements: list[tuple[Node | None, _Expression]] = []
        for node in self.nodes:
            if node.op == "placeholder" and node not in self.inputs and node.users:
                self.inlined[node] = _Expression(self._tensor(node.name))
            elif node.op == "output":
                result = node.args[0][0]  # type: ignore[index]
                statements.append((None, self._of(result)))
            elif node.op == "call_function" and _name_of(node) not in EMPTY:
                code = self._call(node)
                if self._fits_inside(node, code):
                    self.inlined[node] = code
                else:
                    self.marks[node] = _mark(node)
                    statements.append((node, code))
        body = self._named(statements)
        constants = [f"{name} = torch.tensor({value})" for value, name in self.constants.items()]
        lines = [
            "import torch",
            "import torch.nn.functional as F",
            LOADING,
            "",
            f'w = load_file("{self.file}")',
            'w = {name.removeprefix("generator."): tensor.float() for name, tensor in w.items()}',
            *constants,
            *(["", "", *NORM.splitlines()] if self.norms else []),
            "",
            "",
            f"def generate({', '.join(node.name for node in self.inputs)}):",
            f'    """{about}"""',
            *(f"    {line}" for line in body),
        ]
        return "\n".join(lines)

    def _tensor(self, placeholder: str) -> str:
        """Code of a weight, or the name of a constant, which is not in the file."""
        target = self.tensors[placeholder]
        if target in self.kept:
            return f'w["{target.removeprefix("generator.")}"]'
        value = self.values[target]
        if value.numel() > WRITTEN:
            raise ForgeryError(
                f"{target} of the generator is not saved with its weights, and is too large to be "
                f"written into code: {value.numel():,} values"
            )
        name, taken = target.rpartition(".")[2], set(self.constants.values())
        names = (name if i == 1 else f"{name}{i}" for i in count(1))
        return self.constants.setdefault(_literal(value), next(n for n in names if n not in taken))

    def _fits_inside(self, node: Node, code: _Expression) -> bool:
        """Whether the code of a node goes into that of the node that uses it."""
        users = list(node.users)
        if len(users) != 1 or len(code.text) > WIDTH - 20:
            return False
        if not code.reads:  # of weights alone, such as the sum of two kernels
            return len(code.text) < WIDTH // 2
        user = users[0]
        return user.op == "output" or user.target is operator.getitem or _name_of(user) in AROUND

    def _of(self, value: Any) -> _Expression:
        """Code of an argument."""
        if isinstance(value, Node):
            if value in self.inlined:
                return self.inlined[value]
            if value in self.marks:
                return _Expression(self.marks[value], {value})
            assert self._is_batch(value)
            return _Expression(f"len({self.marks[self.inputs[0]]})", {self.inputs[0]})  # the batch
        if isinstance(value, list | tuple):
            parts = [self._of(part) for part in value]
            return _Expression(f"[{', '.join(part.text for part in parts)}]", _reads(parts))
        if isinstance(value, float) and value.is_integer():
            return _Expression(str(int(value)))
        return _Expression(str(value) if isinstance(value, torch.dtype) else repr(value))

    def _call(self, node: Node) -> _Expression:
        """Code of an operator."""
        if node.target is operator.getitem:
            source, index = node.args
            of = self._of(source)
            if _name_of(source) == "_native_batch_norm_legit_no_training":  # type: ignore[arg-type]
                return of  # its other results are statistics
            return _Expression(f"{of.operand}[{index}]", of.reads)
        if node.target in OF_SIZES:  # of the number of samples, such as 2 len(z)
            sides = [self._of(side) for side in node.args]
            text = f" {OF_SIZES[node.target]} ".join(side.operand for side in sides)
            return _Expression(text, _reads(sides), simple=False)
        if not hasattr(node.target, "_schema"):
            raise ForgeryError(
                f"the generator cannot be written as code: it computes a size by {_name_of(node)}"
            )
        given = _arguments(node)
        name = _name_of(node)
        if name in OPERATORS and set(given) == {"self", "other"}:
            sides = [self._of(given["self"]), self._of(given["other"])]
            text = f" {OPERATORS[name]} ".join(side.operand for side in sides)
            return _Expression(text, _reads(sides), simple=False)
        if code := getattr(self, f"_print_{name}", lambda given: None)(given):
            return code
        if name in FUNCTIONS:
            return self._function(FUNCTIONS[name], given)
        if name in METHODS and list(given) == _first_arguments(node, len(given)):
            return self._method(name, given)
        parts = {key: self._of(value) for key, value in given.items()}
        listed = ", ".join(f"{key}={part.text}" for key, part in parts.items())
        return _Expression(f"torch.ops.{node.target}({listed})", _reads(parts.values()))

    def _function(self, name: str, given: Mapping[str, Any]) -> _Expression:
        parts, texts = [], []
        for key, value in given.items():
            same = key in OF_BOTH_AXES and isinstance(value, list | tuple) and len({*value}) == 1
            part = self._of(value[0] if same else value)
            parts.append(part)
            texts.append(part.text if key in BY_POSITION else f"{key}={part.text}")
        return _Expression(f"{name}({', '.join(texts)})", _reads(parts))

    def _method(self, name: str, given: Mapping[str, Any]) -> _Expression:
        first, *others = given.values()
        of, parts = self._of(first), []
        for value in others:
            each = value if isinstance(value, list | tuple) else [value]
            parts += [
                _Expression("-1") if name == "view" and self._is_batch(one) else self._of(one)
                for one in each
            ]
        texts = ", ".join(part.text for part in parts)
        return _Expression(f"{of.operand}.{name}({texts})", of.reads | _reads(parts))

    def _is_batch(self, value: Any) -> bool:
        """Whether an argument is the size of the batch."""
        return isinstance(value, Node) and _name_of(value) == "sym_size"

    # Operators whose Python functions have other arguments.

    def _print_slice(self, given: dict[str, Any]) -> _Expression | None:
        start, end = given.get("start") or 0, given.get("end", END)
        if given.get("step", 1) != 1:
            return None
        of = self._of(given["self"])
        if start == 0 and end >= END:
            return of
        inside = f"{start or ''}:{'' if end >= END else end}"
        axis = given.get("dim", 0) % given["self"].meta["val"].dim()
        return _Expression(f"{of.operand}[{':, ' * axis}{inside}]", of.reads)

    def _print__to_copy(self, given: dict[str, Any]) -> _Expression | None:
        if set(given) != {"self", "dtype"}:
            return None
        return self._method("to", given)

    def _print_upsample_nearest2d(self, given: dict[str, Any]) -> _Expression | None:
        if given.get("scale_factors") is None:
            return None
        factors = given["scale_factors"]
        return self._function(
            "F.interpolate", {"input": given["input"], "scale_factor": tuple(factors)}
        )

    def _print__native_batch_norm_legit_no_training(self, given: dict[str, Any]) -> _Expression:
        of, eps = self._of(given["input"]), given["eps"]
        texts = [self._of(given.get(name)).text for name in OF_A_NORM]
        layer = texts[0].removeprefix('w["').partition(".running_mean")[0]
        if texts == [f'w["{layer}.{name}"]' for name in OF_A_NORM]:
            self.norms = True
            other = "" if eps == 1e-5 else f", eps={eps}"
            return _Expression(f'norm({of.text}, "{layer}"{other})', of.reads)
        order = ("input", *OF_A_NORM, "eps")
        return self._function("F.batch_norm", {name: given.get(name) for name in order})

    def _named(self, statements: list[tuple[Node | None, _Expression]]) -> list[str]:
        """The lines of the function. A name is used again once its value is not needed."""
        last = {node: i for i, (_, code) in enumerate(statements) for node in code.reads}
        names = {node: node.name for node in self.inputs}
        lines = []
        for i, (node, code) in enumerate(statements):
            text = code.text
            for read in code.reads:
                text = text.replace(self.marks[read], names[read])
            if node is None:
                lines.append(f"return {text}")
                continue
            live = {name for n, name in names.items() if last.get(n, -1) > i}
            numbered = (f"{VARIABLES[-1]}{n}" for n in count(2))
            names[node] = next(n for n in chain(VARIABLES, numbered) if n not in live)
            lines.append(f"{names[node]} = {text}")
        return lines


def _mark(node: Node) -> str:
    """Stands for the variable of a node in code, until it has a name."""
    return f"\0{node.name}\0"


def _reads(parts: Iterable[_Expression]) -> set[Node]:
    return set().union(*(part.reads for part in parts))


def _name_of(node: Node) -> str:
    """The name of an operator: ``linear`` for ``aten.linear.default``."""
    return getattr(node.target, "_opname", str(node.target))


def _arguments(node: Node) -> dict[str, Any]:
    """The arguments of an operator by name, without those that have their default value."""
    arguments = node.target._schema.arguments  # type: ignore[union-attr]
    given = dict(zip((a.name for a in arguments), node.args, strict=False)) | node.kwargs
    defaults = {a.name: a.default_value for a in arguments if a.has_default_value()}
    return {k: v for k, v in given.items() if k not in defaults or not _is(v, defaults[k])}


def _first_arguments(node: Node, n: int) -> list[str]:
    return [a.name for a in node.target._schema.arguments[:n]]  # type: ignore[union-attr]


def _is(value: Any, default: Any) -> bool:
    """Whether an argument has its default value; a list of one number may stand for it."""
    if isinstance(value, list | tuple):
        return not isinstance(default, Node) and {*value} == {
            *(default if isinstance(default, list | tuple) else [default])
        }
    return (not isinstance(value, Node) and value is default) or value == default


def _literal(value: Tensor) -> str:
    """A tensor as nested lists of the shortest numbers that give its float32 values."""
    if value.dim():
        return f"[{', '.join(_literal(row) for row in value)}]"
    number = value.item()
    return str(numpy.float32(number)) if isinstance(number, float) else repr(number)
