"""The parts of a run that settings name: data, condition, networks, objective and penalty.

An objective, penalty, generator or discriminator is built in, comes from an installed package
(``plugins.py``), or is an object given from Python. Such an object is named ``module:name`` in the
settings, and must be given again when the run is opened.
"""

import copy
import inspect
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import torch
from torch import Tensor, nn

from . import plugins, randomness
from .config import Config, NetworkSettings, PictureSettings
from .config.choices import EXTENSIBLE
from .data import Dataset, ImageSettings, load
from .errors import ForgeryError, lookup
from .models import (
    CONDITIONS,
    DISCRIMINATORS,
    GENERATORS,
    Condition,
    Encoder,
    Spec,
    spectrally_normalised,
)
from .objectives import OBJECTIVES, Objective
from .penalties import PENALTIES
from .projected import ProjectedDiscriminator

#: Setting → built-in parts by name.
TABLES: dict[str, Mapping[str, Any]] = {
    "objective": OBJECTIVES,
    "penalty": PENALTIES,
    "generator": GENERATORS,
    "discriminator": {**DISCRIMINATORS, "projected": ProjectedDiscriminator},
}
#: Setting → an object given from Python.
Given = Mapping[str, Any]
NOTHING: Given = MappingProxyType({})

#: Builds a network from its specification.
Family = Callable[[Spec], nn.Module]


def separate(changes: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Split changes into objects by setting, and settings with the objects' names.

    Raises
    ------
    ForgeryError
        If an object is of the wrong kind.
    """
    given = {
        name: changes[name]
        for name in TABLES
        if name in changes and not isinstance(changes[name], str)
    }
    for setting, part in given.items():
        is_objective = setting == "objective"
        if not (isinstance(part, Objective) if is_objective else callable(part)):
            what = "a forgery.objectives.Objective" if is_objective else "a function"
            raise ForgeryError(f"the {setting} must be {what} or a name, not {part!r}")
    return given, {**changes, **{setting: name_of(part) for setting, part in given.items()}}


def name_of(part: Any) -> str:
    """``module:name`` of a function, a class, D's loss of an objective, or an object's class."""
    definition = _definition(part)
    return f"{definition.__module__}:{definition.__qualname__}"


def _definition(part: Any) -> Any:
    """The function or class that defines a part."""
    part = part.d if isinstance(part, Objective) else part
    return part if hasattr(part, "__qualname__") else type(part)


def find(setting: str, name: str, given: Given = NOTHING) -> Any:
    """Return the part that a setting names.

    Raises
    ------
    ForgeryError
        If the part was given from Python when the run was created, but is not given now; or if no
        installed package has it.
    """
    if setting in given and name == name_of(given[setting]):
        return given[setting]
    if name in TABLES[setting]:
        return TABLES[setting][name]
    if ":" in name:
        raise ForgeryError(
            f"the {setting} {name} was given from Python and is not a part of forgery: give it "
            f"again in Python, for example forgery.load(run, {setting}=…), forgery.resume(run, "
            f"{setting}=…) or forgery.train(data, start_from=run, {setting}=…)"
        )
    return plugins.load(EXTENSIBLE[setting], name)


def foreign_parts(config: Config, given: Given) -> dict[str, Any]:
    """The parts of a run that are not built in, by setting."""
    names = {setting: getattr(config, setting) for setting in TABLES}
    return {s: find(s, name, given) for s, name in names.items() if name not in TABLES[s]}


def origins(config: Config, given: Given) -> dict[str, dict[str, str]]:
    """Name and origin of the parts that are not built in, for config.json."""
    found = {}
    for setting, table in TABLES.items():
        name = getattr(config, setting)
        if setting in given:
            found[setting] = {"name": name, "from": _source_file(given[setting]) or "Python"}
        elif name not in table:
            found[setting] = {"name": name, "from": plugins.package(EXTENSIBLE[setting], name)}
    return found


def _source_file(part: Any) -> str | None:
    """The file that defines a part; None in a notebook."""
    try:
        return inspect.getsourcefile(_definition(part))
    except (OSError, TypeError):
        return None


def image_settings(settings: PictureSettings) -> ImageSettings:
    """The settings of data sources for reading pictures."""
    return ImageSettings(
        settings.image_size,
        settings.fit,
        settings.colour,
        settings.background,
        settings.strict,
        settings.image_column,
        settings.label_column,
    )


def data_of(config: Config, split: str | None = None) -> Dataset:
    """Load the training data of a config, or another split of it."""
    if split is not None:
        return load(config.data, split, image_settings(config))
    return load(config.data, config.split, image_settings(config), config.limit)


def condition_of(settings: NetworkSettings) -> Condition:
    """The use of classes in a run."""
    return lookup(CONDITIONS, settings.conditional, "conditional")


#: Model → the name of the network beside the generator.
OTHER_NETWORK = {"gan": "discriminator", "vae": "encoder"}


def networks(
    config: Config, mean: Tensor, classes: int = 0, given: Given = NOTHING
) -> tuple[nn.Module, nn.Module]:
    """Create G and D, or a VAE's encoder, with initial weights as a function of the seed.

    Parameters
    ----------
    config:
        Settings of the run.
    mean:
        Mean of the data in the networks' units, with the shape of a sample.
    classes:
        Number of classes of a conditional run.
    given:
        Networks given from Python: a function or class that takes a :class:`Spec`, or a module,
        which is copied with its weights.
    """
    condition = condition_of(config)
    g_family = _family("generator", config.generator, given)
    d_family = _family("discriminator", config.discriminator, given)
    packed = torch.cat([mean] * config.pack)  # the shape of D's inputs
    with torch.random.fork_rng(devices=[]):  # keep the caller's random state
        torch.default_generator.manual_seed(randomness.derive(config.seed, "weights"))
        g = Spec(tuple(mean.shape), config.latent, config.g_width, config.g_depth, mean)
        d = Spec(
            tuple(packed.shape),
            config.latent,
            config.d_width,
            config.d_depth,
            packed,
            config.continuous,
        )
        generator = condition.generator(g_family, g, classes)
        if OTHER_NETWORK[config.model] == "encoder":
            other: nn.Module = Encoder(d_family, d)
        else:
            other = condition.discriminator(d_family, d, classes)
        if config.spectral_norm:
            spectrally_normalised(other)
    # Convolutions are faster in channels-last format.
    for network in (generator, other):
        if all(parameter.dim() < 5 for parameter in network.parameters()):
            network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return generator, other


def _copied(network: nn.Module) -> nn.Module:
    """A copy to be trained, also of a network that was given in evaluation mode."""
    copied = copy.deepcopy(network)
    return copied if copied.training else copied.train()


def _family(setting: str, name: str, given: Given) -> Family:
    """A function that builds a network; a foreign one is checked."""
    part = find(setting, name, given)
    if name in TABLES[setting]:
        family: Family = part
        return family

    def make(spec: Spec) -> nn.Module:
        try:
            network = _copied(part) if isinstance(part, nn.Module) else part(spec)
        except ForgeryError:
            raise
        except Exception as error:  # whatever the part's own code raises
            raise ForgeryError(
                f"the {setting} {name} cannot be made: {type(error).__name__}: {error}"
            ) from error
        if not isinstance(network, nn.Module):
            raise ForgeryError(
                f"the {setting} {name} makes a {type(network).__name__}: expected a torch.nn.Module"
            )
        return network

    make.flattens = getattr(part, "flattens", False)  # type: ignore[attr-defined]
    return make
