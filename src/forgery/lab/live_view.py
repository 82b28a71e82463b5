"""What the page shows of a live game: points, surfaces, arrows, measures, as small as they can be.

Places are int16: :data:`UNIT` is half a side of the square that is shown, from its centre.
Probabilities are bytes: 0 surely generated, 255 surely real.
"""

import base64
import math
import time
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from ..data import Dataset
from ..evaluation.known_density import KnownDensity
from ..gallery import view_of
from ..sampler import Sampler
from ..training.report import gradient_norm
from ..training.surface import belief_and_directions
from .live_game import LiveGame

#: What half a side of the square is in int16; places outside are clamped at four times that.
UNIT = 8000
#: Points that are drawn, of each kind; samples from which p_g is estimated and measures are taken.
POINTS, MEASURED = 500, 10_000
#: Number of dimensions → places along each side at which D is evaluated.
CELLS = {1: 160, 2: 48}
#: D* is shown where there is more probability than this share of that of a uniform distribution.
FEW = 0.03
#: D(x) from here to there is shown; beyond, the colour no longer changes (as in a run's pictures).
SURE = (0.25, 0.75)
#: Samples and real points that D is asked about for the arrows, and for where it is undecided.
PAIRED = 200
#: Samples with an arrow; its length for a gradient of 1 per width of the picture, in widths, and at
#: most.
ARROWS, LENGTH, LONGEST = 60, 0.1, 0.16
#: Lines of the grid of z in each direction; values of z on a line.
LINES, ON_LINE = 15, 41
#: Seconds between two measurements, and their greatest share of the time.
PAUSE, SHARE = 0.4, 0.06


@dataclass
class Shown:
    """What the page wants to see.

    Parameters
    ----------
    surface:
        ``d``, ``best`` (D*), ``difference`` (D - D*) or ``none``.
    grid, arrows:
        Whether to show G's grid of z, and the directions in which samples lower G's loss.
    average:
        Whether the samples are those of G's average.
    """

    surface: str = "d"
    grid: bool = False
    arrows: bool = False
    average: bool = False


