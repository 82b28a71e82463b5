"""Ways from one z to another: along a line, on the sphere, through several points."""

from itertools import pairwise

import torch
from torch import Tensor

from ..errors import lookup


def line(a: Tensor, b: Tensor, t: Tensor) -> Tensor:
    """(1 - t)a + tb, as in the 2014 paper's figure 3.

    a, b ``[..., Z]``, t ``[...]`` or a number of axes that fits → ``[..., Z]``. Half-way between
    two unrelated z it is 1/√2 as long as they are, which hardly any z of the distribution is.
    """
    return torch.lerp(a, b, t[..., None])


def sphere(a: Tensor, b: Tensor, t: Tensor) -> Tensor:
    """Spherical interpolation: the angle from a to b grows with t, and so does the length.

    As :func:`line`, but z keeps the length that the distribution gives it. Where a and b point the
    same way, the line is all there is. Source: Shoemake 1985; for GANs, White 2016.
    """
    from_a, from_b = a.norm(dim=-1, keepdim=True), b.norm(dim=-1, keepdim=True)
    u, v = a / from_a.clamp(min=1e-12), b / from_b.clamp(min=1e-12)
    angle = (u * v).sum(-1, keepdim=True).clamp(-1, 1).acos()
    sine = angle.sin()
    t = t[..., None]
    length = torch.lerp(from_a, from_b, t)
    turned = (((1 - t) * angle).sin() * u + (t * angle).sin() * v) / sine.clamp(min=1e-6)
    return torch.where(sine < 1e-4, torch.lerp(a, b, t), length * turned)


#: Name → function of (a, b, t).
WAYS = {"line": line, "sphere": sphere}


def through(points: Tensor, steps: int, way: str = "sphere") -> Tensor:
    """From each point to the next in equal steps, the points themselves included.

    Parameters
    ----------
    points:
        z ``[P, Z]``, P ≥ 2. Radford et al. 2015 (figure 4) take nine random ones.
    steps:
        Steps from a point to the next, at least 1.
    way:
        A name of :data:`WAYS`.

    Returns
    -------
    ``[P - 1, steps + 1, Z]``: one row a stretch, whose last z is the first of the next row.
    """
    go = lookup(WAYS, way, "way")
    t = torch.linspace(0, 1, steps + 1)
    rows = [go(a[None], b[None], t) for a, b in pairwise(points)]
    return torch.stack(rows)
