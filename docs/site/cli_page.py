"""Writes docs/cli.md from the data that ``forgery VERB --help`` prints.

python docs/site/cli_page.py
"""

import inspect
import re
from collections.abc import Iterator
from pathlib import Path
from types import UnionType
from typing import Any, Literal, get_args, get_origin

from cyclopts import Group
from cyclopts.argument import ArgumentCollection
from cyclopts.help import HelpEntry, create_parameter_help_panel, format_usage

from forgery.cli import VERBS, app
from forgery.config import GROUPS, Settings, fields_of, flag, kinds_of

PAGE = Path(__file__).parents[1] / "cli.md"
COMMAND = "python docs/site/cli_page.py"
#: Settings that are arguments of their own.
ELSEWHERE = ("data", "recipe")

ABOUT = f"""\
<!-- Written by {COMMAND}; change the docstrings in src/forgery/cli instead. -->

# Command line

Every command with its arguments and flags, as `forgery COMMAND --help` prints them. What the
commands are for, with examples: [commands](commands.md).

A flag with STR, INT, FLOAT, PATH or NAME takes a value, as `--steps 100` or `--steps=100`. A
mistake is refused with exit code 2.
"""

SETTINGS = """\
## Settings

The settings of a run, by group. `forgery train --help` lists the most common ones, `--help-all` all
of them. In a TOML file and [in Python](python.md), the names have underscores: `batch_size`.

The default is that of `forgery.Config`; a [recipe](recipes.md) sets its own, which `forgery recipes
NAME` prints. Some settings have an effect only together with others, and are refused without them.
"""


def page() -> str:
    """The whole page."""
    parts = [ABOUT, _table(["command", "what it does"], list(_contents()))]
    parts += [_flags_of_the_program()]
    parts += [_verb(verb) for verb in VERBS]
    parts += [SETTINGS, *(_group(group) for group in GROUPS)]
    return "\n".join(parts)


def _contents() -> Iterator[list[str]]:
    for verb, about in VERBS.items():
        yield [f"[`forgery {verb}`](#forgery-{verb})", about]


def _flags_of_the_program() -> str:
    install = app["--install-completion"]
    rows = [
        ["`--help`, `-h`", "Prints the commands, or the arguments and flags of one."],
        ["`--help-all`", "Prints also the settings that `--help` leaves out."],
        ["`--version`", "Prints the version."],
        [
            "`--install-completion`",
            f"{_joined(_docstring(install))} Its flag: `--shell bash`, `zsh` or `fish`.",
        ],
    ]
    return _table(["flag", "what it does"], rows)


def _verb(verb: str) -> str:
    command = app[verb]
    arguments = command.assemble_argument_collection(parse_docstring=True).filter_by(show=True)
    own = ArgumentCollection(argument for argument in arguments if not argument.keys)
    with app.app_stack([verb]):
        usage = re.sub(r"^Usage: ", "", format_usage(app, [verb]).plain.strip())
    parts = [f"## forgery {verb}\n", f"    {usage}\n", _docstring(command) + "\n"]
    entries = create_parameter_help_panel(Group(verb), own, "plaintext").entries
    if entries:
        rows = [[_names(entry), _given(entry), _description(entry)] for entry in entries]
        parts.append(_table(["argument", "default", "meaning"], rows))
    listed = [argument.keys[0] for argument in arguments if argument.keys]
    if listed:
        parts.append(f"Also the [settings](#settings) {_settings_in_words(listed)}.\n")
    return "\n".join(parts)


def _docstring(command: Any) -> str:
    """The text of a command's docstring before its parameters."""
    return (inspect.getdoc(command.default_command) or "").partition("\nParameters\n")[0].strip()


def _names(entry: HelpEntry) -> str:
    names = [name for name in (entry.positional_label, *entry.all_options) if name]
    kind = f" {entry.metavar}" if entry.metavar and not entry.positional_label else ""
    kind = kind.replace("INT|CHOICE", "STEP")
    return ", ".join(f"`{name}`" for name in [names[0] + kind, *names[1:]])


def _given(entry: HelpEntry) -> str:
    """The default in words."""
    words = {None: "", "False": "no", "True": "yes"}
    return "required" if entry.required else words.get(entry.default, str(entry.default))


def _description(entry: HelpEntry) -> str:
    text = _joined(entry.description.primary_renderable.plain)
    # The one choice of a step, "best", is in the text.
    one_of = f" One of {_choices(entry.choices)}." if len(entry.choices or ()) > 1 else ""
    return text + one_of


def _settings_in_words(listed: list[str]) -> str:
    """``of all groups``, ``of Data and Pictures`` or ``of Game (without pack) and Length``."""
    names = []
    for group in GROUPS:
        members = [name for name in fields_of(group) if name not in ELSEWHERE]
        left_out = [f"`--{flag(name)}`" for name in members if name not in listed]
        if len(left_out) == len(members):
            continue
        link = f"[{group.title}](#{group.title.lower()})"
        names.append(f"{link} (without {', '.join(left_out)})" if left_out else link)
    complete = len(names) == len(GROUPS) and "without" not in "".join(names)
    *first, last = names
    some = f"{', '.join(first)} and {last}" if first else last
    return "of all groups" if complete else f"of {some}"


def _group(group: type[Settings]) -> str:
    rows = [
        [
            f"`{_flag(group, name)}`",
            _default(field.default),
            _meaning(group, name, field.metadata),
        ]
        for name, field in fields_of(group).items()
        if name not in ELSEWHERE
    ]
    about = (inspect.getdoc(group) or "").strip()
    table = _table(["flag", "default", "meaning"], rows)
    return f"### {group.title}\n\n{about}\n\n{table}"


def _kind(group: type[Settings], name: str) -> Any:
    """The type of a setting without None."""
    kind = kinds_of(group)[name]
    return get_args(kind)[0] if isinstance(kind, UnionType) else kind


def _flag(group: type[Settings], name: str) -> str:
    kind = _kind(group, name)
    if kind is bool:
        return f"--{flag(name)}`, `--no-{flag(name)}"
    if get_origin(kind) is Literal:
        return f"--{flag(name)} NAME"
    if fields_of(group)[name].metadata["read"]:
        return f"--{flag(name)} {'SIZE' if 'size' in name else 'NAMES'}"
    return f"--{flag(name)} {kind.__name__.upper()}"


def _default(value: Any) -> str:
    if value is None or value == "":
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:g}" if isinstance(value, float) else str(value)


def _meaning(group: type[Settings], name: str, metadata: Any) -> str:
    # Only the names that forgery itself has: an installed package may add others.
    kind = _kind(group, name)
    choices = get_args(kind) if get_origin(kind) is Literal else ()
    bounds = [
        f"{words} {bound:g}" for words, bound in metadata["bounds"].items() if bound is not None
    ]
    text = metadata["help"]
    text += f" One of {_choices(choices)}." if choices else ""
    return text + (f" {' and '.join(bounds).capitalize()}." if bounds else "")


def _choices(names: Any) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _joined(text: str) -> str:
    return " ".join(text.split())


def _table(heads: list[str], rows: list[list[str]]) -> str:
    lines = [heads, ["---"] * len(heads), *([_cell(cell) for cell in row] for row in rows)]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines).replace("|  |", "| |")


def _cell(text: str) -> str:
    return text.replace("|", r"\|").replace("<", "&lt;")


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
