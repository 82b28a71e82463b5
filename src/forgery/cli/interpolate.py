"""``forgery interpolate``"""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter
from cyclopts.types import NonNegativeInt, PositiveInt

from ._latent import Step, judge_for, numbers, open_space, writing


def interpolate(
    run: Path,
    /,
    *,
    through: str | None = None,
    points: PositiveInt = 9,
    way: str = "sphere",
    steps: PositiveInt = 8,
    seed: NonNegativeInt = 0,
    of_class: Annotated[str | None, Parameter(name="--class")] = None,
    out: Path = Path("interpolation.png"),
    smoothness: bool = False,
    step: Step = None,
    device: str = "cpu",
) -> None:
    """Draw the pictures on the way from one sample to the next: a strip, and a film (GIF).

    Parameters
    ----------
    run:
        The run folder.
    through:
        The samples to go through, by number: 3,17 or 3,17,42. Not given: the first --points.
    points:
        How many samples to go through; the DCGAN paper took 9.
    way:
        sphere, which keeps z as long as it is drawn, or line, as in the 2014 paper.
    steps:
        Steps from a sample to the next: one row of the strip.
    seed:
        Of the samples.
    of_class:
        Of a conditional run: the class to draw.
    out:
        The strip; the film has the same name with .gif. Of x.gif, the strip is x.png.
    smoothness:
        Also measure how far small steps in z move the picture (perceptual path length, by this
        package's own protocol).
    step:
        Another checkpoint than the newest: its step, or best.
    device:
        Where to draw: cpu, cuda …
    """
    import torch

    from .. import latent, plots
    from ..errors import ForgeryError
    from ..numbers import plus_minus

    model, space = open_space(run, of_class, step, device)
    chosen = numbers(through, "--through") if through else list(range(points))
    if len(chosen) < 2:
        raise ForgeryError("a way has two ends: name at least two samples")
    rows = latent.through(space.numbered(chosen, seed), steps, way)
    pictures = space.pictures(rows.flatten(0, 1))
    stretches = pictures.unflatten(0, rows.shape[:2])
    # The film shows the end of a stretch once, as the beginning of the next.
    film = torch.cat([stretches[:, :-1].flatten(0, 1), stretches[-1, -1:]])
    gif = out.with_suffix(".gif")
    strip = out.with_suffix(".png") if out.suffix.lower() == ".gif" else out
    with writing(out):
        plots.sheet(pictures, steps + 1).save(strip)
        plots.film(film, gif)
    print(
        f"{len(chosen)} samples of step {model.step:,}, {steps} steps from each to the next: "
        f"{strip}"
    )
    print(f"the same as a film: {gif}")
    if smoothness:
        s = latent.smoothness(space, judge_for(model).extractor, way=way, seed=seed)
        print(
            f"path length {plus_minus(s.path_length, s.standard_error)} on {s.extractor} "
            f"(this package's protocol, not StyleGAN's: {s.pairs:,} pairs, {s.way}, ε {s.epsilon:g}"
            f", squared distance of features over ε²; the ends are {s.apart:.4g} apart)"
        )
