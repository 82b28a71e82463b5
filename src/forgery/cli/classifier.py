"""``forgery classifier``"""

from pathlib import Path
from typing import Annotated

from cyclopts.types import PositiveInt

from ._flags import FLAT, NOTHING_OF_PICTURES, PictureFlags, given


def classifier(
    data: str,
    /,
    *,
    out: Path,
    split: str = "train",
    test: str = "test",
    epochs: PositiveInt = 12,
    device: str = "auto",
    flags: Annotated[PictureFlags, FLAT] = NOTHING_OF_PICTURES,  # type: ignore[valid-type]
) -> None:
    """Train a classifier on labelled images, for forgery evaluate --extractor.

    Parameters
    ----------
    data:
        A labelled data source, an IDX file of images with its labels file beside it, or a folder
        or archive of pictures with one subfolder per class.
    out:
        File to write (safetensors).
    split:
        Split to train on.
    test:
        Split to measure the accuracy on.
    epochs:
        Number of passes over the data.
    device:
        Device to train on: auto, cpu, cuda …
    """
    from ..config import Config
    from ..evaluation import train_extractor
    from ..parts import image_settings
    from ..resolve import decode_pictures

    config = Config(data=data).replace(**given(flags))
    decode_pictures(config)

    def report(epoch: int, loss: float) -> None:
        print(f"epoch {epoch:3}  loss {loss:.4f}", flush=True)

    sha256, accuracy = train_extractor(
        data, out, split, test, epochs, device, report, image_settings(config)
    )
    print(f"{out}: sha256 {sha256}")
    print(f"accuracy on {data} [{test}]: {accuracy:.2%}")
