"""Exploration of a generator's latent space, one method per file.

All of them work on a :class:`Space`: a generator with its distribution of z.
"""

from .arithmetic import (
    Exemplars,
    Figure,
    Share,
    Success,
    combine,
    find_exemplars,
    moves,
    pixel_sums,
    score,
    successes,
)
from .attributes import AttributeClassifier, attribute_classifier
from .concepts import Concept, Expression, attribute, parse
from .directions import Direction, along, effect, find_direction
from .invert import CANDIDATES, Inversion, invert
from .learnt import LinearScore, features_of_all_layers, linear_score
from .neighbours import Nearest, nearest
from .paths import line, sphere, through
from .pictures import picture_of, read_picture
from .principal import PrincipalDirections, principal_directions
from .smoothness import Smoothness, smoothness
from .space import Space

__all__ = [
    "CANDIDATES",
    "AttributeClassifier",
    "Concept",
    "Direction",
    "Exemplars",
    "Expression",
    "Figure",
    "Inversion",
    "LinearScore",
    "Nearest",
    "PrincipalDirections",
    "Share",
    "Smoothness",
    "Space",
    "Success",
    "along",
    "attribute",
    "attribute_classifier",
    "combine",
    "effect",
    "features_of_all_layers",
    "find_direction",
    "find_exemplars",
    "invert",
    "line",
    "linear_score",
    "moves",
    "nearest",
    "parse",
    "picture_of",
    "pixel_sums",
    "principal_directions",
    "read_picture",
    "score",
    "smoothness",
    "sphere",
    "successes",
    "through",
]
