"""The gradients that G receives through D under the two forms of its loss."""

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from ..objectives import OBJECTIVES
from . import style
from .check import Check, Evidence

if TYPE_CHECKING:
    from matplotlib.figure import Figure

#: D's logits on G's samples, from certainly generated to certainly real.
LOGITS = torch.linspace(-30, 30, 601, dtype=torch.float64)
#: A value of D(G(z)) early in training.
EARLY = 1e-6
#: torch's softplus is linear beyond a logit of 20, where its slope is 1 within 2.1e-9.
TOLERANCE = 1e-8


def gradients() -> Evidence:
    """Section 3: the gradient of G's loss

    Early in training, samples are poor and D rejects them with high confidence: D(G(z)) ≈ 0. The
    paper notes that log(1 - D(G(z))) saturates there, and suggests that G maximise log D(G(z))
    instead. The derivatives of the two losses with respect to D's logit are -D and -(1 - D): the
    first vanishes with D, where G needs it most, while the second approaches -1. Both have the
    same direction and differ in magnitude.

    The derivatives are computed by autograd from the losses used in training.
    """
    d, not_d = LOGITS.sigmoid(), (-LOGITS).sigmoid()
    early = torch.tensor([EARLY], dtype=torch.float64).logit()
    checks = [
        Check(
            "the derivative of log(1 - D) in D's logit is -D: worst relative deviation",
            0.0,
            _deviation(derivative("minimax", LOGITS), -d),
            TOLERANCE,
        ),
        Check(
            "the derivative of -log D in D's logit is -(1 - D): worst relative deviation",
            0.0,
            _deviation(derivative("non-saturating", LOGITS), -not_d),
            TOLERANCE,
        ),
        Check(
            f"at D(G(z)) = {EARLY:g}, the gradient of log(1 - D) vanishes: absolute derivative",
            EARLY,
            derivative("minimax", early).abs().item(),
            EARLY / 1000,
        ),
        Check(
            f"at D(G(z)) = {EARLY:g}, the gradient of -log D does not: absolute derivative",
            1 - EARLY,
            derivative("non-saturating", early).abs().item(),
            EARLY / 1000,
        ),
    ]
    return Evidence(checks, _draw)


def derivative(objective: str, logits: Tensor) -> Tensor:
    """Derivative of G's loss with respect to D's logits ``[N]``, by autograd: ``[N]``."""
    logits = logits.clone().requires_grad_()
    loss = OBJECTIVES[objective].g(logits, None).sum()
    return torch.autograd.grad(loss, logits)[0]


def _deviation(measured: Tensor, expected: Tensor) -> float:
    return ((measured - expected) / expected).abs().max().item()


def _draw() -> "Figure":
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 3.4), layout="constrained")
    losses, magnitudes = figure.subplots(1, 2)
    d = torch.linspace(0.002, 0.998, 400, dtype=torch.float64)
    logits = torch.linspace(-12, 6, 200, dtype=torch.float64)
    for name, label, colour in (
        ("minimax", "log(1 - D), minimax", "#c2410c"),
        ("non-saturating", "-log D, non-saturating", style.P_G["color"]),
    ):
        losses.plot(d, OBJECTIVES[name].g(d.logit(), None), color=colour, label=label)
        magnitudes.semilogy(logits, derivative(name, logits).abs(), color=colour, label=label)
    losses.set(xlabel="D(G(z))", ylabel="loss", ylim=(-5, 5), title="G's loss")
    magnitudes.set(
        xlabel="D's logit on G(z):   ← generated      real →",
        ylabel="|derivative in the logit|",
        title="Magnitude of the gradient",
    )
    losses.legend(frameon=False)
    for axes in (losses, magnitudes):
        style.plain(axes)
    return figure
