"""Style of the figures, after the paper's Figure 1: p_data dotted, p_g green, D dashed blue."""

from typing import TYPE_CHECKING, Any

from torch import Tensor

if TYPE_CHECKING:
    from matplotlib.axes import Axes

P_DATA: dict[str, Any] = {"color": "black", "linestyle": ":", "linewidth": 1.6}
P_G: dict[str, Any] = {"color": "#2a9d4a", "linewidth": 1.6}
D: dict[str, Any] = {"color": "#1f5fb4", "linestyle": "--", "linewidth": 1.8}
LIMIT: dict[str, Any] = {"color": "grey", "linewidth": 0.9}


def plain(axes: "Axes") -> None:
    """Hide the top and right sides of the frame."""
    axes.spines[["top", "right"]].set_visible(False)


def distributions(axes: "Axes", x: Tensor, p_data: Tensor, p_g: Tensor) -> None:
    """Plot two densities ``[N]`` at the points x ``[N]``."""
    axes.fill_between(x, p_g, color=P_G["color"], alpha=0.15, linewidth=0)
    axes.plot(x, p_data, **P_DATA, label="p_data")
    axes.plot(x, p_g, **P_G, label="p_g")
