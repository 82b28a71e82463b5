"""The settings of a run: the fields by group, and which of them go together.

``choices`` has the built-in names, ``needs`` the conditions under which a setting has an effect,
``settings`` the groups, ``config`` all of them in one, ``compatibility`` the rules.
"""

from .choices import BUNDLED_IMAGES, BUNDLED_POINTS, EXTENSIBLE
from .config import COMMON, RESUMABLE, Config, check_names, field_of, group_of
from .needs import flag
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
    choices,
    fields_of,
    kinds_of,
    typed,
)

__all__ = [
    "BUNDLED_IMAGES",
    "BUNDLED_POINTS",
    "COMMON",
    "EXTENSIBLE",
    "GROUPS",
    "LENGTHS",
    "RESUMABLE",
    "AugmentationSettings",
    "Config",
    "DataSettings",
    "GameSettings",
    "LengthSettings",
    "MachineSettings",
    "NetworkSettings",
    "ObjectiveSettings",
    "OptimizerSettings",
    "PictureSettings",
    "ReportingSettings",
    "Settings",
    "check_names",
    "choices",
    "field_of",
    "fields_of",
    "flag",
    "group_of",
    "kinds_of",
    "typed",
]
