import math

import pytest
import torch

from forgery.objectives import OBJECTIVES, Objective

LOGITS = torch.tensor([-3.0, -0.5, 0.0, 2.0], dtype=torch.float64)
OTHERS = torch.tensor([1.0, -2.0, 0.0, 0.5], dtype=torch.float64)


@pytest.mark.parametrize("name", OBJECTIVES)
def test_every_objective_returns_one_finite_loss_a_sample(name):
    objective = OBJECTIVES[name]
    assert isinstance(objective, Objective)
    for scale in (1, 1e4):  # far beyond where a sigmoid rounds to 0 or 1
        d = objective.d(LOGITS * scale, OTHERS * scale)
        g = objective.g(OTHERS * scale, LOGITS * scale if objective.g_needs_real else None)
        assert d.shape == g.shape == (4,)
        assert d.isfinite().all()
        assert g.isfinite().all()


def test_minimax_is_the_papers_value_function():
    d_real, d_fake = LOGITS.sigmoid(), OTHERS.sigmoid()
    value = torch.log(d_real) + torch.log(1 - d_fake)
    torch.testing.assert_close(OBJECTIVES["minimax"].d(LOGITS, OTHERS), -value)
    torch.testing.assert_close(OBJECTIVES["minimax"].g(OTHERS, None), torch.log(1 - d_fake))


def test_non_saturating_maximises_log_d():
    d_fake = OTHERS.sigmoid()
    torch.testing.assert_close(OBJECTIVES["non-saturating"].g(OTHERS, None), -torch.log(d_fake))


def test_gradients_where_d_is_sure():
    """Where D(G(z)) ≈ 0, log(1 - D) has almost no gradient and -log D a full one (section 3)."""
    sure = torch.tensor([-20.0], dtype=torch.float64)
    for name, expected in (("minimax", -1 / (1 + math.exp(20))), ("non-saturating", -1.0)):
        logit = sure.clone().requires_grad_()
        OBJECTIVES[name].g(logit, None).sum().backward()
        assert logit.grad.item() == pytest.approx(expected, rel=1e-6)


def test_relativistic_pairing_compares_pairs():
    d = OBJECTIVES["relativistic"].d(LOGITS, OTHERS)
    g = OBJECTIVES["relativistic"].g(OTHERS, LOGITS)
    torch.testing.assert_close(d, -torch.log((LOGITS - OTHERS).sigmoid()))
    torch.testing.assert_close(g, -torch.log((OTHERS - LOGITS).sigmoid()))
