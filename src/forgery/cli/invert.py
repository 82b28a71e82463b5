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
    data: str | None = None,
    of_class: Annotated[str | None, Parameter(name="--class")] = None,
    out: Path = Path("inversion.png"),
    step: Step = None,
    device: str = "cpu",
) -> None:
    """Find the z whose samples are closest to given pictures.

    Parameters
    ----------
    run:
        A run folder, zoo:NAME, hub:OWNER/NAME or an exported folder.
    pictures:
        Picture files, converted to the size and colour mode of the run's images (default: a
        stratified sample of the data's test split).
    test:
        Number of test images to use if no pictures are given.
    starts:
        Number of starting points of the search for each picture.
    steps:
        Number of optimisation steps.
    seed:
        Seed of the starting points.
    data:
        New path of the run's data, if it was moved after training.
    of_class:
        Class to draw (conditional runs).
    out:
        File to write the figure to: pictures above, reconstructions below. z is saved under the
        same name with .npz.
    step:
        Step of the checkpoint to use, or best (default: the newest).
    device:
        Device to search on: cpu, cuda …
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
        held_out = model.dataset("test", data)
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
    print("root mean square difference per pixel (levels from 0 to 255):")
    for name, errors, before in zip(names, found.errors, found.nearest, strict=True):
        print(
            f"  {name}: {errors[0]:.1f} (over {starts} starts: {errors[0]:.1f} to "
            f"{errors[-1]:.1f}; before the search, nearest of {latent.CANDIDATES:,} samples: "
            f"{before:.1f})"
        )
    print(f"mean {found.errors[:, 0].mean():.1f}")
    print(f"figure: {out}; z: {out.with_suffix('.npz')}")
