import pytest
import torch

from forgery.data.mnist import mnist
from forgery.errors import ForgeryError
from forgery.metrics import detect_memorisation

TRAIN = mnist("train").values[:5000]
HELD_OUT = mnist("test").values[:1000]
FRESH = mnist("test").values[1000:2000]


def test_a_copy_of_the_training_set_is_flagged():
    result = detect_memorisation(TRAIN[:1000], TRAIN, HELD_OUT)
    assert result.near == 1
    assert result.median_ratio == pytest.approx(0, abs=1e-6)
    assert result.flagged


def test_a_copy_with_a_little_noise_is_flagged():
    random = torch.Generator().manual_seed(0)
    noisy = TRAIN[:500] + 5 * torch.randn(500, 1, 28, 28, generator=random)
    assert detect_memorisation(noisy, TRAIN, HELD_OUT).flagged


def test_one_copy_in_five_is_flagged():
    samples = torch.cat([TRAIN[:200], FRESH[:800]])
    result = detect_memorisation(samples, TRAIN, HELD_OUT)
    assert result.near == pytest.approx(0.2 + 0.8 * 0.01, abs=0.02)
    assert result.flagged


def test_held_out_data_is_not_flagged():
    result = detect_memorisation(FRESH, TRAIN, HELD_OUT)
    assert result.near == pytest.approx(0.01, abs=0.015)  # three standard errors
    assert result.median_ratio == pytest.approx(1, abs=0.1)
    assert not result.flagged


def test_noise_is_not_flagged():
    random = torch.Generator().manual_seed(0)
    noise = torch.randint(0, 256, (200, 1, 28, 28), generator=random)
    result = detect_memorisation(noise, TRAIN, HELD_OUT)
    assert result.near == 0
    assert result.median_ratio > 1.2
    assert not result.flagged


def test_a_few_samples_are_not_flagged_by_chance():
    assert not detect_memorisation(torch.cat([FRESH[:9], TRAIN[:1]]), TRAIN, HELD_OUT).flagged


def test_refuses_too_few_held_out():
    with pytest.raises(ForgeryError, match=r"held_out: .* at least 100 samples, got 99"):
        detect_memorisation(FRESH, TRAIN, HELD_OUT[:99])


def test_refuses_non_finite_and_other_sizes():
    bad = FRESH[:3].float()
    bad[1, 0, 0, 0] = torch.nan
    with pytest.raises(ForgeryError, match="samples: 1 of 3 samples have non-finite values"):
        detect_memorisation(bad, TRAIN, HELD_OUT)
    with pytest.raises(ForgeryError, match="got samples of 196 values and train of 784"):
        detect_memorisation(torch.zeros(3, 1, 14, 14), TRAIN, HELD_OUT)
