"""``forgery sample``"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter
from cyclopts.types import NonNegativeInt, PositiveInt

from ._latent import Step

if TYPE_CHECKING:
    from torch import Tensor


def sample(
    run: Path,
    /,
    *,
    number: Annotated[PositiveInt, Parameter(name=["--number", "-n"])] = 64,
    seed: NonNegativeInt = 0,
    classes: Annotated[str | None, Parameter(name=["--classes", "--class"])] = None,
    out: Path = Path("samples.png"),
    scale: PositiveInt | None = None,
    step: Step = None,
    device: str = "cpu",
) -> None:
    """Draw new samples from a run's generator.

    Parameters
    ----------
    run:
        The run folder.
    number:
        How many samples.
    seed:
        The same seed draws the same samples.
    classes:
        Of a conditional run: the class to draw, or several with commas between, which take turns.
        All of them, if not given. A grid has one a column, below its name.
    out:
        Of images: a grid (grid.png), an array (samples.npz: uint8 [N, C, H, W] under "images"), or
        a folder, which gets one PNG an image. Of points: a picture, an array (float32 [N, D] under
        "points"), or a table (samples.csv). An array of a conditional run has "labels" too. Arrays,
        folders and tables are written while the samples are drawn, so that their number is limited
        by the disk alone; a grid must fit into memory.
    scale:
        Enlarge the images of a grid or a folder: each pixel becomes a square of so many a side.
    step:
        Another checkpoint than the newest: its step, or best.
    device:
        Where to draw: cpu, cuda …
    """
    from ..gallery import save_samples
    from ..model import load
    from ..progress import counting
    from ..sampler import PART

    model = load(run, device, step)
    requested = model.sampleable_classes or None
    if classes is not None:
        requested = [name.strip() for name in classes.split(",")]
    names = requested if requested and 1 < len(requested) <= number else []
    samples = model.sample_parts(number, seed, requested)
    labels = model.label_parts(number, seed, requested)
    with counting("", shown=number > PART) as progress:
        counted = _counted(samples, lambda done: progress("drawing", done, number))
        save_samples(counted, number, model.shape, out, labels, names, scale)
    print(f"{number:,} samples of step {model.step:,} in {out}")


def _counted(parts: "Iterator[Tensor]", report: Callable[[int], None]) -> "Iterator[Tensor]":
    """The parts; ``report`` is called with the number of samples in those taken so far."""
    done = 0
    for part in parts:
        yield part
        done += len(part)
        report(done)
