"""Pictures of a run: sample grids during training, and its summary."""

from collections.abc import Callable

import torch
from PIL.Image import Image
from torch import Tensor

from . import plots
from .config import Config, ReportingSettings
from .data import Dataset
from .sampler import Sampler
from .training.algorithm1 import AdversarialGame
from .training.run import Run
from .training.state import Training
from .training.surface import belief_and_directions

#: Most rows of a grid with one column per class: with few classes, it would be a tall strip.
MOST_ROWS = 10
#: Number of points in a picture drawn during training.
POINTS_SHOWN = 1000


def artist(
    config: Config, data: Dataset, training: Training, classes: dict[str, int]
) -> Callable[[int], Image]:
    """Create a function from a step to its picture: a grid of images, or points over a landscape.

    Parameters
    ----------
    config:
        Settings of the run.
    data:
        The training data.
    training:
        The state of training to draw from.
    classes:
        The classes that G is conditioned on → number of training samples; empty if none.
    """
    game = training.game
    # No units: landscapes are drawn as the networks see points.
    sampler = Sampler(training.sampler, config.noise, config.latent, data.shape)
    n = config.grid if data.kind == "images" else POINTS_SHOWN
    z = sampler.z(n, config.seed)
    y = None
    if classes:
        y, names = _in_columns(classes, n)
        # One z per row: rows show the effect of the class, columns that of z.
        z = z[torch.arange(n) // len(names)]
        if data.kind == "images":
            most = MOST_ROWS * len(names)
            return lambda step: plots.by_class(sampler.draw(z[:most], y[:most]), names)
    if data.kind == "images":
        return lambda step: plots.grid(sampler.draw(z, y))
    # As many real points as samples, since some objectives pair them; a small dataset is repeated.
    rows = data.stratified(n)
    real = data.to_model(data.values[rows[torch.arange(n) % len(rows)]])
    landscape = plots.Landscape(real.cpu(), *view_of(data))

    def draw(step: int) -> Image:
        samples, belief, directions = sampler.draw(z, y), None, None
        places = landscape.places()
        # D can be shown only if it takes single points and no class.
        alone = config.pack == 1 and not config.is_conditional
        if places is not None and alone and isinstance(game, AdversarialGame):
            belief, directions = belief_and_directions(
                game, places.to(training.device), samples.to(training.device), real
            )
        return landscape.draw(
            f"{data.name}, step {step:,}",
            samples,
            belief,
            directions,
            z[:, 0] if config.latent == 1 else None,
        )

    return draw


def _in_columns(classes: dict[str, int], n: int) -> tuple[Tensor, list[str]]:
    """The classes of n pictures with one class per column, int64 ``[n]``; and the columns' names.

    Classes without samples in the data are skipped, and at most n are used.
    """
    present = torch.tensor(list(classes.values())).nonzero().flatten()[:n]
    names = list(classes)
    return present[torch.arange(n) % len(present)], [names[i] for i in present.tolist()]


def view_of(data: Dataset) -> tuple[Tensor, Callable[[Tensor], Tensor] | None]:
    """The box to show points in, a fifth larger than the data on each side, and p_data if known.

    Both are in the networks' units.
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


def real_picture(settings: ReportingSettings, data: Dataset, classes: dict[str, int]) -> Image:
    """Real data in the layout of the sample pictures, for comparison: by ``classes``, if any."""
    if data.kind == "images" and classes:
        assert data.labels is not None
        y, names = _in_columns(classes, settings.grid)
        columns = len(names)
        y = y[: MOST_ROWS * columns]
        order = data.stratified(len(data))
        labels = data.labels.cpu()[order]
        of = {c: order[labels == c] for c in y[:columns].tolist()}
        rows = [of[c][i // columns % len(of[c])] for i, c in enumerate(y.tolist())]
        return plots.by_class(data.to_model(data.values[torch.stack(rows)].cpu()), names)
    n = settings.grid if data.kind == "images" else POINTS_SHOWN
    shown = data.values[data.stratified(n)].cpu()
    if data.kind == "points":
        return plots.scatter(shown, real=True)
    return plots.grid(data.to_model(shown))


def draw_summary(run: Run) -> None:
    """Write evolution.gif from the sample grids and curves.png from the reports."""
    with run.writing():
        if run.pictures:
            plots.evolution(run.pictures, run.path / "evolution.gif", run.captions)
        if reports := run.read_metrics():
            plots.curves(reports, run.path / "curves.png", run.title, run.config.objective)
