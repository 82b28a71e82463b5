"""``forgery train``"""

from pathlib import Path
from typing import Annotated

from ._flags import FLAT, NOTHING, Flags, given


def train(
    data: str | None = None,
    /,
    *,
    recipe: str | None = None,
    config: Path | None = None,
    out: Path | None = None,
    flags: Annotated[Flags, FLAT] = NOTHING,  # type: ignore[valid-type]
) -> int:
    """Train a GAN in a new run folder.

    Flags override the TOML file, which overrides the recipe.

    Parameters
    ----------
    data:
        A data source (mnist, ring8 …), or a path: a folder, zip or tar of pictures, a parquet file,
        images as IDX, .npy or .npz, points as CSV or .npy; or hf:OWNER/NAME on the hub.
    recipe:
        The settings to start from (forgery recipes lists them); the default depends on the data.
    config:
        A TOML file of settings, named as the flags are (batch_size = 64). Flags override the file,
        which overrides the recipe.
    out:
        The run folder; the default is runs/DATA-DATE-TIME.
    """
    # torch is imported once it is needed, not before.
    from ..progress import is_shown
    from ..resolve import settings_from
    from ..session import train as start
    from ._training import say_where

    settings = settings_from(data, recipe, config, given(flags), shown=is_shown(True))
    return say_where(start(settings, out, progress=True))
