import pytest
import torch

from forgery.errors import ForgeryError
from forgery.metrics import kernel_distance
from forgery.metrics.kernel import mmd2


def normal(count, dimensions, seed, shift=0.0):
    random = torch.Generator().manual_seed(seed)
    return torch.randn(count, dimensions, generator=random, dtype=torch.float64) + shift


@pytest.mark.parametrize("dimensions", [2, 64])
def test_agrees_with_torchmetrics(torchmetrics, dimensions):
    poly_mmd = torchmetrics("image.kid", "poly_mmd")
    x, y = normal(200, dimensions, 0), normal(200, dimensions, 1, shift=0.5)
    assert mmd2(x, y) == pytest.approx(poly_mmd(x, y).item(), rel=1e-4)


def test_agrees_with_the_sum_over_pairs():
    x, y = normal(6, 3, 0), normal(5, 3, 1, shift=1)

    def k(a, b):
        return (float(a @ b) / 3 + 1) ** 3

    within_x = [k(x[i], x[j]) for i in range(6) for j in range(6) if i != j]
    within_y = [k(y[i], y[j]) for i in range(5) for j in range(5) if i != j]
    between = [k(a, b) for a in x for b in y]
    expected = sum(within_x) / 30 + sum(within_y) / 20 - 2 * sum(between) / 30
    assert mmd2(x, y) == pytest.approx(expected, rel=1e-12)


def test_near_zero_only_for_equal_distributions():
    real, same, other = normal(3000, 16, 0), normal(3000, 16, 1), normal(3000, 16, 2, shift=0.3)
    null = kernel_distance(real, same, subsets=20, subset_size=500)
    apart = kernel_distance(real, other, subsets=20, subset_size=500)
    # The subsets overlap, so that the mean of 20 is not √20 times more accurate than one.
    assert abs(null.mean) < 2 * null.std
    assert apart.mean > 10 * null.std


def test_same_seed_same_value():
    real, other = normal(500, 4, 0), normal(500, 4, 1)
    kwargs = {"subsets": 5, "subset_size": 100}
    assert kernel_distance(real, other, **kwargs) == kernel_distance(real, other, **kwargs)
    assert kernel_distance(real, other, **kwargs) != kernel_distance(real, other, seed=1, **kwargs)


def test_whole_set_as_the_subset_has_no_spread():
    real, other = normal(100, 4, 0), normal(100, 4, 1)
    result = kernel_distance(real, other, subsets=3, subset_size=100)
    assert result.mean == pytest.approx(mmd2(real, other), rel=1e-9)
    assert result.std == pytest.approx(0, abs=1e-12)


def test_refuses_fewer_samples_than_a_subset():
    with pytest.raises(ForgeryError, match=r"subsets of 1000 .* got 1500 real and 999"):
        kernel_distance(normal(1500, 4, 0), normal(999, 4, 1))


def test_refuses_non_finite():
    bad = normal(1000, 4, 1)
    bad[0, 0] = torch.inf
    with pytest.raises(ForgeryError, match="generated: 1 of 1000 samples have non-finite"):
        kernel_distance(normal(1000, 4, 0), bad)
