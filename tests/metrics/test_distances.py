import pytest
import torch

from forgery.errors import ForgeryError
from forgery.metrics import distances
from forgery.metrics.distances import kth_neighbour, nearest, squared_distance_blocks


@pytest.fixture
def points():
    random = torch.Generator().manual_seed(0)
    return (
        torch.randn(37, 5, generator=random, dtype=torch.float64),
        torch.randn(23, 5, generator=random, dtype=torch.float64),
    )


@pytest.mark.parametrize("entries", [1, 23, 50, 1 << 24])
def test_blocks_form_the_whole_matrix(points, entries, monkeypatch):
    monkeypatch.setattr(distances, "BLOCK", entries)
    a, b = points
    whole = torch.cat([block for _, block in squared_distance_blocks(a, b)])
    torch.testing.assert_close(whole, (a[:, None] - b[None]).square().sum(2))


def test_a_block_is_no_larger_than_stated(points, monkeypatch):
    monkeypatch.setattr(distances, "BLOCK", 50)
    assert all(block.numel() <= 50 for _, block in squared_distance_blocks(*points))


def test_cancellation_far_from_the_origin_is_small(points):
    # Cancellation in the matrix product: an error of 1e-16·(1e4)² in 1.
    a, b = points
    whole = torch.cat([block for _, block in squared_distance_blocks(a + 1e4, b + 1e4)])
    torch.testing.assert_close(whole, (a[:, None] - b[None]).square().sum(2), atol=1e-6, rtol=0)
    assert (whole >= 0).all()


@pytest.mark.parametrize("k", [1, 3, 36])
def test_kth_neighbour_is_another_point(points, k, monkeypatch):
    monkeypatch.setattr(distances, "BLOCK", 100)
    a, _ = points
    whole = (a[:, None] - a[None]).square().sum(2)
    torch.testing.assert_close(kth_neighbour(a, k), whole.sort(1).values[:, k])


def test_a_duplicate_is_a_neighbour(points):
    a, _ = points
    assert kth_neighbour(a.repeat(2, 1), 1).max() < 1e-12


def test_nearest(points, monkeypatch):
    monkeypatch.setattr(distances, "BLOCK", 100)
    a, b = points
    torch.testing.assert_close(nearest(a, b), (a[:, None] - b[None]).square().sum(2).min(1).values)


@pytest.mark.parametrize("k", [0, 37, 40])
def test_refuses_more_neighbours_than_there_are(points, k):
    with pytest.raises(ForgeryError, match=rf"real: .* got k = {k} and"):
        kth_neighbour(points[0], k, "real")
