"""What a statement comes to when it is computed."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class Check:
    """A claim beside what was computed.

    An inequality, or a claim about many cases, is put as a number that must be small: the worst
    deviation, or how many cases break it.

    Parameters
    ----------
    claim:
        What is said to be so, and what the number is.
    expected, measured:
        What the claim says, and what came out.
    tolerance:
        How far apart the two may be.
    """

    claim: str
    expected: float
    measured: float
    tolerance: float

    @property
    def holds(self) -> bool:
        """Whether measured lies within the tolerance of expected; NaN does not."""
        return abs(self.measured - self.expected) <= self.tolerance


@dataclass(frozen=True)
class Evidence:
    """The checks of one statement, and the picture of what was computed."""

    checks: list[Check]
    draw: "Callable[[], Figure]"
