"""The built-in choices of every setting that is a name.

They are repeated here, instead of read from the tables, so that ``forgery --help`` can print them
without importing torch. A test checks that both agree.
"""

from typing import Literal

ModelName = Literal["gan", "vae"]
GeneratorName = Literal[
    "mlp",
    "relu-sigmoid",
    "relu-sigmoid-linear2014",
    "deconv2014",
    "mlp-batchnorm",
    "dcgan",
    "infogan",
    "resnet",
    "modern",
    "modern-patched",
    "mlp-softplus",
    "skip",
]
DiscriminatorName = Literal[
    "mlp",
    "maxout",
    "maxout-conv2014",
    "mlp-maxout",
    "dcgan",
    "infogan",
    "resnet",
    "modern",
    "modern-patched",
    "mlp-noisy",
    "projected",
]
NoiseName = Literal["normal", "uniform"]
ConditionName = Literal["none", "concat", "projection", "auxiliary", "semi-supervised", "infogan"]
ObjectiveName = Literal[
    "minimax",
    "non-saturating",
    "relativistic",
    "relativistic-average",
    "least-squares",
    "wasserstein",
    "hinge",
    "feature-matching",
]
PenaltyName = Literal["none", "r1", "r2", "r1+r2", "wgan-gp", "dragan"]
#: Penalties that draw random numbers, which the members of an ensemble cannot share.
RANDOM_PENALTIES = frozenset({"wgan-gp", "dragan"})
UpdatesName = Literal["alternating", "simultaneous"]
AugmentName = Literal[
    "none", "diffaugment", "translation-cutout", "translation", "adaptive", "adaptive-geometry"
]
OptimizerName = Literal["adam", "rmsprop", "momentum"]
ShapeName = Literal["cosine", "linear"]
PrecisionName = Literal["float32", "bfloat16"]
FitName = Literal["crop", "pad", "stretch", "none"]
ColourName = Literal["auto", "grey", "rgb"]
LogName = Literal["csv", "tensorboard"]

#: Setting to which installed packages may add choices → entry-point group.
EXTENSIBLE = {
    "generator": "forgery.generators",
    "discriminator": "forgery.discriminators",
    "objective": "forgery.objectives",
    "penalty": "forgery.penalties",
}
#: Names of the bundled data sources.
BUNDLED_IMAGES = ("mnist", "stacked-mnist", "faces", "faces64", "faces-loose")
BUNDLED_POINTS = ("line", "ring8", "grid25", "moons", "swissroll", "disjoint")
