"""Layers that several families share."""

from typing import TypeVar

import torch
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm
from torch.nn.utils.parametrize import is_parametrized

from ..errors import ForgeryError
from .spec import Spec

#: Linear pieces whose maximum a maxout unit takes: five in the 2014 paper's networks and PacGAN's.
PIECES = 5

Network = TypeVar("Network", bound=nn.Module)


class Maxout(nn.Module):
    """``[N, inputs]`` → ``[N, units]``: each unit is the largest of :data:`PIECES` linear maps."""

    def __init__(self, inputs: int, units: int) -> None:
        super().__init__()
        self.units = units
        self.pieces = nn.Linear(inputs, units * PIECES)

    def forward(self, x: Tensor) -> Tensor:
        return self.pieces(x).view(-1, self.units, PIECES).max(dim=2).values


class Discriminator(nn.Module):
    """Samples → features h ``[N, F]`` → a linear layer, the head → logits ``[N]``.

    A family sets ``layers``, of which the last is the head, and says how a sample comes to the
    first. The conditional versions (conditional.py) look at h, and so may an objective.
    """

    #: Whether samples are flattened first, so that their shape is of no account.
    flattens = False
    layers: nn.Sequential

    def enter(self, x: Tensor) -> Tensor:
        """Samples as the first layer takes them."""
        return x

    @property
    def head(self) -> nn.Module:
        return self.layers[-1]

    def drop_head(self) -> None:
        """Give up the head and its weights, where another layer judges by the features."""
        self.layers[-1] = nn.Identity()

    def features(self, x: Tensor) -> Tensor:
        """h ``[N, F]``: what the head is given."""
        h = self.enter(x)
        for layer in list(self.layers)[:-1]:
            h = layer(h)
        return h

    def look(self, x: Tensor, y: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Logits ``[N]`` and features ``[N, F]``, from one pass."""
        h = self.features(x)
        return self.head(h).squeeze(1), h

    def forward(self, x: Tensor, y: Tensor | None = None) -> Tensor:
        return self.look(x)[0]


def couples_batch(network: nn.Module) -> bool:
    """Whether a layer's output for one sample depends on the other samples of its batch."""
    return any(
        getattr(layer, "couples_batch", isinstance(layer, nn.modules.batchnorm._BatchNorm))
        for layer in network.modules()
    )


def doublings(spec: Spec) -> tuple[int, int]:
    """(4 or 7, k ≥ 1): the images are 4·2^k or 7·2^k pixels high and wide.

    Raises
    ------
    ForgeryError
        When they are of another size, or points.
    """
    _, height, width = spec.image_shape
    for start in (4, 7):
        k = (height // start).bit_length() - 1
        if k >= 1 and height == width == start << k:
            return start, k
    sizes = sorted(start << k for start in (4, 7) for k in range(1, 7))
    raise ForgeryError(
        f"this network is for square images of {', '.join(map(str, sizes))} … pixels "
        f"(4·2^k or 7·2^k), and the data are {height} × {width}: "
        "choose another --generator and --discriminator, such as mlp"
    )


def spectrally_normalised(network: Network) -> Network:
    """The network, each of whose linear and convolutional weights is divided by its largest
    singular value from now on (Miyato et al. 2018).

    The value is estimated by one power iteration at each pass in training mode; the vectors that
    it works on are buffers, saved and restored with the weights.

    Raises
    ------
    ForgeryError
        For a layer that begins at zero: it has no direction to keep.
    """
    for name, layer in list(network.named_modules()):
        weighted = isinstance(layer, nn.Linear | nn.modules.conv._ConvNd)
        if not weighted or is_parametrized(layer, "weight"):
            continue
        assert isinstance(layer.weight, Tensor)
        if not torch.any(layer.weight):
            raise ForgeryError(
                f"spectral normalisation cannot scale weights that begin at zero ({name}): "
                "choose another --discriminator, such as resnet"
            )
        spectral_norm(layer)
    return network
