"""Every statement is computed at most once for all tests of this folder."""

import pytest

from forgery.theory import STATEMENTS, Evidence
from forgery.training.device import prepare_cpu


class Results(dict[str, Evidence]):
    """Computes a statement when it is first asked for: each worker what its own tests need."""

    def __missing__(self, name: str) -> Evidence:
        prepare_cpu(threads=1)
        self[name] = STATEMENTS[name]()
        return self[name]


@pytest.fixture(scope="session")
def results() -> Results:
    return Results()
