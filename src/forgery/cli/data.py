"""``forgery data``"""

from pathlib import Path
from typing import Annotated

from rich.console import Console
from rich.table import Table

from ..errors import ForgeryError
from ._flags import FLAT, NOTHING_OF_DATA, DataFlags, given

#: Maximum number of groups of equal files to print.
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
    """Inspect data before training on it: contents, unusable files, time and memory.

    Pictures are decoded once, by this verb or by the first forgery train, and cached in
    ~/.cache/forgery (or $FORGERY_CACHE), up to 32 GiB. A few training steps are timed. Nothing else
    is written.

    Parameters
    ----------
    source:
        A data source, or the path of a file or folder, as in forgery train.
    recipe:
        Recipe to time (default: depends on the data).
    sheet:
        Picture file for a contact sheet of images evenly spaced over the data.
    device:
        Device to time training on: auto, cpu, cuda …
    threads:
        Number of CPU threads (0: one per core).
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
        raise ForgeryError("give the data to inspect, or --clear-cache")
    from ..preflight import preflight
    from ..progress import counting, is_shown
    from ..resolve import settings_from

    settings = given(flags) | {"device": device, "threads": threads}
    config = settings_from(source, recipe, None, settings, shown=is_shown(True))
    with counting(unit="") as progress:
        found = preflight(config, progress, sheet)
    table = Table(box=None, show_header=False, pad_edge=False)
    for name, value in found.facts(reason="as requested" if recipe else None):
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
