"""The size of a network that takes the place of a recipe's own.

A recipe's width belongs to its network: 512 units of an MLP are a small layer, but a DCGAN of width
512 has thousands of feature maps and takes seconds per step.
"""

from collections.abc import Mapping
from typing import Any

from .config import Config

#: Player → network → the sizes that its recipe has, or another that suits a CPU.
SIZES: dict[str, dict[str, dict[str, int]]] = {
    "generator": {
        "mlp": {"g_width": 512, "g_depth": 2},
        "relu-sigmoid": {"g_width": 1200, "g_depth": 2},
        "relu-sigmoid-linear2014": {"g_width": 1200, "g_depth": 2},
        "deconv2014": {"g_width": 1200, "g_depth": 2},
        "mlp-batchnorm": {"g_width": 400, "g_depth": 4},
        "dcgan": {"g_width": 32},
        "infogan": {"g_width": 64},
        "resnet": {"g_width": 32},
        "modern": {"g_width": 16, "g_depth": 1},
        "modern-patched": {"g_width": 16, "g_depth": 1},
        "mlp-softplus": {"g_width": 500, "g_depth": 2},
        "skip": {"g_width": 16},
    },
    "discriminator": {
        "mlp": {"d_width": 256, "d_depth": 2},
        "maxout": {"d_width": 240, "d_depth": 2},
        "maxout-conv2014": {"d_width": 32},
        "mlp-maxout": {"d_width": 200, "d_depth": 3},
        "dcgan": {"d_width": 32},
        "infogan": {"d_width": 64},
        "resnet": {"d_width": 32},
        "modern": {"d_width": 16, "d_depth": 1},
        "modern-patched": {"d_width": 16, "d_depth": 1},
        "mlp-noisy": {"d_width": 1000, "d_depth": 5},
        "projected": {"d_width": 48},
    },
}


def with_sizes(recipe: Config, changes: Mapping[str, Any]) -> dict[str, Any]:
    """The changes of a recipe, with the sizes of networks that are not the recipe's own.

    Sizes among the changes are kept. A network that is not built in has the recipe's.
    """
    sizes: dict[str, Any] = {}
    for player, known in SIZES.items():
        network = changes.get(player)
        if network is not None and network != getattr(recipe, player):
            sizes |= known.get(network, {})
    return sizes | dict(changes)
