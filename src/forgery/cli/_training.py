"""The summary printed by the verbs that train."""

import sys
from typing import TYPE_CHECKING

from ..errors import command

if TYPE_CHECKING:
    from ..config import Config
    from ..model import Model


def print_expectation(config: "Config") -> None:
    """Print what to expect of a run on data of one's own that is as long as the machine allows."""
    from ..data import SOURCES
    from ..preflight import preflight

    if config.minutes is None or config.data in SOURCES:
        return
    found = preflight(config)
    data = found.dataset
    print(
        f"recipe {config.recipe}, {found.length()} of {len(data):,} {data.kind}; --minutes changes "
        "the length"
    )
    if words := found.expectation():
        print(words)
    if data.labels is not None and not config.is_conditional:
        print(f"the {len(data.classes)} classes are not used: see --conditional")
    sys.stdout.flush()


def print_results(model: "Model") -> int:
    """Print where the results are, and return the verb's exit code."""
    if model.interrupted_by:
        resume = command("resume", model.path)
        print(f"stopped at step {model.step:,} and saved; resume with: {resume}")
        return 128 + model.interrupted_by
    print(f"{model.step:,} step{'' if model.step == 1 else 's'}, saved in {model.path}")
    for name, what in (
        (f"samples/{model.step:08d}.png", "the last samples"),
        ("real.png", "real images, for comparison"),
        ("evolution.gif", "samples during training"),
        ("curves.png", "the losses"),
        ("metrics.csv", "the reports as a table"),
        ("tensorboard", "event files, for tensorboard --logdir"),
    ):
        if (model.path / name).exists():  # a run without reports has no curves
            print(f"  {model.path / name!s:<44} {what}")
    sys.stdout.flush()
    return 0
