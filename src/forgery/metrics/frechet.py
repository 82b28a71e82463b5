"""The Fréchet distance between Gaussians fitted to two sets of features.

Heusel et al. 2017 (arXiv:1706.08500). It is the FID only on features of the original Inception
network; with any other network, report the network with the value.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from ..errors import ForgeryError
from .inputs import as_rows


@dataclass(frozen=True)
class FeatureStatistics:
    """A Gaussian fitted to a set of features.

    Parameters
    ----------
    mean:
        μ, float64 ``[d]``.
    covariance:
        Σ, float64 ``[d, d]``, the sample covariance (normalised by count − 1).
    count:
        Number of samples.
    """

    mean: Tensor
    covariance: Tensor
    count: int


def feature_statistics(features: Tensor) -> FeatureStatistics:
    """Compute the mean and covariance of features ``[N, d]`` in float64.

    Use at least 10,000 samples for a meaningful distance.

    Raises
    ------
    ForgeryError
        Some values are not finite, or N ≤ d: the covariance would be singular, and the distance
        would mostly depend on N.
    """
    rows = as_rows(features, "features")
    count, dimensions = rows.shape
    if count <= dimensions:
        raise ForgeryError(
            "the Fréchet distance needs more samples than feature dimensions, "
            f"got {count} samples of {dimensions} dimensions"
        )
    mean = rows.mean(0)
    centred = rows - mean
    return FeatureStatistics(mean, centred.T @ centred / (count - 1), count)


def frechet_distance(a: FeatureStatistics, b: FeatureStatistics) -> float:
    """‖μ₁ − μ₂‖² + tr(Σ₁ + Σ₂ − 2(Σ₁Σ₂)^½), in squared units of the features; 0 if they agree.

    Σ₁Σ₂ has the eigenvalues of Σ₁^½Σ₂Σ₁^½ = (Σ₁^½Σ₂^½)(Σ₁^½Σ₂^½)ᵀ, so the trace of its square root
    is the sum of the singular values of Σ₁^½Σ₂^½. This avoids the square root of a non-symmetric
    matrix, which becomes complex if a covariance is nearly singular.
    """
    if a.mean.shape != b.mean.shape:
        raise ForgeryError(
            f"expected features of the same dimension, got {len(a.mean)} and {len(b.mean)}"
        )
    roots = _root(a.covariance) @ _root(b.covariance)
    distance = (
        (a.mean - b.mean).square().sum()
        + a.covariance.trace()
        + b.covariance.trace()
        - 2 * torch.linalg.svdvals(roots).sum()
    )
    return max(0.0, distance.item())  # rounding can give −1e-13 for equal sets


def _root(covariance: Tensor) -> Tensor:
    """Symmetric square root of a covariance, with eigenvalues below rounding error set to 0."""
    values, vectors = torch.linalg.eigh(covariance)
    rounding = values[-1] * len(values) * torch.finfo(values.dtype).eps
    return vectors * values.where(values > rounding, 0).sqrt() @ vectors.T
