"""Layers that several families share."""

from torch import Tensor, nn

#: Linear pieces whose maximum a maxout unit takes: five in the 2014 paper's networks and PacGAN's.
PIECES = 5


class Maxout(nn.Module):
    """``[N, inputs]`` → ``[N, units]``: each unit is the largest of :data:`PIECES` linear maps."""

    def __init__(self, inputs: int, units: int) -> None:
        super().__init__()
        self.units = units
        self.pieces = nn.Linear(inputs, units * PIECES)

    def forward(self, x: Tensor) -> Tensor:
        return self.pieces(x).view(-1, self.units, PIECES).max(dim=2).values
