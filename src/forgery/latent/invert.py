"""From a picture back to a z that G draws it from, as nearly as G can."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from ..errors import ForgeryError
from .space import Space

#: z that are tried before any is moved; the nearest ones are the starts.
CANDIDATES = 1000


@dataclass(frozen=True)
class Inversion:
    """What was found for N pictures.

    Parameters
    ----------
    z:
        The best of all starts, float32 ``[N, Z]``.
    pictures:
        G(z), float32 ``[N, C, H, W]`` in [-1, 1], CPU.
    errors:
        For each picture and start the root mean square difference of a pixel, in levels of 0 to
        255: float32 ``[N, starts]``, the best start first.
    nearest:
        The same of the nearest among the :data:`CANDIDATES`, before z moved ``[N]``.
    """

    z: Tensor
    pictures: Tensor
    errors: Tensor
    nearest: Tensor


def invert(
    space: Space,
    pictures: Tensor,
    starts: int = 4,
    steps: int = 300,
    learning_rate: float = 0.05,
    prior: float = 1e-3,
    seed: int = 0,
    report: Callable[[int, int], None] | None = None,
) -> Inversion:
    """Move z until G draws the pictures: Adam on the mean squared difference of pixels.

    Each picture begins from its ``starts`` nearest among :data:`CANDIDATES` samples, since one
    start may end in a place that no step leads out of. The learning rate falls to 0 along a line.

    Parameters
    ----------
    pictures:
        float32 ``[N, C, H, W]`` in [-1, 1], of the shape that G draws.
    prior:
        Weight of the mean of z² in the loss, which keeps z among those that G was trained on.
    report:
        Told (steps made, steps in all).

    Raises
    ------
    ForgeryError
        Pictures of another shape than G's.
    """
    tried = space.z(CANDIDATES, seed)
    drawn = space.pictures(tried)
    if pictures.shape[1:] != drawn.shape[1:]:
        raise ForgeryError(
            f"the picture is {size_of(pictures.shape)}, and this generator draws "
            f"{size_of(drawn.shape)}: give one of that size"
        )
    squares = torch.stack([(drawn - one).square().mean((1, 2, 3)) for one in pictures])
    least, rows = squares.topk(starts, largest=False)
    z = tried[rows].flatten(0, 1).to(space.device).requires_grad_(True)
    wanted = pictures.repeat_interleave(starts, 0).to(space.device)
    optimiser = torch.optim.Adam([z], learning_rate, betas=(0.9, 0.99))
    with torch.enable_grad():
        for step in range(steps):
            for group in optimiser.param_groups:
                group["lr"] = learning_rate * (1 - step / steps)
            difference = (space.draw(z) - wanted).square().mean((1, 2, 3))
            loss = (difference + prior * z.square().mean(1)).sum()  # each z has its own part
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            if report:
                report(step + 1, steps)
    found = z.detach().cpu().unflatten(0, (len(pictures), starts))
    results = space.pictures(found.flatten(0, 1)).unflatten(0, found.shape[:2])
    errors = (results - pictures[:, None]).square().mean((2, 3, 4)).sqrt() * 127.5
    order = errors.argsort(1)
    best = torch.arange(len(pictures)), order[:, 0]
    return Inversion(
        found[best], results[best], errors.gather(1, order), least[:, 0].sqrt() * 127.5
    )


def size_of(shape: torch.Size) -> str:
    """``[N, C, H, W]`` in words: ``32 × 32 in colour``."""
    colour = {1: "in grey", 3: "in colour"}.get(shape[1], f"of {shape[1]} channels")
    return f"{shape[3]} × {shape[2]} {colour}"
