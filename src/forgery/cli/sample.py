"""``forgery sample``"""

from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter


def sample(
    run: Path,
    /,
    *,
    number: Annotated[int, Parameter(name=["--number", "-n"])] = 64,
    seed: int = 0,
    classes: Annotated[str | None, Parameter(name=["--classes", "--class"])] = None,
    out: Path = Path("samples.png"),
    step: int | Literal["best"] | None = None,
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
        All of them, if not given. A grid has one a column.
    out:
        Of images: a grid (grid.png), an array (samples.npz: uint8 [N, C, H, W] under "images"), or
        a folder, which gets one PNG an image. Of points: a picture, an array (float32 [N, D] under
        "points"), or a table (samples.csv). An array of a conditional run has "labels" too.
    step:
        Another checkpoint than the newest: its step, or best.
    device:
        Where to draw: cpu, cuda …
    """
    from ..gallery import save_samples
    from ..studio import load

    model = load(run, device, step)
    asked = model.askable or None
    if classes is not None:
        asked = [name.strip() for name in classes.split(",")]
    columns = len(asked) if asked and 1 < len(asked) <= number else None
    samples, labels = model.sample(number, seed, asked), model.labels(number, seed, asked)
    save_samples(samples, out, labels, columns)
    print(f"{number} samples of step {model.step:,} in {out}")
