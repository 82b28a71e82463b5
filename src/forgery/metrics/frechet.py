"""The Fréchet distance between two sets of features, each taken for a Gaussian.

Heusel et al. 2017 (arXiv:1706.08500). It is the FID only on the features of the original Inception
network; on any other, name the network beside the figure.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from ..errors import ForgeryError
from .inputs import as_rows


@dataclass(frozen=True)
class FeatureStatistics:
    """The Gaussian that a set of features is taken for.

    Parameters
    ----------
    mean:
        μ, float64 ``[d]``.
    covariance:
        Σ, float64 ``[d, d]``, of the sample (divided by count − 1).
    count:
        How many samples it was computed from.
    """

    mean: Tensor
    covariance: Tensor
    count: int


def feature_statistics(features: Tensor) -> FeatureStatistics:
    """Mean and covariance, in float64, of features ``[N, d]``.

    Raises
    ------
    ForgeryError
        Non-finite values, or N ≤ d: the covariance of so few samples is singular, and the distance
        would measure their number. (10,000 samples or more give a figure worth printing.)
    """
    rows = as_rows(features, "features")
    count, dimensions = rows.shape
    if count <= dimensions:
        raise ForgeryError(
            f"the Fréchet distance needs more samples than feature dimensions: "
            f"there are {count} samples of {dimensions} dimensions"
        )
    mean = rows.mean(0)
    centred = rows - mean
    return FeatureStatistics(mean, centred.T @ centred / (count - 1), count)


def frechet_distance(a: FeatureStatistics, b: FeatureStatistics) -> float:
    """‖μ₁ − μ₂‖² + tr(Σ₁ + Σ₂ − 2(Σ₁Σ₂)^½), in the features' units squared; 0 when they agree.

    Σ₁Σ₂ has the eigenvalues of Σ₁^½Σ₂Σ₁^½ = (Σ₁^½Σ₂^½)(Σ₁^½Σ₂^½)ᵀ, so the trace of its root is
    the sum of the singular values of Σ₁^½Σ₂^½: no root of a matrix that is not symmetric, which
    turns complex when a covariance is near singular.
    """
    if a.mean.shape != b.mean.shape:
        raise ForgeryError(f"the features differ in dimension: {len(a.mean)} and {len(b.mean)}")
    roots = _root(a.covariance) @ _root(b.covariance)
    distance = (
        (a.mean - b.mean).square().sum()
        + a.covariance.trace()
        + b.covariance.trace()
        - 2 * torch.linalg.svdvals(roots).sum()
    )
    return max(0.0, distance.item())  # rounding can leave −1e-13 between equal sets


def _root(covariance: Tensor) -> Tensor:
    """The symmetric root of a covariance; eigenvalues that are only rounding count as 0."""
    values, vectors = torch.linalg.eigh(covariance)
    rounding = values[-1] * len(values) * torch.finfo(values.dtype).eps
    return vectors * values.where(values > rounding, 0).sqrt() @ vectors.T
