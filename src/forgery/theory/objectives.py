"""The divergence that each objective minimises, checked numerically from its losses."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from ..objectives import OBJECTIVES, Objective
from . import style
from .check import Check, Evidence
from .closed_forms import CLOSED_FORMS, ClosedForm
from .pairs import gaussian_mixture, random_masses
from .quadrature import midpoints

if TYPE_CHECKING:
    from matplotlib.figure import Figure

#: Number of random pairs of distributions for each closed form, and their number of cells.
RANDOM_PAIRS, CELLS = 5, 8
#: Range in which D's optimal logits are searched.
SEARCH_RANGE = (-50.0, 50.0)
TOLERANCE = 1e-5


def objectives() -> Evidence:
    """Beyond the paper: what other objectives minimise

    Each of the five objectives that have a closed form (minimax, non-saturating, relativistic,
    least-squares and hinge) is checked in two steps. First, D's loss is minimised numerically over
    all functions on a few cells, and the result is compared with the closed form of the optimal D.
    Second, the gradient of G's loss with respect to p_g, with that D fixed, is compared with the
    gradient of a divergence: the one that G minimises as long as D remains optimal.

    The other three objectives are not computed here. wasserstein: D's objective is unbounded unless
    D is Lipschitz-constrained; for 1-Lipschitz D its maximum is the Wasserstein distance W₁.
    relativistic-average: a sample's loss depends on the means of its minibatch. feature-matching:
    G's gradient depends on D's features, not on its logits alone.

    Minimax minimises the Jensen-Shannon divergence (Theorem 1). The non-saturating loss has the
    same optimal D but minimises KL(p_g‖p_data) - 2·JSD, which heavily penalises samples where there
    is no data, but hardly penalises dropping modes of the data. Relativistic pairing trains D to
    distinguish the real from the generated sample of a pair. Its optimal D is the same up to a
    constant, which the difference cancels; its G minimises the divergence between such a pair in
    random order and a pair of real samples.
    """
    checks = [
        check
        for name in OBJECTIVES
        if name in CLOSED_FORMS
        for check in compare(name, OBJECTIVES[name], CLOSED_FORMS[name])
    ]
    return Evidence(checks, _draw)


def compare(name: str, objective: Objective, form: ClosedForm) -> list[Check]:
    """Compare an objective's losses with its closed form on random pairs of distributions."""
    random = torch.Generator().manual_seed(0)
    p_data, p_g = (
        torch.stack([random_masses(CELLS, random) for _ in range(RANDOM_PAIRS)]) for _ in range(2)
    )
    best = torch.stack([form.logits(p, q) for p, q in zip(p_data, p_g, strict=True)])
    deviation = optimal_logits(objective, p_data, p_g) - best
    if objective.undecided is None:  # logits are determined up to a constant
        deviation = _tangent(deviation)
    measured = _gradient(lambda q: g_loss(objective, best, p_data, q), p_g)
    expected = _gradient(
        lambda q: torch.stack([form.divergence(*pair) for pair in zip(p_data, q, strict=True)]), p_g
    )
    return [
        Check(
            f"{name}: D's optimal logit is {form.logits_are}: worst deviation",
            0.0,
            deviation.abs().max().item(),
            TOLERANCE,
        ),
        Check(
            f"{name}: G minimises {form.descends}: worst deviation of the gradient in p_g",
            0.0,
            _tangent(measured - expected).abs().max().item(),
            TOLERANCE,
        ),
    ]


def optimal_logits(objective: Objective, p_data: Tensor, p_g: Tensor) -> Tensor:
    """Find the logits ``[K, N]`` that minimise D's loss over all functions on N cells.

    p_data and p_g are K pairs of distributions, float64 ``[K, N]``. If the loss of a cell depends
    only on its own logit, bisection on its derivative finds the minimum, even at a kink. If cells
    are compared with each other, L-BFGS continues from there.
    """

    def loss(logits: Tensor) -> Tensor:
        return d_loss(objective, logits, p_data, p_g)

    low, high = (torch.full_like(p_data, end) for end in SEARCH_RANGE)
    for _ in range(60):  # enough to exhaust the precision of float64
        middle = (low + high) / 2
        rising = _gradient(loss, middle) > 0
        low, high = torch.where(rising, low, middle), torch.where(rising, middle, high)
    logits = ((low + high) / 2).requires_grad_()
    search = torch.optim.LBFGS(
        [logits],
        max_iter=1000,
        tolerance_grad=1e-12,
        tolerance_change=1e-16,
        line_search_fn="strong_wolfe",
    )

    def closure() -> Tensor:
        search.zero_grad()
        total = loss(logits).sum()
        total.backward()
        return total

    search.step(closure)
    return logits.detach()


def d_loss(objective: Objective, logits: Tensor, p_data: Tensor, p_g: Tensor) -> Tensor:
    """D's expected loss ``[K]`` on independent real and fake samples, from ``[K, N]`` each."""
    real, fake, probability = _pairs(logits, p_data, p_g)
    return (probability * objective.d(real, fake).view_as(probability)).sum(1)


def g_loss(objective: Objective, logits: Tensor, p_data: Tensor, p_g: Tensor) -> Tensor:
    """G's expected loss ``[K]`` on independent real and fake samples, from ``[K, N]`` each."""
    real, fake, probability = _pairs(logits, p_data, p_g)
    return (probability * objective.g(fake, real).view_as(probability)).sum(1)


def _pairs(logits: Tensor, p_data: Tensor, p_g: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Pair every cell as the real sample with every cell as the fake one.

    Returns real and fake logits, ``[K·N²]`` each, and the probability of each pair, ``[K, N²]``.
    """
    n = logits.shape[1]
    real, fake = logits.repeat_interleave(n, 1), logits.repeat(1, n)
    probability = p_data.repeat_interleave(n, 1) * p_g.repeat(1, n)
    return real.flatten(), fake.flatten(), probability


def _gradient(function: Callable[[Tensor], Tensor], at: Tensor) -> Tensor:
    at = at.clone().requires_grad_()
    return torch.autograd.grad(function(at).sum(), at)[0]


def _tangent(gradient: Tensor) -> Tensor:
    """Project gradients ``[K, N]`` onto the tangent space of the simplex."""
    return gradient - gradient.mean(1, keepdim=True)


def _draw() -> "Figure":
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 3.4), layout="constrained")
    heights, slopes = figure.subplots(1, 2)
    grid = midpoints(torch.tensor([[-8.0], [12.0]], dtype=torch.float64), 200)
    p_data = grid.masses(gaussian_mixture([0.0], 1.0))
    shifts = torch.linspace(0, 5, 51, dtype=torch.float64)
    samples = [grid.masses(gaussian_mixture([shift], 1.0)) for shift in shifts.tolist()]
    for name, form in CLOSED_FORMS.items():
        values = torch.stack([form.divergence(p_data, p_g) for p_g in samples])
        heights.plot(shifts, values - values[0], label=name)
        slopes.plot(shifts, torch.gradient(values, spacing=(shifts,), edge_order=2)[0], label=name)
    heights.set(ylabel="divergence above its minimum, nats", title="What G minimises")
    slopes.set(ylabel="derivative in θ", title="Its slope")
    for axes in (heights, slopes):
        axes.set(xlabel="θ: p_data = N(0, 1), p_g = N(θ, 1)", ylim=(0, None))
        style.plain(axes)
    heights.set_ylim(0, 6)
    slopes.set_ylim(0, 4)
    heights.legend(frameon=False)
    return figure
