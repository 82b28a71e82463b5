"""Nearest training examples of generated samples, to see whether the generator copies."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from ..metrics.distances import squared_distance_blocks

#: Training examples per block, to limit the memory for float64 values.
BLOCK = 5000


@dataclass(frozen=True)
class Nearest:
    """The nearest training example of each of N samples.

    ``rows`` int64 ``[N]`` are their indices, ``distances`` float64 ``[N]`` Euclidean distances.
    """

    rows: Tensor
    distances: Tensor


def nearest(
    samples: Tensor, train: Tensor, look: Callable[[Tensor], Tensor] | None = None
) -> Nearest:
    """Find the nearest training example of each sample, in pixels or in features.

    Parameters
    ----------
    samples, train:
        uint8 ``[N, C, H, W]`` and ``[T, C, H, W]``.
    look:
        Function from images to features ``[n, d]``. By default distances are between pixels in
        [0, 1], as in the 2014 paper's figure 2.
    """

    def rows_of(images: Tensor) -> Tensor:
        features = images.float() / 255 if look is None else look(images)
        return features.flatten(1).double().cpu()

    sample_rows = rows_of(samples)
    best = torch.full((len(samples),), torch.inf, dtype=torch.float64)
    rows = torch.zeros(len(samples), dtype=torch.int64)
    for start in range(0, len(train), BLOCK):
        train_rows = rows_of(train[start : start + BLOCK])
        for part, distances in squared_distance_blocks(sample_rows, train_rows):
            least, where = distances.min(1)
            nearer = least < best[part]
            best[part] = torch.where(nearer, least, best[part])
            rows[part] = torch.where(nearer, where + start, rows[part])
    return Nearest(rows, best.sqrt())
