"""The nearest training examples of samples: does the generator copy?"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from ..metrics.distances import squared_distance_blocks

#: How many training examples are compared at a time, so that few are held in float64.
BLOCK = 5000


@dataclass(frozen=True)
class Nearest:
    """For each of N samples the nearest of the training examples.

    ``rows`` int64 ``[N]`` says which; ``distances`` float64 ``[N]`` how far, Euclidean.
    """

    rows: Tensor
    distances: Tensor


def nearest(
    samples: Tensor, train: Tensor, look: Callable[[Tensor], Tensor] | None = None
) -> Nearest:
    """The nearest training example of each sample, in pixels or in features.

    Parameters
    ----------
    samples, train:
        uint8 ``[N, C, H, W]`` and ``[T, C, H, W]``.
    look:
        Images → features ``[n, d]``. Without it the distance is between pixels from 0 to 1, as in
        the 2014 paper's figure 2.
    """

    def rows_of(images: Tensor) -> Tensor:
        seen = images.float() / 255 if look is None else look(images)
        return seen.flatten(1).double().cpu()

    ours = rows_of(samples)
    best = torch.full((len(samples),), torch.inf, dtype=torch.float64)
    rows = torch.zeros(len(samples), dtype=torch.int64)
    for start in range(0, len(train), BLOCK):
        theirs = rows_of(train[start : start + BLOCK])
        for part, distances in squared_distance_blocks(ours, theirs):
            least, where = distances.min(1)
            nearer = least < best[part]
            best[part] = torch.where(nearer, least, best[part])
            rows[part] = torch.where(nearer, where + start, rows[part])
    return Nearest(rows, best.sqrt())
