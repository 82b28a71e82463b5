"""``forgery neighbours``"""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter
from cyclopts.types import NonNegativeInt, PositiveInt

from ._latent import Step, judge_for, open_space, writing


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
    """Draw samples with the nearest training example of the last one in each row.

    The 2014 paper's figure 2: if samples were copies, the columns on the right would show it. The
    nearest is found once by pixels, once by the features of a classifier of the data's concepts.

    Parameters
    ----------
    run:
        The run folder.
    rows:
        Number of rows.
    columns:
        Number of samples in a row; the nearest training examples follow on the right.
    features:
        Whether to look by features too (--no-features: by pixels only, which is quicker).
    seed:
        Of the samples.
    data:
        Where the run's data is now, if it was moved since the training.
    of_class:
        Of a conditional run: the class to draw.
    out:
        The figure.
    step:
        Another checkpoint than the newest: its step, or best.
    device:
        Where to draw: cpu, cuda …
    """
    import torch

    from .. import latent, plots
    from ..errors import ForgeryError
    from ..pixels import as_stored, to_model

    model, space = open_space(run, of_class, step, device)
    samples = space.pictures(space.z(rows * columns, seed)).unflatten(0, (rows, columns))
    asked = as_stored(samples[:, -1])
    train = model.dataset(data=data)
    ways = {"pixels": latent.nearest(asked, train.values)}
    try:
        look = judge_for(model, data).extractor.features if features else None
    except ForgeryError as error:  # data without attributes or classes
        print(f"by pixels only: {error}")
        look = None
    if look:
        ways["features"] = latent.nearest(asked, train.values, look)
    nearest = [to_model(train.values[found.rows])[:, None] for found in ways.values()]
    sheet = torch.cat([samples, *nearest], 1)
    headings = [*[""] * (columns - 1), "sample", *ways]
    with writing(out):
        plots.sheet(sheet.flatten(0, 1), sheet.shape[1], headings).save(out)
    print(f"samples of step {model.step:,} and the nearest of {len(train):,} training examples")
    for way, found in ways.items():
        print(
            f"  by {way}: distance {found.distances.mean():.3g} on average, "
            f"{found.distances.min():.3g} at the least"
        )
    print(f"the figure: {out} (forgery doctor says whether samples are nearer than fresh data)")
