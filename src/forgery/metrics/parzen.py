"""The Parzen-window log-likelihood of the 2014 paper (section 5 and its released parzen_ll.py).

A Gaussian of width σ is put on each of the generator's samples, and the held-out data is scored
under the mean of them. It is kept here because the paper reports it, not because it is a good
measure: 10,000 real training images of MNIST score about 244 nats, and their k-means centroids 336.
Print the real-data figure beside any other. (Theis et al. 2016, arXiv:1511.01844.)
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor

from ..errors import ForgeryError
from .distances import squared_distance_blocks
from .inputs import as_matching_rows

#: The widths that the paper's code tries: ten values of logspace(−1, 0).
SIGMAS = tuple(10 ** (-1 + i / 9) for i in range(10))
#: How many validation images choose the width.
VALIDATION_IMAGES = 1000


@dataclass(frozen=True)
class ParzenLikelihood:
    """Mean log-likelihood of the test points in nats, with its standard error, std/√N.

    ``sigma`` is the width of the window, in pixel values of [0, 1].
    """

    mean: float
    standard_error: float
    sigma: float


def parzen_likelihood(samples: Tensor, valid: Tensor, test: Tensor) -> ParzenLikelihood:
    """The paper's whole protocol: choose σ on validation data, score the test data with it.

    Parameters
    ----------
    samples:
        10,000 of the generator's, ``[N, ...]``, pixels in [0, 1].
    valid, test:
        Held-out data, ``[V, ...]`` (the first 1,000 are used) and ``[T, ...]``, likewise.
    """
    sigma = choose_sigma(samples, valid)
    likelihood = log_likelihood(samples, test, sigma)
    error = likelihood.std(correction=0).item() / math.sqrt(len(likelihood))
    return ParzenLikelihood(likelihood.mean().item(), error, sigma)


def choose_sigma(samples: Tensor, valid: Tensor, sigmas: Sequence[float] = SIGMAS) -> float:
    """The width with the best mean log-likelihood on the first 1,000 validation images."""
    scores = _log_likelihoods(samples, valid[:VALIDATION_IMAGES], sigmas).mean(1)
    return sigmas[int(scores.argmax())]


def log_likelihood(samples: Tensor, points: Tensor, sigma: float) -> Tensor:
    """log p(x) of each point in nats, float64 ``[M]``.

    logmeanexp over the samples μ of −½‖x − μ‖²/σ², less d·log(σ√(2π)).

    Parameters
    ----------
    samples, points:
        ``[N, ...]`` and ``[M, ...]``, pixels in [0, 1], d values each.
    sigma:
        The width of the window, > 0.

    Raises
    ------
    ForgeryError
        Pixels outside [0, 1], non-finite values, different sizes, or a width that is not positive.
    """
    return _log_likelihoods(samples, points, (sigma,))[0]


def _log_likelihoods(samples: Tensor, points: Tensor, sigmas: Sequence[float]) -> Tensor:
    """For each of the widths and each point, ``[S, M]``; the distances are computed once."""
    for sigma in sigmas:
        if not 0 < sigma < math.inf:
            raise ForgeryError(f"the width of a Parzen window must be positive, not {sigma}")
    centres, x = as_matching_rows(samples, points, ("samples", "points"))
    for rows, name in ((centres, "samples"), (x, "points")):
        low, high = rows.min().item(), rows.max().item()
        if low < 0 or high > 1:
            raise ForgeryError(
                f"{name}: a Parzen window needs pixels in [0, 1], found {low:g} to {high:g}"
            )
    number, dimensions = centres.shape
    result = x.new_empty(len(sigmas), len(x))
    for some, block in squared_distance_blocks(x, centres):
        for i, sigma in enumerate(sigmas):
            exponents = block * (-0.5 / sigma**2)
            normaliser = math.log(number) + dimensions * math.log(sigma * math.sqrt(2 * math.pi))
            result[i, some] = exponents.logsumexp(1) - normaliser
    return result
