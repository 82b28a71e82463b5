import math

import pytest
import torch

from forgery.objectives import OBJECTIVES, Objective

#: Objectives whose G uses logits; feature matching has separate tests.
ON_LOGITS = [name for name, objective in OBJECTIVES.items() if not objective.g_sees_features]
LOGITS = torch.tensor([-3.0, -0.5, 0.0, 2.0], dtype=torch.float64)
OTHERS = torch.tensor([1.0, -2.0, 0.0, 0.5], dtype=torch.float64)


@pytest.mark.parametrize("name", ON_LOGITS)
def test_every_objective_returns_one_finite_loss_per_sample(name):
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


def test_gradients_if_d_is_sure():
    """If D(G(z)) ≈ 0, the gradient of log(1 - D) vanishes, that of -log D does not (section 3)."""
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


def test_least_squares_on_raw_logits():
    objective = OBJECTIVES["least-squares"]
    assert objective.d(LOGITS, OTHERS).tolist() == pytest.approx(
        [8 + 0.5, 1.125 + 2, 0.5 + 0, 0.5 + 0.125]
    )
    assert objective.g(OTHERS, None).tolist() == pytest.approx([0, 4.5, 0.5, 0.125])


def test_a_critic_depends_on_differences_only():
    objective = OBJECTIVES["wasserstein"]
    assert objective.d(LOGITS, OTHERS).tolist() == pytest.approx([4, -1.5, 0, -1.5])
    assert objective.g(OTHERS, None).tolist() == pytest.approx([-1, 2, 0, -0.5])
    torch.testing.assert_close(objective.d(LOGITS + 7, OTHERS + 7), objective.d(LOGITS, OTHERS))


def test_hinge_is_flat_beyond_its_margins():
    objective = OBJECTIVES["hinge"]
    assert objective.d(LOGITS, OTHERS).tolist() == pytest.approx([4 + 2, 1.5, 1 + 1, 0 + 1.5])
    sure = torch.tensor([1.5], requires_grad=True)
    objective.d(sure, -sure).sum().backward()
    assert sure.grad.item() == 0


def test_relativistic_average_compares_with_the_other_sides_mean():
    d = OBJECTIVES["relativistic-average"].d(LOGITS, OTHERS)
    over, under = LOGITS - OTHERS.mean(), OTHERS - LOGITS.mean()
    expected = -(over.sigmoid().log() + (1 - under.sigmoid()).log()) / 2
    torch.testing.assert_close(d, expected)
    g = OBJECTIVES["relativistic-average"].g(OTHERS, LOGITS)
    expected = -(under.sigmoid().log() + (1 - over.sigmoid()).log()) / 2
    torch.testing.assert_close(g, expected)
    # In an ensemble [S, N], each member is compared with the means of its minibatch.
    both = OBJECTIVES["relativistic-average"].d(
        torch.stack([LOGITS, LOGITS * 2]), torch.stack([OTHERS, OTHERS * 2])
    )
    torch.testing.assert_close(both[0], d)


def test_feature_matching_compares_means():
    objective = OBJECTIVES["feature-matching"]
    fake = torch.tensor([[1.0, 0.0], [3.0, 2.0]], requires_grad=True)
    real = torch.tensor([[0.0, 4.0], [2.0, 4.0], [1.0, 4.0]])
    loss = objective.g(fake, real)
    assert loss.tolist() == [(2 - 1) ** 2 + (1 - 4) ** 2]
    loss.sum().backward()
    # The gradient is the same for all samples: the difference of the means.
    assert fake.grad.tolist() == [[1, -3], [1, -3]]
    torch.testing.assert_close(
        objective.d(LOGITS, OTHERS), OBJECTIVES["non-saturating"].d(LOGITS, OTHERS)
    )


@pytest.mark.parametrize("name", ON_LOGITS)
def test_gradients_push_real_up_and_fake_down_and_g_the_other_way(name):
    objective = OBJECTIVES[name]
    real, fake = (x.clone().requires_grad_() for x in (LOGITS / 10, OTHERS / 10))
    objective.d(real, fake).mean().backward()
    assert (real.grad <= 0).all()
    assert (
        fake.grad[OTHERS != 0] * (1 if name != "least-squares" else OTHERS[OTHERS != 0])
    ).min() >= 0
    fake.grad = None
    objective.g(fake, real.detach() if objective.g_needs_real else None).mean().backward()
    assert (fake.grad < 0).all()


@pytest.mark.parametrize("name", OBJECTIVES)
def test_no_preference_where_d_is_undecided(name):
    """At the undecided logit of an objective, gradients of real and fake have equal size."""
    objective = OBJECTIVES[name]
    level = 0.0 if objective.undecided is None else objective.undecided
    logits = torch.full((3,), level, dtype=torch.float64)
    real, fake = logits.clone().requires_grad_(), logits.clone().requires_grad_()
    objective.d(real, fake).sum().backward()
    torch.testing.assert_close(real.grad, -fake.grad)
