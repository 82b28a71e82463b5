"""Scores of the generator during training."""

import torch
from torch import Tensor

from .. import randomness
from ..build import classes_of
from ..config import Config
from ..data import Dataset
from ..errors import ForgeryError
from ..extractors import Extractor, default_extractor
from ..parts import condition_of, image_settings
from ..sampler import Sampler
from ..training.report import Scorer
from .evaluator import Evaluator
from .held_out import Overlap, load_held_out
from .known_density import KnownDensity
from .subject import FITTED

#: Number of samples to score.
TRACKED = 10_000
#: The same, and the most training and held-out pictures to compare with, where an extractor is a
#: large network, whose features of a picture take milliseconds.
FEW = 1_000, 2_000


def scorer(
    config: Config, dataset: Dataset, sampler: Sampler, used_by_d: str | None = None
) -> Scorer:
    """Create a function step → scores by name, of samples of the current generator.

    They are :data:`TRACKED` samples, or fewer where features are costly. Scores are those against a
    known density, at every call, and the Fréchet distance to the test split (``frechet``), every
    ``evaluate_every`` steps; the features of real data are computed once. The result is empty if no
    score is due. ``used_by_d`` is the SHA-256 of the network whose features D sees, if any: another
    one measures.

    Raises
    ------
    ForgeryError
        If ``evaluate_every`` is set, but there is no extractor, or no test split, or the run is
        trained on the test split.
    """
    known = KnownDensity(dataset.density) if dataset.density else None
    evaluator = _evaluator(config, dataset, sampler, used_by_d) if config.evaluate_every else None
    number = evaluator.samples if evaluator else TRACKED
    z, y = sampler.z(number, config.seed), requested_classes(config, dataset, number)

    def score(step: int) -> dict[str, float]:
        due = evaluator if evaluator and step % config.evaluate_every == 0 else None
        if not (known or due):
            return {}
        samples = sampler.draw(z, y)
        scores = known.scores(samples) if known and samples.isfinite().all() else {}
        return scores | ({"frechet": due.score("frechet", samples)} if due else {})

    return score


def requested_classes(config: Config, dataset: Dataset, n: int) -> Tensor | None:
    """The classes ``[n]`` of the samples to score; None if the generator takes no class."""
    if condition_of(config).choose_classes is None:
        return None
    counts = torch.tensor(list(classes_of(config, dataset).values()))
    return randomness.fixed_labels(counts, n, config.seed)


def _evaluator(
    config: Config, dataset: Dataset, sampler: Sampler, used_by_d: str | None
) -> Evaluator:
    try:
        held_out = load_held_out(config.data, "test", dataset, image_settings(config))
    except ForgeryError as error:
        raise ForgeryError(
            f"evaluate-every measures against the test split, but {error}. Or give "
            "--evaluate-every 0"
        ) from None
    extractor, reason = default_extractor(dataset, held_out, used_by_d)
    if extractor is None:
        raise ForgeryError(
            f"evaluate-every tracks the Fréchet distance of features, but {reason}. Or give "
            "--evaluate-every 0"
        )
    samples, fitted = TRACKED, FITTED
    if isinstance(extractor, Extractor):
        extractor = extractor.to(sampler.device)
        if extractor.axes:
            samples, fitted = FEW
            held_out = held_out.limited(min(fitted, len(held_out)))
    try:
        return Evaluator(dataset, held_out, extractor, samples, config.seed, fitted=fitted)
    except Overlap as error:
        raise ForgeryError(
            f"{error}: evaluate-every measures against the test split; train on another "
            "--split, or give --evaluate-every 0"
        ) from None
