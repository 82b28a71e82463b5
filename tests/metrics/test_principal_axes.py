import torch

from forgery.metrics import principal_axes


def test_axes_are_those_of_largest_variance_in_decreasing_order():
    random = torch.Generator().manual_seed(0)
    features = torch.randn(500, 5, generator=random) * torch.tensor([1.0, 9.0, 3.0, 0.1, 0.2]) + 7
    axes = principal_axes(features, 3)
    assert axes.directions.shape == (5, 3)
    assert axes.directions.abs().argmax(0).tolist() == [1, 2, 0]
    torch.testing.assert_close(axes.directions.T @ axes.directions, torch.eye(3).double())
    projected = axes.project(features)
    assert projected.dtype == torch.float64
    torch.testing.assert_close(projected.mean(0), torch.zeros(3).double(), atol=1e-6, rtol=0)
    torch.testing.assert_close(projected.std(0, unbiased=False), torch.ones(3).double())
    assert (axes.deviations.diff() < 0).all()


def test_all_axes_keep_all_distances_but_for_their_scale():
    features = torch.randn(20, 4, generator=torch.Generator().manual_seed(1)).double()
    axes = principal_axes(features, 64)
    projected = axes.project(features) * axes.deviations
    assert projected.shape == (20, 4)
    torch.testing.assert_close(torch.cdist(projected, projected), torch.cdist(features, features))


def test_features_that_hardly_vary_stay_finite():
    assert (principal_axes(torch.ones(20, 4), 3).project(torch.ones(5, 4)) == 0).all()
    flat = torch.randn(20, 4, generator=torch.Generator().manual_seed(1)) * torch.tensor(
        [1, 0, 0, 0]
    )
    assert principal_axes(flat, 3).project(flat + 1e-9).abs().max() < 10
