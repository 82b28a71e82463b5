"""``forgery interpolate``"""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter
from cyclopts.types import NonNegativeInt, PositiveInt

from ._latent import Step, classifier_for, numbers, open_space, writing


def interpolate(
    run: Path,
    /,
    *,
    through: str | None = None,
    points: PositiveInt = 9,
    way: str = "sphere",
    steps: PositiveInt = 8,
    seed: NonNegativeInt = 0,
    data: str | None = None,
    of_class: Annotated[str | None, Parameter(name="--class")] = None,
    out: Path = Path("interpolation.png"),
    smoothness: bool = False,
    step: Step = None,
    device: str = "cpu",
) -> None:
    """Interpolate between samples: an image strip and an animation.

    Parameters
    ----------
    run:
        A run folder, zoo:NAME, hub:OWNER/NAME or an exported folder.
    through:
        Numbers of the samples to pass through, such as 3,17,42 (default: the first --points).
    points:
        Number of samples to pass through; the DCGAN paper used 9.
    way:
        sphere (keeps the length of z) or line (as in the 2014 paper).
    steps:
        Number of steps from each sample to the next, which form one row of the strip.
    seed:
        Seed of the samples.
    data:
        New path of the run's data, if it was moved after training.
    of_class:
        Class to draw (conditional runs).
    out:
        File to write the strip to. The animation has the same name with .gif; for x.gif or x.mp4
        (which needs ffmpeg or imageio-ffmpeg), the strip is x.png.
    smoothness:
        Also measure the perceptual path length: the change of the features for small steps in z,
        by this package's protocol.
    step:
        Step of the checkpoint to use, or best (default: the newest).
    device:
        Device to draw on: cpu, cuda …
    """
    import torch

    from .. import latent, plots
    from ..errors import ForgeryError
    from ..numbers import plus_minus

    if not out.name:
        raise ForgeryError(f"{out} is not the name of a file: choose another --out")
    animation = out if out.suffix.lower() == ".mp4" else out.with_suffix(".gif")
    strip = out.with_suffix(".png") if out.suffix.lower() in (".gif", ".mp4") else out
    plots.check_film(animation)
    model, space = open_space(run, of_class, step, device)
    chosen = numbers(through, "--through") if through else list(range(points))
    if len(chosen) < 2:
        raise ForgeryError("interpolation needs at least two samples")
    judge = classifier_for(model, data).extractor if smoothness else None
    rows = latent.through(space.numbered(chosen, seed), steps, way)
    pictures = space.pictures(rows.flatten(0, 1))
    stretches = pictures.unflatten(0, rows.shape[:2])
    # The end of each row is the start of the next: the animation shows it once.
    film = torch.cat([stretches[:, :-1].flatten(0, 1), stretches[-1, -1:]])
    with writing(out):
        plots.sheet(pictures, steps + 1).save(strip)
        plots.film(film, animation)
    print(
        f"{len(chosen)} samples of step {model.step:,}, {steps} steps from each to the next: "
        f"{strip}"
    )
    print(f"animation: {animation}")
    if judge:
        s = latent.smoothness(space, judge, way=way, seed=seed)
        print(
            f"path length {plus_minus(s.path_length, s.standard_error)} on {s.extractor} "
            f"(this package's protocol, not StyleGAN's: {s.pairs:,} pairs, {s.way}, ε {s.epsilon:g}"
            f", squared feature distance over ε²; the distance between ends is {s.apart:.4g})"
        )
