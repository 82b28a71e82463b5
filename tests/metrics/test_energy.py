import pytest
import torch

from forgery.errors import ForgeryError
from forgery.metrics import energy_distance


def test_equals_the_definition():
    random = torch.Generator().manual_seed(0)
    x, y = torch.rand(30, 2, 3, generator=random), torch.rand(40, 2, 3, generator=random) + 0.5
    a, b = x.flatten(1).double(), y.flatten(1).double()
    expected = 2 * torch.cdist(a, b).mean() - torch.cdist(a, a).mean() - torch.cdist(b, b).mean()
    # A sample's distance to itself is rounded to 1e-8 instead of 0.
    assert energy_distance(x, y) == pytest.approx(expected.item(), abs=1e-6)
    assert energy_distance(x, y) > 0.1
    assert energy_distance(x, x) == pytest.approx(0, abs=1e-6)


def test_two_points():
    assert energy_distance(torch.zeros(1, 2), torch.tensor([[3.0, 4.0]])) == pytest.approx(10)


def test_other_sizes_and_nonfinite_values_are_refused():
    with pytest.raises(ForgeryError, match="the same size"):
        energy_distance(torch.zeros(2, 3), torch.zeros(2, 4))
    with pytest.raises(ForgeryError, match="non-finite"):
        energy_distance(torch.full((2, 3), torch.nan), torch.zeros(2, 3))
