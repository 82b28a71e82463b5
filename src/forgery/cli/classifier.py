"""``forgery classifier``"""

from pathlib import Path


def classifier(
    data: str,
    /,
    *,
    out: Path,
    split: str = "train",
    test: str = "test",
    epochs: int = 12,
    device: str = "auto",
) -> None:
    """Train a classifier on labelled images, for forgery evaluate --extractor.

    Parameters
    ----------
    data:
        A labelled data source, or an IDX file of images with its labels beside it.
    out:
        The file to write (safetensors).
    split:
        The part to train on.
    test:
        The part to report its accuracy on.
    epochs:
        Passes over the data.
    device:
        Where to train: auto, cpu, cuda …
    """
    from ..studio import train_extractor

    def report(epoch: int, loss: float) -> None:
        print(f"epoch {epoch:3}  loss {loss:.4f}", flush=True)

    sha256, accuracy = train_extractor(data, out, split, test, epochs, device, report)
    print(f"{out}: sha256 {sha256}")
    print(f"{accuracy:.2%} of {data} [{test}] right")
