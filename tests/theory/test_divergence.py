import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from forgery.theory.convergence import descend, gradient
from forgery.theory.divergence import (
    LOG_4,
    criterion,
    jsd,
    kl,
    log_ratio,
    on_pairs,
    total_variation,
    value,
)
from forgery.theory.pairs import gaussian_mixture, intervals, random_masses, random_mixture
from forgery.theory.quadrature import cover, gauss_legendre, midpoints


@st.composite
def distributions(draw, cells: int = 6):
    """Probabilities of a few cells, some of which may be 0."""
    counts = draw(
        st.lists(st.integers(0, 1000), min_size=cells, max_size=cells).filter(lambda c: sum(c) > 0)
    )
    return torch.tensor(counts, dtype=torch.float64) / sum(counts)


pairs = given(distributions(), distributions())


@pairs
def test_theorem_1(p, q):
    assert criterion(p, q).item() == pytest.approx(-LOG_4 + 2 * jsd(p, q).item(), abs=1e-12)


@pairs
def test_jsd_is_symmetric_between_0_and_log_2(p, q):
    assert jsd(p, q).item() == pytest.approx(jsd(q, p).item(), abs=1e-14)
    assert -1e-14 <= jsd(p, q) <= math.log(2) + 1e-14
    # Lin 1991 above, Pinsker below.
    assert jsd(p, q) <= math.log(2) * total_variation(p, q) + 1e-14
    assert total_variation(p, q) ** 2 / 2 <= jsd(p, q) + 1e-14


@pairs
def test_kl_is_infinite_exactly_if_mass_is_missing(p, q):
    assert kl(p, q) >= -1e-14
    assert math.isinf(kl(p, q)) == bool(((p > 0) & (q == 0)).any())


# A worker that has trained before flushes subnormal numbers to zero, which hypothesis refuses.
@given(
    distributions(),
    distributions(),
    st.lists(st.floats(-50, 50, allow_subnormal=False), min_size=6, max_size=6),
)
def test_no_d_exceeds_the_optimal_one(p, q, logits):
    logits = torch.tensor(logits, dtype=torch.float64)
    assert value(logits, p, q) <= criterion(p, q) + 1e-12


@given(distributions(), distributions(), distributions(), st.floats(0, 1, allow_subnormal=False))
def test_c_is_convex_in_p_g(p, one, other, t):
    chord = (1 - t) * criterion(p, one) + t * criterion(p, other)
    assert criterion(p, (1 - t) * one + t * other) <= chord + 1e-12


@settings(max_examples=20, deadline=None)
@given(distributions(), st.integers(0, 2**32), st.floats(0.05, 1))
def test_descent_never_increases_c_at_rates_up_to_1(p, seed, rate):
    start = random_masses(6, torch.Generator().manual_seed(seed))
    descent = descend(p, start, steps=20, rate=rate)
    assert (descent.criterion.diff() <= 1e-12).all()
    torch.testing.assert_close(descent.path.sum(1), torch.ones(21, dtype=torch.float64))
    assert kl(p, descent.path[-1]) <= kl(p, start) + 1e-12


def test_the_gradient_with_d_fixed_is_log_1_minus_d():
    p, q = (random_masses(5, torch.Generator().manual_seed(seed)) for seed in (0, 1))
    torch.testing.assert_close(gradient(p, q), (q / (p + q)).log())


def test_at_rate_1_a_step_is_the_mean_of_p_g_and_p_data():
    """exp(-log(p_g/(p_g + p_data))) p_g = p_g + p_data for any p_g and p_data."""
    p, q = (random_masses(5, torch.Generator().manual_seed(seed)) for seed in (0, 1))
    torch.testing.assert_close(descend(p, q, steps=1, rate=1.0).path[1], (p + q) / 2)


def test_pairs_of_independent_samples():
    p, q = torch.tensor([0.25, 0.75]), torch.tensor([0.5, 0.5])
    torch.testing.assert_close(on_pairs(p, q), torch.tensor([0.125, 0.125, 0.375, 0.375]))


def test_log_ratio_of_zero_probabilities():
    p, q = torch.tensor([0.5, 0.5, 0.0, 0.0]), torch.tensor([0.5, 0.0, 0.5, 0.0])
    assert log_ratio(p.log(), q.log()).sigmoid().tolist() == [0.5, 1.0, 0.0, 0.5]


@pytest.mark.parametrize("seed", range(5))
def test_both_quadratures_integrate_a_mixture_to_1(seed):
    density = random_mixture(torch.Generator().manual_seed(seed))
    box = cover(density)
    for grid in (midpoints(box, 4000), gauss_legendre(box, 400)):
        assert grid.masses(density).sum().item() == pytest.approx(1, abs=1e-12)


def test_divergence_of_gaussians_matches_the_formula():
    p, q = gaussian_mixture([0.0], 1.0), gaussian_mixture([1.5], 0.5)
    grid = gauss_legendre(cover(p, q), 400)
    exact = math.log(0.5 / 1.0) + (1 + 1.5**2) / (2 * 0.5**2) - 0.5
    assert kl(grid.masses(p), grid.masses(q)).item() == pytest.approx(exact, abs=1e-9)


def test_divergence_of_overlapping_intervals():
    """U(0, 2) and U(1, 3): D* is 1, ½, 0, so that C = ½ log ½ + ½ log ½."""
    p, q = intervals((0.0, 2.0)), intervals((1.0, 3.0))
    grid = midpoints(cover(p, q), 600)
    assert criterion(grid.masses(p), grid.masses(q)).item() == pytest.approx(-math.log(2))


def test_quadrature_in_the_plane():
    density = gaussian_mixture([[0.0, 1.0], [2.0, -1.0]], [0.4, 0.6])
    grid = midpoints(cover(density), 300)
    assert grid.points.shape == (90_000, 2)
    assert grid.masses(density).sum().item() == pytest.approx(1, abs=1e-9)
