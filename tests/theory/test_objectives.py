import dataclasses

import pytest
import torch

from forgery.objectives import OBJECTIVES
from forgery.theory import STATEMENTS, prose
from forgery.theory.closed_forms import CLOSED_FORMS, NO_CLOSED_FORM
from forgery.theory.divergence import kl
from forgery.theory.objectives import compare, optimal_logits
from forgery.theory.pairs import random_masses


def test_every_objective_has_a_closed_form_or_a_reason():
    assert not set(CLOSED_FORMS) & set(NO_CLOSED_FORM)
    assert set(OBJECTIVES) == set(CLOSED_FORMS) | set(NO_CLOSED_FORM)


def test_the_text_says_which_objectives_are_covered_and_which_are_not():
    covered, others = prose(STATEMENTS["objectives"]).split("other three objectives")
    assert all(name in covered for name in CLOSED_FORMS)
    assert all(f"{name}:" in others for name in NO_CLOSED_FORM)


def test_every_closed_form_is_checked(results):
    claims = [check.claim for check in results["objectives"].checks]
    for name in CLOSED_FORMS:
        assert sum(claim.startswith(f"{name}: ") for claim in claims) == 2


@pytest.mark.parametrize("name", CLOSED_FORMS)
def test_divergences_are_minimal_at_p_data(name):
    random = torch.Generator().manual_seed(0)
    divergence = CLOSED_FORMS[name].divergence
    p_data = random_masses(6, random)
    for _ in range(50):
        assert divergence(p_data, random_masses(6, random)) > divergence(p_data, p_data)


@pytest.mark.parametrize("name", CLOSED_FORMS)
def test_a_wrong_closed_form_is_detected(name):
    form = CLOSED_FORMS[name]
    doubled = dataclasses.replace(form, logits=lambda p, q: 2 * form.logits(p, q))
    assert not compare(name, OBJECTIVES[name], doubled)[0].holds
    other = dataclasses.replace(form, divergence=kl)  # KL(p_data‖p_g), which is none of them
    logits, gradient = compare(name, OBJECTIVES[name], other)
    assert logits.holds
    assert not gradient.holds


def test_the_optimum_is_a_local_minimum():
    random = torch.Generator().manual_seed(1)
    p, q = random_masses(5, random)[None], random_masses(5, random)[None]
    from forgery.theory.objectives import d_loss

    for name in CLOSED_FORMS:
        objective = OBJECTIVES[name]
        best = optimal_logits(objective, p, q)
        least = d_loss(objective, best, p, q)
        for _ in range(20):
            moved = best + 0.1 * torch.randn(best.shape, generator=random, dtype=torch.float64)
            assert d_loss(objective, moved, p, q) > least