class View:
    """The view of games on the same points.

    Parameters
    ----------
    dataset:
        Points of one or two dimensions.
    """

    def __init__(self, dataset: Dataset) -> None:
        self.dataset = dataset
        self.dimensions = dataset.shape[0]
        bounds, _ = view_of(dataset)
        low, high = bounds.double()
        self._centre = ((low + high) / 2).float()
        self._half = ((high - low) / 2).max().float()  # a square: circles stay circles
        rows = dataset.stratified(POINTS)
        self._real = dataset.to_model(dataset.values[rows])
        # As many real points as samples with a gradient, since some objectives pair them.
        self._paired = self._real[torch.arange(PAIRED) % len(self._real)]
        cells = CELLS[self.dimensions]
        sides = [
            torch.linspace(-1, 1, cells + 1, dtype=torch.float64) * self._half + centre
            for centre in self._centre
        ]
        middles = [((side[1:] + side[:-1]) / 2).float() for side in sides]
        self._sides = sides
        #: Row by row from the bottom: the second coordinate changes slowest.
        self._places = torch.cartesian_prod(*reversed(middles)).view(-1, self.dimensions).flip(1)
        self.known = KnownDensity(dataset.density) if dataset.density else None
        self._p_data = self._masses_of_data()
        self._floor = self._floor_of_data()

    def setup(self) -> dict[str, Any]:
        """What does not change while the game is played."""
        low, high = self._centre - self._half, self._centre + self._half
        if self.dataset.units is not None:
            low, high = self.dataset.units.from_model(low), self.dataset.units.from_model(high)
        modes = self.dataset.density.modes if self.dataset.density else None
        return {
            "name": self.dataset.name.partition("[")[0] if self.known else self.dataset.name,
            "points": len(self.dataset),
            "dimensions": self.dimensions,
            "bounds": [low.tolist(), high.tolist()],
            "cells": CELLS[self.dimensions],
            "real": self.places(self._real),
            "known": self.known is not None,
            "modes": None if modes is None else len(modes),
            "floor": self._floor,
            "p_data": None if self.dimensions == 2 else _floats(self._per_length(self._p_data)),
        }

    def places(self, points: Tensor) -> str:
        """Points ``[n, D]`` as int16, in base64."""
        relative = (points.detach() - self._centre) / self._half * UNIT
        return _shorts(relative)

    def frame(self, game: LiveGame, shown: Shown, measured: "Measured") -> dict[str, Any]:
        """What a game looks like now."""
        frame: dict[str, Any] = {
            "step": game.step,
            "numbers": game.means(),
            "broken": game.broken,
            "half": game.halves.waits_for_g,
            "measures": measured.scores,
            "g_gradient": gradient_norm(game.training) if game.numbers else None,
        }
        if game.moment is not None:
            frame["moment"] = self._moment(*game.moment)
        if not game.training.is_finite():
            return frame
        sampler = self._sampler(game, shown.average)
        z = sampler.z(POINTS, game.config.seed)
        samples = sampler.draw(z)
        frame["fake"] = self.places(samples)
        if measured.p_g is not None and self.dimensions == 1:
            frame["p_g"] = _floats(self._per_length(measured.p_g))
        if shown.grid:
            frame["grid"] = self._grid(game, sampler)
        if game.config.pack > 1:  # D judges packs, not places
            return frame
        belief, pulls = belief_and_directions(
            game.game, self._places, samples[:PAIRED], self._paired
        )
        if shown.arrows:
            frame["arrows"] = self._arrows(samples[:ARROWS], pulls[:ARROWS])
        frame |= self._surfaces(belief, shown, measured.p_g)
        return frame

    def _surfaces(self, belief: Tensor, shown: Shown, p_g: Tensor | None) -> dict[str, Any]:
        """D, and in one dimension D* too; in two, the surface that is wanted."""
        best = self.best(p_g)
        if self.dimensions == 1:
            curves = {"d": _bytes(belief)}
            return curves | ({"best": _floats(best)} if best is not None else {})
        if shown.surface == "none" or (best is None and shown.surface != "d"):
            return {}
        wanted = {"d": belief, "best": best}
        if best is not None:
            wanted["difference"] = torch.where(best.isnan(), 0.5, (belief - best) / 2 + 0.5)
        low, high = SURE
        chosen = wanted[shown.surface]
        assert chosen is not None
        return {"surface": _bytes((chosen - low) / (high - low))}

    def best(self, p_g: Tensor | None) -> Tensor | None:
        """D* = p_data/(p_data + p_g) at each place; NaN where neither has probability."""
        if self._p_data is None or p_g is None:
            return None
        total = self._p_data + p_g
        return torch.where(total > FEW / total.numel(), self._p_data / total, torch.nan).float()

    def _moment(self, name: str, content: dict[str, Any]) -> dict[str, Any]:
        """A moment of slow motion, encoded."""
        encoded: dict[str, Any] = {"name": name}
        for key in ("real", "fake", "from"):
            if key in content:
                encoded[key] = self.places(content[key])
        for key in ("d_real", "d_fake"):
            if key in content:
                encoded[key] = _bytes(content[key])
        if "pulls" in content:
            encoded["arrows"] = self._arrows(content["fake"], content["pulls"])
        if "z" in content:
            encoded["z"] = _shorts(content["z"][:, :2] / 3 * UNIT)
            encoded["latent"] = content["z"].shape[1]
        return encoded

    def _arrows(self, samples: Tensor, pulls: Tensor) -> str:
        """Start and end of an arrow for each sample: int16 ``[n, 2, D]``."""
        width = 2 * self._half
        moved = pulls * width * width * LENGTH
        lengths = moved.norm(dim=1, keepdim=True).clamp(min=1e-12)
        moved = moved * (width * LONGEST / lengths).clamp(max=1)
        return self.places(torch.stack([samples, samples + moved], 1).flatten(0, 1))

    def _grid(self, game: LiveGame, sampler: Sampler) -> dict[str, Any] | None:
        """G of a grid of z whose cells are equally likely; None for a z of more dimensions.

        Two dimensions: the lines of constant z₁, then those of constant z₂, int16 ``[2·LINES,
        ON_LINE, D]``. One: one line, with z's places beside.
        """
        if game.config.latent > 2:
            return None
        lines = _quantiles(game.config.noise, LINES)
        along = _quantiles(game.config.noise, ON_LINE)
        if game.config.latent == 1:
            images = sampler.draw(along[:, None])
            z = along / along.abs().max() * UNIT
            return {"lines": 1, "on": ON_LINE, "x": self.places(images), "z": _shorts(z)}
        first = torch.cartesian_prod(lines, along)
        images = sampler.draw(torch.cat([first, first.flip(1)]))
        return {"lines": 2 * LINES, "on": ON_LINE, "x": self.places(images)}

    def _sampler(self, game: LiveGame, average: bool) -> Sampler:
        """A sampler of G, or of its average if that is wanted and there is one."""
        network = game.training.sampler if average else game.game.generator.network
        return Sampler(network, game.config.noise, game.config.latent, self.dataset.shape)

    def measure(self, game: LiveGame, average: bool) -> "Measured":
        """Estimate p_g, and score it against a known density."""
        if not game.training.is_finite():
            return Measured()
        sampler = self._sampler(game, average)
        samples = sampler.draw(sampler.z(MEASURED, game.config.seed))
        if not samples.isfinite().all():
            return Measured()
        scores: dict[str, float] = {}
        if self.known is not None:
            scores = self.known.scores(samples)
            scores["c"] = 2 * scores["jsd"] - math.log(4)
        return Measured(self._smoothed(self._counted(samples)), scores)

    # Probabilities of the cells of the square, in the order of places.

    def _counted(self, points: Tensor) -> Tensor:
        """The share of points in each cell: ``[R]`` or ``[R, R]``, the second coordinate first."""
        cells = CELLS[self.dimensions]
        where = (points.double() - self._centre) / self._half
        index = ((where + 1) / 2 * cells).floor().long()
        inside = ((index >= 0) & (index < cells)).all(1)
        index = index[inside]
        flat = index[:, 0] if self.dimensions == 1 else index[:, 1] * cells + index[:, 0]
        counts = torch.bincount(flat, minlength=cells**self.dimensions).double()
        return (counts / len(points)).view([cells] * self.dimensions)

    def _smoothed(self, masses: Tensor) -> Tensor:
        """Masses, spread over the neighbouring cells by a Gaussian kernel of one cell: flat."""
        cells = torch.arange(len(masses), dtype=torch.float64)
        kernel = (-(cells[:, None] - cells).square() / 2).exp()
        kernel = kernel / kernel.sum(0)
        for _ in range(masses.dim()):
            masses = torch.tensordot(kernel, masses, dims=1).movedim(0, -1)
        return masses.flatten()

    def _masses_of_data(self) -> Tensor | None:
        density = self.dataset.density
        if density is None:
            return self._smoothed(self._counted(self.dataset.to_model(self.dataset.values))) \
                if self.dimensions == 1 else None  # fmt: skip
        masses = density.cell_masses(self._sides)
        return self._smoothed(masses.T.contiguous() if masses.dim() == 2 else masses)

    def _floor_of_data(self) -> dict[str, float]:
        """The scores of the data's own points, as many as samples are measured."""
        if self.known is None:
            return {}
        assert self.dataset.density is not None
        points = self.dataset.density.sample(MEASURED, torch.Generator().manual_seed(3))
        return self.known.scores(points.float())

    def _per_length(self, masses: Tensor | None) -> Tensor | None:
        """Densities per unit of the view's half side."""
        return None if masses is None else masses * CELLS[1] / 2


