"""Resolution of data, recipe, TOML file and flags into the settings of a run.

Flags override the TOML file, which overrides the recipe, or the settings of the run to start from
(``fine_tuning.py``). Without a recipe, the data determines it. Without widths, a network that is
not the recipe's own has those of ``network_sizes.py``. Without a batch size, the recipe's is
reduced to what the data can fill.
"""

import os
import tomllib
from collections.abc import Callable
from os import PathLike
from pathlib import Path
from typing import Any

from . import fine_tuning
from .addresses import is_model
from .build import batch_size_for
from .config import (
    LENGTHS,
    Config,
    DataSettings,
    PictureSettings,
    check_names,
    field_of,
    fields_of,
)
from .data import (
    FROM_PYTHON,
    SOURCES,
    Dataset,
    Pictures,
    holds_pictures,
    is_name,
    load_pictures,
    set_aside,
    warnings_of,
)
from .errors import ForgeryError, command, did_you_mean
from .network_sizes import with_sizes
from .parts import data_of, image_settings
from .progress import counting
from .projected import is_available
from .recipes import find_recipe, recipe_for, recipe_for_images, recipe_names

#: Lower bound on the number of samples in a split of a bundled source.
FEWEST = 2_000


def config_of(
    what: Config | str | PathLike[str] | Dataset,
    changes: dict[str, Any],
    shown: bool = False,
    dataset: Dataset | None = None,
) -> Config:
    """The settings of a call from Python, such as ``train("mnist", epochs=2)``.

    Parameters
    ----------
    what:
        A config, the name of a data source or recipe, the path of data, or a dataset. A known name
        is never taken for a file: use ``Path("mnist")`` or ``"./mnist"`` for a path.
    changes:
        Settings that override the config's or the recipe's. With data, ``recipe`` names the recipe
        to start from.
    shown:
        As in :func:`settings_from`.
    dataset:
        The data, if it was given as a Python object and not by name.

    Raises
    ------
    ForgeryError
        For any other ``what``, an unknown name, or as :func:`settings_from` does.
    """
    if not isinstance(what, Config | str | PathLike | Dataset):
        raise ForgeryError(
            f"expected the name of data or of a recipe, a path, or a Config, not {what!r:.60}"
        )
    changes = dict(changes)
    for name in ("data", "start_from"):
        if isinstance(changes.get(name), PathLike):
            changes[name] = os.fspath(changes[name])
    is_recipe = isinstance(what, str) and what in recipe_names()
    if "recipe" in changes and (is_recipe or isinstance(what, Config)):
        raise ForgeryError(
            f"recipe {changes['recipe']!r} cannot be combined with a recipe or Config: give it "
            'with data, as in forgery.train("mnist", recipe="dcgan")'
        )
    if isinstance(what, Config):
        known = {} if dataset is None else {"data": FROM_PYTHON + dataset.name}
        config = what.replace(**known | changes)
        _refuse_run(config.data)
        return config
    if dataset is not None:
        return _config_of_dataset(what, dataset, changes, shown)
    assert not isinstance(what, Dataset)
    name = os.fspath(what)
    if is_recipe:
        return settings_from(None, name, None, changes, shown)
    if "data" in changes:
        raise ForgeryError(f"data is given twice: {name!r} and {changes['data']!r:.60}")
    if not isinstance(what, str) and is_name(name):
        name = os.path.join(os.curdir, name)  # a path, not the data source of that name
    if isinstance(what, str) and not (is_name(name) or os.path.exists(name)):
        near = did_you_mean(name, [*SOURCES, *recipe_names()])
        raise ForgeryError(f"unknown data or recipe {name!r}: no such file or folder{near}")
    return settings_from(name, changes.pop("recipe", None), None, changes, shown)


def _refuse_run(data: Any) -> None:
    """Refuse the folder of a run, whose pictures are its own samples."""
    if isinstance(data, str) and data and not is_name(data) and is_model(Path(data)):
        raise ForgeryError(
            f"{data} is a run, not data: resume it with {command('resume', data)}, or fine-tune "
            f"from it with {command('train', 'DATA', '--start-from', data)}"
        )


def _config_of_dataset(
    what: str | PathLike[str] | Dataset, dataset: Dataset, changes: dict[str, Any], shown: bool
) -> Config:
    """The settings of a run on data given as a Python object."""
    if not isinstance(what, Dataset) and os.fspath(what) not in recipe_names():
        raise ForgeryError(f"data is given twice: {os.fspath(what)!r} and {dataset.name!r}")
    recipe = changes.pop("recipe", None) if isinstance(what, Dataset) else os.fspath(what)
    known = {"data": FROM_PYTHON + dataset.name} | changes
    config = _changed(recipe, {}, known, lambda: suiting_recipe(dataset))
    return config if "batch_size" in changes else _with_batch_size(config, dataset, shown)


def suiting_recipe(dataset: Dataset) -> str:
    """The default recipe for data of one's own."""
    if dataset.kind == "points":
        return "points"
    return recipe_for_images(dataset.shape, is_available())[0]


