"""Interpolation between points in z, linear and spherical."""

from itertools import pairwise

import torch
from torch import Tensor

from ..errors import lookup


def line(a: Tensor, b: Tensor, t: Tensor) -> Tensor:
    """Linear interpolation (1 - t)a + tb, as in the 2014 paper's figure 3.

    a, b ``[..., Z]`` and t ``[...]`` (broadcast) → ``[..., Z]``. The midpoint of two independent z
    is shorter than them by a factor of about 1/√2, which is rare for a z of the distribution.
    """
    return torch.lerp(a, b, t[..., None])


def sphere(a: Tensor, b: Tensor, t: Tensor) -> Tensor:
    """Spherical interpolation: angle and length are interpolated linearly in t.

    Shapes are as in :func:`line`, but z keeps a typical length. If a and b are parallel, it is
    linear. Source: Shoemake 1985; for GANs, White 2016.
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
    """Interpolate from each point to the next in equal steps, including the points.

    Parameters
    ----------
    points:
        z ``[P, Z]``, P ≥ 2. Radford et al. 2015 (figure 4) use nine random points.
    steps:
        Steps between two points, at least 1.
    way:
        Kind of interpolation, a name in :data:`WAYS`.

    Returns
    -------
    One row per segment, ``[P - 1, steps + 1, Z]``; its last z is the first of the next row.
    """
    go = lookup(WAYS, way, "way")
    t = torch.linspace(0, 1, steps + 1)
    rows = [go(a[None], b[None], t) for a, b in pairwise(points)]
    return torch.stack(rows)
