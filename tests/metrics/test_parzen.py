import math

import numpy as np
import pytest
import torch

from forgery.data.mnist import mnist
from forgery.errors import ForgeryError
from forgery.metrics import choose_sigma, distances, log_likelihood, parzen_likelihood
from forgery.metrics.parzen import SIGMAS


def pixels(count, seed, dimensions=784):
    random = torch.Generator().manual_seed(seed)
    return torch.rand(count, dimensions, generator=random).round(decimals=2)


def literal(samples, points, sigma):
    """logmeanexp(−½‖x − μ‖²/σ²) − d·log(σ√(2π)), one point at a time."""
    samples, points = samples.double().numpy(), points.double().numpy()
    result = []
    for x in points:
        exponents = -0.5 * (((x - samples) / sigma) ** 2).sum(1)
        highest = exponents.max()
        result.append(highest + np.log(np.exp(exponents - highest).mean()))
    return np.array(result) - samples.shape[1] * np.log(sigma * np.sqrt(2 * np.pi))


@pytest.mark.parametrize("sigma", [0.1, 0.167, 1.0])
@pytest.mark.parametrize("entries", [1000, 1 << 24])
def test_agrees_with_the_formula(sigma, entries, monkeypatch):
    monkeypatch.setattr(distances, "BLOCK", entries)
    samples, points = pixels(300, 0), pixels(40, 1)
    expected = literal(samples, points, sigma)
    np.testing.assert_allclose(log_likelihood(samples, points, sigma), expected, rtol=1e-6)


def test_agrees_on_points_that_are_samples():
    # Distances of 0, with complete cancellation in the matrix product.
    samples = mnist("test").values[:200] / 255
    expected = literal(samples.flatten(1), samples[:50].flatten(1), 0.1)
    np.testing.assert_allclose(log_likelihood(samples, samples[:50], 0.1), expected, rtol=1e-6)


def test_one_sample_is_one_gaussian():
    sample = torch.full((1, 2), 0.5)
    at_centre = log_likelihood(sample, sample, 0.2).item()
    assert at_centre == pytest.approx(-2 * math.log(0.2 * math.sqrt(2 * math.pi)))


def test_widths_are_the_papers():
    np.testing.assert_allclose(SIGMAS, np.logspace(-1, 0, 10))


def test_chooses_the_best_width_on_the_first_thousand():
    samples, valid = pixels(200, 0, dimensions=10), pixels(1500, 1, dimensions=10)
    valid[1000:] = 0  # must not be used
    means = [literal(samples, valid[:1000], sigma).mean() for sigma in SIGMAS]
    assert choose_sigma(samples, valid) == SIGMAS[int(np.argmax(means))]


@pytest.mark.slow
def test_real_data_matches_the_published_value():
    """10,000 random training images: σ .167, 243.6 ± 2.1 nats; here with 2,000 test points."""
    train = mnist("train50k").values
    chosen = torch.randperm(len(train), generator=torch.Generator().manual_seed(0))[:10_000]
    test = mnist("test").values[::5] / 255
    score = parzen_likelihood(train[chosen] / 255, mnist("valid10k").values[:1000] / 255, test)
    assert score.sigma == pytest.approx(0.167, abs=5e-4)
    # 2,000 test points have a standard error of 4.7 nats, and the 10,000 images are random too.
    assert score.mean == pytest.approx(243.6, abs=10)
    assert score.standard_error == pytest.approx(2.1 * math.sqrt(5), rel=0.1)


@pytest.mark.parametrize("sigma", [0.0, -1.0, math.nan, math.inf])
def test_refuses_a_width_that_is_not_positive(sigma):
    with pytest.raises(ForgeryError, match="expected a positive width"):
        log_likelihood(pixels(5, 0), pixels(5, 1), sigma)


def test_refuses_the_networks_range():
    with pytest.raises(ForgeryError, match=r"samples: .* pixels in \[0, 1\], got -"):
        log_likelihood(pixels(5, 0) * 2 - 1, pixels(5, 1), 0.1)
    with pytest.raises(ForgeryError, match=r"points: .* pixels in \[0, 1\]"):
        log_likelihood(pixels(5, 0), torch.full((5, 784), 255), 0.1)


def test_refuses_non_finite_and_other_sizes():
    bad = pixels(5, 0)
    bad[0, 0] = torch.nan
    with pytest.raises(ForgeryError, match="samples: 1 of 5 samples have non-finite values"):
        log_likelihood(bad, pixels(5, 1), 0.1)
    with pytest.raises(ForgeryError, match="got samples of 784 values and points of 10"):
        log_likelihood(pixels(5, 0), pixels(5, 1, dimensions=10), 0.1)
