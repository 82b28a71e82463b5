"""The size of a network that takes the place of a recipe's own.

A recipe's width belongs to its network: 512 units of an MLP are a small layer, but a DCGAN of width
512 has a thousand feature maps and more, and takes seconds per step.
"""

from collections.abc import Mapping
from typing import Any

from .config import Config

#: Width, and depth if the network has one.
Size = tuple[int] | tuple[int, int]
#: Networks that G and D have in pairs → a size that suits a CPU, mostly that of a recipe.
PAIRS: dict[str, Size] = {
    "dcgan": (32,),
    "infogan": (64,),
    "resnet": (32,),
    "modern": (16, 1),
    "modern-patched": (16, 1),
}
#: Player → network → such a size.
SIZES: dict[str, dict[str, Size]] = {
    "generator": {
        **PAIRS,
        "mlp": (512, 2),
        "relu-sigmoid": (1200, 2),
        "relu-sigmoid-linear2014": (1200, 2),
        "deconv2014": (1200, 2),
        "mlp-batchnorm": (400, 4),
        "mlp-softplus": (500, 2),
        "skip": (16,),
    },
    "discriminator": {
        **PAIRS,
        "mlp": (256, 2),
        "maxout": (240, 2),
        "maxout-conv2014": (32,),
        "mlp-maxout": (200, 3),
        "mlp-noisy": (1000, 5),
        "projected": (48,),
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
            names = (f"{player[0]}_width", f"{player[0]}_depth")
            sizes |= dict(zip(names, known.get(network, ()), strict=False))
    return sizes | dict(changes)
