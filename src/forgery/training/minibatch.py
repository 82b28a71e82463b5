"""A minibatch of samples on its way through the game."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True, slots=True)
class Minibatch:
    """The rows of a minibatch that this process holds (all of them, if it is alone).

    Parameters
    ----------
    x:
        Samples ``[n, …]``; ``[S, n, …]`` in an ensemble of S seeds.
    y:
        Their classes ``[n]``, where the game is conditional.
    z:
        The noise ``[n, Z]`` that generated samples were made from.
    """

    x: Tensor
    y: Tensor | None = None
    z: Tensor | None = None


@dataclass(frozen=True, slots=True)
class Judged:
    """A minibatch as D saw it, and what D made of it.

    Parameters
    ----------
    x, y, z:
        As in :class:`Minibatch`; x is augmented and packed.
    logits:
        D's logits ``[n]`` on the rows of all processes; ``[S, n]`` in an ensemble.
    features:
        D's features ``[n, F]`` of this process's rows, where the objective or a term uses them.
    """

    x: Tensor
    y: Tensor | None
    z: Tensor | None
    logits: Tensor
    features: Tensor | None = None


def batch_mean(losses: Tensor) -> Tensor:
    """The mean of a minibatch's losses ``[n]``.

    Of an ensemble's ``[S, n]``, the sum of the members' means: each member's gradient is then what
    it would be alone.
    """
    return losses.mean() if losses.dim() == 1 else losses.mean(-1).sum()


def total(losses: Tensor, terms: Iterable[Tensor | float]) -> Tensor:
    """The mean of a minibatch's losses plus the terms: what a player minimises."""
    result = batch_mean(losses)
    for term in terms:
        result = result + term
    return result


def split(minibatch: Minibatch, parts: int, axis: int = 0) -> list[Minibatch]:
    """A minibatch in equal parts along ``axis``."""
    if parts == 1:
        return [minibatch]
    x, y = minibatch.x.chunk(parts, axis), minibatch.y
    classes = [None] * parts if y is None else y.chunk(parts)
    return [Minibatch(*part) for part in zip(x, classes, strict=True)]


def concatenate(tensors: Sequence[Tensor], axis: int = 0) -> Tensor:
    """One tensor of several, which is no copy where there is one."""
    return tensors[0] if len(tensors) == 1 else torch.cat(list(tensors), axis)


def classes_of(minibatches: Sequence[Minibatch]) -> Tensor | None:
    """The classes of all samples; None if those of some are not known."""
    given = [batch.y for batch in minibatches if batch.y is not None]
    return concatenate(given) if len(given) == len(minibatches) else None
