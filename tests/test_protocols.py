"""What a part given from Python must do, and how one that does not is refused."""

import pytest
import torch
from torch import nn

import forgery
from forgery import ForgeryError
from forgery.models.layers import Discriminator
from forgery.objectives import Objective


def _raises(spec):
    raise KeyError("width")


@pytest.mark.parametrize(
    ("part", "message"),
    [
        ({"objective": lambda real, fake: real}, "must be a forgery.objectives.Objective"),
        ({"objective": None}, "must be a forgery.objectives.Objective or a name, not None"),
        (
            {"objective": Objective(lambda r, f: (r - f).mean(), lambda f, r: f.mean())},
            r"maps logits by d \[4\] to losses \[\]: expected \[4\]",
        ),
        ({"generator": 3}, "the generator must be a function or a name, not 3"),
        ({"generator": _raises}, "_raises cannot be made: KeyError: 'width'"),
        ({"generator": lambda spec: "G"}, "makes a str: expected a torch.nn.Module"),
        (
            {"generator": lambda spec: nn.Linear(spec.latent, 10)},
            r"to samples \[4, 10\]: expected \[4, 1, 28, 28\]",
        ),
        ({"discriminator": lambda spec: nn.Flatten()}, r"to logits \[4, 784\]: expected \[4\]"),
        (
            {"penalty": lambda judge, real, fake: judge(real).mean(), "penalty_weight": 1.0},
            r"to penalties \[\]: expected \[4\]",
        ),
        (
            {"penalty": lambda judge, real, fake: torch.zeros(4), "penalty_weight": 1.0},
            "that carry no gradient",
        ),
    ],
)
def test_a_part_that_does_not_do_what_is_required_is_refused(part, message, tiny, tmp_path):
    with pytest.raises(ForgeryError, match=message):
        forgery.train(tiny.replace(penalty="none"), tmp_path / "run", **part)
    assert not (tmp_path / "run").exists()


class InTwoPlaces(Discriminator):
    """A logit for the upper half of an image, and one for the lower half."""

    def __init__(self, spec):
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(spec.size // 2, 1))

    def look(self, x, y=None):
        halves = x.flatten(1).unflatten(1, (2, -1))
        return self.layers(halves).squeeze(2), halves.mean(1)


def test_a_discriminator_may_judge_an_image_in_several_places(tiny, tmp_path):
    config = tiny.replace(penalty="none", objective="hinge")
    model = forgery.train(config, tmp_path / "run", discriminator=InTwoPlaces)
    assert model.logits(model.sample(3)).shape == (3,)
