"""The losses that D and G minimise, as functions of D's logits.

D outputs a logit: D(x) = sigmoid(logit). With sp = softplus,
log D(x) = -sp(-logit) and log(1 - D(x)) = -sp(logit), which stay finite where a sigmoid followed
by a log would not. Each function returns one loss per sample, ``[N]``, or a single loss ``[1]``;
the training step takes the mean.

To add an objective, write its losses with formula and source, and add a line to the table.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor
from torch.nn.functional import relu, softplus


@dataclass(frozen=True)
class Objective:
    """A pair of losses, one for D and one for G.

    Parameters
    ----------
    d:
        (real logits ``[N]``, fake logits ``[N]``) → D's losses ``[N]``.
    g:
        (fake logits ``[N]``, real logits ``[N]`` or None) → G's losses ``[N]``.
    g_needs_real:
        Whether ``g`` needs D's logits on real data.
    undecided:
        The logit at which D considers real and fake equally likely; None if only differences
        between logits are meaningful.
    d_bounded:
        Whether D's loss is bounded below. If not, D's slope must be limited by a penalty, by
        weight clipping or by spectral normalisation.
    g_sees_features:
        Whether ``g`` takes D's features ``[N, F]`` instead of its logits.
    certain:
        The logits on real and on fake data at which D's loss is least.
    """

    d: Callable[[Tensor, Tensor], Tensor]
    g: Callable[[Tensor, Tensor | None], Tensor]
    g_needs_real: bool = False
    undecided: float | None = 0.0
    d_bounded: bool = True
    g_sees_features: bool = False
    certain: tuple[float, float] = (math.inf, -math.inf)

    def certainty(self, d_real: float, d_fake: float) -> tuple[float, float] | None:
        """Mean outputs of D as if it were sure at 1 (real) and 0 (fake), and undecided at ½.

        For a cross-entropy, these are D's probabilities, ``d_real`` and ``d_fake``, unchanged. D's
        loss of other objectives is least at other outputs. None if no output has a meaning alone.
        """
        if self.undecided is None:
            return None
        middle, high, low = (1 / (1 + math.exp(-x)) for x in (self.undecided, *self.certain))
        real = 0.5 + 0.5 * (d_real - middle) / (high - middle)
        return real, 0.5 + 0.5 * (d_fake - middle) / (middle - low)

    def undecided_logit(self, real: Tensor, fake: Tensor) -> Tensor | float:
        """The logit at which D is undecided, else midway between its mean real and fake logits."""
        if self.undecided is not None:
            return self.undecided
        return (real.mean(-1) + fake.mean(-1)) / 2


def classify(real: Tensor, fake: Tensor) -> Tensor:
    """-[log D(x) + log(1 - D(G(z)))]: D's loss in the two-player game (2014, equation 1)."""
    return softplus(-real) + softplus(fake)


def minimax(fake: Tensor, real: Tensor | None = None) -> Tensor:
    """log(1 - D(G(z))): G's loss in the two-player game (2014, Algorithm 1)."""
    return -softplus(fake)


def non_saturating(fake: Tensor, real: Tensor | None = None) -> Tensor:
    """-log D(G(z)): same fixed point, stronger gradients early in training (2014, section 3)."""
    return softplus(-fake)


def least_squares(real: Tensor, fake: Tensor) -> Tensor:
    """½(a - 1)² + ½b², with logits a on real and b on fake samples (xudonmao/LSGAN)."""
    return (real - 1).square() / 2 + fake.square() / 2


def least_squares_g(fake: Tensor, real: Tensor | None = None) -> Tensor:
    """½(b - 1)²: G's loss for least squares."""
    return (fake - 1).square() / 2


def critic(real: Tensor, fake: Tensor) -> Tensor:
    """b - a: D is a critic, and only differences between its outputs are meaningful.

    Its negative estimates the Wasserstein distance while D is 1-Lipschitz, by weight clipping
    (martinarjovsky/WassersteinGAN) or by the penalty wgan-gp (igul222/improved_wgan_training).
    """
    return fake - real


def raise_fake(fake: Tensor, real: Tensor | None = None) -> Tensor:
    """-b: G's loss for wasserstein and hinge."""
    return -fake


def hinge(real: Tensor, fake: Tensor) -> Tensor:
    """relu(1 - a) + relu(1 + b) (pfnet-research/sngan_projection)."""
    return relu(1 - real) + relu(1 + fake)


def pair(better: Tensor, worse: Tensor) -> Tensor:
    """-log sigmoid(better - worse): each real sample is paired with one fake sample."""
    return softplus(worse - better)


def above_average(better: Tensor, worse: Tensor) -> Tensor:
    """½[-log sigmoid(a - b̄) - log sigmoid(ā - b)]: each logit against the mean of the other side.

    The player wants a (``better``) above b (``worse``). Means are over the minibatch
    (AlexiaJM/RelativisticGAN, with the ½ of its code).
    """
    over = better - worse.mean(-1, keepdim=True)
    under = worse - better.mean(-1, keepdim=True)
    return (softplus(-over) + softplus(under)) / 2


def match_features(fake: Tensor, real: Tensor) -> Tensor:
    """‖mean f(G(z)) - mean f(x)‖² ``[1]``, for D's features f ``[N, F]`` (Salimans et al. 2016).

    G matches the mean features of the data instead of maximising D's output on single samples.
    """
    return (fake.mean(0) - real.mean(0)).square().sum(-1, keepdim=True)


def _given(real: Tensor | None) -> Tensor:
    assert real is not None, "this objective needs D's logits on real data"
    return real


OBJECTIVES: dict[str, Objective] = {
    "minimax": Objective(d=classify, g=minimax),
    "non-saturating": Objective(d=classify, g=non_saturating),
    # Relativistic pairing: D pushes real logits above fake ones, G the reverse
    # (Jolicoeur-Martineau 2018, AlexiaJM/RelativisticGAN; R3GAN 2024).
    "relativistic": Objective(
        d=pair,
        g=lambda fake, real: pair(fake, _given(real)),
        g_needs_real=True,
        undecided=None,
    ),
    "relativistic-average": Objective(
        d=above_average,
        g=lambda fake, real: above_average(fake, _given(real)),
        g_needs_real=True,
        undecided=None,
    ),
    "least-squares": Objective(
        d=least_squares, g=least_squares_g, undecided=0.5, certain=(1.0, 0.0)
    ),
    "wasserstein": Objective(d=critic, g=raise_fake, undecided=None, d_bounded=False),
    "hinge": Objective(d=hinge, g=raise_fake, certain=(1.0, -1.0)),
    "feature-matching": Objective(
        d=classify,
        g=lambda fake, real: match_features(fake, _given(real)),
        g_needs_real=True,
        g_sees_features=True,
    ),
}
