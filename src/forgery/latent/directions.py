"""Directions in z that change an attribute."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from ..errors import ForgeryError, lookup
from ..sampler import PART
from .attributes import AttributeClassifier
from .space import Space

#: Minimum number of samples with, and without, the attribute.
LEAST = 20


@dataclass(frozen=True)
class Direction:
    """A direction in z associated with an attribute.

    Parameters
    ----------
    attribute, method:
        Name of the attribute, and the method used to find the direction.
    vector:
        Unit vector ``[Z]`` towards samples with the attribute. z has variance 1 along it.
    probe_accuracy:
        Accuracy on held-out samples when the attribute is predicted by a plane normal to it.
    samples, having:
        Number of samples used, and how many of them have the attribute.
    """

    attribute: str
    method: str
    vector: Tensor
    probe_accuracy: float
    samples: int
    having: int


def mean_difference(z: Tensor, has_it: Tensor) -> tuple[Tensor, float]:
    """Mean of z with the attribute minus the mean without, and the plane half-way between them.

    z ``[N, Z]``, has_it bool ``[N]`` → normal ``[Z]`` and offset b: samples with z·normal > b are
    predicted to have the attribute. The "turn" vector of Radford et al. 2015 is of this kind, from
    four exemplars each.
    """
    with_it, without = z[has_it].mean(0), z[~has_it].mean(0)
    normal = with_it - without
    return normal, float(normal @ (with_it + without) / 2)


def linear_probe(z: Tensor, has_it: Tensor, decay: float = 1e-3) -> tuple[Tensor, float]:
    """Fit a logistic regression of the attribute on z; returns as :func:`mean_difference`.

    ``decay`` is the weight of ½‖w‖², added to the mean loss.
    """
    w = torch.zeros(z.shape[1] + 1, dtype=torch.float64, requires_grad=True)
    x, y = F.pad(z.double(), (0, 1), value=1), has_it.double()
    optimiser = torch.optim.LBFGS([w], max_iter=200, line_search_fn="strong_wolfe")

    def loss() -> Tensor:
        optimiser.zero_grad()
        value = F.binary_cross_entropy_with_logits(x @ w, y) + decay / 2 * w[:-1].square().sum()
        value.backward()
        return value

    with torch.enable_grad():
        optimiser.step(loss)
    found = w.detach().float()
    return found[:-1], -found[-1].item()


#: Name → function of (z, has_it).
METHODS = {"mean": mean_difference, "probe": linear_probe}


def find_direction(
    space: Space,
    classifier: AttributeClassifier,
    attribute: str,
    method: str = "probe",
    samples: int = 5000,
    seed: int = 0,
) -> Direction:
    """Find the direction of one of the classifier's attributes (or classes) from G's samples.

    Four fifths of the samples are used to find it, the rest to measure its accuracy.

    Raises
    ------
    ForgeryError
        The method or the attribute is unknown, or too few samples have it, or too few do not.
    """
    find = lookup(METHODS, method, "method")
    columns = {name: column for column, name in enumerate(classifier.names)}
    column = lookup(columns, attribute, "attribute")
    z = space.z(samples, seed)
    parts = [classifier.probabilities(space.pictures(part))[:, column] for part in z.split(PART)]
    has_it = torch.cat(parts) > 0.5
    cut, having = samples * 4 // 5, int(has_it.sum())
    known = int(has_it[:cut].sum())
    if not LEAST <= known <= cut - LEAST:
        raise ForgeryError(
            f"{having} of {samples:,} samples have {attribute!r}: among the first {cut:,}, at "
            f"least {LEAST} with it and {LEAST} without it are needed"
        )
    normal, offset = find(z[:cut], has_it[:cut])
    right = ((z[cut:] @ normal > offset) == has_it[cut:]).float().mean().item()
    return Direction(attribute, method, normal / normal.norm(), right, samples, having)


def along(z: Tensor, direction: Direction, strengths: Sequence[float]) -> Tensor:
    """Move z along a direction: ``[N, Z]`` and S strengths → ``[N, S, Z]``.

    A strength is the new component of z along the direction, in standard deviations of z, whatever
    it was before. Orthogonal components do not change.
    """
    across = z - (z @ direction.vector)[:, None] * direction.vector
    return across[:, None] + torch.tensor(strengths)[:, None] * direction.vector


def effect(
    space: Space,
    classifier: AttributeClassifier,
    direction: Direction,
    strengths: Sequence[float],
    z: Tensor,
) -> Tensor:
    """Fraction of samples z ``[N, Z]`` that show each concept at each strength, float32 ``[S, K]``.

    The column of the direction's attribute shows whether it works, the others what else changes.
    """
    moved = along(z, direction, strengths)
    shares = []
    for z_moved in moved.unbind(1):
        p = classifier.probabilities(space.pictures(z_moved))
        shown = F.one_hot(p.argmax(1), p.shape[1]) if classifier.exclusive else p > 0.5
        shares.append(shown.float().mean(0))
    return torch.stack(shares)
