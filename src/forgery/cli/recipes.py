"""``forgery recipes``"""

import inspect
import json
from dataclasses import fields

from rich.console import Console
from rich.table import Table

from ..config import Config
from ..errors import lookup
from ..recipes import RECIPES


def recipes(name: str | None = None, /) -> None:
    """List the recipes, or every setting of one.

    Parameters
    ----------
    name:
        A recipe, to see its settings as a TOML file that --config would take.
    """
    console = Console()
    if name is None:
        table = Table(box=None, pad_edge=False)
        for column in ("recipe", "networks", "length", "what it is"):
            table.add_column(column, no_wrap=column in ("recipe", "length"))
        for recipe, make in RECIPES.items():
            config = make()
            about = (inspect.getdoc(make) or "").splitlines()[0]
            networks = f"{config.generator} / {config.discriminator}"
            table.add_row(recipe, networks, config.length, about)
        console.print(table)
        return
    config = lookup(RECIPES, name, "recipe")()
    section = ""
    for field in fields(Config):
        value = getattr(config, field.name)
        if value is None:
            continue
        if field.metadata["section"] != section:
            section = field.metadata["section"]
            print(f"\n# {section}")
        text = json.dumps(value)  # which is TOML, for words, numbers and truth
        print(f"{field.name} = {text}".ljust(32) + f"  # {field.metadata['help']}")
