"""Formatting of numbers with a given precision, without an exponent where possible."""

import math


def digits(value: float, n: int = 3) -> str:
    """Format ``value`` with at least n significant digits: ``1.35``, ``1350``, ``0.012``.

    An exponent is used below 0.0001 and from 10⁹ on.
    """
    if not math.isfinite(value) or (value and not 1e-4 <= abs(value) < 1e9):
        return f"{value:.{n}g}"
    rounded = float(f"{value:.{n}g}")
    places = n - 1 - (math.floor(math.log10(abs(rounded))) if rounded else 0)
    return f"{value:.{max(0, places)}f}"


def plus_minus(mean: float, error: float) -> str:
    """Format a mean with its standard error in two digits: ``1822 ± 100``.

    If ``error`` is NaN, the mean stands alone.
    """
    if math.isnan(error):
        return digits(mean, 4)
    if not error or not math.isfinite(error):
        return f"{mean:.4g} ± {error:g}" if abs(mean) < 1000 else f"{mean:.0f} ± {error:g}"
    rounded = float(f"{error:.2g}")
    places = max(0, 1 - math.floor(math.log10(rounded)))
    return f"{mean:.{places}f} ± {rounded:.{places}f}"
