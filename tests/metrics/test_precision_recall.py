import numpy as np
import pytest
import torch

from forgery.errors import ForgeryError
from forgery.metrics import distances, inside_manifold, precision_and_recall


def normal(count, dimensions, seed):
    return torch.randn(count, dimensions, generator=torch.Generator().manual_seed(seed))


def literal(real, generated, k):
    """The definition, evaluated point by point."""
    real, generated = real.double().numpy(), generated.double().numpy()

    def radii(points):
        distances = [sorted(np.linalg.norm(points - p, axis=1)) for p in points]
        return np.array([d[k] for d in distances])  # d[0] is the point itself

    def inside(points, centres, radius):
        return np.mean([(np.linalg.norm(centres - p, axis=1) <= radius).any() for p in points])

    precision = inside(generated, real, radii(real))
    recall = inside(real, generated, radii(generated))
    return precision, recall


@pytest.mark.parametrize("k", [1, 3])
@pytest.mark.parametrize("entries", [1000, 1 << 24])
def test_agrees_with_the_definition(k, entries, monkeypatch):
    monkeypatch.setattr(distances, "BLOCK", entries)
    real, generated = normal(150, 6, 0), 0.8 * normal(120, 6, 1) + 0.4
    result = precision_and_recall(real, generated, k)
    assert (result.precision, result.recall) == pytest.approx(literal(real, generated, k))
    assert 0 < result.recall < result.precision < 1


def test_inside_the_manifold():
    real = torch.tensor([[0.0], [1.0], [2.0], [10.0]])  # radii for k = 2: 2, 1, 2, 9
    samples = torch.tensor([[-2.0], [-2.1], [4.0], [19.0], [19.1]])
    assert inside_manifold(real, samples, k=2).tolist() == [True, False, True, True, False]
    with pytest.raises(ForgeryError, match="real: the k-th nearest neighbour needs"):
        inside_manifold(real[:3], samples)


@pytest.mark.slow
def test_published_check_value():
    """N(0, I₁₀₀₀), 10,000 of each: P .477, R .471 (clovaai/generative-evaluation-prdc, k = 5).

    From draw to draw either moves by some .01, a few hubs being in most balls.
    """
    result = precision_and_recall(normal(10_000, 1000, 0), normal(10_000, 1000, 1), k=5)
    assert result.precision == pytest.approx(0.477, abs=0.04)
    assert result.recall == pytest.approx(0.471, abs=0.04)


def test_collapse_has_high_precision_and_low_recall():
    real = normal(1000, 8, 0)
    collapsed = real[:5].repeat(100, 1) + 0.01 * normal(500, 8, 1)
    result = precision_and_recall(real, collapsed)
    assert result.precision > 0.95
    assert result.recall < 0.05


def test_noise_has_low_precision():
    result = precision_and_recall(normal(1000, 8, 0), 10 * normal(1000, 8, 1))
    assert result.precision < 0.05


def test_equal_sets_are_perfect():
    real = normal(200, 8, 0)
    result = precision_and_recall(real, real.clone())
    assert (result.precision, result.recall) == (1, 1)


def test_a_point_at_the_radius_is_inside():
    # Integers, so that distances are exact: each radius for k = 1 is 1, and so is each distance.
    real = torch.tensor([[0.0], [1.0]])
    generated = torch.tensor([[2.0], [3.0]])
    result = precision_and_recall(real, generated, k=1)
    assert (result.precision, result.recall) == (0.5, 0.5)


def test_refuses_too_few_and_non_finite():
    real, generated = normal(10, 2, 0), normal(3, 2, 1)
    with pytest.raises(ForgeryError, match=r"generated: .* got k = 3 and"):
        precision_and_recall(real, generated)
    generated[0] = torch.nan
    with pytest.raises(ForgeryError, match="generated: 1 of 3 samples have non-finite values"):
        precision_and_recall(real, generated)
