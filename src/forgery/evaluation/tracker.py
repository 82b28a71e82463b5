"""Scores of the generator during training."""

from collections.abc import Callable

import torch
from torch import Tensor

from .. import randomness
from ..build import classes_of
from ..config import Config
from ..data import Dataset
from ..errors import ForgeryError
from ..parts import condition_of
from ..sampler import Sampler
from .evaluator import Evaluator, evaluator_of
from .held_out import Overlap
from .known_density import KnownDensity

#: Number of samples to score.
TRACKED = 10_000


def tracker(
    config: Config, dataset: Dataset, sampler: Sampler
) -> Callable[[int], dict[str, float]]:
    """Create a function step → scores by name, of :data:`TRACKED` samples of the current generator.

    Scores are those against a known density, at every call, and the Fréchet distance to the test
    split (``frechet``), every ``evaluate_every`` steps. The result is empty if no score is due.

    Raises
    ------
    ForgeryError
        If ``evaluate_every`` is set, but there is no extractor, or no test split, or the run is
        trained on the test split.
    """
    z, y = sampler.z(TRACKED, config.seed), requested_classes(config, dataset, TRACKED)
    known = KnownDensity(dataset.density) if dataset.density else None
    evaluator = _evaluator(config, dataset, sampler) if config.evaluate_every else None

    def measure(step: int) -> dict[str, float]:
        due = evaluator if evaluator and step % config.evaluate_every == 0 else None
        if not (known or due):
            return {}
        samples = sampler.draw(z, y)
        scores = known.scores(samples) if known and samples.isfinite().all() else {}
        return scores | ({"frechet": due.score("frechet", samples)} if due else {})

    return measure


def requested_classes(config: Config, dataset: Dataset, n: int) -> Tensor | None:
    """The classes ``[n]`` of the samples to score; None if the generator takes no class."""
    if condition_of(config).choose_classes is None:
        return None
    counts = torch.tensor(list(classes_of(config, dataset).values()))
    return randomness.fixed_labels(counts, n, config.seed)


def _evaluator(config: Config, dataset: Dataset, sampler: Sampler) -> Evaluator:
    try:
        evaluator = evaluator_of(
            config, dataset, "test", None, TRACKED, config.seed, sampler.device
        )
    except Overlap as error:
        raise ForgeryError(
            f"{error}: evaluate-every measures against the test split; train on another "
            "--split, or give --evaluate-every 0"
        ) from None
    if evaluator.reference.extractor is None:
        raise ForgeryError(
            "evaluate-every tracks the Fréchet distance of features, but no extractor is known "
            f"for {dataset.kind} of {list(dataset.shape)}: give --evaluate-every 0, and "
            "evaluate the run after training with forgery evaluate --extractor FILE"
        )
    return evaluator
