"""The lower layers of a discriminator, which a fine-tuned one may keep (FreezeD).

Mo et al. 2020, "Freeze the Discriminator", arXiv:2002.10964.
"""

from itertools import takewhile

from torch import nn

from .conditional import AuxiliaryDiscriminator, ConcatDiscriminator, ProjectionDiscriminator
from .layers import Discriminator

#: Modules that are not layers themselves, but hold layers in the order of the forward pass.
_SEQUENCES = (nn.Sequential, nn.ModuleList)
#: Modules that belong to the layer before them.
_NORMS = (nn.modules.batchnorm._NormBase, nn.GroupNorm, nn.LayerNorm)

#: Modules that are frozen together: a layer, and the normalisation of its output.
Layer = list[nn.Module]


def lower_layers(discriminator: nn.Module) -> list[Layer]:
    """The layers of D that have weights, from its input up to, not including, its output.

    A layer is a linear layer, a convolution, a maxout layer or a whole residual block, with the
    normalisation of its output: 2 in ``mlp`` of depth 2, 3 in ``dcgan`` and 4 in ``resnet`` for 32
    pixels. Of a network that is not a :class:`Discriminator`, the layers are the members with
    weights in the order in which they were defined, and the last one is its output.
    """
    conditional = ConcatDiscriminator | ProjectionDiscriminator | AuxiliaryDiscriminator
    network = discriminator.network if isinstance(discriminator, conditional) else discriminator
    layers = _layers(network)
    if not isinstance(network, Discriminator):
        return layers[:-1]
    head = network.head
    return list(takewhile(lambda layer: head not in layer, layers))


def freeze(discriminator: nn.Module, n: int) -> None:
    """Stop the training of D's first ``n`` layers: their parameters take no gradient.

    Batch norm in them still normalises by the statistics of the minibatch, and spectral norm still
    updates its estimates, as they do while D is trained.
    """
    for layer in lower_layers(discriminator)[:n]:
        for module in layer:
            module.requires_grad_(False)


def _layers(network: nn.Module) -> list[Layer]:
    found: list[Layer] = []
    for module in network.children():
        if not any(True for _ in module.parameters()):
            continue
        if isinstance(module, _SEQUENCES):
            found += _layers(module)
        elif isinstance(module, _NORMS) and found:
            found[-1].append(module)
        else:
            found.append([module])
    return found
