"""Generators and discriminators, one family per file.

Every generator maps z ``[N, latent]`` to images ``[N, C, H, W]`` in [-1, 1] or to points
``[N, D]``; every discriminator maps such samples to logits ``[N]``, never to probabilities.
``conditional.py`` conditions any of them on classes. The discriminator ``projected``, which needs
another network's weights, is in ``forgery/projected.py``. To add a family, write one file in this
folder and add a line to each table.
"""

from collections.abc import Callable
from functools import partial

from torch import nn

from .cifar2014 import DeconvGenerator, MaxoutConvDiscriminator, ReLUSigmoidLinearGenerator
from .conditional import CONDITIONS, Condition
from .dcgan import DCGANDiscriminator, DCGANGenerator
from .encoder import Encoder
from .goodfellow2014 import MaxoutDiscriminator, ReLUSigmoidGenerator
from .infogan import InfoGANDiscriminator, InfoGANGenerator
from .layers import spectrally_normalised
from .mlp import MLPDiscriminator, MLPGenerator
from .modern import ModernDiscriminator, ModernGenerator
from .pacgan import BatchNormGenerator, PlainMaxoutDiscriminator
from .resnet import ResNetDiscriminator, ResNetGenerator
from .salimans2016 import NoisyDiscriminator, SoftplusGenerator
from .skip import SkipGenerator
from .spec import Spec

__all__ = [
    "CONDITIONS",
    "DISCRIMINATORS",
    "GENERATORS",
    "Condition",
    "Encoder",
    "Spec",
    "spectrally_normalised",
]

GENERATORS: dict[str, Callable[[Spec], nn.Module]] = {
    "mlp": MLPGenerator,
    "relu-sigmoid": ReLUSigmoidGenerator,
    "relu-sigmoid-linear2014": ReLUSigmoidLinearGenerator,
    "deconv2014": DeconvGenerator,
    "mlp-batchnorm": BatchNormGenerator,
    "dcgan": DCGANGenerator,
    "infogan": InfoGANGenerator,
    "resnet": ResNetGenerator,
    "modern": ModernGenerator,
    "modern-patched": partial(ModernGenerator, patched=True),
    "mlp-softplus": SoftplusGenerator,
    "skip": SkipGenerator,
}

DISCRIMINATORS: dict[str, Callable[[Spec], nn.Module]] = {
    "mlp": MLPDiscriminator,
    "maxout": MaxoutDiscriminator,
    "maxout-conv2014": MaxoutConvDiscriminator,
    "mlp-maxout": PlainMaxoutDiscriminator,
    "dcgan": DCGANDiscriminator,
    "infogan": InfoGANDiscriminator,
    "resnet": ResNetDiscriminator,
    "modern": ModernDiscriminator,
    "modern-patched": partial(ModernDiscriminator, patched=True),
    "mlp-noisy": NoisyDiscriminator,
}
