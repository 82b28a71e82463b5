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
        A run folder, zoo:NAME, hub:OWNER/NAME or an exported folder.
    number:
        Number of samples.
    seed:
        Seed; the same seed gives the same samples.
    classes:
        Class to draw (conditional runs), or several separated by commas, drawn in turn (default:
        all classes). A grid has one column per class, below its name.
    out:
        Images: a grid (grid.png), an array (samples.npz, uint8 [N, C, H, W] under "images"), or a
        folder with one PNG per image (a folder that already holds more images is refused). Points:
        a scatter plot, an array (float32 [N, D] under "points"), or a table (samples.csv). Arrays
        of conditional runs also contain "labels". Arrays, folders and tables are written while
        samples are drawn, so that only the disk limits their number; a grid must fit into memory.
    scale:
        Enlarge the images of a grid or folder: each pixel becomes a square of scale × scale.
    step:
        Step of the checkpoint to use, or best (default: the newest).
    device:
        Device to draw on: cpu, cuda …
    """
    from ..model import load
    from ..progress import counting
    from ..sample_files import save_samples
    from ..sampler import PART

    model = load(run, device, step)
    requested = model.sampleable_classes or None
    if classes is not None:
        # A name may have commas, as those of ImageNet do.
        known = classes in model.sampleable_classes
        requested = [classes] if known else [name.strip() for name in classes.split(",")]
    names = requested if requested and 1 < len(requested) <= number else []
    samples = model.sample_parts(number, seed, requested)
    labels = model.label_parts(number, seed, requested)
    with counting("", shown=number > PART) as progress:
        counted = _counted(samples, lambda done: progress("drawing", done, number))
        save_samples(counted, number, model.shape, out, labels, names, scale)
    print(f"{number:,} samples of step {model.step:,} in {out}")


def _counted(parts: "Iterator[Tensor]", report: Callable[[int], None]) -> "Iterator[Tensor]":
    """Yield the parts, calling ``report`` with the number of samples drawn so far."""
    done = 0
    for part in parts:
        yield part
        done += len(part)
        report(done)
