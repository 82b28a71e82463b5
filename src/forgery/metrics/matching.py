"""Which code stands for which class, and how often it does: accuracy of an unsupervised labelling.

The codes mean nothing by themselves, so that each is matched with one class, no two with the same,
in the way that is right most often: an assignment problem, solved exactly (Kuhn 1955; here by
shortest augmenting paths, as Jonker and Volgenant 1987).
"""

import numpy as np
import torch
from torch import Tensor

from ..errors import ForgeryError


def matched_accuracy(codes: Tensor, labels: Tensor) -> float:
    """The share of samples whose code, by the best one-to-one match, says their label.

    Parameters
    ----------
    codes, labels:
        int64 ``[N]``, from 0. Where there are more codes than classes, some stand for none.

    Raises
    ------
    ForgeryError
        When they are of different lengths, or there are none.
    """
    if codes.shape != labels.shape or codes.dim() != 1 or not len(codes):
        raise ForgeryError(
            f"expected as many codes as labels, got {list(codes.shape)} and {list(labels.shape)}"
        )
    size = int(max(codes.max(), labels.max())) + 1
    counts = torch.bincount(codes * size + labels, minlength=size**2).view(size, size)
    return counts[torch.arange(size), best_match(counts)].sum().item() / len(codes)


def best_match(gains: Tensor) -> Tensor:
    """The permutation p ``[K]`` that makes Σ gains[i, p[i]] largest, of ``[K, K]``."""
    cost = -gains.double().numpy()
    size = len(cost)
    # Prices of rows and columns, under which no pair costs less than 0 and matched ones cost 0.
    row_price, column_price = np.zeros(size), np.zeros(size)
    row_of = np.full(size, -1)  # of each column, the row that it is matched with
    for start in range(size):
        # The cheapest way to a free column, beginning at this row (Dijkstra).
        distance, via = np.full(size, np.inf), np.full(size, -1)
        done = np.zeros(size, dtype=bool)
        row, column, reached = start, -1, 0.0
        while row != -1:
            onwards = reached + cost[row] - row_price[row] - column_price
            nearer = ~done & (onwards < distance)
            distance[nearer], via[nearer] = onwards[nearer], column
            column = int(np.where(done, np.inf, distance).argmin())
            done[column], reached = True, distance[column]
            row = row_of[column]
        # Prices change so that the way costs nothing, and what is matched still does not.
        slack = reached - distance[done]
        column_price[done] -= slack
        row_price[start] += reached
        inner = row_of[done] != -1
        row_price[row_of[done][inner]] += slack[inner]
        # Along the way back each column takes the row of the one before.
        while via[column] != -1:
            row_of[column] = row_of[via[column]]
            column = int(via[column])
        row_of[column] = start
    match = np.empty(size, dtype=np.int64)
    match[row_of] = np.arange(size)
    return torch.from_numpy(match)
