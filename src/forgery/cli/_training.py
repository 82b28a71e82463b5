"""What the verbs that train print at the end."""

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..model import Model


def say_where(model: "Model") -> int:
    """Print where the results are; returns the exit code of the verb."""
    if model.interrupted_by:
        print(
            f"stopped at step {model.step:,} and saved; resume it with: forgery resume {model.path}"
        )
        return 128 + model.interrupted_by
    print(f"{model.step:,} step{'' if model.step == 1 else 's'}, kept in {model.path}")
    for name, what in (
        (f"samples/{model.step:08d}.png", "the last samples"),
        ("real.png", "real images, for comparison"),
        ("evolution.gif", "samples during training"),
        ("curves.png", "the losses"),
    ):
        print(f"  {model.path / name!s:<44} {what}")
    sys.stdout.flush()
    return 0
