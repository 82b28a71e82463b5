"""Directions in z that change G's first features most: their principal components.

No labels are needed. The output h of G's first layer with weights is computed for many z; its
principal components are the directions in which h varies most. Each is carried back to z by linear
regression of z on the coordinate of h along it, which is exact if the layer is linear.
"""

import copy
from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from ..errors import ForgeryError
from .space import Space


@dataclass(frozen=True)
class PrincipalDirections:
    """Principal directions, the one that explains most first.

    Parameters
    ----------
    vectors:
        Unit vectors in z, float32 ``[k, Z]``. z has variance 1 along each.
    shares:
        Share of the variance of the first features that each explains, float32 ``[k]``.
    layer:
        Name of the layer in G.
    """

    vectors: Tensor
    shares: Tensor
    layer: str


def principal_directions(
    space: Space, count: int = 10, samples: int = 1000, seed: int = 0
) -> PrincipalDirections:
    """Find the directions in z along which the output of G's first layer varies most.

    Parameters
    ----------
    space:
        The latent space.
    count:
        Number of directions at most; there are no more than dimensions of z.
    samples:
        Number of z, more than z has dimensions.
    seed:
        Seed of these z.

    Raises
    ------
    ForgeryError
        G has no layer with weights, or its first features do not vary with z.
    """
    samples = max(samples, 4 * space.size)
    z = space.z(samples, seed)
    name, h = _first_features(space, z)
    h = h.double()
    x = h - h.mean(0)
    if not x.square().mean() > 1e-12 * h.square().mean():
        raise ForgeryError(f"the first features of G ({name}) do not vary with z")
    # Coordinates of x along its principal components, by the smaller of the two matrices.
    if x.shape[1] <= samples:
        values, vectors = torch.linalg.eigh(x.T @ x)
        coordinates = x @ vectors
    else:
        values, vectors = torch.linalg.eigh(x @ x.T)
        coordinates = vectors * values.clamp(min=0).sqrt()
    values, coordinates = values.flip(0).clamp(min=0), coordinates.flip(1)
    kept = min(count, space.size, int((values > values[0] * 1e-9).sum()))
    towards = coordinates[:, :kept].T @ (z - z.mean(0)).double()
    # A principal component has no sign: the largest component of each vector is positive.
    largest = towards.gather(1, towards.abs().argmax(1, keepdim=True))
    towards = towards * largest.sign()
    unit = (towards / towards.norm(dim=1, keepdim=True)).float()
    return PrincipalDirections(unit, (values[:kept] / values.sum()).float(), name)


def _first_features(space: Space, z: Tensor) -> tuple[str, Tensor]:
    """Name of the first layer with weights that G calls, and its outputs ``[N, F]`` on the CPU."""
    found: list[tuple[str, Tensor]] = []

    def hook_of(name: str) -> Callable[[nn.Module, object, object], None]:
        def keep(layer: nn.Module, given: object, output: object) -> None:
            if isinstance(output, Tensor) and not (found and found[0][0] != name):
                # A copy, since a following layer may work in place.
                found.append((name, output.detach().flatten(1).float().cpu().clone()))

        return keep

    generator = copy.deepcopy(space.generator)  # others may draw from it at the same time
    for name, layer in generator.named_modules():
        if next(layer.parameters(recurse=False), None) is not None:
            layer.register_forward_hook(hook_of(name))
    Space(replace(space.sampler, generator=generator), space.label).pictures(z)
    if not found:
        raise ForgeryError("G has no layer with weights, so that it has no first features")
    return found[0][0], torch.cat([output for _, output in found])
