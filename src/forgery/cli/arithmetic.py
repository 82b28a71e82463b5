"""``forgery arithmetic``"""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter
from cyclopts.types import NonNegativeInt, PositiveInt

from ._latent import Step, classifier_for, numbers, open_space, print_accuracy, writing

if TYPE_CHECKING:
    from ..latent import AttributeClassifier, Exemplars, Space, Success
    from ..model import Model

#: Training images whose manifold decides what is realistic: as many as a card's precision uses.
REAL = 10_000


def arithmetic(
    run: Path,
    expression: str | None = None,
    /,
    *,
    plus: Annotated[list[str] | None, Parameter(negative=())] = None,
    minus: Annotated[list[str] | None, Parameter(negative=())] = None,
    exemplars: PositiveInt = 3,
    samples: PositiveInt = 10_000,
    draws: PositiveInt = 200,
    noise: float = 0.25,
    seed: NonNegativeInt = 0,
    data: str | None = None,
    of_class: Annotated[str | None, Parameter(name="--class")] = None,
    out: Path = Path("arithmetic.png"),
    step: Step = None,
    device: str = "cpu",
) -> None:
    """Add and subtract concepts in z: man with glasses − man + woman.

    A classifier of the data's attributes (or classes) finds exemplars among samples and measures
    how often the result shows the expected concept and is realistic: inside the manifold of real
    images, as in precision. The classifier is trained when it is first needed.

    Parameters
    ----------
    run:
        A run folder, zoo:NAME, hub:OWNER/NAME or an exported folder.
    expression:
        Concepts with spaces around + and -, such as "man+glasses - man + woman". no-glasses means
        without glasses.
    plus:
        Instead of an expression: numbers of samples whose mean z is added (3,17,42). May be
        repeated.
    minus:
        Numbers of samples whose mean z is subtracted. May be repeated.
    exemplars:
        Number of z averaged for each concept; the paper used 3.
    samples:
        Number of samples to search for exemplars.
    draws:
        Number of results to score, each computed from different exemplars.
    noise:
        The eight neighbours are the result plus noise of up to this size, in the paper's unit.
    seed:
        Seed of the samples and the noise.
    data:
        New path of the run's data, if it was moved after training.
    of_class:
        Class to draw (conditional runs).
    out:
        File to write the figure to.
    step:
        Step of the checkpoint to use, or best (default: the newest).
    device:
        Device to draw on: cpu, cuda …
    """
    from .. import latent, plots
    from ..errors import ForgeryError

    by_hand = [*((1, text) for text in plus or ()), *((-1, text) for text in minus or ())]
    if (expression is None) == (not by_hand):
        raise ForgeryError(
            "give either an expression ('man+glasses - man + woman') or sample numbers "
            "(--plus 3,17,42 --minus 5,8,9)"
        )
    model, space = open_space(run, of_class, step, device)
    found = None
    if expression is None:
        chosen = [(sign, text, numbers(text, "--plus and --minus")) for sign, text in by_hand]
        terms = [(sign, text, space.numbered(rows, seed)) for sign, text, rows in chosen]
    else:
        classifier = classifier_for(model, data)
        parsed = latent.parse(expression, classifier.names, classifier.exclusive)
        print_accuracy(classifier, model, data)
        found = latent.find_exemplars(space, classifier, parsed, exemplars, draws, samples, seed)
        terms = found.terms(0)
    figure = latent.combine(space, terms, noise, seed)
    with writing(out):
        plots.arithmetic(
            figure.texts, figure.exemplars, figure.means, figure.result, figure.neighbours
        ).save(out)
    if found:
        _print_exemplars(found)
        if found.expression.target:
            _print_successes(found, _score(model, data, space, classifier, found, noise, seed))
    print(f"figure: {out}")


def _print_exemplars(found: "Exemplars") -> None:
    counts = ", ".join(f'"{text}": {count:,}' for text, count in found.found.items())
    print(f"confident samples among {found.searched:,}: {counts}")
    if found.expression.target is None:
        print("drawn but not scored: the result is not a known concept")


def _score(
    model: "Model",
    data: str | None,
    space: "Space",
    classifier: "AttributeClassifier",
    found: "Exemplars",
    noise: float,
    seed: int,
) -> "list[Success]":
    """Score the exemplars against :data:`REAL` training images, and the test images if any."""
    from .. import latent
    from ..errors import ForgeryError

    real = model.dataset(data=data)
    try:
        held_out = model.dataset("test", data).values
    except ForgeryError:  # the data has a single split
        held_out = None
    real = real.limited(REAL if len(real) > REAL else 0)
    return latent.score(space, classifier, found, real.values, held_out, noise, seed)


def _print_successes(found: "Exemplars", successes: "list[Success]") -> None:
    from rich.console import Console
    from rich.table import Table

    assert found.expression.target
    print(f"{found.expression} = {found.expression.target.text}")
    table = Table(box=None, pad_edge=False)
    table.add_column("images")
    for column in ("as wanted", "realistic", "both", "number"):
        table.add_column(column, justify="right")
    for success in successes:
        shares = (success.shown, success.realistic, success.both)
        percents = (f"{share.share:.1%} ± {share.standard_error:.1%}" for share in shares)
        table.add_row(success.what, *percents, f"{success.both.of:,}")
    Console(markup=False, highlight=False).print(table)
