"""The Parzen-window log-likelihood of the 2014 paper (section 5 and its released parzen_ll.py).

The density is a mean of Gaussians of width σ centred at generated samples; held-out data is scored
under it. It is here because the paper reports it, not because it is a good measure: 10,000 real
training images of MNIST score about 244 nats, and their k-means centroids 336 (Theis et al. 2016,
arXiv:1511.01844). Always report the value for real data too.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor

from ..errors import ForgeryError
from .distances import squared_distance_blocks
from .inputs import as_matching_rows

#: Widths tried by the paper's code: ten values of logspace(−1, 0).
SIGMAS = tuple(10 ** (-1 + i / 9) for i in range(10))
#: Number of validation images used to choose the width.
VALIDATION_IMAGES = 1000


@dataclass(frozen=True)
class ParzenLikelihood:
    """Mean log-likelihood of test points in nats, with its standard error std/√N.

    ``sigma`` is the width of the window, for pixels in [0, 1].
    """

    mean: float
    standard_error: float
    sigma: float


def parzen_likelihood(samples: Tensor, valid: Tensor, test: Tensor) -> ParzenLikelihood:
    """Run the paper's protocol: choose σ on validation data and score the test data with it.

    Parameters
    ----------
    samples:
        Generated samples ``[N, ...]``, pixels in [0, 1]; 10,000 in the paper.
    valid, test:
        Held-out data ``[V, ...]`` (the first 1,000 are used) and ``[T, ...]``, pixels in [0, 1].
    """
    sigma = choose_sigma(samples, valid)
    likelihood = log_likelihood(samples, test, sigma)
    error = likelihood.std(correction=0).item() / math.sqrt(len(likelihood))
    return ParzenLikelihood(likelihood.mean().item(), error, sigma)


def choose_sigma(samples: Tensor, valid: Tensor, sigmas: Sequence[float] = SIGMAS) -> float:
    """Return the width with the best mean log-likelihood on the first 1,000 validation images."""
    scores = _log_likelihoods(samples, valid[:VALIDATION_IMAGES], sigmas).mean(1)
    return sigmas[int(scores.argmax())]


def log_likelihood(samples: Tensor, points: Tensor, sigma: float) -> Tensor:
    """Compute log p(x) of each point in nats, float64 ``[M]``.

    log p(x) = logmeanexp of −½‖x − μ‖²/σ² over the samples μ, minus d·log(σ√(2π)).

    Parameters
    ----------
    samples, points:
        ``[N, ...]`` and ``[M, ...]``, of d pixels in [0, 1].
    sigma:
        Width of the window, > 0.

    Raises
    ------
    ForgeryError
        Pixels are outside [0, 1] or not finite, sizes differ, or the width is not positive.
    """
    return _log_likelihoods(samples, points, (sigma,))[0]


def _log_likelihoods(samples: Tensor, points: Tensor, sigmas: Sequence[float]) -> Tensor:
    """Log-likelihoods ``[S, M]`` for each width and point, computing the distances once."""
    for sigma in sigmas:
        if not 0 < sigma < math.inf:
            raise ForgeryError(f"expected a positive width of the Parzen window, got {sigma}")
    centres, x = as_matching_rows(samples, points, ("samples", "points"))
    for values, name in ((centres, "samples"), (x, "points")):
        low, high = values.min().item(), values.max().item()
        if low < 0 or high > 1:
            raise ForgeryError(
                f"{name}: a Parzen window needs pixels in [0, 1], got {low:g} to {high:g}"
            )
    number, dimensions = centres.shape
    result = x.new_empty(len(sigmas), len(x))
    for rows, block in squared_distance_blocks(x, centres):
        for i, sigma in enumerate(sigmas):
            exponents = block * (-0.5 / sigma**2)
            normaliser = math.log(number) + dimensions * math.log(sigma * math.sqrt(2 * math.pi))
            result[i, rows] = exponents.logsumexp(1) - normaliser
    return result
