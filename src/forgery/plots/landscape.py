"""Pictures of training on points: samples and data, the output of D, and its gradient.

In two dimensions the background shows D: blue where it classifies points as real, orange as
generated, grey where it is undecided. Arrows show the direction in which a sample lowers G's loss.
In one dimension, p_data, p_g and D are curves, as in Figure 1 of the 2014 paper. In more than two
dimensions, the first two are shown, without D.
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

#: Number of background cells per side, and number of points of a curve.
CELLS = 120
#: Number of samples with an arrow, in a plane and on a line.
ARROWS, LINE_ARROWS = 60, 40

#: Colours of D(x) from low to high: orange, grey, blue. The scale saturates at these probabilities,
#: which a regularised D rarely exceeds.
SURE = (0.25, 0.75)
BELIEF = LinearSegmentedColormap.from_list("belief", ["#f0a35e", "#e4e4e4", "#7fb2e5"])
REAL, DRAWN = "#174a7c", "#c2410c"


@dataclass(frozen=True)
class Landscape:
    """The constant part of the pictures of a run.

    Parameters
    ----------
    real:
        Points of the data ``[N, D]``.
    bounds:
        Lower and upper bounds of the picture, ``[2, D]``.
    density:
        In one dimension: p_data of points ``[n, 1]`` → ``[n]``; None if unknown.
    """

    real: Tensor
    bounds: Tensor
    density: Callable[[Tensor], Tensor] | None = None

    def places(self) -> Tensor | None:
        """Points at which to evaluate D: ``[n, D]``; None if D cannot be shown."""
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
        """Draw one picture.

        Parameters
        ----------
        title:
            Title of the picture.
        samples:
            Generated points ``[n, D]``.
        belief:
            Probability that each of :meth:`places` is real, according to D.
        directions:
            Directions in which the samples lower G's loss, ``[n, D]``.
        z:
            In one dimension: the first coordinate of each sample's noise, ``[n]``.
        """
        figure = Figure(figsize=(3.2, 3.2), dpi=100, layout="constrained")
        axes = figure.subplots()
        if samples.shape[1] == 1:
            self._draw_line(axes, samples[:, 0], belief, z)
        else:
            self._draw_plane(axes, samples, belief, directions)
        axes.set_title(title, fontsize=9, parse_math=False)
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
            # The scale is constant over training, so that arrows shrink as D becomes undecided: a
            # gradient of 1 per width of the picture is drawn a tenth of the width long.
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
            # Normalise over all samples, including those outside the picture.
            share = torch.full_like(samples, 1 / (len(samples) * (bins[1] - bins[0]))).tolist()
            axes.hist(samples.tolist(), bins, weights=share, color=DRAWN, alpha=0.6, label="p_g")
        if belief is not None:
            axes.plot(x, belief, color="#444444", linewidth=1, linestyle="--", label="D(x)")
        highest = max(axes.get_ylim()[1], 1.05)
        if z is not None:
            # The noise is drawn on a separate line below, with an arrow from each z to G(z).
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
    """Plot points ``[N, D]``: a histogram if D = 1, otherwise the first two coordinates.

    The points are samples, or data if ``real``.
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
