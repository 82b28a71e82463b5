"""What a run draws: pictures while it trains, its summary at the end, samples in files."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy
import torch
from PIL.Image import Image
from torch import Tensor

from . import plots
from .config import Config
from .data import Dataset
from .errors import ForgeryError
from .pixels import to_pixels
from .training import randomness
from .training.game import Game
from .training.run import Run
from .training.state import Training

#: Points in a picture.
POINTS_SHOWN = 1000


def artist(
    config: Config, data: Dataset, training: Training, classes: dict[str, int]
) -> Callable[[int], Image]:
    """Draws the picture of a step: a grid of images, or points over their landscape.

    Of the ``classes`` that G is told, by name with the number of samples of each, if any.
    """
    game = training.game
    n = config.grid if data.kind == "images" else POINTS_SHOWN
    z = randomness.fixed_noise(config.noise, n, config.latent, config.seed).to(training.device)
    y, columns = None, None
    if classes:
        y, columns = _in_columns(classes, n)
        # One z a row: what is alike in a row is z's doing, in a column the class's.
        z = z[torch.arange(n) // columns]
        y = y.to(training.device)
    if data.kind == "images":
        return lambda step: plots.grid(training.draw(z, y), columns)
    # As many as samples, since some objectives compare them one by one: few come round again.
    rows = data.stratified(n)
    real = data.to_model(data.values[rows[torch.arange(n) % len(rows)]])
    landscape = plots.Landscape(real.cpu(), *_view(data))

    def draw(step: int) -> Image:
        samples, belief, directions = training.draw(z, y), None, None
        places = landscape.places()
        # What D thinks of one point alone, where it is told nothing else.
        alone = config.pack == 1 and not config.is_conditional
        if places is not None and alone and isinstance(game, Game):
            belief, directions = game.opinion(places.to(training.device), samples, real)
        return landscape.draw(
            f"{data.name}, step {step:,}",
            samples.cpu(),
            belief,
            directions,
            z[:, 0].cpu() if config.latent == 1 else None,
        )

    return draw


def _in_columns(classes: dict[str, int], n: int) -> tuple[Tensor, int]:
    """The classes of n pictures, one class a column, int64 ``[n]``; and how many columns.

    Classes of which the data has none are passed over, and those beyond n.
    """
    present = torch.tensor(list(classes.values())).nonzero().flatten()[:n]
    return present[torch.arange(n) % len(present)], len(present)


def _view(data: Dataset) -> tuple[Tensor, Callable[[Tensor], Tensor] | None]:
    """The box that pictures of points show, a fifth larger than the data, and p_data if known.

    In the networks' units.
    """
    if data.density is not None:
        box = data.density.bounds
    else:
        shown = data.to_model(data.values.cpu())
        box = torch.stack([shown.min(0).values, shown.max(0).values])
    margin = (box[1] - box[0]) / 5
    known = data.density
    density = None if known is None else lambda x: known.log_density(x).exp()
    return torch.stack([box[0] - margin, box[1] + margin]), density


def real_ones(config: Config, data: Dataset, classes: dict[str, int]) -> Image:
    """Real data as the samples are drawn, to be put beside them: by ``classes``, if any."""
    if data.kind == "images" and classes:
        assert data.labels is not None
        y, columns = _in_columns(classes, config.grid)
        order = data.stratified(len(data))
        labels = data.labels.cpu()[order]
        of = {c: order[labels == c] for c in y[:columns].tolist()}
        rows = [of[c][i // columns % len(of[c])] for i, c in enumerate(y.tolist())]
        return plots.grid(data.to_model(data.values[torch.stack(rows)].cpu()), columns)
    n = config.grid if data.kind == "images" else POINTS_SHOWN
    shown = data.values[data.stratified(n)].cpu()
    return plots.grid(data.to_model(shown)) if data.kind == "images" else plots.scatter(shown)


def draw_summary(run: Run) -> None:
    """evolution.gif from the sample grids and curves.png from the reports."""
    pictures = sorted(p for p in run.samples.glob("*.png") if p.stem.isdigit())
    if pictures:
        captions = [f"step {int(p.stem):,}" for p in pictures]
        plots.evolution(pictures, run.path / "evolution.gif", captions)
    reports = run.read_metrics()
    if reports:
        title = f"{run.config.recipe} on {run.config.data}"
        plots.curves(reports, run.path / "curves.png", title)


def save_samples(
    samples: Tensor, out: Path, labels: Tensor | None = None, columns: int | None = None
) -> None:
    """Write samples to a file whose suffix says how.

    Images ``[N, C, H, W]`` in [-1, 1]: a grid (``.png`` …), ``.npz``, or a folder of PNGs. Points
    ``[N, D]``: a picture (``.png`` …), ``.npz``, or ``.csv``. The ``labels`` that they were drawn
    for ``[N]`` go into an ``.npz`` too; a grid is square unless ``columns`` are given.
    """
    arrays: dict[str, Any] = {} if labels is None else {"labels": labels.numpy()}
    suffix = out.suffix.lower()
    images = samples.dim() == 4
    try:
        if suffix == ".npz" and images:
            numpy.savez_compressed(out, images=to_pixels(samples).numpy(), **arrays)
        elif suffix == ".npz":
            numpy.savez_compressed(out, points=samples.numpy(), **arrays)
        elif suffix in (".png", ".jpg", ".jpeg", ".webp", ".bmp"):
            (plots.grid(samples, columns) if images else plots.scatter(samples)).save(out)
        elif suffix == "" and images:
            out.mkdir(parents=True, exist_ok=True)
            for i, pixels in enumerate(to_pixels(samples)):
                plots.image(pixels).save(out / f"{i:06d}.png")
        elif suffix == ".csv" and not images:
            numpy.savetxt(out, samples.numpy(), delimiter=",", fmt="%.7g")
        else:
            third = "a name without a suffix" if images else ".csv"
            raise ForgeryError(f"cannot write {out}: use .png, .npz, or {third}")
    except OSError as error:
        raise ForgeryError(f"cannot write {out}: {error.strerror or error}") from error
