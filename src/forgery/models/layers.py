"""Layers shared by several families."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Protocol, TypeVar, runtime_checkable

import torch
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm
from torch.nn.utils.parametrize import is_parametrized

from ..errors import ForgeryError
from .spec import Spec

#: Linear pieces per maxout unit: five in the networks of the 2014 paper and of PacGAN.
PIECES = 5

Network = TypeVar("Network", bound=nn.Module)


class Maxout(nn.Module):
    """``[N, inputs]`` → ``[N, units]``: each unit is the maximum of :data:`PIECES` linear maps."""

    def __init__(self, inputs: int, units: int) -> None:
        super().__init__()
        self.units = units
        self.pieces = nn.Linear(inputs, units * PIECES)

    def forward(self, x: Tensor) -> Tensor:
        return self.pieces(x).view(-1, self.units, PIECES).max(dim=2).values


def with_unit_pixels(x: Tensor, pixels: int) -> Tensor:
    """Flatten samples ``[N, …]``, and convert their first values, pixels in [-1, 1], to [0, 1]."""
    x = x.flatten(1)
    return torch.cat([(x[:, :pixels] + 1) / 2, x[:, pixels:]], 1)


@runtime_checkable
class ProvidesFeatures(Protocol):
    """A discriminator that returns its features beside its logits."""

    def look(self, x: Tensor, y: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Return logits ``[N]``, or ``[N, V]``, and features ``[N, F]`` from one pass."""


@runtime_checkable
class JudgesPlaces(Protocol):
    """A discriminator with logits ``[N, V]`` of several places, each with features of its own."""

    def look_along(self, x: Tensor, directions: Tensor) -> tuple[Tensor, Tensor]:
        """As :meth:`ProvidesFeatures.look`, plus ⟨v, features of the place⟩ in each logit.

        The ``directions`` v are ``[N, F]``.
        """


class Discriminator(nn.Module):
    """Samples → features h ``[N, F]`` → a linear layer, the head → logits ``[N]``.

    A family sets ``layers``, whose last one is the head, and may override :meth:`enter`. The
    conditional versions (conditional.py) and some objectives use h.
    """

    #: Whether samples are flattened first, so that any shape is accepted.
    flattens = False
    layers: nn.Sequential

    def enter(self, x: Tensor) -> Tensor:
        """Convert samples to the input of the first layer."""
        return x

    @property
    def head(self) -> nn.Module:
        return self.layers[-1]

    @property
    def feature_count(self) -> int:
        """The number F of features."""
        assert isinstance(self.head, nn.Linear)
        return self.head.in_features

    def prediction(self, outputs: int) -> nn.Module:
        """Create the network from features ``[N, F]`` to predictions → ``[N, outputs]``."""
        return nn.Linear(self.feature_count, outputs)

    def drop_head(self) -> None:
        """Remove the head and its weights, for networks that use the features alone."""
        self.layers[-1] = nn.Identity()

    def features(self, x: Tensor) -> Tensor:
        """Return the features h ``[N, F]``, the input of the head."""
        h = self.enter(x)
        for layer in list(self.layers)[:-1]:
            h = layer(h)
        return h

    def look(self, x: Tensor, y: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Return logits ``[N]`` and features ``[N, F]`` from one forward pass.

        A family may judge an image in several places, which gives logits ``[N, V]``.
        """
        h = self.features(x)
        return self.head(h).squeeze(1), h

    def forward(self, x: Tensor, y: Tensor | None = None) -> Tensor:
        return self.look(x)[0]


class DataDependent:
    """A layer whose initial weights depend on data."""

    def initialise_from(self, x: Tensor) -> None:
        """Initialise the weights, given the layer's first input ``[N, …]``."""
        raise NotImplementedError


@torch.no_grad()
def initialise_from_data(network: nn.Module, forward: Callable[[], object]) -> None:
    """Initialise all data-dependent layers of a network, from input to output, in a forward pass.

    ``forward`` calls the network on data.
    """

    def before(layer: Any, args: tuple[Tensor, ...]) -> None:
        hooks.pop(layer).remove()  # once, and not again when the layer calls itself
        layer.initialise_from(*args)

    hooks = {
        layer: layer.register_forward_pre_hook(before)
        for layer in network.modules()
        if isinstance(layer, DataDependent)
    }
    try:
        if hooks:
            forward()
    finally:
        for hook in hooks.values():
            hook.remove()


@contextmanager
def evaluation_mode(network: nn.Module) -> Iterator[None]:
    """Put a network into evaluation mode inside the block, and restore all modes afterwards."""
    modes = {layer: layer.training for layer in network.modules()}
    network.eval()
    try:
        yield
    finally:
        for layer, was_training in modes.items():
            layer.training = was_training


def couples_batch(network: nn.Module) -> bool:
    """Whether a layer's output for one sample depends on the other samples of its batch."""
    return any(
        getattr(layer, "couples_batch", isinstance(layer, nn.modules.batchnorm._BatchNorm))
        for layer in network.modules()
    )


def doublings(spec: Spec) -> tuple[int, int]:
    """Return (4 or 7, k ≥ 1) for images of 4·2^k or 7·2^k pixels in height and width.

    Raises
    ------
    ForgeryError
        The images have another size, or the data are points.
    """
    _, height, width = spec.image_shape
    for start in (4, 7):
        k = (height // start).bit_length() - 1
        if k >= 1 and height == width == start << k:
            return start, k
    sizes = sorted(start << k for start in (4, 7) for k in range(1, 7))
    raise spec.unsuitable(
        f"square images of {', '.join(map(str, sizes))} … pixels (4·2^k or 7·2^k)"
    )


def spectrally_normalised(network: Network) -> Network:
    """Apply spectral normalisation to all linear and convolutional layers, in place.

    Weights are divided by their largest singular value (Miyato et al. 2018). The value is estimated
    by one power iteration per forward pass in training mode; its vectors are buffers, saved and
    restored with the weights.

    Raises
    ------
    ForgeryError
        A layer's weights are all zero, so that they cannot be normalised.
    """
    for name, layer in list(network.named_modules()):
        weighted = isinstance(layer, nn.Linear | nn.modules.conv._ConvNd)
        if not weighted or is_parametrized(layer, "weight"):
            continue
        if getattr(layer, "normalises_weights", False):
            raise ForgeryError(
                f"spectral normalisation has no effect on weights that a layer divides by their "
                f"norm ({name}): choose another --discriminator, or --no-spectral-norm"
            )
        assert isinstance(layer.weight, Tensor)
        if not torch.any(layer.weight):
            raise ForgeryError(
                f"spectral normalisation cannot scale weights that start at zero ({name}): "
                "choose another --discriminator, such as resnet"
            )
        spectral_norm(layer)
    return network
