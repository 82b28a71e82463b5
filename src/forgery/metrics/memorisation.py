"""Whether a generator copies its training data."""

import math
from dataclasses import dataclass

from torch import Tensor

from ..errors import ForgeryError
from .distances import nearest
from .inputs import as_matching_rows

#: Held-out data sets the scale: a sample counts as near when it is nearer to the training data
#: than all but this share of the held-out samples.
QUANTILE = 0.01
#: The share of samples, beyond what chance explains, from which we speak of memorisation.
TOLERATED = 0.05


@dataclass(frozen=True)
class Memorisation:
    """Distances to the training data, of generated samples against those of held-out data.

    Parameters
    ----------
    near:
        The share of samples, 0 to 1, nearer to a training sample than ``threshold``. Held-out
        data, and so a perfect generator, has .01; a generator that copies a share c has about c.
    threshold:
        The .01 quantile of the held-out data's distances.
    median_ratio:
        The samples' median distance divided by the held-out data's. About 1 for a perfect
        generator, 0 for a copier; below 1 also for samples that are smoother than the data, above
        1 for noisy ones, so no verdict rests on it.
    flagged:
        ``near`` exceeds .01 by more than .05 and three standard errors.
    """

    near: float
    threshold: float
    median_ratio: float
    flagged: bool


def detect_memorisation(samples: Tensor, train: Tensor, held_out: Tensor) -> Memorisation:
    """Are samples nearer to the training data than fresh data is?

    The distance of each sample to its nearest training sample is set against the same distance of
    held-out data. Samples drawn from the data's own distribution fall under the held-out .01
    quantile .01 of the time, with a standard error of √(.01·.99·(1/samples + 1/held-out)).

    Distances are Euclidean, in the space of what is given: pixels show copies, features also
    copies that were shifted or recoloured. A generator that makes only the classes in which
    training samples lie closest together can be flagged as well: look at its class balance.

    Parameters
    ----------
    samples, train, held_out:
        ``[N, ...]``, ``[T, ...]``, ``[H, ...]``, of one size and scale. ``held_out`` comes from the
        same source as ``train`` and shares no sample with it.

    Raises
    ------
    ForgeryError
        Fewer than 100 held-out samples, which leave the .01 quantile undefined; different sizes;
        non-finite values.
    """
    if len(held_out) < 1 / QUANTILE:
        raise ForgeryError(
            f"held_out: the {QUANTILE} quantile needs at least {round(1 / QUANTILE)} samples, "
            f"there are {len(held_out)}"
        )
    fresh, known = as_matching_rows(held_out, train, ("held_out", "train"))
    made, _ = as_matching_rows(samples, train[:1], ("samples", "train"))
    to_expect = nearest(fresh, known).sqrt()
    found = nearest(made, known).sqrt()
    threshold = to_expect.quantile(QUANTILE)
    near = (found < threshold).double().mean().item()
    error = math.sqrt(QUANTILE * (1 - QUANTILE) * (1 / len(found) + 1 / len(to_expect)))
    return Memorisation(
        near=near,
        threshold=threshold.item(),
        median_ratio=(found.median() / to_expect.median()).item(),
        flagged=near - QUANTILE > TOLERATED + 3 * error,
    )
