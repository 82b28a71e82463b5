"""What each objective of the game minimises, found numerically from its own losses."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from ..objectives import OBJECTIVES, Objective
from . import style
from .check import Check, Evidence
from .closed_forms import CLOSED_FORMS, ClosedForm
from .pairs import bumps, random_masses
from .quadrature import midpoints

if TYPE_CHECKING:
    from matplotlib.figure import Figure

#: Random pairs of distributions over so many cells that each closed form is tried on.
RANDOM_PAIRS, CELLS = 5, 8
#: Between which logits D's optimum is looked for.
SEARCHED = (-50.0, 50.0)
TOLERANCE = 1e-5


def objectives() -> Evidence:
    """After the paper: what other objectives minimise

    The same two steps for every objective of the game. First D: its loss is minimised numerically
    over all functions of a few cells and compared with its optimum in closed form. Then G: the
    gradient of its loss in p_g, with that D held, is compared with the gradient of a divergence.
    That divergence is what G descends for as long as D keeps up.

    Minimax descends the Jensen-Shannon divergence, as Theorem 1 says. The non-saturating loss has
    the same optimal D and descends something else, KL(p_g‖p_data) - 2·JSD, which punishes samples
    where there are no data and forgives data that are never drawn. Relativistic pairing shows D
    one real and one drawn sample and asks which is which. Its D is the same again, up to a constant
    that no comparison sees; its G descends the divergence between such a pair in unknown order and
    a pair of real samples.
    """
    checks = [
        check
        for name in OBJECTIVES
        if name in CLOSED_FORMS
        for check in compare(name, OBJECTIVES[name], CLOSED_FORMS[name])
    ]
    return Evidence(checks, _draw)


def compare(name: str, objective: Objective, form: ClosedForm) -> list[Check]:
    """An objective's own losses against its closed form, on random pairs of distributions."""
    random = torch.Generator().manual_seed(0)
    p_data, p_g = (
        torch.stack([random_masses(CELLS, random) for _ in range(RANDOM_PAIRS)]) for _ in range(2)
    )
    best = torch.stack([form.logits(p, q) for p, q in zip(p_data, p_g, strict=True)])
    in_logits = optimal_logits(objective, p_data, p_g) - best
    if objective.undecided is None:  # any constant may be added to all logits
        in_logits = _tangent(in_logits)
    measured = _gradient(lambda q: g_loss(objective, best, p_data, q), p_g)
    expected = _gradient(
        lambda q: torch.stack([form.divergence(*pair) for pair in zip(p_data, q, strict=True)]), p_g
    )
    return [
        Check(
            f"{name}: D's optimal logit is {form.logits_are}: worst deviation",
            0.0,
            in_logits.abs().max().item(),
            TOLERANCE,
        ),
        Check(
            f"{name}: G then descends {form.descends}: worst deviation of the gradient in p_g",
            0.0,
            _tangent(measured - expected).abs().max().item(),
            TOLERANCE,
        ),
    ]


def optimal_logits(objective: Objective, p_data: Tensor, p_g: Tensor) -> Tensor:
    """The logits that minimise D's loss over all functions of N cells, found numerically.

    p_data and p_g are K pairs of distributions, float64 ``[K, N]``, and so are the logits. Where
    the loss of a cell depends on its own logit alone, bisection of its slope finds the least, also
    at a kink. Where cells are compared with each other, L-BFGS goes on from there.
    """

    def loss(logits: Tensor) -> Tensor:
        return d_loss(objective, logits, p_data, p_g)

    low, high = (torch.full_like(p_data, end) for end in SEARCHED)
    for _ in range(60):  # a float64 cannot be halved more often
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
    """D's mean loss on an independent real and fake sample: three ``[K, N]`` → ``[K]``."""
    real, fake, probability = _pairs(logits, p_data, p_g)
    return (probability * objective.d(real, fake).view_as(probability)).sum(1)


def g_loss(objective: Objective, logits: Tensor, p_data: Tensor, p_g: Tensor) -> Tensor:
    """G's mean loss, likewise."""
    real, fake, probability = _pairs(logits, p_data, p_g)
    return (probability * objective.g(fake, real).view_as(probability)).sum(1)


def _pairs(logits: Tensor, p_data: Tensor, p_g: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Every cell as the real one beside every cell as the fake one.

    Their logits, one minibatch ``[K·N²]`` each, and how probable each pair is, ``[K, N²]``.
    """
    n = logits.shape[1]
    real, fake = logits.repeat_interleave(n, 1), logits.repeat(1, n)
    probability = p_data.repeat_interleave(n, 1) * p_g.repeat(1, n)
    return real.flatten(), fake.flatten(), probability


def _gradient(function: Callable[[Tensor], Tensor], at: Tensor) -> Tensor:
    at = at.clone().requires_grad_()
    return torch.autograd.grad(function(at).sum(), at)[0]


def _tangent(gradient: Tensor) -> Tensor:
    """The part of gradients ``[K, N]`` that points along the simplex."""
    return gradient - gradient.mean(1, keepdim=True)


def _draw() -> "Figure":
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 3.4), layout="constrained")
    heights, slopes = figure.subplots(1, 2)
    grid = midpoints(torch.tensor([[-8.0], [12.0]], dtype=torch.float64), 200)
    p_data = grid.masses(bumps([0.0], 1.0))
    shifts = torch.linspace(0, 5, 51, dtype=torch.float64)
    samples = [grid.masses(bumps([shift], 1.0)) for shift in shifts.tolist()]
    for name, form in CLOSED_FORMS.items():
        values = torch.stack([form.divergence(p_data, p_g) for p_g in samples])
        heights.plot(shifts, values - values[0], label=name)
        slopes.plot(shifts, torch.gradient(values, spacing=(shifts,), edge_order=2)[0], label=name)
    heights.set(ylabel="above its least value, nats", title="What G descends")
    slopes.set(ylabel="slope in θ", title="How steep it is")
    for axes in (heights, slopes):
        axes.set(xlabel="θ: p_data = N(0, 1), p_g = N(θ, 1)", ylim=(0, None))
        style.plain(axes)
    heights.set_ylim(0, 6)
    slopes.set_ylim(0, 4)
    heights.legend(frameon=False)
    return figure
