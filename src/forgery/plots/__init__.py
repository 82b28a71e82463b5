"""Figures: sample grids, curves, landscapes of D and latent-space pictures."""

from .curves import curves
from .films import check_film
from .grids import (
    by_class,
    by_class_size,
    enlarged,
    evolution,
    grid,
    grid_size,
    image,
    save_grid,
    sheet,
    times_for,
)
from .landscape import Landscape, scatter
from .walks import arithmetic, film

__all__ = [
    "Landscape",
    "arithmetic",
    "by_class",
    "by_class_size",
    "check_film",
    "curves",
    "enlarged",
    "evolution",
    "film",
    "grid",
    "grid_size",
    "image",
    "save_grid",
    "scatter",
    "sheet",
    "times_for",
]