def settings_from(
    data: str | None,
    recipe: str | None,
    file: Path | None,
    given: dict[str, Any],
    shown: bool = False,
) -> Config:
    """The recipe's settings, overridden by the file's, overridden by those given.

    Parameters
    ----------
    data:
        A data source or a path; None for the file's or the recipe's.
    recipe:
        A name of :data:`forgery.recipes.RECIPES`; None for the file's, or the default for the
        data.
    file:
        A TOML file.
    given:
        Settings by field name. If neither they nor the file set ``batch_size``, it is reduced to
        what the data can fill.
    shown:
        Whether to show the progress of decoding pictures, and report a reduced batch size.

    Raises
    ------
    ForgeryError
        For an unknown recipe or setting, a value out of range, or data that cannot be read.
    """
    from_file = read_toml(file) if file else {}
    named = recipe or from_file.get("recipe")
    from_file.pop("recipe", None)
    if data is not None:
        given = {"data": data} | given
        if shown and is_name(data) and os.path.exists(data):
            print(f"note: {data} is the bundled data; to train on what is here, give ./{data}")
    check_names(given)
    if any(given.get(name) is not None for name in LENGTHS):
        from_file = {name: value for name, value in from_file.items() if name not in LENGTHS}
    changes = from_file | given
    _refuse_run(changes.get("data"))
    config = _changed(
        named, from_file, given, lambda: _suiting(Config.from_record(_of_data(changes)), shown)
    )
    return config if "batch_size" in changes else _fitted(config, shown)


def _changed(
    recipe: str | None,
    from_file: dict[str, Any],
    given: dict[str, Any],
    suiting: Callable[[], str],
) -> Config:
    """The settings of a recipe, or of the run to start from, overridden by a file, then by others.

    Without either, the recipe is the ``suiting`` one.
    """
    changes = from_file | given
    # A file may list every setting: accept defaults that have no effect.
    explicit = {n for n, value in from_file.items() if value != field_of(n).default}
    if changes.get("start_from") is None:
        config = find_recipe(recipe or suiting())()
        if changes.get("data", config.data) != config.data:  # which may have no such split
            config = config.replace(split=field_of("split").default)
        of_file = with_sizes(config, from_file)
        alone = _of_file_alone(config, of_file)
        if alone is not None:  # what only a flag leaves without effect is reset
            explicit &= set(alone.without_effect())
        merged = of_file | with_sizes(alone or config, given)
        return config.changed(merged, explicit | set(given))
    if recipe is not None:
        raise ForgeryError(
            f"recipe {recipe} cannot be combined with start-from: the settings are those of "
            f"{changes['start_from']}; change single ones by their flags"
        )
    config = fine_tuning.inherited(changes).changed(changes, explicit | set(given))
    fine_tuning.check_settings(config)
    return config


def _of_file_alone(config: Config, changes: dict[str, Any]) -> Config | None:
    """The settings of a file without flags; None if it needs them."""
    try:
        return config.changed(changes, ())
    except ForgeryError:
        return None


def read_toml(path: Path) -> dict[str, Any]:
    """Read settings from a TOML file: ``name = value`` lines, named like Config's fields."""
    try:
        settings = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ForgeryError(f"cannot read {path}: {error.strerror or error}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ForgeryError(f"{path} is not valid TOML: {error}") from error
    try:
        check_names(settings)
    except ForgeryError as error:
        raise ForgeryError(f"{path}: {error}") from None
    if not isinstance(settings.get("recipe", ""), str):
        raise ForgeryError(f"{path}: recipe must be a name, not {settings['recipe']!r}")
    return settings


def decode_pictures(config: Config) -> None:
    """Decode a run's pictures, if its data are pictures; show progress, print warnings."""
    if not holds_pictures(config.data):
        return
    survey = _decoded(config, shown=True).survey
    if survey.licence:
        print(f"licence of {config.data}: {survey.licence}")
    for warning in warnings_of(survey):
        print(f"warning: {warning}")
    if survey.rejects:
        print(f"{set_aside(survey.rejects)}; {command('data', config.data)} lists them")


def _decoded(config: Config, shown: bool) -> Pictures:
    """A run's pictures, decoded now unless they are cached."""
    with counting("", shown) as progress:
        return load_pictures(config.data, image_settings(config), progress)


def _of_data(settings: dict[str, Any]) -> dict[str, Any]:
    names = {**fields_of(DataSettings), **fields_of(PictureSettings)}
    return {name: value for name, value in settings.items() if name in names}


def _suiting(config: Config, shown: bool) -> str:
    """The default recipe for a config's data; data of one's own are loaded to find their shape."""
    if config.data in SOURCES:
        return recipe_for(config.data)
    return suiting_recipe(_loaded(config, shown))


def _fitted(config: Config, shown: bool) -> Config:
    """The config with its batch size reduced to what the data can fill."""
    needed = config.batch_size * config.pack * config.d_steps
    if config.data in SOURCES and needed <= (config.limit or FEWEST):
        return config  # large enough: no need to load the data
    return _with_batch_size(config, _loaded(config, shown), shown)


def _loaded(config: Config, shown: bool) -> Dataset:
    """A config's data, like ``data_of``, but pictures are decoded only once, with progress."""
    if holds_pictures(config.data):
        return _decoded(config, shown).split(config.split).limited(config.limit)
    return data_of(config)


def _with_batch_size(config: Config, dataset: Dataset, shown: bool) -> Config:
    size = batch_size_for(config, len(dataset))
    if size != config.batch_size and shown:
        print(
            f"batch size reduced from {config.batch_size} to {size}: {dataset.name} has "
            f"{len(dataset):,} {dataset.kind}"
        )
    return config.replace(batch_size=size)
