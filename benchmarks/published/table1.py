"""Table 1 of the 2014 paper for MNIST: Parzen-window log-likelihood in nats."""

from functools import cache

import torch

import forgery
from forgery import metrics, recipes
from forgery.data.mnist import mnist

from .declaration import Column, Scores, Table
from .results import Line
from .rows import Measured, Trained

SAMPLES, EPOCH = 10_000, 500
EPOCHS = (50, 100, 150, 200, 250)
PAPER, PAPER_ERROR = 225.0, 2.0


@cache
def _held_out() -> tuple[torch.Tensor, torch.Tensor]:
    valid, test = (mnist(split).values / 255 for split in ("valid10k", "test"))
    return valid, test


def parzen(pixels: torch.Tensor) -> Scores:
    """Nats of the test images, their standard error over images and σ; pixels in [0, 1]."""
    found = metrics.parzen_likelihood(pixels.clamp(0, 1), *_held_out())
    return {"nats": found.mean, "se": found.standard_error, "sigma": found.sigma}


def of_real_images(seed: int) -> Scores:
    train = mnist("train50k").values
    chosen = torch.randperm(len(train), generator=torch.Generator().manual_seed(seed))
    return parzen(train[chosen[:SAMPLES]] / 255)


def of_model(model: forgery.Model) -> Scores:
    return parzen((model.sample(SAMPLES, seed=1) + 1) / 2)


def is_collapsed(line: Line) -> bool:
    """Whether the score is below 0, or the doctor found that D has won or samples collapsed."""
    return line.scores["nats"] < 0 or bool({"D has won", "collapsed"} & set(line.doctor))


TABLE = Table(
    "table1",
    "Parzen log-likelihood of MNIST's test images, nats",
    (Column("nats", "nats", ".1f", error="se"),),
    tuple(f"{n} epochs" for n in EPOCHS),
    (
        Measured(
            name="10,000 real training images",
            seeds=(0,),
            reference="not in the paper",
            few_seeds="nothing is trained",
            measure=of_real_images,
        ),
        Trained(
            name="goodfellow2014",
            config=recipes.goodfellow2014,
            score=of_model,
            lengths=tuple(EPOCH * n for n in EPOCHS),
            seeds=(0, 1, 2, 3, 4),
            reference="225 ± 2 (Goodfellow et al. 2014, Table 1)",
            target="225, or at most two standard errors below, on the seeds that train",
            met=lambda seeds: all(
                s["nats"] + 2 * (s["se"] ** 2 + PAPER_ERROR**2) ** 0.5 >= PAPER for s in seeds
            ),
        ),
    ),
    "σ is chosen on the first 1,000 validation images; 10,000 samples. ± is over images for one "
    "seed, over seeds for their mean. A seed counts as collapsed "
    "if the doctor finds that D has won or that samples have collapsed, or if its score is below "
    "0; it is not trained further, and the means are over the other seeds.",
    is_collapsed,
)
