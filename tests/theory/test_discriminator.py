import pytest
import torch

from forgery.theory.convergence import descend
from forgery.theory.discriminator import cosine, train_discriminator
from forgery.theory.divergence import criterion, value
from forgery.theory.optimal_discriminator import compare
from forgery.theory.pairs import PAIRS, gaussian_mixture, random_masses
from forgery.theory.quadrature import cover, midpoints


def test_same_seed_same_network():
    pair = PAIRS["two Gaussians"]
    one, two, other = (
        train_discriminator(*pair, width=4, depth=1, steps=20, seed=seed) for seed in (0, 0, 1)
    )
    x = torch.linspace(-3, 3, 20)[:, None]
    assert torch.equal(one(x), two(x))
    assert not torch.equal(one(x), other(x))


def test_an_untrained_d_is_not_optimal(monkeypatch):
    monkeypatch.setattr(
        "forgery.theory.optimal_discriminator.train_discriminator",
        lambda p, q: train_discriminator(p, q, steps=0),
    )
    assert compare(*PAIRS["two Gaussians"]).error > 0.1


def test_little_training_gives_a_valid_but_loose_bound():
    p, q = gaussian_mixture([0.0], 1.0), gaussian_mixture([2.0], 1.0)
    grid = midpoints(cover(p, q), 1000)
    masses = grid.masses(p), grid.masses(q)
    few, more = (
        value(train_discriminator(p, q, steps=steps)(grid.points.float()).double(), *masses)
        for steps in (3, 30)
    )
    assert few < more < criterion(*masses)


def test_the_cosine_decays_from_1_to_0():
    assert [cosine(x) for x in (0.0, 0.5, 1.0)] == pytest.approx([1, 0.5, 0])


def test_descent_stays_at_p_data():
    p = random_masses(5, torch.Generator().manual_seed(0))
    torch.testing.assert_close(descend(p, p, steps=3).path[-1], p)
