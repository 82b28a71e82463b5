"""All settings of a run in one frozen dataclass, and which of them have an effect.

A recipe (``recipes.py``) returns a :class:`Config`, whose fields are overridden by a TOML file and
by the flags of the command line (``resolve.py``).
"""

import dataclasses
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from ..errors import ForgeryError, did_you_mean, refuse
from . import compatibility
from .needs import Need, either, flag
from .settings import (
    GROUPS,
    LENGTHS,
    AugmentationSettings,
    DataSettings,
    GameSettings,
    LengthSettings,
    MachineSettings,
    NetworkSettings,
    ObjectiveSettings,
    OptimizerSettings,
    PictureSettings,
    ReportingSettings,
    Settings,
    fields_of,
    typed,
    wrong_values,
)


# In reverse: a dataclass lists the fields of its last base first.
@dataclass(frozen=True, kw_only=True)
class Config(
    MachineSettings,
    ReportingSettings,
    LengthSettings,
    OptimizerSettings,
    AugmentationSettings,
    GameSettings,
    ObjectiveSettings,
    NetworkSettings,
    PictureSettings,
    DataSettings,
):
    """All settings of a run.

    Raises
    ------
    ForgeryError
        Naming every problem, one per line: a value of the wrong type, out of bounds or not among
        the choices; a value other than the default that has no effect; incompatible settings
        (``compatibility.py``).
    """

    title = ""

    def _problems(self) -> list[str]:
        values = self.to_dict()
        wrong = wrong_values(Config, values)
        idle = {
            name: clause
            for name, clause in _without_effect(values).items()
            if values[name] != field_of(name).default
        }
        problems = [*wrong.values(), *_idle_problems(idle, values, wrong)]
        return problems if wrong else problems + compatibility.of_settings(self)

    def replace(self, **changes: Any) -> "Config":
        """Return a copy with some settings changed; a new length replaces the old one.

        Inherited settings that lose their effect return to their defaults.

        Raises
        ------
        ForgeryError
            As :class:`Config` does, and for a change that has no effect, even to the default.
        """
        return self.changed(changes, changes)

    def changed(self, changes: Mapping[str, Any], explicit: Collection[str]) -> "Config":
        """Like :meth:`replace`, but only changes in ``explicit`` must have an effect."""
        check_names(changes)
        values = self.to_dict()
        if any(changes.get(name) is not None for name in LENGTHS):
            values |= dict.fromkeys(LENGTHS)
        values = _reset(typed(Config, values | dict(changes)), keep=changes)
        wrong = wrong_values(Config, values)
        idle = {
            name: clause
            for name, clause in _without_effect(values).items()
            if name in explicit
            and not (_is_neutral(name) and values[name] == field_of(name).default)
        }
        problems = _idle_problems(idle, values, wrong)
        refuse([*problems, *wrong.values()] if wrong else [])
        try:
            config = Config(**_reset(values))
        except ForgeryError as error:  # incompatible settings
            raise ForgeryError("\n".join([*problems, str(error)])) from None
        refuse(problems)
        return config

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> "Config":
        """Create a config from a config.json, flat or by group; settings without effect are reset.

        Raises
        ------
        ForgeryError
            For an unknown name, and as :class:`Config` does.
        """
        flat: dict[str, Any] = {}
        for name, value in dict(record).items():
            flat |= value if isinstance(value, Mapping) else {name: value}
        check_names(flat)
        if any(flat.get(name) is not None for name in LENGTHS):
            flat = dict.fromkeys(LENGTHS) | flat
        return cls(**_reset(typed(cls, _defaults() | flat)))

    def effective(self) -> dict[str, dict[str, Any]]:
        """All settings that have an effect, by the title of their group: {title: {name: value}}."""
        values = self.to_dict()
        without = _without_effect(values)
        groups = {
            group.title: {
                name: values[name]
                for name in fields_of(group)
                if name not in without and values[name] is not None
            }
            for group in GROUPS
        }
        return {title: settings for title, settings in groups.items() if settings}

    def without_effect(self) -> list[str]:
        """The names of the settings that have no effect, given the others."""
        return list(_without_effect(self.to_dict()))

    @property
    def is_conditional(self) -> bool:
        """Whether the run uses classes."""
        return self.conditional != "none"


#: Settings that a resumed run may change.
RESUMABLE = frozenset(
    name
    for group in (LengthSettings, ReportingSettings, MachineSettings)
    for name in fields_of(group)
)
#: The settings changed most often.
COMMON = (
    *("steps", "epochs", "minutes"),
    *("batch_size", "image_size", "limit", "seed", "start_from"),
    *("objective", "generator", "discriminator"),
    *("g_learning_rate", "d_learning_rate", "device"),
)


def field_of(name: str) -> dataclasses.Field[Any]:
    """The field of :class:`Config` with that name."""
    return fields_of(Config)[name]


def group_of(name: str) -> type[Settings]:
    """The group that defines a setting."""
    return next(group for group in GROUPS if name in fields_of(group))


def check_names(settings: Mapping[str, Any]) -> None:
    """Refuse names that are not settings, suggesting the nearest one."""
    known = list(fields_of(Config))
    refuse(
        [
            f"unknown setting {name!r}{did_you_mean(name, known)}"
            for name in settings
            if name not in known
        ]
    )


Clause = tuple[Need, ...]


def _without_effect(values: Mapping[str, Any]) -> dict[str, Clause]:
    """The settings that have no effect given the others, with the conditions that are not met."""
    found = {}
    for name, field in fields_of(Config).items():
        for clause in field.metadata["needs"]:
            if not any(need.met(values[need.setting]) for need in clause):
                found[name] = clause
                break
    return found


def _idle_problems(
    idle: Mapping[str, Clause], values: Mapping[str, Any], wrong: Collection[str]
) -> list[str]:
    """A message for each setting without effect, unless an invalid value is the reason."""
    return [
        f"{flag(name)} has no effect with "
        f"{' and '.join(_in_words(need.setting, values[need.setting]) for need in clause)}: "
        f"give {either([need.give for need in clause])}"
        for name, clause in idle.items()
        if not any(need.setting in wrong for need in clause)
    ]


def _in_words(name: str, value: Any) -> str:
    if value is None or value is False:
        return f"no {flag(name)}"
    return f"{flag(name)} {value:g}" if isinstance(value, float) else f"{flag(name)} {value}"


def _is_neutral(name: str) -> bool:
    neutral: bool = field_of(name).metadata["neutral"]
    return neutral


def _reset(values: dict[str, Any], keep: Collection[str] = ()) -> dict[str, Any]:
    """Reset values that have no effect to their defaults, except those to keep."""
    while True:
        idle = {
            name: field_of(name).default
            for name in _without_effect(values)
            if name not in keep and values[name] != field_of(name).default
        }
        if not idle:
            return values
        values = values | idle


def _defaults() -> dict[str, Any]:
    return {name: field.default for name, field in fields_of(Config).items()}
