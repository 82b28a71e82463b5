"""The function that an exported program computes: z, or z and a class, to samples."""

import copy
import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import torch
from torch import Tensor, nn
from torch.export import ExportedProgram

from ..data import Units
from ..errors import ForgeryError
from ..model import Model


class Drawing(nn.Module):
    """z ``[N, Z]``, and y int64 ``[N]`` if G takes a class → samples, as ``Model.sample`` does.

    Images ``[N, C, H, W]`` are in [-1, 1], points ``[N, D]`` in the units of the data. Tensors of
    the generator keep their names, behind ``generator.``, as in model.safetensors.
    """

    offset: Tensor
    scale: Tensor

    def __init__(self, model: Model) -> None:
        super().__init__()
        network = copy.deepcopy(model.generator).cpu().to(memory_format=torch.contiguous_format)  # type: ignore[call-overload]
        self.generator: nn.Module = network.eval().requires_grad_(False)
        self.sampler = model.sampler
        if units := model.units:  # as buffers, so that they have names
            self.register_buffer("offset", units.offset.cpu(), persistent=False)
            self.register_buffer("scale", units.scale.cpu(), persistent=False)

    def forward(self, z: Tensor, y: Tensor | None = None) -> Tensor:
        samples = self.generator(z) if y is None else self.generator(z, y)
        units = Units(self.offset, self.scale) if self.sampler.units else None
        return replace(self.sampler, units=units).finished(samples)


def inputs_of(model: Model, n: int, seed: int = 0) -> tuple[Tensor, ...]:
    """Inputs of a :class:`Drawing` for n samples: z, and classes if the generator takes them."""
    z, labels = model.sampler.z(n, seed), model.labels(n, seed)
    return (z,) if labels is None else (z, labels)


def traced(model: Model) -> ExportedProgram:
    """The graph of a :class:`Drawing` for batches of any size, of functional ATen operators.

    Raises
    ------
    ForgeryError
        If the generator cannot be traced, such as a network given from Python whose operators
        depend on the values of its inputs.
    """
    return graph_of(Drawing(model), inputs_of(model, 2), any_batch=True)


def graph_of(
    network: nn.Module, inputs: tuple[Tensor, ...], any_batch: bool = False
) -> ExportedProgram:
    """The graph of a network in functional ATen operators; layers stay whole.

    Parameters
    ----------
    network, inputs:
        A network in evaluation mode on the CPU, and example inputs.
    any_batch:
        Whether the graph is for batches of any size, or for the size of the examples only.

    Raises
    ------
    ForgeryError
        If the network cannot be traced.
    """
    dynamic = ({0: torch.export.Dim("batch")},) * len(inputs) if any_batch else None
    try:
        with quiet(), torch.no_grad():
            graph = torch.export.export(network, inputs, dynamic_shapes=dynamic)
            # An empty table keeps linear layers and convolutions whole; in-place operations go.
            return graph.run_decompositions({})
    except Exception as error:  # whatever the network's own code, or the tracer, raises
        reason = str(error).strip().partition("\n")[0] or type(error).__name__
        raise ForgeryError(f"torch.export cannot trace the generator: {reason}") from error


@contextmanager
def quiet() -> Iterator[None]:
    """Leave out the warnings and logs of torch's exporters, which address their developers."""
    before = logging.root.manager.disable
    logging.disable(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)
