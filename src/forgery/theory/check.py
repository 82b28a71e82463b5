"""The results of checking a statement numerically."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class Check:
    """A claim and its measured value.

    An inequality, or a claim about many cases, is stated as a number that must be small: the worst
    deviation, or the number of violations.

    Parameters
    ----------
    claim:
        The claim, and what the number is.
    expected, measured:
        The value according to the claim, and the computed value.
    tolerance:
        Largest allowed absolute difference between the two.
    """

    claim: str
    expected: float
    measured: float
    tolerance: float

    @property
    def holds(self) -> bool:
        """Whether ``measured`` is within the tolerance of ``expected``; False for NaN."""
        return abs(self.measured - self.expected) <= self.tolerance


@dataclass(frozen=True)
class Evidence:
    """The checks of a statement, and a function that draws its figure."""

    checks: list[Check]
    draw: "Callable[[], Figure]"
