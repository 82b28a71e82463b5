"""Points as their own features: what the measures look at where the data are no images."""

from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True)
class Coordinates:
    """An extractor for points: the features are the coordinates, and there are no classes."""

    name: str = "coordinates"
    sha256: str = "none"

    def features(self, points: Tensor) -> Tensor:
        """The points ``[N, D]`` themselves."""
        return points

    def features_and_logits(self, points: Tensor) -> tuple[Tensor, Tensor]:
        """The points ``[N, D]``, and the logits of no classes ``[N, 0]``."""
        return points, points.new_empty(len(points), 0)
