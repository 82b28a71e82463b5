"""What D's answer sends back to G, under the two forms of G's loss."""

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from ..objectives import OBJECTIVES
from . import style
from .check import Check, Evidence

if TYPE_CHECKING:
    from matplotlib.figure import Figure

#: D's logits on G's samples, from sure that they are drawn to sure that they are real.
LOGITS = torch.linspace(-30, 30, 601, dtype=torch.float64)
#: How little D may believe in a sample early in learning.
EARLY = 1e-6
#: torch's softplus is straight beyond a logit of 20, where its slope is 1 within 2.1e-9.
TOLERANCE = 1e-8


def gradients() -> Evidence:
    """Section 3: the gradient that G gets

    Early in learning samples are poor and D rejects them: D(G(z)) ≈ 0. The paper remarks that
    log(1 - D(G(z))) then saturates, and has G maximise log D(G(z)) instead. In D's logit the two
    derivatives are -D and -(1 - D): the first goes to 0 with D, just where G needs it most, the
    second to -1. Both push a sample in the same direction, by different amounts.

    The derivatives here are autograd's, through the losses that training uses.
    """
    d, not_d = LOGITS.sigmoid(), (-LOGITS).sigmoid()
    early = torch.tensor([EARLY], dtype=torch.float64).logit()
    checks = [
        Check(
            "under log(1 - D), the derivative in D's logit is -D: worst relative deviation",
            0.0,
            _deviation(derivative("minimax", LOGITS), -d),
            TOLERANCE,
        ),
        Check(
            "under -log D, it is -(1 - D): worst relative deviation",
            0.0,
            _deviation(derivative("non-saturating", LOGITS), -not_d),
            TOLERANCE,
        ),
        Check(
            f"where D(G(z)) = {EARLY:g}, log(1 - D) gives G next to nothing: the derivative's size",
            EARLY,
            derivative("minimax", early).abs().item(),
            EARLY / 1000,
        ),
        Check(
            f"where D(G(z)) = {EARLY:g}, -log D gives G nearly all: the derivative's size",
            1 - EARLY,
            derivative("non-saturating", early).abs().item(),
            EARLY / 1000,
        ),
    ]
    return Evidence(checks, _draw)


def derivative(objective: str, logits: Tensor) -> Tensor:
    """G's loss differentiated in D's logits on its samples, by autograd: ``[N]``."""
    logits = logits.clone().requires_grad_()
    loss = OBJECTIVES[objective].g(logits, None).sum()
    return torch.autograd.grad(loss, logits)[0]


def _deviation(measured: Tensor, expected: Tensor) -> float:
    return ((measured - expected) / expected).abs().max().item()


def _draw() -> "Figure":
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 3.4), layout="constrained")
    losses, sizes = figure.subplots(1, 2)
    d = torch.linspace(0.002, 0.998, 400, dtype=torch.float64)
    logits = torch.linspace(-12, 6, 200, dtype=torch.float64)
    for name, label, colour in (
        ("minimax", "log(1 - D), minimax", "#c2410c"),
        ("non-saturating", "-log D, non-saturating", style.P_G["color"]),
    ):
        losses.plot(d, OBJECTIVES[name].g(d.logit(), None), color=colour, label=label)
        sizes.semilogy(logits, derivative(name, logits).abs(), color=colour, label=label)
    losses.set(xlabel="D(G(z))", ylabel="G's loss", ylim=(-5, 5), title="What G minimises")
    sizes.set(
        xlabel="D's logit on G(z):   ← drawn, says D      real, says D →",
        ylabel="|derivative in the logit|",
        title="How hard it is pushed",
    )
    losses.legend(frameon=False)
    for axes in (losses, sizes):
        style.plain(axes)
    return figure
