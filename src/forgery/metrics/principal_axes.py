"""Projection of features onto the principal axes of a set of them.

The covariance of d features needs many more than d samples. Of a few hundred samples, a distance is
measured on the axes along which the features vary most. Each axis is standardised, so that the
first few, which vary most, do not decide alone.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from .inputs import as_rows

#: Axes that vary less than this fraction of the first one are not enlarged further.
SMALLEST = 1e-4


@dataclass(frozen=True)
class PrincipalAxes:
    """The first k principal axes of a set of features.

    Parameters
    ----------
    mean:
        Mean of the set, float64 ``[d]``.
    directions:
        Orthonormal columns, float64 ``[d, k]``, in order of decreasing variance.
    deviations:
        Standard deviation of the set along each axis, float64 ``[k]``; at least
        :data:`SMALLEST` of the first.
    """

    mean: Tensor
    directions: Tensor
    deviations: Tensor

    def project(self, features: Tensor) -> Tensor:
        """Standardised coordinates ``[N, k]`` of features ``[N, d]`` on the axes, float64."""
        return (as_rows(features, "features") - self.mean) @ self.directions / self.deviations


def principal_axes(features: Tensor, count: int) -> PrincipalAxes:
    """Compute the first ``count`` principal axes of features ``[N, d]``, or all d if d is less.

    Raises
    ------
    ForgeryError
        There are no features, or some values are not finite.
    """
    rows = as_rows(features, "features")
    mean = rows.mean(0)
    centred = rows - mean
    values, vectors = torch.linalg.eigh(centred.T @ centred / len(rows))  # in ascending order
    deviations = values[-count:].flip(0).clamp_min(0).sqrt()
    least = SMALLEST * deviations[0]
    if not least:  # all features are equal
        deviations, least = torch.ones_like(deviations), torch.ones_like(least)
    return PrincipalAxes(mean, vectors[:, -count:].flip(1), deviations.clamp_min(least))
