"""Directions of z along which an attribute comes and goes."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from ..errors import ForgeryError, lookup
from .judge import Judge
from .space import BLOCK, Space

#: Fewer samples with, or without, the attribute than this say nothing of a direction.
LEAST = 20


@dataclass(frozen=True)
class Direction:
    """A direction of z that belongs to an attribute.

    Parameters
    ----------
    attribute, method:
        Which, and how it was found.
    vector:
        Of length 1, ``[Z]``, pointing to where the attribute is. z has variance 1 along it.
    probe_accuracy:
        How well the side of a plane across it tells the attribute of held-out samples.
    samples, having:
        How many samples it was found from, and how many of them have the attribute.
    """

    attribute: str
    method: str
    vector: Tensor
    probe_accuracy: float
    samples: int
    having: int


def mean_difference(z: Tensor, has_it: Tensor) -> tuple[Tensor, float]:
    """The mean of z with the attribute minus the mean without; the plane half-way between them.

    z ``[N, Z]``, has_it bool ``[N]`` → the normal ``[Z]``, and the offset b: z·normal > b on the
    attribute's side. Radford et al. 2015's "turn" vector is one such, of four exemplars each.
    """
    with_it, without = z[has_it].mean(0), z[~has_it].mean(0)
    normal = with_it - without
    return normal, float(normal @ (with_it + without) / 2)


def linear_probe(z: Tensor, has_it: Tensor, decay: float = 1e-3) -> tuple[Tensor, float]:
    """Logistic regression of the attribute on z, to convergence; as :func:`mean_difference`.

    ``decay`` is the weight of ½‖w‖² beside the mean loss.
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
    judge: Judge,
    attribute: str,
    method: str = "probe",
    samples: int = 5000,
    seed: int = 0,
) -> Direction:
    """The direction of one of the judge's attributes (or classes), from G's own samples.

    Four fifths of the samples find it, the rest say how good it is.

    Raises
    ------
    ForgeryError
        For an unknown method, or where nearly all samples have the attribute, or nearly none.
    """
    find = lookup(METHODS, method, "method")
    z = space.z(samples, seed)
    column = judge.names.index(attribute)
    parts = [judge.probabilities(space.pictures(part))[:, column] for part in z.split(BLOCK)]
    has_it = torch.cat(parts) > 0.5
    cut, having = samples * 4 // 5, int(has_it.sum())
    known = int(has_it[:cut].sum())
    if not LEAST <= known <= cut - LEAST:
        raise ForgeryError(
            f"{having} of {samples:,} samples are {attribute!r}: at least {LEAST} with it and "
            f"{LEAST} without are needed among the first {cut:,}"
        )
    normal, offset = find(z[:cut], has_it[:cut])
    right = ((z[cut:] @ normal > offset) == has_it[cut:]).float().mean().item()
    return Direction(attribute, method, normal / normal.norm(), right, samples, having)


def along(z: Tensor, direction: Direction, strengths: Sequence[float]) -> Tensor:
    """z moved along a direction: ``[N, Z]`` and S strengths → ``[N, S, Z]``.

    A strength is the place along the direction that z is put, in standard deviations of z, whatever
    its own place was; all that lies across the direction stays.
    """
    across = z - (z @ direction.vector)[:, None] * direction.vector
    return across[:, None] + torch.tensor(strengths)[:, None] * direction.vector


def effect(
    space: Space, judge: Judge, direction: Direction, strengths: Sequence[float], z: Tensor
) -> Tensor:
    """The share of samples z ``[N, Z]`` with each of the judge's concepts at each strength.

    float32 ``[S, K]``. The direction's own column says whether it works, the others what else it
    takes along.
    """
    moved = along(z, direction, strengths)
    shares = []
    for places in moved.unbind(1):
        p = judge.probabilities(space.pictures(places))
        shown = F.one_hot(p.argmax(1), p.shape[1]) if judge.exclusive else p > 0.5
        shares.append(shown.float().mean(0))
    return torch.stack(shares)
