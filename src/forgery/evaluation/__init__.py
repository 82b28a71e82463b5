"""Evaluation of generators against held-out data: measures, protocol and score cards."""

from .evaluator import Evaluator, evaluators_of
from .held_out import Overlap, memorisation_of
from .known_density import KnownDensity
from .measures import MEASURES, Measure, all_measures
from .protocol import Card, Network, Protocol, read_card, require_like
from .runs import doctor, evaluate, train_extractor
from .subject import Reference, Subject

__all__ = [
    "MEASURES",
    "Card",
    "Evaluator",
    "KnownDensity",
    "Measure",
    "Network",
    "Overlap",
    "Protocol",
    "Reference",
    "Subject",
    "all_measures",
    "doctor",
    "evaluate",
    "evaluators_of",
    "memorisation_of",
    "read_card",
    "require_like",
    "train_extractor",
]
