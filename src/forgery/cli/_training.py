"""What the verbs that train share: decoding before it, and where the results are after it."""

import sys
from typing import TYPE_CHECKING

from ..progress import counting

if TYPE_CHECKING:
    from ..config import Config
    from ..data import Pictures
    from ..studio import Model


def decoded(config: "Config") -> "Pictures":
    """A run's pictures, decoded with a bar where they are not decoded yet."""
    from ..build import image_settings
    from ..data import load_pictures

    with counting(unit="") as progress:
        return load_pictures(config.data, image_settings(config), progress)


def decoding(config: "Config") -> None:
    """Decode a run's pictures, if its data are pictures; say what must be known about them."""
    from ..data import holds_pictures, set_aside

    if not holds_pictures(config.data):
        return
    pictures = decoded(config)
    if pictures.survey.licence:
        print(f"licence of {config.data}: {pictures.survey.licence}")
    if pictures.survey.rejects:
        print(f"{set_aside(pictures.survey.rejects)}; forgery data {config.data} lists them")


def say_where(model: "Model") -> int:
    """Say where the results are; the exit code of the verb."""
    if model.interrupted_by:
        print(
            f"stopped at step {model.step:,} and saved; go on with it: forgery resume {model.path}"
        )
        return 128 + model.interrupted_by
    print(f"{model.step:,} steps, kept in {model.path}")
    for name, what in (
        (f"samples/{model.step:08d}.png", "the last samples"),
        ("real.png", "real images beside them"),
        ("evolution.gif", "how they came to be"),
        ("curves.png", "the losses"),
    ):
        print(f"  {model.path / name!s:<44} {what}")
    sys.stdout.flush()
    return 0
