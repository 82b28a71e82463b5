import math

import pytest

from forgery.numbers import digits, plus_minus


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (1.3456, "1.35"), (1350.4, "1350"), (0.012345, "0.0123"), (0, "0.00"), (99.96, "100"),
        (999.6, "1000"), (-12.345, "-12.3"), (1e-7, "1e-07"), (2.5e12, "2.5e+12"),
        (math.inf, "inf"), (math.nan, "nan"),
    ],
)  # fmt: skip
def test_digits(value, expected):
    assert digits(value) == expected


@pytest.mark.parametrize(
    ("mean", "error", "expected"),
    [
        (1822.4, 104.0, "1822 ± 100"), (6.3, 0.51, "6.30 ± 0.51"), (0.98, 0.0123, "0.980 ± 0.012"),
        (7.0, math.nan, "7.000"), (7.0, 0.0, "7 ± 0"), (20.4, 9.96, "20 ± 10"),
    ],
)  # fmt: skip
def test_a_mean_has_the_digits_of_its_error(mean, error, expected):
    assert plus_minus(mean, error) == expected
