"""Results of the statements, each computed at most once for all tests in this folder."""

import sys
from functools import partial

import pytest

from forgery.theory import STATEMENTS, Evidence
from forgery.theory.discriminator import train_discriminator


class Results(dict[str, Evidence]):
    """Computes a statement on first access, training networks for three steps only."""

    def __missing__(self, name: str) -> Evidence:
        of_line, of_d, of_capacity = (
            sys.modules[f"forgery.theory.{module}"]
            for module in ("game_on_a_line", "optimal_discriminator", "capacity")
        )
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(of_line, "D_ALONE", 3)
            patch.setattr(of_line, "STEPS", 3)
            patch.setattr(of_capacity, "STEPS", 3)
            patch.setattr(of_d, "train_discriminator", partial(train_discriminator, steps=3))
            self[name] = STATEMENTS[name]()
        return self[name]


@pytest.fixture(scope="session")
def results() -> Results:
    return Results()
