"""Detection of generators that copy their training data."""

import math
from dataclasses import dataclass

from torch import Tensor

from ..errors import ForgeryError
from .distances import nearest
from .inputs import as_matching_rows

#: A sample is near if its distance to the training data is below this quantile of the held-out
#: samples' distances.
QUANTILE = 0.01
#: Excess fraction of near samples, beyond chance, above which a generator is flagged.
TOLERATED = 0.05


@dataclass(frozen=True)
class Memorisation:
    """Distances of generated samples to the training data, compared with those of held-out data.

    Parameters
    ----------
    near:
        Fraction of samples, 0 to 1, closer to a training sample than ``threshold``: .01 for
        held-out data or a perfect generator, about c if a fraction c of the samples are copies.
    threshold:
        The .01 quantile of the held-out data's distances.
    median_ratio:
        Median distance of the samples divided by that of the held-out data: about 1 for a perfect
        generator, 0 for copies. It is also below 1 for samples smoother than the data and above 1
        for noisy ones, so it does not affect ``flagged``.
    flagged:
        Whether ``near`` exceeds .01 by more than .05 plus three standard errors.
    """

    near: float
    threshold: float
    median_ratio: float
    flagged: bool


def detect_memorisation(samples: Tensor, train: Tensor, held_out: Tensor) -> Memorisation:
    """Test whether samples are closer to the training data than held-out data is.

    Each sample's distance to its nearest training sample is compared with the same distances of
    held-out data. Samples from the data distribution are below the held-out .01 quantile with
    probability .01, with a standard error of √(.01·.99·(1/samples + 1/held-out)).

    Distances are Euclidean in the space of the inputs: pixels reveal exact copies, features also
    shifted or recoloured ones. A generator restricted to classes whose training samples lie close
    together can be flagged too: check its class balance.

    Parameters
    ----------
    samples, train, held_out:
        ``[N, ...]``, ``[T, ...]`` and ``[H, ...]``, of the same size and scale. ``held_out`` must
        come from the same source as ``train`` without sharing samples with it.

    Raises
    ------
    ForgeryError
        There are fewer than 100 held-out samples, too few for the .01 quantile; sizes differ; or
        some values are not finite.
    """
    if len(held_out) < 1 / QUANTILE:
        raise ForgeryError(
            f"held_out: the {QUANTILE} quantile needs at least {round(1 / QUANTILE)} samples, "
            f"got {len(held_out)}"
        )
    held_out_rows, train_rows = as_matching_rows(held_out, train, ("held_out", "train"))
    sample_rows, _ = as_matching_rows(samples, train[:1], ("samples", "train"))
    expected = nearest(held_out_rows, train_rows).sqrt()
    found = nearest(sample_rows, train_rows).sqrt()
    threshold = expected.quantile(QUANTILE)
    near = (found < threshold).double().mean().item()
    error = math.sqrt(QUANTILE * (1 - QUANTILE) * (1 / len(found) + 1 / len(expected)))
    return Memorisation(
        near=near,
        threshold=threshold.item(),
        median_ratio=(found.median() / expected.median()).item(),
        flagged=near - QUANTILE > TOLERATED + 3 * error,
    )
