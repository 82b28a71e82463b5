"""How a setting is declared: its help text, its bounds, and what it needs to have an effect."""

import dataclasses
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from .choices import BUNDLED_IMAGES, BUNDLED_POINTS

_ARRAY_FILE = re.compile(r"(\.npy|\.npz|idx\d-ubyte(\.gz)?)$", re.IGNORECASE)
_IDX_FILE = re.compile(r"idx\d-ubyte(\.gz)?$", re.IGNORECASE)


@dataclass(frozen=True)
class Need:
    """A condition under which a setting has an effect: another ``setting`` whose value is ``met``.

    ``give`` is what fulfils it, as the command line takes it.
    """

    setting: str
    met: Callable[[Any], bool]
    give: str


def one_of(setting: str, *values: str) -> Need:
    """The need of one of these values."""
    flags = f"--{flag(setting)} {either(values)}"
    return Need(setting, lambda value: value in values, flags)


def unless(setting: str, *values: Any, give: str) -> Need:
    """The need of any value but these, of which ``give`` is one."""
    return Need(setting, lambda value: value not in values, f"--{flag(setting)} {give}")


def _data(is_met: Callable[[str], bool], give: str) -> Need:
    """The need of data, as far as their name alone says what they are."""
    # What is no text is refused as such.
    return Need("data", lambda data: not isinstance(data, str) or is_met(data), give)


def either(words: Sequence[str]) -> str:
    """``a, b or c``."""
    return " or ".join(filter(None, [", ".join(words[:-1]), words[-1]]))


def flag(name: str) -> str:
    """The name of a setting as the command line and the messages have it."""
    return name.replace("_", "-")


def _holds_points(data: str) -> bool:
    """Whether the name alone says that the data are points."""
    return data in BUNDLED_POINTS or data.lower().endswith(".csv")


def _may_vary(data: str) -> bool:
    """Whether the data may be pictures that are not square yet, or transparent."""
    return data not in BUNDLED_IMAGES and not _holds_points(data)


GAN = one_of("model", "gan")
ADAM = one_of("optimizer", "adam")
MOMENTUM = one_of("optimizer", "momentum")
PENALTY = unless("penalty", "none", give="r1")
BURN_IN = unless("burn_in", 0.0, give="0.5")
ADAPTIVE = one_of("augment", "adaptive", "adaptive-geometry")
INFOGAN = one_of("conditional", "infogan")
LEARNT_CLASSES = one_of("conditional", "auxiliary", "semi-supervised", "infogan")
SIZE = unless("image_size", 0, give="28")
IMAGES = _data(lambda data: not _holds_points(data), "data that are images")
PICTURES = _data(_may_vary, "pictures: a folder, an archive, a table or an array file")
PICTURE_FILES = _data(
    lambda data: _may_vary(data) and not _ARRAY_FILE.search(data),
    "pictures in files: a folder, an archive or a table",
)
NOT_ARRAYS = _data(lambda data: not _ARRAY_FILE.search(data), "pictures in files")
NOT_IDX = _data(lambda data: not _IDX_FILE.search(data), "pictures in files")
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
) -> Any:
    """A field with its help text, when it has an effect, and the range of its value.

    Each of ``needs`` must be met; of a tuple, one of its members. ``neutral`` says that the default
    stands for "none of it": giving it where the setting has no effect is no mistake.
    """
    return dataclasses.field(
        default=default,
        metadata={
            "help": help,
            "needs": tuple((need,) if isinstance(need, Need) else need for need in needs),
            "neutral": neutral,
            "bounds": {"at least": least, "above": above, "at most": most, "below": below},
        },
    )
