"""From names to parts: the data, the condition and the networks that settings name.

The objective, the penalty, the generator and the discriminator of a run are forgery's own, those of
an installed package (``plugins.py``), or objects that were given from Python. A part given from
Python goes by the name ``module:name`` in the settings; whoever opens the run again gives it again.
"""

import copy
import inspect
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import torch
from torch import Tensor, nn

from . import plugins
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
from .training import randomness

#: Setting → the parts of forgery's own.
TABLES: dict[str, Mapping[str, Any]] = {
    "objective": OBJECTIVES,
    "penalty": PENALTIES,
    "generator": GENERATORS,
    "discriminator": DISCRIMINATORS,
}
#: Setting → an object given from Python.
Given = Mapping[str, Any]
NOTHING: Given = MappingProxyType({})

#: Makes a network of its sizes.
Family = Callable[[Spec], nn.Module]


def separate(changes: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Objects given in the place of names, by setting; and the changes with their names.

    Raises
    ------
    ForgeryError
        If an object cannot be such a part at all.
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
    part = part.d if isinstance(part, Objective) else part
    named = part if hasattr(part, "__qualname__") else type(part)
    return f"{named.__module__}:{named.__qualname__}"


def find(setting: str, name: str, given: Given = NOTHING) -> Any:
    """The part that a setting names.

    Raises
    ------
    ForgeryError
        If it was given from Python when the run was made, and is not given now; or if no installed
        package has it.
    """
    if setting in given and name == name_of(given[setting]):
        return given[setting]
    if name in TABLES[setting]:
        return TABLES[setting][name]
    if ":" in name:
        raise ForgeryError(
            f"the {setting} {name} was given from Python and is not a part of forgery: give it "
            f"again in Python, as in forgery.load(run, {setting}=…) or forgery.resume(run, "
            f"{setting}=…)"
        )
    return plugins.load(EXTENSIBLE[setting], name)


def origins(config: Config, given: Given) -> dict[str, dict[str, str]]:
    """Where the parts come from that are not forgery's own, for the record of a run."""
    found = {}
    for setting, table in TABLES.items():
        name = getattr(config, setting)
        if setting in given:
            part = given[setting]
            part = part.d if isinstance(part, Objective) else part
            source = inspect.getsourcefile(part if hasattr(part, "__qualname__") else type(part))
            found[setting] = {"name": name, "from": source or "Python"}
        elif name not in table:
            found[setting] = {"name": name, "from": plugins.package(EXTENSIBLE[setting], name)}
    return found


def image_settings(settings: PictureSettings) -> ImageSettings:
    """How pictures are read, as the data sources take it."""
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
    """The data that a config trains on, or another split of it."""
    if split is not None:
        return load(config.data, split, image_settings(config))
    return load(config.data, config.split, image_settings(config), config.limit)


def condition_of(settings: NetworkSettings) -> Condition:
    """How classes enter a run."""
    return lookup(CONDITIONS, settings.conditional, "conditional")


#: Model → the name of the network beside the generator.
OTHER_NETWORK = {"gan": "discriminator", "vae": "encoder"}


def networks(
    config: Config, mean: Tensor, classes: int = 0, given: Given = NOTHING
) -> tuple[nn.Module, nn.Module]:
    """G and D, or a VAE's encoder, with their initial weights, which follow from the seed.

    Parameters
    ----------
    mean:
        The mean of the data as the networks see it, of the shape of a sample.
    classes:
        Number of classes of a conditional run.
    given:
        Networks given from Python: a function or class of a :class:`Spec`, or a module, which is
        copied and keeps its weights.
    """
    condition = condition_of(config)
    g_family = _family("generator", config.generator, given)
    d_family = _family("discriminator", config.discriminator, given)
    packed = torch.cat([mean] * config.pack)  # what D sees at once
    with torch.random.fork_rng(devices=[]):  # the caller's random state stays as it was
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
    for setting, network in (("generator", generator), ("discriminator", other)):
        if not isinstance(network, nn.Module):
            raise ForgeryError(
                f"the {setting} {getattr(config, setting)} must make a torch.nn.Module of a "
                f"forgery.models.Spec, not {network!r}"
            )
    # Convolutions are faster where the channels of a pixel are adjacent in memory.
    for network in (generator, other):
        network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return generator, other


def _family(setting: str, name: str, given: Given) -> Family:
    """What makes a network: a part of forgery's own, or one that is checked."""
    part = find(setting, name, given)
    if name in TABLES[setting]:
        family: Family = part
        return family

    def make(spec: Spec) -> nn.Module:
        try:
            network = copy.deepcopy(part) if isinstance(part, nn.Module) else part(spec)
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

    return make
