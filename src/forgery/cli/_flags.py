"""Every field of Config as an optional flag, and the choice of those that help pages list."""

import dataclasses
import sys
from collections.abc import Callable, Collection, Sequence
from functools import cache
from typing import Annotated, Any, Literal, get_origin

from cyclopts import Group, Parameter, Token
from cyclopts.help import DefaultFormatter

from ..config import (
    COMMON,
    GROUPS,
    LENGTHS,
    RESUMABLE,
    Config,
    DataSettings,
    LengthSettings,
    PictureSettings,
    choices,
    field_of,
    fields_of,
    group_of,
    kinds_of,
)

#: Lists every setting in its group; --help lists the common ones only.
HELP_ALL = "--help-all"

#: Fields that no verb takes as a generated flag.
_ELSEWHERE = ("data", "recipe")


def _for_help(console: Any, options: Any, panel: Any) -> None:
    if HELP_ALL not in sys.argv:
        DefaultFormatter()(console, options, panel)


def _for_help_all(console: Any, options: Any, panel: Any) -> None:
    if HELP_ALL in sys.argv:
        DefaultFormatter()(console, options, panel)


_COMMON = Group(
    "Common settings",
    help=f"{HELP_ALL} lists every setting, in groups.",
    sort_key=10,
    help_formatter=_for_help,
)


def _section(name: str, listed: Collection[str], formatter: Any) -> Group:
    """The panel of the help page for the group of a setting."""
    group = group_of(name)
    is_choice = group is LengthSettings and set(LENGTHS) <= set(listed)
    about = "Give at most one of the four." if is_choice else ""
    return Group(
        group.title, help=about, sort_key=11 + GROUPS.index(group), help_formatter=formatter
    )


def _as_given(kind: Any, tokens: Sequence[Token]) -> str:
    """Return the name unchecked: Config checks it, with the same messages as from Python."""
    return tokens[0].value


def _whole(kind: Any, tokens: Sequence[Token]) -> int | str:
    """A whole number, also as 1e4; anything else as it is, for Config to refuse."""
    text = tokens[0].value
    try:
        return int(text)
    except ValueError:
        pass
    try:
        number = float(text)
    except ValueError:
        return text
    return int(number) if number.is_integer() else text


@cache
def _kind(name: str) -> Any:
    """The type of a flag, including choices added by installed packages."""
    if field_of(name).metadata["read"]:
        return str
    known = choices(Config, name)
    return Literal[tuple(known)] if known else kinds_of(Config)[name]


def _flag(name: str, listed: Collection[str], common: Collection[str]) -> tuple[str, Any, Any]:
    kind = _kind(name)
    groups = [_section(name, listed, _for_help_all if common else None)]
    groups += [_COMMON] if name in common else []
    converter: Callable[[Any, Sequence[Token]], int | str] | None = None
    if get_origin(kind) is Literal:
        converter = _as_given
    elif kind in (int, int | None):
        converter = _whole
    parameter = Parameter(
        help=field_of(name).metadata["help"],
        group=groups,
        negative=None if kind is bool else (),  # --no-… overrides a recipe
        show=name in listed,
        show_default=False,
        converter=converter,
    )
    return (name, Annotated[kind | None, parameter], None)


def _flags(
    names: Collection[str],
    listed: Collection[str] | None = None,
    common: Collection[str] = (),
) -> type:
    """Create a dataclass with a flag for each setting, None unless given.

    Parameters
    ----------
    names:
        Names of the settings.
    listed:
        The settings listed in help pages (default: all).
    common:
        The settings listed by --help, where --help-all lists all. If empty, both list all.
    """
    names = [name for name in fields_of(Config) if name in names and name not in _ELSEWHERE]
    return dataclasses.make_dataclass(
        "Flags",
        [_flag(name, names if listed is None else listed, common) for name in names],
        namespace={"__module__": __name__},  # cyclopts looks up the fields' types there
        frozen=True,
        kw_only=True,
    )


_ALL = list(fields_of(Config))
_PICTURES = list(fields_of(PictureSettings))
#: Type of a verb's ``flags`` parameter: all fields of Config, each None unless given.
Flags = _flags(_ALL, common=COMMON)
FLAT = Parameter(name="*")
NOTHING = Flags()
#: Flags of a verb that resumes. Settings that cannot change are accepted but not listed, so that
#: the error can explain why.
ResumeFlags = _flags(_ALL, listed=RESUMABLE)
NOTHING_RESUMED = ResumeFlags()
_SHARED = [name for name in _ALL if name not in ("objective", "pack", "seed")]
#: Flags of a verb that takes several objectives, packings and seeds, for points only. Settings that
#: it refuses are accepted but not listed.
SharedFlags = _flags(
    _SHARED,
    listed=set(_SHARED)
    - {"epochs", "minutes", "images", "flip", "grid", "log", "start_from", "freeze_d"}
    - {*_PICTURES},
    common=COMMON,
)
NOTHING_SHARED = SharedFlags()
#: Flags that select the training data.
DataFlags = _flags([*fields_of(DataSettings), *_PICTURES])
NOTHING_OF_DATA = DataFlags()
#: Flags that control how pictures are read, for a verb that does not train a GAN.
PictureFlags = _flags(_PICTURES)
NOTHING_OF_PICTURES = PictureFlags()


def given(flags: Any) -> dict[str, Any]:
    """Return the settings given by the user, by field name."""
    return {k: v for k, v in dataclasses.asdict(flags).items() if v is not None}