@dataclass
class Measured:
    """The last measurement of a game: the masses of p_g by cell, and scores by name."""

    p_g: Tensor | None = None
    scores: dict[str, float] | None = None


class Pace:
    """When to measure next: every :data:`PAUSE` seconds, or less often if it takes long."""

    def __init__(self) -> None:
        self._next = 0.0

    def due(self) -> bool:
        return time.perf_counter() >= self._next

    def took(self, seconds: float) -> None:
        """Note how long a measurement took."""
        self._next = time.perf_counter() + max(PAUSE, seconds / SHARE)


def _quantiles(noise: str, n: int) -> Tensor:
    """Values of one dimension of z between which equal shares of its probability lie: ``[n]``."""
    shares = torch.linspace(0.01, 0.99, n)
    if noise == "uniform":
        return (2 * shares - 1) * 3**0.5
    return torch.special.ndtri(shares.double()).float()


def _shorts(values: Tensor) -> str:
    most = 4 * UNIT
    whole = values.nan_to_num(0.0).clamp(-most, most).round().to(torch.int16)
    return _encoded(whole)


def _bytes(shares: Tensor) -> str:
    """Numbers of 0 to 1 as bytes; ½ for NaN."""
    return _encoded((shares.nan_to_num(0.5).clamp(0, 1) * 255).round().to(torch.uint8))


def _floats(values: Tensor | None) -> str | None:
    return None if values is None else _encoded(values.float())


def _encoded(values: Tensor) -> str:
    return base64.b64encode(values.contiguous().numpy().tobytes()).decode()
