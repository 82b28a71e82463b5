"""Gradient penalties, which are added to D's loss.

Each function takes (D, real ``[N, C, H, W]``, fake ``[N, C, H, W]``) and returns one penalty per
sample, ``[N]``, before multiplication by the config's ``penalty_weight`` (γ or λ in the source).

A new penalty is one function with its formula and source, and one entry in the table.
"""

from collections.abc import Callable

import torch
from torch import Tensor

from . import rows

#: D in a penalty: samples → one logit each; the sum of the V logits of a D that judges in V places.
Logits = Callable[[Tensor], Tensor]
Penalty = Callable[[Logits, Tensor, Tensor], Tensor]


def squared_gradient(d: Logits, x: Tensor) -> Tensor:
    """‖∇ₓD(x)‖² for each sample, differentiable in D's weights."""
    x = x.detach().requires_grad_()
    logits = d(x)
    (gradient,) = torch.autograd.grad(logits.sum(), x, create_graph=True)
    return gradient.square().flatten(logits.dim()).sum(-1)


def r1(d: Logits, real: Tensor, fake: Tensor) -> Tensor:
    """½‖∇D(x)‖² on real data (Mescheder et al. 2018; LMescheder/GAN_stability omits the ½)."""
    return squared_gradient(d, real) / 2


def r2(d: Logits, real: Tensor, fake: Tensor) -> Tensor:
    """½‖∇D(G(z))‖² on samples (same source)."""
    return squared_gradient(d, fake) / 2


def r1_r2(d: Logits, real: Tensor, fake: Tensor) -> Tensor:
    """R1 + R2, as in R3GAN ("The GAN is dead; long live the GAN!", 2024)."""
    return r1(d, real, fake) + r2(d, real, fake)


def slope_of_one(d: Logits, real: Tensor, fake: Tensor) -> Tensor:
    """(‖∇D(x̂)‖ - 1)² at a random point x̂ between each real and fake sample.

    WGAN-GP, λ 10 (igul222/improved_wgan_training).
    """
    share = rows.rand_like(real.flatten(1)[:, :1]).view(-1, *[1] * (real.dim() - 1))
    return (gradient_norm(d, real + share * (fake - real)) - 1).square()


def slope_of_one_near_data(d: Logits, real: Tensor, fake: Tensor) -> Tensor:
    """(‖∇D(x + αδ)‖ - 1)² near real data; δ = ½·std(batch)·U[0, 1) for each value, α ~ U[0, 1).

    DRAGAN, λ 10 (kodalinaveen3/DRAGAN).
    """
    offset = rows.std(real) / 2 * rows.large_rand_like(real)
    share = rows.rand_like(real.flatten(1)[:, :1]).view(-1, *[1] * (real.dim() - 1))
    return (gradient_norm(d, real + share * offset) - 1).square()


def gradient_norm(d: Logits, x: Tensor) -> Tensor:
    """‖∇ₓD(x)‖ for each sample; 1e-12 keeps the gradient of the square root finite at 0."""
    return (squared_gradient(d, x) + 1e-12).sqrt()


PENALTIES: dict[str, Penalty | None] = {
    "none": None,
    "r1": r1,
    "r2": r2,
    "r1+r2": r1_r2,
    "wgan-gp": slope_of_one,
    "dragan": slope_of_one_near_data,
}
