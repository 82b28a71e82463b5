"""docs/theory.md: every statement with its figure and what was measured, written by the program."""

import inspect
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from ..errors import ForgeryError
from .check import Check, Evidence

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Statement = Callable[[], Evidence]

#: Name of the page in its folder; the figures lie in images/ beside it.
PAGE = "theory.md"
COLUMNS = ("claim", "expected", "measured", "tolerance", "holds")

_OPENING = """\
# The theory, computed

What "Generative Adversarial Nets" (Goodfellow et al. 2014) proves or remarks, in its order, each
statement computed by the code that trains GANs here. This page, its numbers and its figures are
written by

    forgery theory --out docs

An inequality is stated as a number that must be 0: how many of the cases tried break it. p_data is
the distribution of the data, p_g that of G's samples; D's logit is log(D/(1 - D)). Divergences are
in nats.
"""


def title(statement: Statement) -> str:
    """The first line of a statement's docstring."""
    return (inspect.getdoc(statement) or "").splitlines()[0]


def figure_name(name: str) -> str:
    """Of the statement of that name, relative to the page."""
    return f"images/theory-{name}.png"


def row(check: Check) -> list[str]:
    """A check as a row under :data:`COLUMNS`."""
    digits = 7 if check.expected else 3  # a deviation is a matter of its size
    measured = f"{check.measured:.{digits}g}"
    holds = "yes" if check.holds else "NO"
    return [check.claim, f"{check.expected:.7g}", measured, f"{check.tolerance:g}", holds]


def page(statements: Mapping[str, Statement], results: Mapping[str, Evidence]) -> str:
    """The whole page, in Markdown."""
    sections = [_OPENING]
    for name, evidence in results.items():
        heading, _, prose = (inspect.getdoc(statements[name]) or "").partition("\n")
        lines = [COLUMNS, ("---",) * len(COLUMNS), *(row(check) for check in evidence.checks)]
        sections += [
            f"## {heading}",
            prose.strip(),
            f"![{heading}]({figure_name(name)})",
            "\n".join(f"| {' | '.join(line)} |" for line in lines),
        ]
    return "\n\n".join(section.strip() for section in sections) + "\n"


def write(
    folder: Path, statements: Mapping[str, Statement], results: Mapping[str, Evidence]
) -> list[Path]:
    """Draw the figures in ``folder/images``, and write the page if no statement is missing.

    Returns
    -------
    list
        The files written.

    Raises
    ------
    ForgeryError
        When the folder cannot be written to.
    """
    written = []
    try:
        (folder / "images").mkdir(parents=True, exist_ok=True)
        for name, evidence in results.items():
            written.append(folder / figure_name(name))
            _save(evidence.draw(), written[-1])
        if results.keys() == statements.keys():
            written.append(folder / PAGE)
            written[-1].write_text(page(statements, results), encoding="utf-8")
    except OSError as error:
        raise ForgeryError(f"cannot write to {folder}: {error.strerror or error}") from error
    return written


def _save(figure: "Figure", target: Path) -> None:
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    figure.set_dpi(100)
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    picture = Image.fromarray(np.asarray(canvas.buffer_rgba())).convert("RGB")
    # A palette makes the file a third as large, and is enough for curves.
    picture.quantize(96, dither=Image.Dither.NONE).save(target, optimize=True)
