import pytest
import torch

from forgery.errors import ForgeryError
from forgery.metrics import FeatureStatistics, feature_statistics, frechet_distance


def correlated(count, dimensions, seed, scale=1.0, shift=0.0):
    random = torch.Generator().manual_seed(seed)
    mixing = torch.randn(dimensions, dimensions, generator=random)
    return torch.randn(count, dimensions, generator=random) @ mixing * scale + shift


def gaussian(mean, covariance):
    return FeatureStatistics(
        torch.tensor(mean, dtype=torch.float64), torch.tensor(covariance, dtype=torch.float64), 100
    )


def test_statistics_match_torch():
    features = correlated(50, 4, seed=0)
    statistics = feature_statistics(features)
    torch.testing.assert_close(statistics.mean, features.double().mean(0))
    torch.testing.assert_close(statistics.covariance, features.double().T.cov())
    assert statistics.count == 50


def test_agrees_with_torchmetrics(torchmetrics):
    compute = torchmetrics("image.fid", "_compute_fid")
    for dimensions in (2, 20, 100):
        a = feature_statistics(correlated(500, dimensions, seed=1))
        b = feature_statistics(correlated(600, dimensions, seed=2, scale=1.3, shift=0.5))
        expected = compute(a.mean, a.covariance, b.mean, b.covariance).item()
        assert frechet_distance(a, b) == pytest.approx(expected, rel=1e-4)


def test_closed_form_of_axis_aligned_gaussians():
    a = gaussian([0.0, 1.0], [[4.0, 0.0], [0.0, 1.0]])
    b = gaussian([3.0, 1.0], [[9.0, 0.0], [0.0, 0.25]])
    # (0 − 3)² + (2 − 3)² + (1 − ½)²
    assert frechet_distance(a, b) == pytest.approx(10.25, rel=1e-12)


def test_symmetric_and_zero_between_equal_sets():
    a = feature_statistics(correlated(300, 30, seed=3))
    b = feature_statistics(correlated(300, 30, seed=4))
    assert frechet_distance(a, b) == pytest.approx(frechet_distance(b, a), rel=1e-9)
    assert frechet_distance(a, a) == pytest.approx(0, abs=1e-9 * a.covariance.trace().item())


def test_a_shift_adds_its_square():
    features = correlated(300, 10, seed=5)
    moved = frechet_distance(feature_statistics(features), feature_statistics(features + 2))
    assert moved == pytest.approx(10 * 4, rel=1e-4)  # the shift itself is rounded to float32


def test_singular_covariances_stay_exact():
    # Constant and repeated features: Σ₁Σ₂ has a null space, where roots amplify rounding errors.
    features = correlated(400, 10, seed=6).double()
    padded = torch.cat([features, torch.zeros(400, 20), features[:, :5]], 1)
    other = correlated(400, 10, seed=7).double()
    others = torch.cat([other, torch.zeros(400, 20), other[:, :5]], 1)
    a, b = feature_statistics(padded), feature_statistics(others)
    narrow = frechet_distance(
        feature_statistics(torch.cat([features, features[:, :5]], 1)),
        feature_statistics(torch.cat([other, other[:, :5]], 1)),
    )
    assert frechet_distance(a, b) == pytest.approx(narrow, rel=1e-9)
    assert frechet_distance(a, a) == pytest.approx(0, abs=1e-9 * a.covariance.trace().item())


def test_collapsed_samples_are_distant():
    real = correlated(500, 8, seed=8)
    held_out = correlated(1000, 8, seed=8)[500:]
    collapsed = real.mean(0) + 1e-3 * held_out
    reference = feature_statistics(real)
    near = frechet_distance(reference, feature_statistics(held_out))
    far = frechet_distance(reference, feature_statistics(collapsed))
    assert far > 10 * near
    # Without variance, only Σ₁ remains.
    assert far == pytest.approx(reference.covariance.trace().item(), rel=0.05)


@pytest.mark.parametrize("count", [1, 5, 8])
def test_refuses_too_few_samples(count):
    with pytest.raises(ForgeryError, match=f"{count} samples of 8 dimensions"):
        feature_statistics(torch.randn(count, 8))


def test_refuses_bad_features():
    features = torch.zeros(20, 3)
    features[4, 1] = torch.nan
    with pytest.raises(ForgeryError, match="1 of 20 samples have non-finite values"):
        feature_statistics(features)


def test_refuses_different_dimensions():
    a = feature_statistics(correlated(20, 3, seed=0))
    b = feature_statistics(correlated(20, 4, seed=0))
    with pytest.raises(ForgeryError, match="same dimension, got 3 and 4"):
        frechet_distance(a, b)
