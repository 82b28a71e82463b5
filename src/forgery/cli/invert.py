"""``forgery invert``"""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter
from cyclopts.types import NonNegativeInt, PositiveInt

from ._latent import Step, open_space, writing


def invert(
    run: Path,
    *pictures: Path,
    test: PositiveInt = 8,
    starts: PositiveInt = 4,
    steps: PositiveInt = 300,
    seed: NonNegativeInt = 0,
    of_class: Annotated[str | None, Parameter(name="--class")] = None,
    out: Path = Path("inversion.png"),
    step: Step = None,
    device: str = "cpu",
) -> None:
    """Find the z that pictures are drawn from, as nearly as the generator can draw them.

    Parameters
    ----------
    run:
        The run folder.
    pictures:
        Picture files, of which size and colour are made those of the run's images. A stratified
        sample of the data's test split, if none is given.
    test:
        How many of those.
    starts:
        From how many places the search begins for each picture.
    steps:
        Steps of the search.
    seed:
        Of the places.
    of_class:
        Of a conditional run: the class to draw.
    out:
        The figure: pictures above, what was found below. z is kept in the same name with .npz.
    step:
        Another checkpoint than the newest: its step, or best.
    device:
        Where to search: cpu, cuda …
    """
    import numpy as np
    import torch

    from .. import latent, plots
    from ..parts import image_settings
    from ..pixels import to_model
    from ..progress import counting

    model, space = open_space(run, of_class, step, device)
    if pictures:
        settings = image_settings(model.config)
        wanted = torch.stack(
            [latent.read_picture(path, model.shape, settings) for path in pictures]
        )
        names = [path.name for path in pictures]
    else:
        held_out = model.dataset("test")
        rows = held_out.stratified(test)
        wanted = to_model(held_out.values[rows])
        names = [f"test image {row}" for row in rows.tolist()]
    with counting() as progress:
        found = latent.invert(
            space,
            wanted,
            starts,
            steps,
            seed=seed,
            report=lambda done, of: progress("searching", done, of),
        )
    with writing(out):
        both = torch.cat([wanted, found.pictures])
        plots.sheet(both, len(wanted)).save(out)
        np.savez(out.with_suffix(".npz"), z=found.z.numpy(), errors=found.errors.numpy())
    print("root mean square difference of a pixel (levels of 0 to 255):")
    for name, errors, before in zip(names, found.errors, found.nearest, strict=True):
        print(
            f"  {name}: {errors[0]:.1f} (the {starts} starts {errors[0]:.1f} to {errors[-1]:.1f}; "
            f"the nearest of {latent.CANDIDATES:,} samples, where they began: {before:.1f})"
        )
    print(f"mean {found.errors[:, 0].mean():.1f}")
    print(f"the figure: {out}; z in {out.with_suffix('.npz')}")
