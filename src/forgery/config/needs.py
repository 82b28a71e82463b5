"""Declaration of settings: help text, bounds, and conditions for having an effect."""

import dataclasses
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from .choices import BUNDLED_IMAGES, BUNDLED_POINTS

_ARRAY_FILE = re.compile(r"(\.npy|\.npz|idx\d-ubyte(\.gz)?)$", re.IGNORECASE)
_IDX_FILE = re.compile(r"idx\d-ubyte(\.gz)?$", re.IGNORECASE)
#: The name of data that were given from Python as a Dataset starts with this.
GIVEN = "python:"


@dataclass(frozen=True)
class Need:
    """A condition for a setting to have an effect: ``met`` holds for the value of ``setting``.

    ``give`` names a flag that fulfils it.
    """

    setting: str
    met: Callable[[Any], bool]
    give: str


def one_of(setting: str, *values: str) -> Need:
    """The condition that a setting has one of these values."""
    flags = f"--{flag(setting)} {either(values)}"
    return Need(setting, lambda value: value in values, flags)


def unless(setting: str, *values: Any, give: str) -> Need:
    """The condition that a setting has none of these values; ``give`` is an example."""
    return Need(setting, lambda value: value not in values, f"--{flag(setting)} {give}")


def _data(is_met: Callable[[str], bool], give: str) -> Need:
    """A condition on the data, as far as it can be decided from the name."""
    # A name that is no string is refused elsewhere.
    return Need("data", lambda data: not isinstance(data, str) or is_met(data), give)


def either(words: Sequence[str]) -> str:
    """``a, b or c``."""
    return " or ".join(filter(None, [", ".join(words[:-1]), words[-1]]))


def flag(name: str) -> str:
    """The name of a setting in the command line and in messages."""
    return name.replace("_", "-")


def _holds_points(data: str) -> bool:
    """Whether the data are points, according to the name."""
    return data in BUNDLED_POINTS or data.lower().endswith(".csv")


def _may_vary(data: str) -> bool:
    """Whether the data may contain pictures that are not square, or transparent."""
    is_ready = data in BUNDLED_IMAGES or data.startswith(GIVEN)
    return not is_ready and not _holds_points(data)


GAN = one_of("model", "gan")
ADAM = one_of("optimizer", "adam")
MOMENTUM = one_of("optimizer", "momentum")
PENALTY = unless("penalty", "none", give="r1")
BURN_IN = unless("burn_in", 0.0, give="0.5")
ADAPTIVE = one_of("augment", "adaptive", "adaptive-geometry")
INFOGAN = one_of("conditional", "infogan")
LEARNT_CLASSES = one_of("conditional", "auxiliary", "semi-supervised", "infogan")
START = unless("start_from", None, give="RUN")
SIZE = unless("image_size", 0, give="28")
RECTANGLES = Need("image_size", lambda size: isinstance(size, str), "--image-size 20x28")
IMAGES = _data(lambda data: not _holds_points(data), "data that are images")
CONVERTED = _data(
    lambda data: not data.startswith(GIVEN),
    "images by their name or path (a Dataset is taken as it is)",
)
PICTURES = _data(_may_vary, "pictures: a folder, an archive, a table or an array file")
PICTURE_FILES = _data(
    lambda data: _may_vary(data) and not _ARRAY_FILE.search(data),
    "pictures in files: a folder, an archive or a table",
)
NOT_ARRAYS = _data(
    lambda data: not (_ARRAY_FILE.search(data) or data.startswith(GIVEN)), "pictures in files"
)
NOT_IDX = _data(
    lambda data: not (_IDX_FILE.search(data) or data.startswith(GIVEN)), "pictures in files"
)
RATE_MOVES = (
    unless("learning_rate_decay", 1.0, give="1.0001"),
    unless("learning_rate_final", 1.0, give="0.1"),
)
SOMETHING_MOVES = (
    unless("learning_rate_final", 1.0, give="0.1"),
    unless("beta2_final", None, give="0.99"),
    unless("penalty_weight_final", None, give="0.1"),
)


def setting(
    default: Any,
    help: str,
    *,
    needs: Sequence[Need | tuple[Need, ...]] = (),
    neutral: bool = False,
    least: float | None = None,
    above: float | None = None,
    most: float | None = None,
    below: float | None = None,
    read: Callable[[Any], Any] | None = None,
) -> Any:
    """Declare a field with its help text, conditions and bounds.

    Each of ``needs`` must be met, and of a tuple at least one member. ``neutral`` means that the
    default disables the setting: giving it is accepted even if the setting has no effect. ``read``
    converts what a user may give to the value that is kept, in place of the check of its type.
    """
    return dataclasses.field(
        default=default,
        metadata={
            "help": help,
            "needs": tuple((need,) if isinstance(need, Need) else need for need in needs),
            "neutral": neutral,
            "read": read,
            "bounds": {"at least": least, "above": above, "at most": most, "below": below},
        },
    )
