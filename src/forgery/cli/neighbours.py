"""``forgery neighbours``"""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter
from cyclopts.types import NonNegativeInt, PositiveInt

from ._latent import Step, classifier_for, open_space, writing


def neighbours(
    run: Path,
    /,
    *,
    rows: PositiveInt = 6,
    columns: PositiveInt = 5,
    features: bool = True,
    seed: NonNegativeInt = 0,
    data: str | None = None,
    of_class: Annotated[str | None, Parameter(name="--class")] = None,
    out: Path = Path("neighbours.png"),
    step: Step = None,
    device: str = "cpu",
) -> None:
    """Show rows of samples, each with the nearest training examples of its last sample.

    This is figure 2 of the 2014 paper: if samples were copies, the columns on the right would
    reveal it. Distances are measured between pixels and between features of a classifier.

    Parameters
    ----------
    run:
        A run folder, zoo:NAME, hub:OWNER/NAME or an exported folder.
    rows:
        Number of rows.
    columns:
        Number of samples per row; the nearest training examples follow on the right.
    features:
        Whether to compare features too (--no-features: pixels only, which is faster).
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
    import torch

    from .. import latent, plots
    from ..errors import ForgeryError
    from ..pixels import as_stored, to_model

    model, space = open_space(run, of_class, step, device)
    samples = space.pictures(space.z(rows * columns, seed)).unflatten(0, (rows, columns))
    query = as_stored(samples[:, -1])
    train = model.dataset(data=data)
    ways = {"pixels": latent.nearest(query, train.values)}
    try:
        look = classifier_for(model, data).extractor.features if features else None
    except ForgeryError as error:  # data without attributes or classes
        print(f"pixels only: {error}")
        look = None
    if look:
        ways["features"] = latent.nearest(query, train.values, look)
    nearest = [to_model(train.values[found.rows])[:, None] for found in ways.values()]
    sheet = torch.cat([samples, *nearest], 1)
    headings = [*[""] * (columns - 1), "sample", *ways]
    with writing(out):
        plots.sheet(sheet.flatten(0, 1), sheet.shape[1], headings).save(out)
    print(f"samples of step {model.step:,} and the nearest of {len(train):,} training examples")
    for way, found in ways.items():
        print(
            f"  by {way}: distance {found.distances.mean():.3g} on average, "
            f"{found.distances.min():.3g} at least"
        )
    print(f"figure: {out} (forgery doctor compares these distances with those of held-out data)")
