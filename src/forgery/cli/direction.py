"""``forgery direction``"""

from dataclasses import replace
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter
from cyclopts.types import NonNegativeInt, PositiveInt

from ._latent import Step, classifier_for, open_space, print_accuracy, writing


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
    data: str | None = None,
    of_class: Annotated[str | None, Parameter(name="--class")] = None,
    out: Path = Path("direction.png"),
    step: Step = None,
    device: str = "cpu",
) -> None:
    """Find the direction in z that changes an attribute, and move samples along it.

    Parameters
    ----------
    run:
        A run folder, zoo:NAME, hub:OWNER/NAME or an exported folder.
    attribute:
        An attribute of the data, or a class.
    method:
        probe: logistic regression on z; mean: difference between the mean z of samples with and
        without the attribute.
    strength:
        Distance to move in either direction, in standard deviations of z.
    rows:
        Number of samples to move, one per row.
    samples:
        Number of samples from which the direction is estimated.
    seed:
        Seed of the samples.
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
    from rich.console import Console
    from rich.table import Table

    from .. import latent, plots
    from ..errors import lookup
    from ..latent.directions import METHODS

    model, space = open_space(run, of_class, step, device)
    classifier = classifier_for(model, data)
    name, present = latent.attribute(attribute, classifier.names)
    lookup(METHODS, method, "method")
    print_accuracy(classifier, model, data)
    found = latent.find_direction(space, classifier, name, method, samples, seed)
    if not present:  # such as man, where the attribute is woman
        found = replace(found, vector=-found.vector)
    strengths = [strength * i / 4 for i in range(-4, 5)]
    places = latent.along(space.z(rows, seed), found, strengths)
    pictures = space.pictures(places.flatten(0, 1))
    headings = [f"{s:+g}" if s else "0" for s in strengths]
    with writing(out):
        plots.sheet(pictures, len(strengths), headings).save(out)
    print(
        f"{name} by {method}: {found.having:,} of {found.samples:,} samples have it; the direction "
        f"classifies {found.probe_accuracy:.1%} of held-out samples correctly"
    )
    shares = latent.effect(space, classifier, found, strengths, space.z(500, seed + 1))
    table = Table(box=None, pad_edge=False)
    table.add_column("strength", no_wrap=True)
    for heading in headings:
        table.add_column(heading, justify="right", no_wrap=True)
    for concept, row in zip(classifier.names, shares.T.tolist(), strict=True):
        table.add_row(concept, *(f"{share:.0%}" for share in row))
    print("fraction of 500 other samples that show each concept:")
    Console(markup=False, highlight=False).print(table)
    print(f"figure: {out}")
