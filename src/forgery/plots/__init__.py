"""Every picture that the program draws."""

from .curves import curves
from .grids import evolution, grid, grid_size, image
from .landscape import Landscape, scatter
from .walks import arithmetic, film, sheet

__all__ = [
    "Landscape",
    "arithmetic",
    "curves",
    "evolution",
    "film",
    "grid",
    "grid_size",
    "image",
    "scatter",
    "sheet",
]
