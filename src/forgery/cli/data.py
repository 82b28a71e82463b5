"""``forgery data``"""

from pathlib import Path
from typing import Annotated

from rich.console import Console
from rich.table import Table

from ..errors import ForgeryError
from ._flags import FLAT, NOTHING_OF_DATA, DataFlags, given

#: Groups of equal files that are printed.
SHOWN = 10


def data(
    source: str | None = None,
    /,
    *,
    recipe: str | None = None,
    sheet: Path | None = None,
    device: str = "auto",
    threads: int = 0,
    clear_cache: bool = False,
    flags: Annotated[DataFlags, FLAT] = NOTHING_OF_DATA,  # type: ignore[valid-type]
) -> None:
    """Look at data before training on it: what is in it, what is not fit, what training takes.

    Pictures are decoded once, here or by the first forgery train, and kept in ~/.cache/forgery (or
    the folder that FORGERY_CACHE names), up to 32 GiB. A few steps are timed; nothing else is
    written.

    Parameters
    ----------
    source:
        What forgery train takes: a data source, or the path of a file or folder.
    recipe:
        The recipe to forecast; the one that suits the data, if not given.
    sheet:
        A picture file to draw a contact sheet in: images evenly spread over the data.
    device:
        Where training is timed: auto, cpu, cuda …
    threads:
        CPU threads; 0 takes one for each core.
    clear_cache:
        Remove all decoded pictures first.
    """
    if clear_cache:
        from ..data import clear_cache as clear

        sets, size, folder = clear()
        print(f"{sets} sets of decoded pictures removed from {folder}: {size / 1e6:,.1f} MB")
    if source is None:
        if clear_cache:
            return
        raise ForgeryError("name the data to look at, or give --clear-cache")
    from ..preflight import preflight
    from ..progress import counting, is_shown
    from ..resolve import settings_from

    settings = given(flags) | {"device": device, "threads": threads}
    config = settings_from(source, recipe, None, settings, shown=is_shown(True))
    with counting(unit="") as progress:
        found = preflight(config, progress, sheet)
    table = Table(box=None, show_header=False, pad_edge=False)
    for name, value in found.facts(reason="as asked for" if recipe else None):
        table.add_row(name, value)
    console = Console(markup=False, highlight=False)
    console.print(table)
    for name, reason in found.rejects:
        print(f"set aside  {name}: {reason}")
    for group in found.duplicates[:SHOWN]:
        print(f"equal      {', '.join(group)}")
    if (more := len(found.duplicates) - SHOWN) > 0:
        print(f"equal      … and {more:,} more groups")
    if sheet:
        print(f"contact sheet in {sheet}")
