"""V, C(G) and divergences of discrete distributions.

p and q (p_data and p_g) are probabilities, float64 ``[N]``, that sum to 1: of N cells, or a density
times the weights of a :class:`~.quadrature.Grid`. Results are in nats.
"""

import math

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid

#: A logit whose sigmoid is 1 in float64, used where only one of the two distributions has mass.
MAX_LOGIT = 1e3


def log_ratio(log_p: Tensor, log_q: Tensor) -> Tensor:
    """log(p/q): the logits of D* = p/(p + q) (2014, Proposition 1).

    They are ±:data:`MAX_LOGIT` where one of the two is 0, and 0 (D = ½) where both are.
    """
    return (log_p - log_q).nan_to_num(nan=0.0, posinf=MAX_LOGIT, neginf=-MAX_LOGIT)


def value(logits: Tensor, p: Tensor, q: Tensor) -> Tensor:
    """V(D, G) = E_p[log D] + E_q[log(1 - D)], from D's logits ``[N]`` (2014, equation 1)."""
    return (p * logsigmoid(logits) + q * logsigmoid(-logits)).sum()


def criterion(p: Tensor, q: Tensor) -> Tensor:
    """C(G) = V(D*, G) (2014, equation 4)."""
    return value(log_ratio(p.log(), q.log()), p, q)


def kl(p: Tensor, q: Tensor) -> Tensor:
    """KL(p‖q) = Σ p log(p/q); infinite if q is 0 where p is not."""
    return torch.where(p > 0, torch.xlogy(p, p / q), 0.0).sum()


def jsd(p: Tensor, q: Tensor) -> Tensor:
    """JSD(p‖q) = ½ KL(p‖m) + ½ KL(q‖m) with m = ½(p + q)."""
    m = (p + q) / 2
    return (kl(p, m) + kl(q, m)) / 2


def total_variation(p: Tensor, q: Tensor) -> Tensor:
    """½ Σ |p - q|: the largest difference between the probabilities of an event."""
    return (p - q).abs().sum() / 2


def on_pairs(p: Tensor, q: Tensor) -> Tensor:
    """p⊗q, the distribution of pairs of independent samples: ``[N²]``."""
    return torch.outer(p, q).flatten()


LOG_4 = math.log(4)
