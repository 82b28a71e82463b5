"""The optimisers and the schedules of their settings, as functions of the step."""

import math
from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor
from torch.optim import Optimizer

from ..config import Config
from ..errors import lookup


class ClassicalMomentum(Optimizer):
    """v ← μv - lr·g, θ ← θ + v.

    As pylearn2 does it, for the 2014 authors' program. ``torch.optim.SGD`` keeps lr out of v, which
    differs as soon as lr changes from step to step.
    """

    def __init__(self, params: Iterable[Tensor], lr: float, momentum: float) -> None:
        super().__init__(params, {"lr": lr, "momentum": momentum})

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:  # type: ignore[override]
        for group in self.param_groups:
            params = [p for p in group["params"] if p.grad is not None]
            for p in params:
                if not self.state[p]:
                    self.state[p]["velocity"] = torch.zeros_like(p)
            velocities = [self.state[p]["velocity"] for p in params]
            torch._foreach_mul_(velocities, group["momentum"])
            torch._foreach_add_(velocities, [p.grad for p in params], alpha=-group["lr"])
            torch._foreach_add_(params, velocities)


def _adam(params: Iterable[Tensor], lr: float, config: Config) -> Optimizer:
    # Fused: one kernel for all parameters, on the CPU too.
    return torch.optim.Adam(params, lr=lr, betas=(config.beta1, config.beta2), fused=True)


def _rmsprop(params: Iterable[Tensor], lr: float, config: Config) -> Optimizer:
    return torch.optim.RMSprop(params, lr=lr)  # α = .99, as in martinarjovsky/WassersteinGAN


def _momentum(params: Iterable[Tensor], lr: float, config: Config) -> Optimizer:
    return ClassicalMomentum(params, lr=lr, momentum=config.momentum)


OPTIMIZERS: dict[str, Callable[[Iterable[Tensor], float, Config], Optimizer]] = {
    "adam": _adam,
    "rmsprop": _rmsprop,
    "momentum": _momentum,
}


def build(params: Iterable[Tensor], learning_rate: float, config: Config) -> Optimizer:
    """The optimiser that the config names, for one network's parameters."""
    return lookup(OPTIMIZERS, config.optimizer, "optimizer")(params, learning_rate, config)


def learning_rate(start: float, step: int, share: float, config: Config) -> float:
    """lr_t = max(lr₀ · left / decay^t, least), t in steps (pylearn2's ExponentialDecay).

    ``left`` is what the burn-in, a ``share`` of which is over, leaves of it.
    """
    left = between(1.0, config.learning_rate_final, share)
    # Written as a power of the inverse: decay**t would overflow long before lr reaches zero.
    decayed = start * left * (1 / config.learning_rate_decay) ** step
    return max(decayed, config.learning_rate_min)


def momentum(epoch: int, config: Config) -> float:
    """μ grows linearly from its first to its final value over epochs 1 … momentum_epochs.

    ``epoch`` counts from 0 (pylearn2's MomentumAdjustor counts the same epochs from 1).
    """
    grown = min(epoch / (config.momentum_epochs - 1), 1.0)
    return config.momentum + grown * (config.momentum_final - config.momentum)


#: How far a burn-in has come, given the share of its time that is over: 0 to 1, both.
SHAPES: dict[str, Callable[[float], float]] = {
    "cosine": lambda share: (1 - math.cos(math.pi * share)) / 2,
    "linear": lambda share: share,
}


def burnt_in(done: float, config: Config) -> float:
    """How far the burn-in has come when a share ``done`` of the run is over: 0 to 1.

    R3GAN moves its settings along half a cosine, SN-GAN its learning rates along a line.
    """
    shape = lookup(SHAPES, config.burn_in_shape, "burn-in-shape")
    return shape(min(done / config.burn_in, 1.0)) if config.burn_in else 0.0


def between(start: float, end: float | None, share: float) -> float:
    """The value at a share of the way from start to end; start where there is no end."""
    return start if end is None else start + share * (end - start)


def schedule(
    optimizer: Optimizer, start: float, step: int, epoch: int, share: float, config: Config
) -> None:
    """Set an optimiser's settings for a step, ``share`` of the burn-in being over."""
    for group in optimizer.param_groups:
        group["lr"] = learning_rate(start, step, share, config)
        if "betas" in group:
            group["betas"] = (config.beta1, between(config.beta2, config.beta2_final, share))
        if isinstance(optimizer, ClassicalMomentum):
            group["momentum"] = momentum(epoch, config)
