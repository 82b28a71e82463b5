"""V, C(G) and the divergences, on distributions given as probabilities of cells.

p and q (p_data and p_g) are float64 ``[N]``, at least 0, adding up to 1: the probabilities of N
cells, or a density times the weights of a :class:`~.quadrature.Grid`. Results are in nats.
"""

import math

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid

#: A logit so large that its sigmoid is 1: D's answer where only one of the two has any mass.
SURE = 1e3


def log_ratio(log_p: Tensor, log_q: Tensor) -> Tensor:
    """log(p/q): the logits of D* = p/(p + q) (2014, Proposition 1).

    ±:data:`SURE` where one of the two is 0, and 0, which is D = ½, where both are.
    """
    return (log_p - log_q).nan_to_num(nan=0.0, posinf=SURE, neginf=-SURE)


def value(logits: Tensor, p: Tensor, q: Tensor) -> Tensor:
    """V(D, G) = E_p[log D] + E_q[log(1 - D)] for D's logits ``[N]`` (2014, equation 1)."""
    return (p * logsigmoid(logits) + q * logsigmoid(-logits)).sum()


def criterion(p: Tensor, q: Tensor) -> Tensor:
    """C(G) = V(D*, G), with D* plugged into equation 1 (2014, equation 4)."""
    return value(log_ratio(p.log(), q.log()), p, q)


def kl(p: Tensor, q: Tensor) -> Tensor:
    """KL(p‖q) = Σ p log(p/q); infinite where p has mass and q has none."""
    return torch.where(p > 0, torch.xlogy(p, p / q), 0.0).sum()


def jsd(p: Tensor, q: Tensor) -> Tensor:
    """JSD(p‖q) = ½ KL(p‖m) + ½ KL(q‖m) with m = ½(p + q)."""
    m = (p + q) / 2
    return (kl(p, m) + kl(q, m)) / 2


def total_variation(p: Tensor, q: Tensor) -> Tensor:
    """½ Σ |p - q|: the largest difference in probability that any event has."""
    return (p - q).abs().sum() / 2


def on_pairs(p: Tensor, q: Tensor) -> Tensor:
    """p⊗q, the distribution of an independent pair: ``[N²]``."""
    return torch.outer(p, q).flatten()


LOG_4 = math.log(4)
