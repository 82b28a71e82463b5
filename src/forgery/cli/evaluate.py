"""``forgery evaluate``"""

from pathlib import Path

from cyclopts.types import NonNegativeInt, PositiveInt

from ._latent import Step


def evaluate(
    run: Path,
    /,
    *,
    samples: PositiveInt = 10_000,
    against: str = "test",
    seed: NonNegativeInt = 0,
    extractor: Path | None = None,
    data: str | None = None,
    step: Step = None,
    device: str = "auto",
) -> None:
    """Measure a run's samples against held-out data and write card.json.

    Every score is printed beside its floor: that of real training images by the same protocol.

    Parameters
    ----------
    run:
        The run folder.
    samples:
        Number of samples that are measured.
    against:
        The split of the run's data to measure against, or the path of other data.
    seed:
        Of the samples.
    extractor:
        A file of weights: the original Inception's, or a classifier made by forgery classifier.
        mnist-digits is the bundled classifier of digits, which is the default if it recognises
        the data.
    data:
        Where the run's data is now, if it was moved since the training.
    step:
        Another checkpoint than the newest: its step, or best.
    device:
        Where to measure: auto, cpu, cuda …
    """
    from ..errors import ForgeryError
    from ..evaluation import evaluate as measure
    from ._tables import print_cards

    card = measure(run, samples, against, seed, extractor, step, device, data=data, keep=False)
    print_cards([card])
    try:
        card.write(run / "card.json")
    except ForgeryError as error:
        raise ForgeryError(f"the scores above are not kept: {error}") from None
    print(f"\nkept in {run / 'card.json'}")
