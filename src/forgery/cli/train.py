"""``forgery train``"""

from pathlib import Path
from typing import Annotated, Any

from ..config import DATA, Config, check_names, read_toml, section_of
from ..errors import lookup
from ..recipes import RECIPES, recipe_for, recipe_for_images
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

    A flag beats the TOML file, and that beats the recipe.

    Parameters
    ----------
    data:
        A data source (mnist, ring8 …), or a path: a folder, zip or tar of pictures, a parquet file,
        images as IDX, .npy or .npz, points as CSV or .npy; or hf:OWNER/NAME on the hub.
    recipe:
        The settings to start from: see forgery recipes. The one that suits the data, if not given.
    config:
        A TOML file of settings, named as the flags are (batch_size = 64).
    out:
        The run folder; runs/DATA-DATE-TIME if not given.
    """
    settings = settings_from(data, recipe, config, given(flags))
    from ..studio import train as start  # torch is imported once it is needed, not before
    from ._training import decoding, say_where

    decoding(settings)
    return say_where(start(settings, out, progress=True))


def settings_from(
    data: str | None, recipe: str | None, file: Path | None, flags: dict[str, Any]
) -> Config:
    """The recipe's settings, changed by the file's, changed by the flags."""
    from_file = read_toml(file) if file else {}
    named = recipe or from_file.pop("recipe", None)
    from_file.pop("recipe", None)
    if data is not None:
        flags = {"data": data} | flags
    named = named or _suiting(Config().replace(**_of_data(from_file | flags)))
    start = lookup(RECIPES, named, "recipe")()
    return start.replace(**from_file).replace(**flags)


def _of_data(settings: dict[str, Any]) -> dict[str, Any]:
    check_names(settings)
    return {name: value for name, value in settings.items() if section_of(name) == DATA}


def _suiting(config: Config) -> str:
    """The recipe that suits a config's data; pictures are decoded for that, with a bar."""
    from ..data import holds_pictures
    from ._training import decoded

    if not holds_pictures(config.data):
        return recipe_for(config.data)
    pictures = decoded(config)
    return recipe_for_images(pictures.pixels.shape[1:])[0]
