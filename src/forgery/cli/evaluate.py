"""``forgery evaluate``"""

from pathlib import Path
from typing import Literal


def evaluate(
    run: Path,
    /,
    *,
    samples: int = 10_000,
    against: str = "test",
    seed: int = 0,
    extractor: Path | None = None,
    step: int | Literal["best"] | None = None,
    device: str = "auto",
) -> None:
    """Measure a run's samples against held-out data and write card.json.

    Every score is printed beside its floor: real training images by the same protocol.

    Parameters
    ----------
    run:
        The run folder.
    samples:
        How many samples are measured.
    against:
        The split of the run's data to measure against, or the path of other data.
    seed:
        Of the samples.
    extractor:
        A file of weights: the original Inception's, or a classifier made by forgery classifier.
        The bundled digit classifier, if not given.
    step:
        Another checkpoint than the newest: its step, or best.
    device:
        Where to measure: auto, cpu, cuda …
    """
    from ..studio import evaluate as measure
    from ._tables import print_cards

    card = measure(run, samples, against, seed, extractor, step, device)
    print_cards([card])
    print(f"\nkept in {run / 'card.json'}")
