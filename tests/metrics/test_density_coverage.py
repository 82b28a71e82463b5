import numpy as np
import pytest
import torch

from forgery.errors import ForgeryError
from forgery.metrics import density_and_coverage, distances


def normal(count, dimensions, seed):
    return torch.randn(count, dimensions, generator=torch.Generator().manual_seed(seed))


def literal(real, generated, k):
    """The definition, evaluated point by point."""
    real, generated = real.double().numpy(), generated.double().numpy()
    inside, covered = 0, 0
    for centre in real:
        radius = sorted(np.linalg.norm(real - centre, axis=1))[k]
        within = (np.linalg.norm(generated - centre, axis=1) < radius).sum()
        inside += within
        covered += within > 0
    return inside / (k * len(generated)), covered / len(real)


@pytest.mark.parametrize("k", [1, 5])
@pytest.mark.parametrize("entries", [1000, 1 << 24])
def test_agrees_with_the_definition(k, entries, monkeypatch):
    monkeypatch.setattr(distances, "BLOCK", entries)
    real, generated = normal(150, 6, 0), 0.8 * normal(120, 6, 1) + 0.4
    result = density_and_coverage(real, generated, k)
    assert (result.density, result.coverage) == pytest.approx(literal(real, generated, k))
    assert 0 < result.coverage < 1


@pytest.mark.slow
def test_published_check_value():
    """N(0, I₁₀₀₀), 10,000 of each: 1.056 and .974 (clovaai/generative-evaluation-prdc, k = 5).

    Density moves by some .05 from draw to draw, a few hubs being in most balls; coverage hardly.
    """
    result = density_and_coverage(normal(10_000, 1000, 0), normal(10_000, 1000, 1))
    assert result.density == pytest.approx(1.056, abs=0.15)
    assert result.coverage == pytest.approx(0.974, abs=0.01)


def test_collapse_has_high_density_and_low_coverage():
    real = normal(1000, 8, 0)
    centre = real[real.norm(dim=1).argmin()]
    result = density_and_coverage(real, centre + 0.01 * normal(500, 8, 1))
    assert result.density > 1
    assert result.coverage < 0.2


def test_noise_has_low_density():
    result = density_and_coverage(normal(1000, 8, 0), 10 * normal(1000, 8, 1))
    assert result.density < 0.05


def test_a_point_at_the_radius_is_outside():
    # Integers, so that distances are exact: each radius for k = 1 is 1.
    real = torch.tensor([[0.0], [1.0]])
    result = density_and_coverage(real, torch.tensor([[2.0], [3.0]]), k=1)
    assert (result.density, result.coverage) == (0, 0)
    result = density_and_coverage(real, torch.tensor([[0.5], [3.0]]), k=1)
    assert (result.density, result.coverage) == (1, 1)


def test_refuses_too_few_and_non_finite():
    with pytest.raises(ForgeryError, match=r"real: .* got k = 5 and"):
        density_and_coverage(normal(5, 2, 0), normal(10, 2, 1))
    bad = normal(10, 2, 0)
    bad[3] = torch.inf
    with pytest.raises(ForgeryError, match="real: 1 of 10 samples have non-finite values"):
        density_and_coverage(bad, normal(10, 2, 1))
    assert (
        density_and_coverage(normal(10, 2, 0), normal(1, 2, 1)).density >= 0
    )  # one sample is enough
