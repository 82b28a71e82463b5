"""The optimisers, and the schedules of their hyperparameters."""

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.optim import Optimizer

from ..config import OptimizerSettings
from ..errors import lookup


class Adam(torch.optim.Adam):
    """torch's fused Adam with its kernel called directly, for the same results in less time.

    torch.optim.Adam collects its tensors in every step, which takes about as long as the update
    itself for networks as small as the tutorial's.
    """

    def __init__(self, params: Iterable[Tensor], lr: float, betas: tuple[float, float]) -> None:
        super().__init__(params, lr=lr, betas=betas, fused=True)
        self._state: tuple[list[Tensor], list[Tensor], list[Tensor]] | None = None

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:  # type: ignore[override]
        (group,) = self.param_groups
        params = group["params"]
        if self._state is None:
            self._state = self._collect(params)
        means, squares, steps = self._state
        for step in steps:
            step += 1
        torch._fused_adam_(
            params,
            [_laid_out_as(p) for p in params],
            means,
            squares,
            [],
            steps,
            amsgrad=False,
            lr=group["lr"],
            beta1=group["betas"][0],
            beta2=group["betas"][1],
            weight_decay=0.0,
            eps=group["eps"],
            maximize=False,
        )

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        super().load_state_dict(state_dict)
        self._state = None

    def _collect(self, params: list[Tensor]) -> tuple[list[Tensor], list[Tensor], list[Tensor]]:
        """The state of all parameters, created if missing: mean, mean square, step count."""
        for p in params:
            if not self.state[p]:
                step = torch.zeros((), dtype=torch.float32, device=p.device)
                zeros = torch.zeros_like(p)
                self.state[p] = {"step": step, "exp_avg": zeros, "exp_avg_sq": zeros.clone()}
        states = [self.state[p] for p in params]
        mean, square, count = ([s[k] for s in states] for k in ("exp_avg", "exp_avg_sq", "step"))
        return mean, square, count


def _laid_out_as(parameter: Tensor) -> Tensor:
    """The gradient in the memory layout of the parameter, which the kernel assumes."""
    gradient = parameter.grad
    assert gradient is not None
    if gradient.stride() == parameter.stride():
        return gradient
    return torch.empty_like(parameter).copy_(gradient)


class ClassicalMomentum(Optimizer):
    """Momentum with v ← μv - lr·g, θ ← θ + v, as in pylearn2, which the 2014 paper used.

    ``torch.optim.SGD`` does not include lr in v, which differs when lr changes.
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


def _adam(params: Iterable[Tensor], lr: float, settings: OptimizerSettings) -> Optimizer:
    return Adam(params, lr=lr, betas=(settings.beta1, settings.beta2))


def _rmsprop(params: Iterable[Tensor], lr: float, settings: OptimizerSettings) -> Optimizer:
    return torch.optim.RMSprop(params, lr=lr)  # α = .99, as in martinarjovsky/WassersteinGAN


def _momentum(params: Iterable[Tensor], lr: float, settings: OptimizerSettings) -> Optimizer:
    return ClassicalMomentum(params, lr=lr, momentum=settings.momentum)


OPTIMIZERS: dict[str, Callable[[Iterable[Tensor], float, OptimizerSettings], Optimizer]] = {
    "adam": _adam,
    "rmsprop": _rmsprop,
    "momentum": _momentum,
}


def build(params: Iterable[Tensor], learning_rate: float, settings: OptimizerSettings) -> Optimizer:
    """Create the optimiser of the settings for a network's parameters."""
    return lookup(OPTIMIZERS, settings.optimizer, "optimizer")(params, learning_rate, settings)


@dataclass(frozen=True)
class Moment:
    """The progress of a run before a step.

    Parameters
    ----------
    step:
        Number of steps so far.
    epoch:
        Number of complete passes over the data so far.
    done:
        Fraction of the run that is complete, 0 to 1.
    """

    step: int
    epoch: int
    done: float


#: Sets hyperparameters before a step.
Schedule = Callable[[Moment], None]


def schedule(optimizer: Optimizer, start: float, settings: OptimizerSettings) -> Schedule:
    """The schedule of an optimiser with initial learning rate ``start``."""

    def set_for(moment: Moment) -> None:
        share = burnt_in(moment.done, settings)
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(start, moment.step, share, settings)
            if "betas" in group:
                beta2 = between(settings.beta2, settings.beta2_final, share)
                group["betas"] = (settings.beta1, beta2)
            if isinstance(optimizer, ClassicalMomentum):
                group["momentum"] = momentum(moment.epoch, settings)

    return set_for


def learning_rate(start: float, step: int, share: float, settings: OptimizerSettings) -> float:
    """lr_t = max(lr₀ · left / decay^t, minimum), t in steps (pylearn2's ExponentialDecay).

    ``left`` is the factor of the burn-in schedule when a fraction ``share`` of it is complete.
    """
    left = between(1.0, settings.learning_rate_final, share)
    # A power of the inverse, since decay**t would overflow long before lr reaches zero.
    decayed = start * left * (1 / settings.learning_rate_decay) ** step
    return max(decayed, settings.learning_rate_min)


def momentum(epoch: int, settings: OptimizerSettings) -> float:
    """μ, which grows linearly from its initial to its final value over epochs 1 … momentum_epochs.

    ``epoch`` counts from 0 (pylearn2's MomentumAdjustor counts the same epochs from 1).
    """
    grown = min(epoch / (settings.momentum_epochs - 1), 1.0)
    return settings.momentum + grown * (settings.momentum_final - settings.momentum)


#: Shape of a burn-in: fraction of its time → fraction of the change, both 0 to 1.
SHAPES: dict[str, Callable[[float], float]] = {
    "cosine": lambda share: (1 - math.cos(math.pi * share)) / 2,
    "linear": lambda share: share,
}


def burnt_in(done: float, settings: OptimizerSettings) -> float:
    """Fraction of the burn-in, 0 to 1, when a fraction ``done`` of the run is complete.

    R3GAN uses half a cosine for its hyperparameters, SN-GAN a line for its learning rates.
    """
    shape = SHAPES[settings.burn_in_shape]
    return shape(min(done / settings.burn_in, 1.0)) if settings.burn_in else 0.0


def between(start: float, end: float | None, share: float) -> float:
    """Interpolate linearly between start and end; without an end, return start."""
    return start if end is None else start + share * (end - start)
