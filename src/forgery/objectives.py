"""What D and G minimise, as functions of D's logits.

D's output is a logit: D(x) = sigmoid(logit). With sp = softplus,
log D(x) = -sp(-logit) and log(1 - D(x)) = -sp(logit), which stay finite where a sigmoid followed
by a log would not. Each function returns one loss a sample, ``[N]``; the game takes the mean.

A new objective is one :class:`Objective` with its formula and source, and one line in the table.
"""

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor
from torch.nn.functional import softplus


@dataclass(frozen=True)
class Objective:
    """A pair of losses on logits.

    Parameters
    ----------
    d:
        (real logits [N], fake logits [N]) → what D minimises, [N].
    g:
        (fake logits [N], real logits [N] or None) → what G minimises, [N].
    g_needs_real:
        Whether ``g`` also looks at D's logits on real data.
    undecided:
        The logit of a sample of which D cannot say whether it is real; None where only differences
        between logits mean anything.
    """

    d: Callable[[Tensor, Tensor], Tensor]
    g: Callable[[Tensor, Tensor | None], Tensor]
    g_needs_real: bool = False
    undecided: float | None = 0.0


def classify(real: Tensor, fake: Tensor) -> Tensor:
    """-[log D(x) + log(1 - D(G(z)))]: D's half of the two-player game (2014, equation 1)."""
    return softplus(-real) + softplus(fake)


def minimax(fake: Tensor, real: Tensor | None = None) -> Tensor:
    """log(1 - D(G(z))): G's half of the same game (2014, Algorithm 1)."""
    return -softplus(fake)


def non_saturating(fake: Tensor, real: Tensor | None = None) -> Tensor:
    """-log D(G(z)): the same fixed point, a strong gradient early in learning (2014, section 3)."""
    return softplus(-fake)


def pair(better: Tensor, worse: Tensor) -> Tensor:
    """-log sigmoid(better - worse): each sample is compared with one of the other side."""
    return softplus(worse - better)


def _given(real: Tensor | None) -> Tensor:
    assert real is not None, "this objective needs D's logits on real data"
    return real


OBJECTIVES: dict[str, Objective] = {
    "minimax": Objective(d=classify, g=minimax),
    "non-saturating": Objective(d=classify, g=non_saturating),
    # Relativistic pairing: D wants real above fake, G the reverse (Jolicoeur-Martineau 2018,
    # AlexiaJM/RelativisticGAN; R3GAN 2024).
    "relativistic": Objective(
        d=pair,
        g=lambda fake, real: pair(fake, _given(real)),
        g_needs_real=True,
        undecided=None,
    ),
}
