import pytest
import torch

from forgery.errors import ForgeryError
from forgery.metrics import count_nonfinite
from forgery.metrics.inputs import as_matching_rows, as_rows


def test_counts_samples_not_values():
    samples = torch.zeros(5, 1, 2, 2)
    samples[1] = torch.nan
    samples[3, 0, 0, 0] = torch.inf
    samples[4, 0, 1, 1] = -torch.inf
    assert count_nonfinite(samples) == 3
    assert count_nonfinite(torch.zeros(4, 3)) == 0
    assert count_nonfinite(torch.zeros(4, 3, dtype=torch.uint8)) == 0


def test_rows_are_float64_one_per_sample():
    rows = as_rows(torch.ones(3, 2, 4, requires_grad=True), "x")
    assert rows.shape == (3, 8)
    assert rows.dtype == torch.float64
    assert not rows.requires_grad


@pytest.mark.parametrize("shape", [(), (3,), (0, 4), (4, 0)])
def test_refuses_tensors_without_samples(shape):
    with pytest.raises(ForgeryError, match="expected samples"):
        as_rows(torch.zeros(shape), "features")


def test_says_how_many_samples_are_not_finite():
    samples = torch.zeros(4, 2)
    samples[2] = torch.nan
    with pytest.raises(ForgeryError, match="features: 1 of 4 samples have non-finite values"):
        as_rows(samples, "features")


def test_refuses_sets_of_different_size():
    with pytest.raises(ForgeryError, match="got real of 2 values and generated of 3"):
        as_matching_rows(torch.zeros(4, 2), torch.zeros(4, 3), ("real", "generated"))
