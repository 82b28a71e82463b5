"""Docstrings as Markdown, without the reStructuredText that ours contain; settings as lists."""

import inspect
import re
from typing import Any

import griffe

from forgery.config import GROUPS, Settings, fields_of

#: Several parameters that share a description: ``real, fake:``.
_SHARED = re.compile(r"^(\w+(?:, \w+)+):\n((?:    .*\n|\n(?=    ))+)", re.MULTILINE)
_ROLE = re.compile(r":[a-z]+:`~?([^`]+)`")


class Docstrings(griffe.Extension):
    """Rewrite every docstring, and list the settings of a group with defaults and help texts."""

    def on_object(self, *, obj: griffe.Object, **kwargs: Any) -> None:
        if obj.docstring:
            obj.docstring.value = _as_markdown(obj.docstring.value)

    def on_package(self, *, pkg: griffe.Module, **kwargs: Any) -> None:
        for group in GROUPS:
            documented = pkg[group.__module__.partition(".")[2]][group.__name__]
            documented.docstring.value = _with_settings(group, documented)
            # As a data class it would have a signature, which repeats the list.
            documented.decorators.clear()


def _with_settings(group: type[Settings], documented: griffe.Object) -> str:
    lines = [inspect.getdoc(group) or "", "", "Attributes", "----------"]
    for name, field in fields_of(group).items():
        kind = documented[name].annotation
        lines += [f"{name} : {kind} = {field.default!r}", f"    {field.metadata['help']}"]
    return "\n".join(lines)


def _as_markdown(text: str) -> str:
    # Each with the description, since a reader of Markdown takes the first one's type for all.
    text = _SHARED.sub(
        lambda found: "".join(f"{name}:\n{found[2]}" for name in found[1].split(", ")), f"{text}\n"
    )
    text = _ROLE.sub(lambda found: f"`{found[1].rpartition('.')[2]}`", text)
    return re.sub(r" ?::$", ":", text, flags=re.MULTILINE)
