"""Inversion of a generator: finding z such that G(z) approximates a picture."""

from collections.abc import Callable
from dataclasses import dataclass, fields

import torch
from torch import Tensor

from ..errors import ForgeryError
from ..sizes import in_words
from .space import Space

#: Number of random z, of which the nearest are used as starting points.
CANDIDATES = 1000
#: Number of pictures that are inverted together; more need more memory, and little less time.
TOGETHER = 256


@dataclass(frozen=True)
class Inversion:
    """The result of inverting N pictures.

    Parameters
    ----------
    z:
        Best z over all starts, float32 ``[N, Z]``.
    pictures:
        G(z), float32 ``[N, C, H, W]`` in [-1, 1], on the CPU.
    errors:
        Root mean square error of the pixels for each picture and start, on a scale of 0 to 255,
        float32 ``[N, starts]``, best start first.
    nearest:
        The same error for the nearest of the :data:`CANDIDATES`, before optimisation, ``[N]``.
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
    """Find z for each picture by minimising the mean squared error of pixels with Adam.

    The optimisation starts from the ``starts`` nearest of :data:`CANDIDATES` samples, since a
    single start may end in a poor local minimum. The learning rate decays linearly to 0.

    Parameters
    ----------
    space:
        The latent space of G.
    pictures:
        float32 ``[N, C, H, W]`` in [-1, 1], of the shape of G's images.
    starts, steps, learning_rate:
        Starting points per picture, optimisation steps, and initial learning rate.
    prior:
        Weight of the mean of z² in the loss, which keeps z typical of its distribution.
    seed:
        Random seed for the candidates.
    report:
        Called after each step with (steps done, total steps); a step is one of up to
        :data:`TOGETHER` pictures.

    Raises
    ------
    ForgeryError
        The pictures do not have the shape of G's images, or there are more starts than
        candidates.
    """
    if starts > CANDIDATES:
        raise ForgeryError(
            f"{starts} starts are more than the {CANDIDATES} random z that they are chosen from: "
            f"give at most {CANDIDATES} --starts"
        )
    tried = space.z(CANDIDATES, seed)
    drawn = space.pictures(tried)
    if pictures.shape[1:] != drawn.shape[1:]:
        raise ForgeryError(
            f"the picture is {size_of(pictures.shape)}, but the generator's images are "
            f"{size_of(drawn.shape)}: use a picture of that kind"
        )
    parts = pictures.split(TOGETHER)

    def descend(index: int, part: Tensor) -> Inversion:
        squares = torch.stack([(drawn - one).square().mean((1, 2, 3)) for one in part])
        least, rows = squares.topk(starts, largest=False)
        z = tried[rows].flatten(0, 1).to(space.device).requires_grad_(True)
        wanted = part.repeat_interleave(starts, 0).to(space.device)
        optimiser = torch.optim.Adam([z], learning_rate, betas=(0.9, 0.99))
        with torch.enable_grad():
            for step in range(steps):
                for group in optimiser.param_groups:
                    group["lr"] = learning_rate * (1 - step / steps)
                difference = (space.draw(z) - wanted).square().mean((1, 2, 3))
                loss = (difference + prior * z.square().mean(1)).sum()  # terms are independent
                optimiser.zero_grad()
                loss.backward()
                optimiser.step()
                if report:
                    report(index * steps + step + 1, len(parts) * steps)
        found = z.detach().cpu().unflatten(0, (len(part), starts))
        results = space.pictures(found.flatten(0, 1)).unflatten(0, found.shape[:2])
        errors = (results - part[:, None]).square().mean((2, 3, 4)).sqrt() * 127.5
        order = errors.argsort(1)
        best = torch.arange(len(part)), order[:, 0]
        return Inversion(
            found[best], results[best], errors.gather(1, order), least[:, 0].sqrt() * 127.5
        )

    found = [descend(index, part) for index, part in enumerate(parts)]
    return Inversion(
        *(torch.cat([getattr(part, field.name) for part in found]) for field in fields(Inversion))
    )


def size_of(shape: torch.Size) -> str:
    """Describe the shape ``[N, C, H, W]`` of images: ``32 × 32 in colour``."""
    colour = {1: "in grey", 3: "in colour"}.get(shape[1], f"of {shape[1]} channels")
    return f"{in_words(shape)} {colour}"
