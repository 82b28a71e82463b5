"""Every picture that the program draws."""

from .curves import curves
from .grids import evolution, grid, image
from .landscape import Landscape, scatter

__all__ = ["Landscape", "curves", "evolution", "grid", "image", "scatter"]
