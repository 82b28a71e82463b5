"""Games of two given networks, with plain SGD."""

import pytest
import torch

from forgery.objectives import OBJECTIVES
from forgery.training.algorithm1 import UPDATES
from forgery.training.parallel import ALONE
from forgery.training.player import Player
from forgery.training.terms import ClassLoss, GradientPenalty, LabelledLoss
from forgery.training.view import View


def game_of(
    networks,
    noise,
    objective="non-saturating",
    updates="alternating",
    d_steps=1,
    classes=lambda n, y: None,
    penalty=None,
    labelled=None,
    predicts=False,
    class_weight=1.0,
    augment=None,
    pack=1,
    clip=0.0,
    accumulate=1,
    ranks=ALONE,
    optimizer=torch.optim.SGD,
):
    """The game of (G, D): ``noise(n)`` draws z, ``classes(n, y)`` the classes of G's samples."""
    g, d = (
        Player(n, optimizer(n.parameters(), lr=0.1), ranks, accumulate, c)
        for n, c in zip(networks, (0.0, clip), strict=True)
    )
    terms = []
    if penalty is not None:
        terms.append(GradientPenalty(d, penalty, 1.0))
    if predicts:
        terms.append(ClassLoss(d, class_weight))
    if labelled is not None:
        terms.append(LabelledLoss(d, class_weight, labelled))
    return UPDATES[updates](
        g,
        d,
        OBJECTIVES[objective],
        lambda n, y: (noise(n), classes(n, y)),
        View(augment, pack),
        terms,
        d_steps,
    )


@pytest.fixture(name="game_of")
def _game_of():
    return game_of
