import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from forgery.errors import ForgeryError
from forgery.latent import line, sphere, through


def test_line_and_sphere_between_two_axes():
    a, b, half = torch.tensor([2.0, 0]), torch.tensor([0, 2.0]), torch.tensor(0.5)
    assert torch.allclose(line(a, b, half), torch.tensor([1.0, 1.0]))
    assert torch.allclose(sphere(a, b, half), torch.tensor([math.sqrt(2)] * 2))


@given(st.integers(0, 1000), st.floats(0, 1))
def test_the_sphere_interpolates_angle_and_length_linearly(seed, t):
    a, b = torch.randn(2, 10, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    z = sphere(a, b, torch.tensor(t, dtype=torch.float64))

    def angle(u, v):
        return (u @ v / u.norm() / v.norm()).clamp(-1, 1).acos().item()

    assert angle(a, z) == pytest.approx(t * angle(a, b), abs=1e-6)
    assert z.norm().item() == pytest.approx((1 - t) * a.norm().item() + t * b.norm().item())


def test_parallel_and_opposite_vectors_give_no_nan():
    a = torch.randn(6, generator=torch.Generator().manual_seed(0))
    t = torch.linspace(0, 1, 5)
    assert torch.allclose(sphere(a[None], 2 * a[None], t), line(a[None], 2 * a[None], t))
    assert sphere(a[None], -a[None], t).isfinite().all()
    assert sphere(a[None], torch.zeros(1, 6), t).isfinite().all()


@pytest.mark.parametrize("way", ["line", "sphere"])
def test_segments_are_connected(way):
    points = torch.randn(4, 5, generator=torch.Generator().manual_seed(1))
    rows = through(points, 6, way)
    assert rows.shape == (3, 7, 5)
    assert torch.allclose(rows[:, 0], points[:-1], atol=1e-6)
    assert torch.allclose(rows[:, -1], points[1:], atol=1e-6)


def test_an_unknown_way_is_refused():
    with pytest.raises(ForgeryError, match="unknown way 'spere': did you mean 'sphere'"):
        through(torch.zeros(2, 3), 1, "spere")
