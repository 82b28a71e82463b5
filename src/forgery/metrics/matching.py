"""Clustering accuracy: how well unsupervised codes agree with classes.

Codes have no meaning of their own, so they are matched one-to-one with classes such that most
samples agree: an assignment problem, solved exactly (Kuhn 1955; here by shortest augmenting paths,
as Jonker and Volgenant 1987).
"""

import numpy as np
import torch
from torch import Tensor

from ..errors import ForgeryError


def matched_accuracy(codes: Tensor, labels: Tensor) -> float:
    """Fraction of samples whose code matches their label under the best one-to-one matching.

    Parameters
    ----------
    codes, labels:
        int64 ``[N]``, from 0. If there are more codes than classes, some codes match no class.

    Raises
    ------
    ForgeryError
        The lengths differ, or there are no samples.
    """
    if codes.shape != labels.shape or codes.dim() != 1 or not len(codes):
        raise ForgeryError(
            f"expected codes [N] and labels [N], got {list(codes.shape)} and {list(labels.shape)}"
        )
    size = int(max(codes.max(), labels.max())) + 1
    counts = torch.bincount(codes * size + labels, minlength=size**2).view(size, size)
    return counts[torch.arange(size), best_match(counts)].sum().item() / len(codes)


def best_match(gains: Tensor) -> Tensor:
    """Return the permutation p ``[K]`` that maximises Σ gains[i, p[i]] for gains ``[K, K]``."""
    cost = -gains.double().numpy()
    size = len(cost)
    # Dual variables: every reduced cost is at least 0, and that of a matched pair is 0.
    row_price, column_price = np.zeros(size), np.zeros(size)
    row_of = np.full(size, -1)  # the row matched with each column
    for start in range(size):
        # Find the shortest path from this row to an unmatched column (Dijkstra).
        distance, via = np.full(size, np.inf), np.full(size, -1)
        done = np.zeros(size, dtype=bool)
        row, column, reached = start, -1, 0.0
        while row != -1:
            candidate = reached + cost[row] - row_price[row] - column_price
            nearer = ~done & (candidate < distance)
            distance[nearer], via[nearer] = candidate[nearer], column
            column = int(np.where(done, np.inf, distance).argmin())
            done[column], reached = True, distance[column]
            row = row_of[column]
        # Update the prices so that reduced costs are 0 along the path and for matched pairs.
        slack = reached - distance[done]
        column_price[done] -= slack
        row_price[start] += reached
        inner = row_of[done] != -1
        row_price[row_of[done][inner]] += slack[inner]
        # Augment: going back along the path, each column takes the row of its predecessor.
        while via[column] != -1:
            row_of[column] = row_of[via[column]]
            column = int(via[column])
        row_of[column] = start
    match = np.empty(size, dtype=np.int64)
    match[row_of] = np.arange(size)
    return torch.from_numpy(match)
