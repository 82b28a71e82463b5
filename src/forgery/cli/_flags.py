"""Every field of Config as an optional flag."""

import dataclasses
from typing import Annotated, Any, get_type_hints

from cyclopts import Group, Parameter

from ..config import DATA, Config, section_of

#: Fields that every verb takes in another way than by a flag of their own.
_ELSEWHERE = ("data", "recipe")


def _flag(field: dataclasses.Field[Any], kind: Any, order: int) -> tuple[str, Any, Any]:
    help_text, section = field.metadata["help"], field.metadata["section"]
    group = Group(section, sort_key=order)
    no = None if kind is bool else ()  # --no-… takes back what a recipe says
    parameter = Parameter(help=help_text, group=group, negative=no, show_default=False)
    return (field.name, Annotated[kind | None, parameter], None)


def _flags(*elsewhere: str) -> type:
    kinds = get_type_hints(Config)
    fields = [f for f in dataclasses.fields(Config) if f.name not in _ELSEWHERE + elsewhere]
    sections = list(dict.fromkeys(f.metadata["section"] for f in fields))
    return dataclasses.make_dataclass(
        "Flags" if not elsewhere else "SharedFlags",
        [_flag(f, kinds[f.name], 10 + sections.index(f.metadata["section"])) for f in fields],
        namespace={"__module__": __name__},  # where cyclopts looks up the fields' types
        frozen=True,
        kw_only=True,
    )


#: The type of a verb's ``flags`` parameter: all of Config's fields, each None unless given.
Flags = _flags()
FLAT = Parameter(name="*")
NOTHING = Flags()
#: The same for a verb that takes several objectives, packings and seeds.
SharedFlags = _flags("objective", "pack", "seed")
NOTHING_SHARED = SharedFlags()

_NOT_OF_DATA = [n for n in Config.__dataclass_fields__ if section_of(n) != DATA]
#: Those that say what is trained on.
DataFlags = _flags(*_NOT_OF_DATA)
NOTHING_OF_DATA = DataFlags()
#: Those that say how pictures are read, for a verb that does not train a GAN on them.
PictureFlags = _flags("split", "limit", "flip", "labels", *_NOT_OF_DATA)
NOTHING_OF_PICTURES = PictureFlags()


def given(flags: Any) -> dict[str, Any]:
    """The settings that the person gave, by field name."""
    return {k: v for k, v in dataclasses.asdict(flags).items() if v is not None}
