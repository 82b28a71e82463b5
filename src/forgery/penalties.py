"""What is added to D's loss from D's own gradients.

Each function takes (D, real ``[N, C, H, W]``, fake ``[N, C, H, W]``) and returns one penalty a
sample, ``[N]``, before it is multiplied by the config's ``penalty_weight`` (the γ or λ of its
source). It joins D's loss before D's one optimiser step.

A new penalty is one function with its formula and source, and one line in the table.
"""

from collections.abc import Callable

import torch
from torch import Tensor

from . import rows

#: D as a penalty sees it: images → logits.
Judge = Callable[[Tensor], Tensor]
Penalty = Callable[[Judge, Tensor, Tensor], Tensor]


def squared_gradient(judge: Judge, x: Tensor) -> Tensor:
    """‖∇ₓD(x)‖² for each sample, differentiable in D's weights."""
    x = x.detach().requires_grad_()
    logits = judge(x)
    (gradient,) = torch.autograd.grad(logits.sum(), x, create_graph=True)
    return gradient.square().flatten(logits.dim()).sum(-1)


def r1(judge: Judge, real: Tensor, fake: Tensor) -> Tensor:
    """½‖∇D(x)‖² on real data (Mescheder et al. 2018; LMescheder/GAN_stability omits the ½)."""
    return squared_gradient(judge, real) / 2


def r2(judge: Judge, real: Tensor, fake: Tensor) -> Tensor:
    """½‖∇D(G(z))‖² on samples (same source)."""
    return squared_gradient(judge, fake) / 2


def r1_r2(judge: Judge, real: Tensor, fake: Tensor) -> Tensor:
    """Both, as R3GAN uses them ("The GAN is dead; long live the GAN!", 2024)."""
    return r1(judge, real, fake) + r2(judge, real, fake)


def slope_of_one(judge: Judge, real: Tensor, fake: Tensor) -> Tensor:
    """(‖∇D(x̂)‖ - 1)² at one random place x̂ between each real and fake sample.

    WGAN-GP, λ 10 (igul222/improved_wgan_training).
    """
    share = rows.rand_like(real.flatten(1)[:, :1]).view(-1, *[1] * (real.dim() - 1))
    return (gradient_norm(judge, real + share * (fake - real)) - 1).square()


def slope_of_one_near_data(judge: Judge, real: Tensor, fake: Tensor) -> Tensor:
    """(‖∇D(x + αδ)‖ - 1)² near real data; δ = ½·std(batch)·U[0, 1) for each value, α ~ U[0, 1).

    DRAGAN, λ 10 (kodalinaveen3/DRAGAN).
    """
    offset = rows.std(real) / 2 * rows.rand_like(real)
    share = rows.rand_like(real.flatten(1)[:, :1]).view(-1, *[1] * (real.dim() - 1))
    return (gradient_norm(judge, real + share * offset) - 1).square()


def gradient_norm(judge: Judge, x: Tensor) -> Tensor:
    """‖∇ₓD(x)‖ for each sample; the 1e-12 keeps the root's own gradient finite at 0."""
    return (squared_gradient(judge, x) + 1e-12).sqrt()


PENALTIES: dict[str, Penalty | None] = {
    "none": None,
    "r1": r1,
    "r2": r2,
    "r1+r2": r1_r2,
    "wgan-gp": slope_of_one,
    "dragan": slope_of_one_near_data,
}

#: Those that draw random numbers, which an ensemble's members would not draw alone.
RANDOM = frozenset({"wgan-gp", "dragan"})
