import math

import pytest
import torch

from forgery import ForgeryError, data
from forgery.data.densities import DENSITIES, Boxes, Mixture


def fine_grid(density, cells):
    low, high = density.bounds
    edges = [
        torch.linspace(a, b, cells + 1, dtype=torch.float64) for a, b in zip(low, high, strict=True)
    ]
    middles = [(edge[1:] + edge[:-1]) / 2 for edge in edges]
    points = torch.cartesian_prod(*middles).view(-1, density.dimensions)
    return edges, points, ((high - low) / cells).prod()


@pytest.mark.parametrize("name", DENSITIES)
def test_every_density_integrates_to_one_and_agrees_with_its_cell_masses(name):
    density = DENSITIES[name]()
    cells = 2000 if density.dimensions == 1 else 256
    edges, points, area = fine_grid(density, cells)
    masses = density.cell_masses(edges)
    assert masses.sum().item() == pytest.approx(1, abs=1e-5)
    if name == "ring8":  # components narrower than these cells: only cell masses are exact
        return
    by_midpoint = density.log_density(points).exp() * area
    # The midpoint rule is inexact for narrow components and for edges inside a cell.
    assert (by_midpoint - masses.flatten()).abs().sum().item() < 0.03


@pytest.mark.parametrize("name", DENSITIES)
def test_samples_follow_the_density(name):
    density = DENSITIES[name]()
    points = density.sample(20_000, torch.Generator().manual_seed(0))
    assert points.shape == (20_000, density.dimensions)
    edges, _, _ = fine_grid(density, 4)
    masses = density.cell_masses(edges)
    index = [torch.bucketize(points[:, d].contiguous(), edge[1:-1]) for d, edge in enumerate(edges)]
    counts = torch.zeros_like(masses).index_put(
        tuple(index), torch.ones(20_000, dtype=torch.float64), accumulate=True
    )
    # Five standard errors of a count, plus the few samples outside the bounds.
    error = 5 * (masses * (1 - masses) / 20_000).sqrt() + 1e-4
    assert ((counts / 20_000 - masses).abs() <= error).all()


def test_a_normal_density_matches_the_formula():
    density = Mixture(torch.tensor([[1.0, -2.0]], dtype=torch.float64), 0.5)
    x = torch.tensor([[1.0, -2.0], [2.0, -2.0]])
    peak = -math.log(2 * math.pi * 0.25)
    assert density.log_density(x).tolist() == pytest.approx([peak, peak - 2])


def test_modes_of_ring_and_grid():
    ring, grid = DENSITIES["ring8"](), DENSITIES["grid25"]()
    assert len(ring.modes) == 8
    assert len(torch.unique(ring.modes.round(decimals=6), dim=0)) == 8  # not seven and one twice
    assert ring.modes.norm(dim=1).tolist() == pytest.approx([1] * 8)
    assert ring.mode_std == 0.01
    assert len(grid.modes) == 25
    assert grid.modes.abs().max() == 4
    assert grid.mode_std == 0.05
    assert DENSITIES["moons"]().modes is None


def test_a_uniform_density_is_zero_outside_its_boxes():
    density = DENSITIES["disjoint"]()
    x = torch.tensor([[0.0, 0.0], [1.5, 0.0], [-1.5, 0.6]])
    assert density.log_density(x).tolist() == [-math.inf, pytest.approx(-math.log(2)), -math.inf]


def test_densities_that_are_not_normalised_are_refused():
    means = torch.zeros(2, 1, dtype=torch.float64)
    with pytest.raises(ForgeryError, match=r"not normalised.*sum to 1, not 0.9"):
        Mixture(means, 1.0, [0.5, 0.4])
    with pytest.raises(ForgeryError, match="not normalised"):
        Mixture(means, 1.0, [1.5, -0.5])
    with pytest.raises(ForgeryError, match="one σ for each of the 2 means, got 3"):
        Mixture(means, [1.0, 1.0, 1.0])
    with pytest.raises(ForgeryError, match="above 0"):
        Mixture(means, [1.0, 0.0])
    with pytest.raises(ForgeryError, match="overlap"):
        Boxes(torch.tensor([[[0.0], [2.0]], [[1.0], [3.0]]], dtype=torch.float64))
    with pytest.raises(ForgeryError, match="below"):
        Boxes(torch.tensor([[[2.0], [0.0]]], dtype=torch.float64))


def test_data_is_deterministic_and_splits_differ():
    first, again, test = data.load("ring8"), data.load("ring8"), data.load("ring8", "test")
    assert first.fingerprint == again.fingerprint != test.fingerprint
    assert first.kind == "points"
    assert first.shape == (2,)
    assert first.density is not None
    with pytest.raises(ForgeryError, match="unknown split 'tets': did you mean 'test'"):
        data.load("ring8", "tets")
