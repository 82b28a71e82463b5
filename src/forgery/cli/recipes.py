"""``forgery recipes``"""

import inspect
import json

from rich.console import Console
from rich.table import Table

from ..config import field_of
from ..recipes import find_recipe, recipe_names


def recipes(name: str | None = None, /) -> None:
    """List the recipes, or the settings of one.

    Parameters
    ----------
    name:
        Recipe whose settings to print, as a TOML file for --config.
    """
    console = Console(markup=False, highlight=False)
    if name is None:
        table = Table(box=None, pad_edge=False)
        for column in ("recipe", "networks", "length", "description"):
            table.add_column(column, no_wrap=column in ("recipe", "length"))
        for recipe in recipe_names():
            make = find_recipe(recipe)
            config = make()
            about = (inspect.getdoc(make) or "").partition("\n")[0]
            networks = f"{config.generator} / {config.discriminator}"
            table.add_row(recipe, networks, config.length, about)
        console.print(table)
        return
    config = find_recipe(name)()
    for title, settings in config.effective().items():
        print(f"\n# {title}")
        for setting, value in settings.items():
            text = json.dumps(value)  # also valid TOML for strings, numbers and booleans
            about = field_of(setting).metadata["help"]
            print(f"{setting} = {text}".ljust(32) + f"  # {about}")
