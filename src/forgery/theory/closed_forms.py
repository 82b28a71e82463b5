"""What each objective makes of p_data and p_g when D is optimal, in closed form.

An objective of :data:`~forgery.objectives.OBJECTIVES` has an entry in :data:`CLOSED_FORMS`, which
``forgery theory`` then tests against the objective's own losses, or a reason why it has none in
:data:`NO_CLOSED_FORM`.
"""

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor

from .divergence import LOG_4, jsd, kl, on_pairs, total_variation


@dataclass(frozen=True)
class ClosedForm:
    """The optimum of one objective; p_data, p_g are float64 ``[N]``, probabilities above 0.

    Parameters
    ----------
    logits_are, descends:
        The two formulas below, as a person writes them.
    logits:
        (p_data, p_g) → D's optimal logits ``[N]``. Where the objective only sees differences
        between logits, any constant may be added.
    divergence:
        (p_data, p_g) → the number whose gradient in p_g is that of G's loss while D, optimal for
        this p_g, is held; on the simplex, where a constant added to all of the gradient is nothing.
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
    # With t = p_g/p_data: of the two pairs {x, y}, D meets (x real, y fake) with weight
    # p_data(x) p_g(y), so that its best difference of logits is log t(y) - log t(x). G's loss at y
    # is then E_x log(1 + t(y)/t(x)), which differs by E_x log t(x), the same at every y, from
    # E_x log(t(x) + t(y)): the derivative in p_g(y) of ½ E_x,y [s log s - s], s = t(x) + t(y).
    "relativistic": ClosedForm(
        "log(p_data/p_g) + constant",
        _log_ratio,
        "KL(½(p_data⊗p_g + p_g⊗p_data)‖p_data⊗p_data)",
        _pair_kl,
    ),
    # With t = p_g/p_data, D's best is 1/(1 + t) and G's loss at x ½(D - 1)² = ½(t/(1 + t))²: the
    # derivative in p_g of ½ p_data (t - 2 log(1 + t) - 1/(1 + t) + 1). With the targets -1, 1 for D
    # and 0 for G it would be Pearson's χ² (Mao et al. 2017); with 0, 1 and 1, as used, it is this.
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

#: Objective → why there is nothing to compare it with.
NO_CLOSED_FORM: dict[str, str] = {
    "wasserstein": "without a bound on its slope D has no optimum; with one, it is the distance W₁",
    "relativistic-average": "a sample's loss depends on the means of its minibatch",
    "feature-matching": "what G descends depends on D's features, not on its logits alone",
}
