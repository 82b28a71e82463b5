"""What is added to D's loss from D's own gradients.

Each function takes (D, real ``[N, C, H, W]``, fake ``[N, C, H, W]``) and returns one penalty a
sample, ``[N]``, before it is multiplied by the config's ``penalty_weight`` (the γ or λ of its
source). It joins D's loss before D's one optimiser step.

A new penalty is one function with its formula and source, and one line in the table.
"""

from collections.abc import Callable

import torch
from torch import Tensor

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


PENALTIES: dict[str, Penalty | None] = {
    "none": None,
    "r1": r1,
    "r2": r2,
    "r1+r2": r1_r2,
}
