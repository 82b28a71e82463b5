"""InfoGAN: how well codes that no label has taught tell digits apart."""

from collections.abc import Sequence

import forgery
from forgery import recipes
from infogan import scores

from .declaration import Column, Scores, Table
from .hundred_labels import held_out
from .rows import Trained

#: The source trains for 50 epochs of 100 updates.
STEPS = (500, 1_000, 2_500, 5_000)


def of_model(model: forgery.Model) -> Scores:
    found = scores(model, held_out("test"))
    return {"error": 1 - found["clustered_right"], "code_right": found["code_right"]}


def _met(seeds: Sequence[Scores]) -> bool:
    return min(s["error"] for s in seeds) <= 0.10


TABLE = Table(
    "infogan",
    "Error of InfoGAN's codes as a classifier of MNIST's test images",
    (
        Column("error", "error", ".1f", percent=True),
        Column("code_right", "samples of their code's digit", ".1f", percent=True),
    ),
    tuple(f"{n:,} steps" for n in STEPS),
    (
        Trained(
            name="two continuous codes",
            config=recipes.infogan,
            score=of_model,
            lengths=STEPS,
            seeds=(0, 1, 2),
            reference="5 % (Chen et al. 2016; openai/InfoGAN trains 5,000 steps)",
            target="at most 10 % on the best seed",
            met=_met,
        ),
    ),
    "Recipe `infogan`, which is openai/InfoGAN's. Codes and digits are matched one to one, as well "
    "as possible.",
)
