"""``forgery direction``"""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter
from cyclopts.types import NonNegativeInt, PositiveInt

from ._latent import Step, judge_for, open_space, say_how_good, writing


def direction(
    run: Path,
    attribute: str,
    /,
    *,
    method: str = "probe",
    strength: float = 6.0,
    rows: PositiveInt = 6,
    samples: PositiveInt = 5000,
    seed: NonNegativeInt = 0,
    of_class: Annotated[str | None, Parameter(name="--class")] = None,
    out: Path = Path("direction.png"),
    step: Step = None,
    device: str = "cpu",
) -> None:
    """Find the direction of z along which an attribute comes and goes, and move samples along it.

    Parameters
    ----------
    run:
        The run folder.
    attribute:
        An attribute of the data, or a class.
    method:
        probe (logistic regression on z) or mean (the mean of z with it less the mean without).
    strength:
        How far to go either way, in standard deviations of z.
    rows:
        How many samples are moved, one a row.
    samples:
        How many samples the direction is found from.
    seed:
        Of the samples.
    of_class:
        Of a conditional run: the class to draw.
    out:
        The strip.
    step:
        Another checkpoint than the newest: its step, or best.
    device:
        Where to draw: cpu, cuda …
    """
    from rich.console import Console
    from rich.table import Table

    from .. import latent, plots
    from ..errors import lookup
    from ..latent.directions import METHODS

    model, space = open_space(run, of_class, step, device)
    judge = judge_for(model)
    name, _ = latent.attribute(attribute, judge.names)
    lookup(METHODS, method, "method")
    say_how_good(judge, model)
    found = latent.find_direction(space, judge, name, method, samples, seed)
    strengths = [strength * i / 4 for i in range(-4, 5)]
    places = latent.along(space.z(rows, seed), found, strengths)
    pictures = space.pictures(places.flatten(0, 1))
    headings = [f"{s:+g}" if s else "0" for s in strengths]
    with writing(out):
        plots.sheet(pictures, len(strengths), headings).save(out)
    print(
        f"{name} by {method}: {found.having:,} of {found.samples:,} samples have it; one side of "
        f"the direction tells {found.probe_accuracy:.1%} of held-out ones right"
    )
    shares = latent.effect(space, judge, found, strengths, space.z(500, seed + 1))
    table = Table(box=None, pad_edge=False)
    table.add_column("strength", no_wrap=True)
    for heading in headings:
        table.add_column(heading, justify="right", no_wrap=True)
    for concept, row in zip(judge.names, shares.T.tolist(), strict=True):
        table.add_row(concept, *(f"{share:.0%}" for share in row))
    print("share of 500 other samples that show it, there:")
    Console(markup=False, highlight=False).print(table)
    print(f"the strip: {out}")
