"""The propositions of "Generative Adversarial Nets" (Goodfellow et al. 2014) as computations.

Each statement is a function that computes what the paper says and returns
:class:`~.check.Evidence`: claims, each with what was expected, what was measured and the tolerance
between them, and a figure. Its docstring is its section of docs/theory.md. One table feeds
``forgery theory``, the tests and that page; a new statement is one function and a line in it.
"""

from collections.abc import Callable

from .capacity import capacity
from .check import Check, Evidence
from .convergence import proposition_2
from .game_on_a_line import figure_1
from .global_optimum import theorem_1
from .gradients import gradients
from .objectives import objectives
from .optimal_discriminator import proposition_1
from .page import title, write

__all__ = ["STATEMENTS", "Check", "Evidence", "title", "write"]

#: In the paper's order.
STATEMENTS: dict[str, Callable[[], Evidence]] = {
    "figure-1": figure_1,
    "gradients": gradients,
    "proposition-1": proposition_1,
    "theorem-1": theorem_1,
    "capacity": capacity,
    "proposition-2": proposition_2,
    "objectives": objectives,
}
