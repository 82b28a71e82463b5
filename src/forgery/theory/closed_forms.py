"""Closed forms of the optimal D and of the divergence that G minimises, for each objective.

Every objective in :data:`~forgery.objectives.OBJECTIVES` has an entry in :data:`CLOSED_FORMS`,
which ``forgery theory`` checks against the objective's losses, or a reason in
:data:`NO_CLOSED_FORM` why it has none.
"""

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor

from .divergence import LOG_4, jsd, kl, on_pairs, total_variation


@dataclass(frozen=True)
class ClosedForm:
    """The optimum of an objective, for probabilities p_data, p_g > 0, float64 ``[N]``.

    Parameters
    ----------
    logits_are, descends:
        The formulas for ``logits`` and ``divergence`` as text.
    logits:
        (p_data, p_g) → D's optimal logits ``[N]``, up to a constant if the objective only depends
        on differences between logits.
    divergence:
        (p_data, p_g) → a scalar whose gradient in p_g equals that of G's loss with D fixed at the
        optimum for p_g. Gradients are on the simplex: they may differ by a constant vector.
    """

    logits_are: str
    logits: Callable[[Tensor, Tensor], Tensor]
    descends: str
    divergence: Callable[[Tensor, Tensor], Tensor]


def _log_ratio(p_data: Tensor, p_g: Tensor) -> Tensor:
    return (p_data / p_g).log()


def _pair_kl(p_data: Tensor, p_g: Tensor) -> Tensor:
    either_order = (on_pairs(p_data, p_g) + on_pairs(p_g, p_data)) / 2
    return kl(either_order, on_pairs(p_data, p_data))


def _least_squares(p_data: Tensor, p_g: Tensor) -> Tensor:
    t = p_g / p_data
    return (p_data * (t - 2 * (1 + t).log() - 1 / (1 + t))).sum() / 2


CLOSED_FORMS: dict[str, ClosedForm] = {
    # Theorem 1.
    "minimax": ClosedForm(
        "log(p_data/p_g)",
        _log_ratio,
        "2·JSD(p_data‖p_g) - log 4",
        lambda p_data, p_g: 2 * jsd(p_data, p_g) - LOG_4,
    ),
    # Arjovsky and Bottou 2017, "Towards principled methods", theorem 2.5.
    "non-saturating": ClosedForm(
        "log(p_data/p_g)",
        _log_ratio,
        "KL(p_g‖p_data) - 2·JSD(p_data‖p_g)",
        lambda p_data, p_g: kl(p_g, p_data) - 2 * jsd(p_data, p_g),
    ),
    # Let t = p_g/p_data. D sees (x real, y fake) with probability p_data(x) p_g(y), so its optimal
    # difference of logits is log t(y) - log t(x). G's loss at y is then E_x log(1 + t(y)/t(x)),
    # which equals E_x log(t(x) + t(y)) up to E_x log t(x), which does not depend on y. That is the
    # derivative in p_g(y) of ½ E_x,y [s log s - s] with s = t(x) + t(y).
    "relativistic": ClosedForm(
        "log(p_data/p_g) + constant",
        _log_ratio,
        "KL(½(p_data⊗p_g + p_g⊗p_data)‖p_data⊗p_data)",
        _pair_kl,
    ),
    # Let t = p_g/p_data. The optimal D is 1/(1 + t), and G's loss at x is ½(D - 1)² =
    # ½(t/(1 + t))²: the derivative in p_g of ½ p_data (t - 2 log(1 + t) - 1/(1 + t) + 1). Targets
    # -1 and 1 for D and 0 for G would give Pearson's χ² (Mao et al. 2017); 0, 1 and 1 give this.
    "least-squares": ClosedForm(
        "p_data/(p_data + p_g)",
        lambda p_data, p_g: p_data / (p_data + p_g),
        "½ E_p_data[t - 2 log(1 + t) - 1/(1 + t)], t = p_g/p_data",
        _least_squares,
    ),
    # The geometric GAN, Lim and Ye 2017.
    "hinge": ClosedForm(
        "sign(p_data - p_g)",
        lambda p_data, p_g: (p_data - p_g).sign(),
        "2·TV(p_data, p_g)",
        lambda p_data, p_g: 2 * total_variation(p_data, p_g),
    ),
}

#: Objective → why it has no closed form.
NO_CLOSED_FORM: dict[str, str] = {
    "wasserstein": "D has no optimum unless its slope is bounded; then G minimises the distance W₁",
    "relativistic-average": "a sample's loss depends on means over its minibatch",
    "feature-matching": "G's loss depends on D's features, not only on its logits",
}
