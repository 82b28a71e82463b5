"""The recipe for points on every known density, beside real points."""

from functools import cache

import forgery
from forgery import data, recipes
from forgery.evaluation import KnownDensity

from .declaration import Column, Row, Scores, Table
from .rows import Measured, Trained

SEEDS = (0, 1, 2)
SAMPLES = 10_000
NO_REFERENCE = "none on these grids"


@cache
def _known(name: str) -> KnownDensity:
    return KnownDensity(data.DENSITIES[name]())


def _rows(name: str) -> tuple[Row, Row]:
    def score(model: forgery.Model) -> Scores:
        return _known(name).scores(model.sample(SAMPLES, seed=1))

    def of_real_points(seed: int) -> Scores:
        points = data.load(name).values[seed * SAMPLES : (seed + 1) * SAMPLES]
        return _known(name).scores(points)

    latent = 1 if name == "line" else 2
    return (
        Trained(
            name=f"`{name}`",
            config=lambda: recipes.points(data=name, latent=latent),
            score=score,
            lengths=(12_000,),
            seeds=SEEDS,
            reference=NO_REFERENCE,
        ),
        Measured(
            name=f"`{name}`, real points",
            seeds=SEEDS,
            reference=NO_REFERENCE,
            measure=of_real_points,
        ),
    )


TABLE = Table(
    "known-densities",
    "Recipe `points` on known densities",
    (
        Column("jsd", "JSD, nats", ".3f"),
        Column("kl", "KL(data‖samples), nats", ".2f"),
        Column("modes", "modes", ".1f"),
        Column("high_quality", "near a mode", ".1f", percent=True),
    ),
    ("12,000 steps",),
    tuple(row for name in data.DENSITIES for row in _rows(name)),
    "10,000 samples, and as many real points for each seed. The grid has 64 × 64 cells (200 on the "
    "line), and the density's mass per cell is computed exactly; .01 is added to each count for "
    "the KL. Near a mode: within three standard deviations. `line` with `--latent 1`.",
)
