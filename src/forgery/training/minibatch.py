"""Minibatches of samples, before and after the discriminator."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True, slots=True)
class Minibatch:
    """The local rows of a minibatch (all rows, if there is one process).

    Parameters
    ----------
    x:
        Samples ``[n, …]``; ``[S, n, …]`` in an ensemble of S seeds.
    y:
        Their classes ``[n]``, in a conditional game.
    z:
        The noise ``[n, Z]`` of generated samples.
    """

    x: Tensor
    y: Tensor | None = None
    z: Tensor | None = None


@dataclass(frozen=True, slots=True)
class Judged:
    """A minibatch as seen by D, with D's outputs.

    Parameters
    ----------
    x, y, z:
        As in :class:`Minibatch`; x is augmented and packed.
    logits:
        D's logits ``[n]`` on the rows of all processes; ``[S, n]`` in an ensemble; ``[n·V]`` if D
        judges each sample in V places.
    features:
        D's features ``[n, F]`` of the local rows, if the objective or a term uses them.
    """

    x: Tensor
    y: Tensor | None
    z: Tensor | None
    logits: Tensor
    features: Tensor | None = None


def batch_mean(losses: Tensor) -> Tensor:
    """The mean of a minibatch's losses ``[n]``.

    For an ensemble's ``[S, n]``, the sum of the members' means, so that each member has the
    gradient of a single run.
    """
    return losses.mean() if losses.dim() == 1 else losses.mean(-1).sum()


def total(losses: Tensor, terms: Iterable[Tensor | float]) -> Tensor:
    """The loss that a player minimises: the mean of a minibatch's losses plus the terms."""
    result = batch_mean(losses)
    for term in terms:
        result = result + term
    return result


def split(minibatch: Minibatch, parts: int, axis: int = 0) -> list[Minibatch]:
    """Split a minibatch into equal parts along ``axis``."""
    if parts == 1:
        return [minibatch]
    x, y = minibatch.x.chunk(parts, axis), minibatch.y
    classes = [None] * parts if y is None else y.chunk(parts)
    return [Minibatch(*part) for part in zip(x, classes, strict=True)]


def concatenate(tensors: Sequence[Tensor], axis: int = 0) -> Tensor:
    """Concatenate tensors along ``axis``; a single tensor is not copied."""
    return tensors[0] if len(tensors) == 1 else torch.cat(list(tensors), axis)


def joint_classes(minibatches: Sequence[Minibatch]) -> Tensor | None:
    """The classes of all samples; None if some are unknown."""
    given = [batch.y for batch in minibatches if batch.y is not None]
    return concatenate(given) if len(given) == len(minibatches) else None
