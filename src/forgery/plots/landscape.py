"""Pictures of a game on points: samples over the data, what D believes, where it sends G.

In two dimensions the whole of D can be seen: its decision surface is the background, blue where it
takes points for real, orange where for drawn, grey where it is undecided. An arrow shows how a
sample would move to please D. On a line, p_data, p_g and D are curves, as in the 2014 paper's
Figure 1. Of more dimensions the first two are shown, without D.
"""

import io
from collections.abc import Callable
from dataclasses import dataclass

import torch
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from PIL import Image
from torch import Tensor

#: Cells of the background along each side, and points of a curve.
CELLS = 120
#: How many samples have an arrow, on a plane and on a line.
ARROWS, LINE_ARROWS = 60, 40

#: D's belief that a point is real, from low to high: orange, grey, blue; full colour at these two
#: beliefs, since a D that is regularised is rarely surer.
SURE = (0.25, 0.75)
BELIEF = LinearSegmentedColormap.from_list("belief", ["#f0a35e", "#e4e4e4", "#7fb2e5"])
REAL, DRAWN = "#174a7c", "#c2410c"


@dataclass(frozen=True)
class Landscape:
    """What is the same in every picture of a run.

    Parameters
    ----------
    real:
        Points of the data ``[N, D]``.
    bounds:
        The box that is shown, ``[2, D]``.
    density:
        On a line: p_data of points ``[n, 1]`` → ``[n]``, where it is known.
    """

    real: Tensor
    bounds: Tensor
    density: Callable[[Tensor], Tensor] | None = None

    def places(self) -> Tensor | None:
        """Where D is asked for its belief: ``[n, D]``; None where D cannot be shown."""
        dimensions = self.bounds.shape[1]
        if dimensions > 2:
            return None
        low, high = self.bounds.tolist()
        ticks = [torch.linspace(a, b, CELLS) for a, b in zip(low, high, strict=True)]
        return torch.cartesian_prod(*ticks).view(-1, dimensions)

    def draw(
        self,
        title: str,
        samples: Tensor,
        belief: Tensor | None = None,
        directions: Tensor | None = None,
        z: Tensor | None = None,
    ) -> Image.Image:
        """One picture.

        Parameters
        ----------
        samples:
            ``[n, D]``.
        belief:
            D's belief that each of :meth:`places` is real, 0 to 1.
        directions:
            The gradient by which D would move each sample, ``[n, D]``.
        z:
            On a line: the first coordinate of the noise that each sample was drawn from, ``[n]``.
        """
        figure = Figure(figsize=(3.2, 3.2), dpi=100, layout="constrained")
        axes = figure.subplots()
        if samples.shape[1] == 1:
            self._draw_line(axes, samples[:, 0], belief, z)
        else:
            self._draw_plane(axes, samples, belief, directions)
        axes.set_title(title, fontsize=9)
        axes.tick_params(labelsize=7)
        return _rendered(figure)

    def _draw_plane(
        self, axes: Axes, samples: Tensor, belief: Tensor | None, directions: Tensor | None
    ) -> None:
        (left, bottom), (right, top) = self.bounds[:, :2].tolist()
        if belief is not None:
            axes.imshow(
                belief.view(CELLS, CELLS).T.numpy(),
                extent=(left, right, bottom, top),
                origin="lower",
                cmap=BELIEF,
                vmin=SURE[0],
                vmax=SURE[1],
                aspect="auto",
                interpolation="bilinear",
            )
        for points, size, colour, name in (
            (samples, 6, DRAWN, "samples"),
            (self.real, 1.5, REAL, "data"),
        ):
            if len(points):
                x, y = points[:, 0], points[:, 1]
                axes.scatter(x, y, s=size, color=colour, linewidths=0, label=name)
        if directions is not None and samples.shape[1] == 2:
            # The scale stays the same from picture to picture, so that arrows shrink as D comes to
            # know nothing: a slope of 1 across the picture is a tenth of its width.
            width = right - left
            moved = directions[:ARROWS] * width * width / 10
            lengths = moved.norm(dim=1, keepdim=True).clamp(min=1e-12)
            moved = moved * (width / 6 / lengths).clamp(max=1)
            axes.quiver(
                *samples[:ARROWS].T.numpy(),
                *moved.T.numpy(),
                angles="xy",
                scale_units="xy",
                scale=1,
                width=0.004,
                color="#222222",
            )
        axes.set(xlim=(left, right), ylim=(bottom, top))
        axes.legend(loc="upper right", fontsize=7, framealpha=0.8, markerscale=2)

    def _draw_line(
        self, axes: Axes, samples: Tensor, belief: Tensor | None, z: Tensor | None
    ) -> None:
        (left,), (right,) = self.bounds.tolist()
        x = torch.linspace(left, right, CELLS)
        bins = torch.linspace(left, right, 80).tolist()
        if self.density is not None:
            axes.plot(x, self.density(x[:, None]), color=REAL, linestyle=":", label="p_data")
        elif len(self.real):
            real = self.real[:, 0].tolist()
            axes.hist(real, bins, density=True, color=REAL, alpha=0.4, label="p_data")
        if len(samples):
            # As a density of all samples, also of those outside of the picture.
            share = torch.full_like(samples, 1 / (len(samples) * (bins[1] - bins[0]))).tolist()
            axes.hist(samples.tolist(), bins, weights=share, color=DRAWN, alpha=0.6, label="p_g")
        if belief is not None:
            axes.plot(x, belief, color="#444444", linewidth=1, linestyle="--", label="D(x)")
        highest = max(axes.get_ylim()[1], 1.05)
        if z is not None:
            # The noise lies on a line of its own below; an arrow leads from z to G(z).
            floor = -0.3 * highest
            reach = z.abs().max().clamp(min=1e-12)
            starts = (left + right) / 2 + z[:LINE_ARROWS] / reach * (right - left) / 2
            for start, end in zip(starts.tolist(), samples[:LINE_ARROWS].tolist(), strict=True):
                axes.annotate(
                    "",
                    (end, -0.02 * highest),
                    (start, floor),
                    arrowprops={"arrowstyle": "->", "color": "#777777", "linewidth": 0.5},
                )
            axes.text(left, floor, " z", fontsize=8, va="bottom")
            axes.set_ylim(floor, highest)
        axes.set_xlim(left, right)
        axes.legend(loc="upper right", fontsize=7, framealpha=0.8)


def scatter(points: Tensor, real: bool = False) -> Image.Image:
    """Points ``[N, D]`` alone: a histogram on a line, else the first two coordinates.

    Samples, or ``real`` ones of the data.
    """
    low, high = points.min(0).values, points.max(0).values
    margin = (high - low).clamp(min=1e-6) / 10
    bounds = torch.stack([low - margin, high + margin])
    none = points[:0]
    if real:
        return Landscape(points, bounds).draw(f"{len(points):,} points of the data", none)
    return Landscape(none, bounds).draw(f"{len(points):,} samples", points)


def _rendered(figure: Figure) -> Image.Image:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png")
    with Image.open(buffer, formats=["PNG"]) as picture:
        return picture.convert("RGB")
