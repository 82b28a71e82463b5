"""``forgery arithmetic``"""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter
from cyclopts.types import NonNegativeInt, PositiveInt

from ._latent import Step, judge_for, numbers, open_space, say_how_good, writing

if TYPE_CHECKING:
    from ..latent import Exemplars, Share


def arithmetic(
    run: Path,
    expression: str | None = None,
    /,
    *,
    plus: list[str] | None = None,
    minus: list[str] | None = None,
    exemplars: PositiveInt = 3,
    samples: PositiveInt = 10_000,
    draws: PositiveInt = 200,
    noise: float = 0.25,
    seed: NonNegativeInt = 0,
    of_class: Annotated[str | None, Parameter(name="--class")] = None,
    out: Path = Path("arithmetic.png"),
    step: Step = None,
    device: str = "cpu",
) -> None:
    """Add and subtract concepts in z: man with glasses − man + woman.

    A classifier of the data's attributes (or classes) finds exemplars among samples, and judges
    how often the sum is what it should be. It is trained when it is first needed.

    Parameters
    ----------
    run:
        The run folder.
    expression:
        "man+glasses - man + woman": concepts with spaces around + and -; no-glasses for without.
    plus:
        Instead of an expression: numbers of samples whose mean is added (3,17,42). May be given
        several times.
    minus:
        Numbers of samples whose mean is subtracted. May be given several times.
    exemplars:
        How many z are averaged for each concept; the paper took 3.
    samples:
        How many samples are searched for exemplars.
    draws:
        How many sums are judged, each of exemplars of its own.
    noise:
        The eight neighbours are the sum with noise of up to this much added, in the paper's unit.
    seed:
        Of the samples and the noise.
    of_class:
        Of a conditional run: the class to draw.
    out:
        The figure.
    step:
        Another checkpoint than the newest: its step, or best.
    device:
        Where to draw: cpu, cuda …
    """
    from .. import latent, plots
    from ..errors import ForgeryError

    by_hand = [*((1, text) for text in plus or ()), *((-1, text) for text in minus or ())]
    if (expression is None) == (not by_hand):
        raise ForgeryError(
            "give either an expression ('man+glasses - man + woman') or samples by number "
            "(--plus 3,17,42 --minus 5,8,9)"
        )
    model, space = open_space(run, of_class, step, device)
    found = None
    if expression is None:
        chosen = [(sign, text, numbers(text, "--plus and --minus")) for sign, text in by_hand]
        terms = [(sign, text, space.numbered(rows, seed)) for sign, text, rows in chosen]
    else:
        judge = judge_for(model)
        parsed = latent.parse(expression, judge.names, judge.exclusive)
        say_how_good(judge, model)
        found = latent.find_exemplars(space, judge, parsed, exemplars, draws, samples, seed)
        terms = found.terms(0)
    figure = latent.combine(space, terms, noise, seed)
    with writing(out):
        plots.arithmetic(
            figure.texts, figure.exemplars, figure.means, figure.result, figure.neighbours
        ).save(out)
    if found:
        _say_found(found)
        if found.expression.target:
            _say_shares(found, latent.score(space, judge, found, noise, seed))
    print(f"the figure: {out}")


def _say_found(found: "Exemplars") -> None:
    counts = ", ".join(f'"{text}": {count:,}' for text, count in found.found.items())
    print(f"Confident samples per class among {found.searched:,}: {counts}")
    if found.expression.target is None:
        print("Drawn but not scored: the result matches no known class")


def _say_shares(found: "Exemplars", shares: "list[Share]") -> None:
    from rich.console import Console
    from rich.table import Table

    assert found.expression.target
    print(f"{found.expression} = {found.expression.target.text}")
    table = Table(box=None, pad_edge=False)
    table.add_column("what is drawn")
    table.add_column("is that", justify="right")
    table.add_column("of", justify="right")
    for share in shares:
        percent = f"{share.share:.1%} ± {share.standard_error:.1%}"
        table.add_row(share.what, percent, f"{share.of:,}")
    Console(markup=False, highlight=False).print(table)
