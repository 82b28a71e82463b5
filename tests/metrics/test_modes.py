import math

import pytest
import torch

from forgery import ForgeryError
from forgery.data.densities import DENSITIES
from forgery.metrics import grid_divergence, mode_coverage

MODES = torch.tensor([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]])


def test_a_mode_counts_with_one_sample_within_three_standard_deviations():
    samples = torch.tensor([[0.0, 0.02], [0.0, 0.0299], [1.0, 0.031], [0.5, 0.5]])
    reached = mode_coverage(samples, MODES, 0.01)
    assert reached.covered == 1
    assert reached.counts.tolist() == [2, 0, 0]
    assert reached.high_quality == 0.5
    assert mode_coverage(samples, MODES, 0.01, within=4).covered == 2


def test_samples_of_the_density_cover_its_modes():
    ring = DENSITIES["ring8"]()
    samples = ring.sample(2500, torch.Generator().manual_seed(0))
    reached = mode_coverage(samples, ring.modes, ring.mode_std)
    assert reached.covered == 8
    # In two dimensions 1 - exp(-9/2) = 98.9 % lie within three standard deviations.
    assert reached.high_quality == pytest.approx(1 - math.exp(-4.5), abs=0.008)


EDGES = [torch.linspace(0, 1, 5)]
HALVES = torch.tensor([0.5, 0.5, 0.0, 0.0], dtype=torch.float64)


def test_equal_histograms_have_divergence_zero():
    samples = torch.tensor([0.1, 0.1, 0.3, 0.3])[:, None]
    divergence = grid_divergence(HALVES, samples, EDGES, smoothing=0)
    assert divergence.jsd == pytest.approx(0, abs=1e-12)
    assert divergence.kl == pytest.approx(0, abs=1e-12)


def test_disjoint_samples_have_divergence_log_two():
    for x in (0.6, 0.9, 7.0, -1.0):
        samples = torch.full((4, 1), x)
        assert grid_divergence(HALVES, samples, EDGES).jsd == pytest.approx(math.log(2))


def test_divergence_of_a_missing_half():
    samples = torch.full((8, 1), 0.1)
    divergence = grid_divergence(HALVES, samples, EDGES, smoothing=0.01)
    by_hand = 0.5 * (0.5 * math.log(0.5 / 0.75) + 0.5 * math.log(0.5 / 0.25)) + 0.5 * math.log(
        1 / 0.75
    )
    assert divergence.jsd == pytest.approx(by_hand)
    total = 8 + 5 * 0.01
    by_hand = 0.5 * math.log(0.5 * total / 8.01) + 0.5 * math.log(0.5 * total / 0.01)
    assert divergence.kl == pytest.approx(by_hand)


def test_mismatched_grids_are_refused():
    with pytest.raises(ForgeryError, match=r"expected masses \[4\]"):
        grid_divergence(HALVES, torch.zeros(4, 2), EDGES)


def test_modes_of_several_widths():
    """The bundled line has modes of σ .6 and .3: between them is no mode."""
    line = DENSITIES["line"]()
    between = torch.full((50, 1), 0.4)  # 3.7 σ from the nearest mode
    assert mode_coverage(between, line.modes, line.mode_std).high_quality == 0
    real = line.sample(5000, torch.Generator().manual_seed(0))
    assert mode_coverage(real, line.modes, line.mode_std).high_quality > 0.98
