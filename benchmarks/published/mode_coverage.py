"""Mode coverage on a ring and a grid, by PacGAN's protocol."""

from collections.abc import Sequence

from forgery import recipes
from forgery.bench import PUBLISHED

from .declaration import Column, Scores, Table
from .results import mean_and_error
from .rows import Ensemble

STEPS = (2_500, 10_000, 40_000, 100_000, 200_000, 400_000)
#: Data → modes, by packing: mean and standard error of ten runs (Lin et al. 2018, fjxmlzn/PacGAN).
PAPER = {
    "ring8": {1: (6.3, 0.5), 2: (7.9, 0.1), 4: (7.8, 0.1)},
    "grid25": {1: (17.3, 0.8), 2: (23.8, 0.7), 4: (24.8, 0.2)},
}


def _row(data: str, pack: int) -> Ensemble:
    paper, paper_error = PAPER[data][pack]

    def met(seeds: Sequence[Scores]) -> bool:
        mean, error = mean_and_error([s["modes"] for s in seeds])
        joint = ((error or 0) ** 2 + paper_error**2) ** 0.5
        return abs(mean - paper) <= 2 * joint + 1e-9  # 8.0 is two errors of .1 from 7.8

    return Ensemble(
        name=f"{data}, GAN" + (f", packing {pack}" if pack > 1 else ""),
        config=lambda: recipes.pacgan(data=data),
        pack=pack,
        lengths=STEPS,
        seeds=tuple(range(10)),
        together=True,
        reference=f"{PUBLISHED[data, 'non-saturating', pack]} (Lin et al. 2018, ten runs)",
        target="the published mean, within two joint standard errors",
        met=met,
    )


TABLE = Table(
    "mode-coverage",
    "Modes covered on ring8 (of 8) and grid25 (of 25)",
    (
        Column("modes", "modes", ".1f"),
        Column("high_quality", "high quality", ".1f", percent=True),
    ),
    tuple(f"{n:,} steps" for n in STEPS),
    tuple(_row(data, pack) for data in PAPER for pack in PAPER[data]),
    "Recipe `pacgan` (non-saturating), ten seeds at once by `forgery bench`; 2,500 samples a seed; "
    "the published length is 400,000 steps. High quality: within three standard deviations of a "
    "mode.",
)
