"""Numerical checks of "Generative Adversarial Nets" (Goodfellow et al. 2014).

Each statement of the paper is a function that returns :class:`~.check.Evidence`: claims with
expected value, measured value and tolerance, and a figure. Its docstring is its section of
docs/theory.md. ``forgery theory``, the tests and that page all use :data:`STATEMENTS`; to add a
statement, write a function and add a line to the table.
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
from .page import make_folder, prose, title, write

__all__ = ["STATEMENTS", "Check", "Evidence", "make_folder", "prose", "title", "write"]

#: Name → statement, in the paper's order.
STATEMENTS: dict[str, Callable[[], Evidence]] = {
    "figure-1": figure_1,
    "gradients": gradients,
    "proposition-1": proposition_1,
    "theorem-1": theorem_1,
    "capacity": capacity,
    "proposition-2": proposition_2,
    "objectives": objectives,
}
