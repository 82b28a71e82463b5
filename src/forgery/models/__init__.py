"""Generators and discriminators, one family a file.

Every generator maps z ``[N, latent]`` to images ``[N, C, H, W]`` in [-1, 1], or to points
``[N, D]``; every discriminator maps such samples to logits ``[N]``, never to probabilities.
A new pair is one file in this folder and a line in each table.
"""

from collections.abc import Callable

from torch import nn

from .goodfellow2014 import MaxoutDiscriminator, ReLUSigmoidGenerator
from .mlp import MLPDiscriminator, MLPGenerator
from .pacgan import BatchNormGenerator, PlainMaxoutDiscriminator
from .spec import Spec

__all__ = ["DISCRIMINATORS", "GENERATORS", "Spec"]

GENERATORS: dict[str, Callable[[Spec], nn.Module]] = {
    "mlp": MLPGenerator,
    "relu-sigmoid": ReLUSigmoidGenerator,
    "mlp-batchnorm": BatchNormGenerator,
}

DISCRIMINATORS: dict[str, Callable[[Spec], nn.Module]] = {
    "mlp": MLPDiscriminator,
    "maxout": MaxoutDiscriminator,
    "mlp-maxout": PlainMaxoutDiscriminator,
}
