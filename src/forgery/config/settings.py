"""The settings by group: help text, choices, bounds, and conditions for having an effect.

Each group is a frozen dataclass. A part of the program takes its group only: the optimisers take
:class:`OptimizerSettings` and cannot see the rest. The flag of a field is its name with dashes:
``batch_size`` is ``--batch-size``.
"""

import dataclasses
import math
import types
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal, get_args, get_origin, get_type_hints

from .. import plugins
from ..errors import ForgeryError, nearest, refuse
from ..sizes import ImageSize, as_setting
from . import needs
from .choices import (
    EXTENSIBLE,
    AugmentName,
    ColourName,
    ConditionName,
    DiscriminatorName,
    FitName,
    GeneratorName,
    LogName,
    ModelName,
    NoiseName,
    ObjectiveName,
    OptimizerName,
    PenaltyName,
    PrecisionName,
    ShapeName,
    UpdatesName,
)
from .needs import either, flag, setting

#: No logger, as a user states it.
NO_LOG = "none"


def _log(given: Any) -> str:
    """The names of loggers, from text separated by commas or from a list, each of them once."""
    names = given.split(",") if isinstance(given, str) else given
    if not isinstance(names, list | tuple) or not all(isinstance(name, str) for name in names):
        raise ForgeryError(f"log must be names separated by commas, not {given!r}")
    names = list(dict.fromkeys(name.strip() for name in names))
    known = [NO_LOG, *get_args(LogName)]
    refuse([problem for name in names if (problem := _unknown("log", name, known))])
    return ",".join(name for name in names if name != NO_LOG) or NO_LOG


#: The alternative lengths; a run has exactly one.
LENGTHS = ("steps", "epochs", "minutes", "images")


@dataclass(frozen=True, kw_only=True)
class Settings:
    """A group of settings. Types, bounds and choices are checked on creation.

    Raises
    ------
    ForgeryError
        Naming every invalid value, one per line.
    """

    title = ""

    def __post_init__(self) -> None:
        for name, value in typed(type(self), self.to_dict()).items():
            object.__setattr__(self, name, value)
        refuse(self._problems())

    def to_dict(self) -> dict[str, Any]:
        """Every setting by name, whether it has an effect or not."""
        return {name: getattr(self, name) for name in fields_of(type(self))}

    def _problems(self) -> list[str]:
        return list(wrong_values(type(self), self.to_dict()).values())


@dataclass(frozen=True, kw_only=True)
class DataSettings(Settings):
    """The training data."""

    title = "Data"

    recipe: str = setting("custom", "Recipe that these settings started from.")
    data: str = setting(
        "mnist",
        "Training data: the name of a bundled source, the path of a file or folder, or "
        "hf:OWNER/NAME.",
    )
    split: str = setting("train", "Part of the data to train on.")
    limit: int = setting(
        0,
        "Number of samples to train on, a stratified random choice (0: all).",
        least=0,
    )
    flip: bool = setting(False, "Mirror each image left to right with probability 1/2.")
    labels: int = setting(
        0,
        "Number of labelled samples in a semi-supervised run, balanced across classes (0: all).",
        needs=[needs.one_of("conditional", "semi-supervised")],
        neutral=True,
        least=0,
    )


@dataclass(frozen=True, kw_only=True)
class PictureSettings(Settings):
    """Conversion of pictures of any size to images of one shape."""

    title = "Pictures"

    image_size: ImageSize = setting(
        0,
        "Size of the images in pixels: height x width such as 48x64, or one number for squares. 0 "
        "takes squares of the largest of 8, 14, 16, 28, 32, 56 and 64 that does not exceed the "
        "median of the pictures' shorter sides; arrays of images keep their size.",
        needs=[needs.IMAGES, needs.CONVERTED],
        neutral=True,
        read=partial(as_setting, most=4096),
    )
    fit: FitName = setting(
        "crop",
        "How a picture is brought to that size: crop it to its centre, pad it, or stretch it; none "
        "keeps pictures as they are, and all must then have the same size.",
        needs=[(needs.PICTURES, needs.RECTANGLES), (needs.SIZE, needs.NOT_ARRAYS)],
    )
    colour: ColourName = setting(
        "auto",
        "Colour of the images; auto takes grey if all pictures are grey, else rgb.",
        needs=[needs.IMAGES, needs.CONVERTED],
        neutral=True,
    )
    background: str = setting(
        "white",
        "Colour behind transparent pixels and around padded pictures: a CSS name or #rrggbb.",
        needs=[(needs.PICTURES, needs.RECTANGLES), (needs.SIZE, needs.NOT_IDX)],
    )
    image_column: str = setting(
        "",
        "Column of a table (.parquet, hf:) that holds the pictures, if there are several.",
        needs=[needs.PICTURE_FILES],
        neutral=True,
    )
    label_column: str = setting(
        "",
        "Column of a table that holds the labels (default: label or labels; none: no labels).",
        needs=[needs.PICTURE_FILES],
        neutral=True,
    )
    strict: bool = setting(
        False,
        "Refuse data that contain unusable files, instead of skipping those files.",
        needs=[needs.PICTURE_FILES],
        neutral=True,
    )


@dataclass(frozen=True, kw_only=True)
class NetworkSettings(Settings):
    """The two networks and the noise."""

    title = "Networks"

    model: ModelName = setting(
        "gan", "What is trained: a generative adversarial network or a variational auto-encoder."
    )
    generator: GeneratorName = setting("mlp", "Architecture of the generator G.")
    g_width: int = setting(256, "Units (or feature maps) in each hidden layer of G.", least=1)
    g_depth: int = setting(
        2,
        "Hidden layers of G, or residual blocks at each resolution.",
        needs=[needs.unless("generator", "dcgan", "infogan", "resnet", "skip", give="mlp")],
        least=1,
    )
    discriminator: DiscriminatorName = setting(
        "mlp", "Architecture of the discriminator D, or of a VAE's encoder."
    )
    d_width: int = setting(256, "Units (or feature maps) in each hidden layer of D.", least=1)
    d_depth: int = setting(
        2,
        "Hidden layers of D, or residual blocks at each resolution.",
        needs=[
            needs.unless(
                "discriminator",
                *("dcgan", "infogan", "resnet", "maxout-conv2014", "projected"),
                give="mlp",
            )
        ],
        least=1,
    )
    latent: int = setting(64, "Dimensions of the latent vector z.", least=1)
    noise: NoiseName = setting(
        "normal",
        "Distribution of z; both have unit variance.",
        needs=[needs.GAN],
        neutral=True,
    )
    conditional: ConditionName = setting(
        "none",
        "Use of classes: given to G and D (concat, projection), given to G and predicted by D "
        "(auxiliary), predicted by D from some labels (semi-supervised), or learned without "
        "labels (infogan).",
        needs=[needs.GAN],
        neutral=True,
    )
    codes: int = setting(
        10,
        "Number of classes that an InfoGAN learns without labels.",
        needs=[needs.INFOGAN],
        least=2,
    )
    continuous: int = setting(
        2,
        "Number of dimensions of z that the discriminator of an InfoGAN predicts.",
        needs=[needs.INFOGAN],
        least=0,
    )
    start_from: str | None = setting(
        None,
        "Run to fine-tune: the folder of a run, RUN, or RUN@STEP for the checkpoint of a step. Its "
        "weights are the initial ones, and its settings the defaults.",
    )
    freeze_d: int = setting(
        0,
        "Number of D's first layers that keep the weights of start-from (FreezeD); a residual "
        "block counts as one layer.",
        needs=[needs.GAN, needs.START],
        neutral=True,
        least=0,
    )


@dataclass(frozen=True, kw_only=True)
class ObjectiveSettings(Settings):
    """The losses of the two networks, and the regularisation of D."""

    title = "Objective"

    objective: ObjectiveName = setting(
        "non-saturating", "Losses that D and G minimise.", needs=[needs.GAN]
    )
    penalty: PenaltyName = setting(
        "none", "Gradient penalty added to D's loss.", needs=[needs.GAN], neutral=True
    )
    penalty_weight: float = setting(
        1.0, "Weight of the penalty (its γ or λ).", needs=[needs.PENALTY], least=0
    )
    penalty_weight_final: float | None = setting(
        None,
        "Weight of the penalty after the burn-in (default: unchanged).",
        needs=[needs.PENALTY, needs.BURN_IN],
        neutral=True,
        least=0,
    )
    class_weight: float = setting(
        1.0,
        "Weight of the loss for predicting classes (auxiliary, semi-supervised, infogan).",
        needs=[needs.LEARNT_CLASSES],
        least=0,
    )
    clip: float = setting(
        0.0,
        "Clip D's weights to ± this value after each update; 0 disables clipping.",
        needs=[needs.GAN],
        neutral=True,
        least=0,
    )
    spectral_norm: bool = setting(
        False,
        "Normalise D's weights by their spectral norm (SN-GAN).",
        needs=[needs.GAN],
        neutral=True,
    )


@dataclass(frozen=True, kw_only=True)
class GameSettings(Settings):
    """The minibatches, and the order of the updates."""

    title = "Game"

    updates: UpdatesName = setting(
        "alternating",
        "Order of the updates: alternating (Algorithm 1), or simultaneous, as in the 2014 authors' "
        "code.",
        needs=[needs.GAN],
        neutral=True,
    )
    d_steps: int = setting(
        1, "Updates of D per update of G (the paper's k).", needs=[needs.GAN], neutral=True, least=1
    )
    batch_size: int = setting(100, "Minibatch size (the paper's m).", least=1)
    accumulate: int = setting(
        1,
        "Number of equal parts of a minibatch over which gradients are accumulated, to save "
        "memory.",
        needs=[needs.GAN],
        neutral=True,
        least=1,
    )
    pack: int = setting(
        1,
        "Samples that D judges jointly (PacGAN); a minibatch then holds batch-size × pack samples.",
        needs=[needs.GAN],
        neutral=True,
        least=1,
    )
    ema: float = setting(
        0.0,
        "Decay per step of the exponential moving average of G's weights; 0 disables it.",
        least=0,
        below=1,
    )
    seed: int = setting(0, "Random seed; it determines every random number of the run.", least=0)


@dataclass(frozen=True, kw_only=True)
class AugmentationSettings(Settings):
    """Random transforms of the images that D sees."""

    title = "Augmentation"

    augment: AugmentName = setting(
        "none",
        "Differentiable augmentation of the images that D sees, for small data sets.",
        needs=[needs.GAN],
        neutral=True,
    )
    augment_target: float = setting(
        0.6,
        "Target value of E[sign D(real)] for adaptive augmentation.",
        needs=[needs.ADAPTIVE],
        above=0,
        below=1,
    )
    # 500,000 in the paper, whose runs see 25 million images; runs here see a million or two.
    augment_ramp: int = setting(
        50_000,
        "Number of real images over which adaptive augmentation can raise p from 0 to 1.",
        needs=[needs.ADAPTIVE],
        least=1,
    )


@dataclass(frozen=True, kw_only=True)
class OptimizerSettings(Settings):
    """The optimiser of both networks, and the schedules of its hyperparameters."""

    title = "Optimizer"

    optimizer: OptimizerName = setting("adam", "Optimiser of both networks.")
    g_learning_rate: float = setting(2e-4, "Learning rate of G.", above=0)
    d_learning_rate: float = setting(2e-4, "Learning rate of D.", above=0)
    beta1: float = setting(
        0.9, "Adam's β1, the decay of its mean gradient.", needs=[needs.ADAM], least=0, below=1
    )
    beta2: float = setting(
        0.999,
        "Adam's β2, the decay of its mean squared gradient.",
        needs=[needs.ADAM],
        least=0,
        below=1,
    )
    beta2_final: float | None = setting(
        None,
        "Adam's β2 after the burn-in (default: unchanged).",
        needs=[needs.ADAM, needs.BURN_IN],
        neutral=True,
        least=0,
        below=1,
    )
    momentum: float = setting(
        0.5, "Momentum in the first epoch.", needs=[needs.MOMENTUM], least=0, below=1
    )
    momentum_final: float = setting(
        0.7, "Momentum from epoch momentum-epochs on.", needs=[needs.MOMENTUM], least=0, below=1
    )
    momentum_epochs: int = setting(
        250, "Epochs over which momentum grows linearly.", needs=[needs.MOMENTUM], least=2
    )
    learning_rate_decay: float = setting(
        1.0, "Factor that both learning rates are divided by at every step.", least=1
    )
    learning_rate_min: float = setting(
        0.0,
        "Lower bound of both learning rates.",
        needs=[needs.RATE_MOVES],
        neutral=True,
        least=0,
    )
    learning_rate_final: float = setting(
        1.0,
        "Learning rates after the burn-in, as a fraction of their initial values.",
        needs=[needs.BURN_IN],
        neutral=True,
        least=0,
    )
    burn_in: float = setting(
        0.0,
        "Fraction of the run over which learning rates, β2 and the penalty's weight move to their "
        "final values; 0 disables it.",
        needs=[needs.SOMETHING_MOVES],
        neutral=True,
        least=0,
        most=1,
    )
    burn_in_shape: ShapeName = setting(
        "cosine", "Shape of that schedule: half a cosine, or a line.", needs=[needs.BURN_IN]
    )


@dataclass(frozen=True, kw_only=True)
class LengthSettings(Settings):
    """The length of the run: exactly one of the four."""

    title = "Length"

    steps: int | None = setting(None, "Train for this many updates of G.", least=1)
    epochs: float | None = setting(50.0, "Train for this many passes over the data.", above=0)
    minutes: float | None = setting(None, "Train for this many minutes.", above=0)
    images: int | None = setting(
        None,
        "Train until D has seen this many real samples, including those for updates of G, which "
        "some objectives need.",
        least=1,
    )

    @property
    def length(self) -> str:
        """The run's length in words: ``50 epochs``."""
        name = next(name for name in LENGTHS if getattr(self, name) is not None)
        value = getattr(self, name)
        return f"{value:,} {name}" if isinstance(value, int) else f"{value:g} {name}"


@dataclass(frozen=True, kw_only=True)
class ReportingSettings(Settings):
    """The output of a run, and its intervals."""

    title = "Reporting"

    report_every: int = setting(200, "Steps between two reports.", least=1)
    sample_every: int = setting(
        600, "Steps between two sample grids (the first are at 1, 2, 4, 8 … steps).", least=1
    )
    checkpoint_every: int = setting(1000, "Steps between two checkpoints.", least=1)
    evaluate_every: int = setting(
        0,
        "Steps between two measurements of the Fréchet distance to held-out data, a multiple of "
        "report-every; the best checkpoint is kept too. 0 disables it.",
        least=0,
    )
    keep_checkpoints: int = setting(3, "Number of the latest checkpoints to keep.", least=2)
    grid: int = setting(64, "Number of images in a sample grid.", needs=[needs.IMAGES], least=1)
    log: str = setting(
        NO_LOG,
        "Also write the reports and samples for other programs: csv (a table), tensorboard (event "
        "files), or both, separated by commas; none for neither.",
        neutral=True,
        read=_log,
    )


@dataclass(frozen=True, kw_only=True)
class MachineSettings(Settings):
    """The device of the run, and its precision and threads."""

    title = "Machine"

    device: str = setting(
        "auto", "Device: cpu, cuda, cuda:1, mps …; auto uses a CUDA GPU if there is one."
    )
    precision: PrecisionName = setting(
        "float32", "Data type of the networks' matrix products (bfloat16 is faster on a GPU)."
    )
    compile: bool = setting(
        False, "Compile the networks with torch.compile (not possible with a penalty)."
    )
    threads: int = setting(0, "Number of CPU threads (0: one per core).", least=0)


#: The groups in the order in which help pages, ``forgery show`` and config.json list them.
GROUPS: tuple[type[Settings], ...] = (
    DataSettings,
    PictureSettings,
    NetworkSettings,
    ObjectiveSettings,
    GameSettings,
    AugmentationSettings,
    OptimizerSettings,
    LengthSettings,
    ReportingSettings,
    MachineSettings,
)


def fields_of(group: type[Settings]) -> dict[str, dataclasses.Field[Any]]:
    """The fields of a group, or of ``Config``, by name."""
    return group.__dataclass_fields__


_KINDS: dict[type[Settings], dict[str, Any]] = {}


def kinds_of(group: type[Settings]) -> dict[str, Any]:
    """The types of a group's fields by name."""
    if group not in _KINDS:
        _KINDS[group] = get_type_hints(group)
    return _KINDS[group]


def choices(group: type[Settings], name: str) -> list[str]:
    """The choices of a setting, including those of installed packages; empty without choices."""
    kind = kinds_of(group)[name]
    if get_origin(kind) is not Literal:
        return []
    added = plugins.names(EXTENSIBLE[name]) if name in EXTENSIBLE else []
    return list(dict.fromkeys([*get_args(kind), *added]))


def _unknown_choice(group: type[Settings], name: str, value: Any) -> str | None:
    """The problem of a value that is not among the choices of its setting, or None.

    A name with a colon, such as ``my_script:MyNet``, is a part given from Python.
    """
    kind = kinds_of(group)[name]
    if get_origin(kind) is not Literal or value in get_args(kind):
        return None
    if name in EXTENSIBLE and ":" in value:
        return None
    return _unknown(name, value, choices(group, name))


def _unknown(name: str, value: str, known: Sequence[str]) -> str | None:
    """The problem of a value of a setting that is not among the known ones, or None."""
    if value in known:
        return None
    near = nearest(value, known)
    suggestion = f": did you mean {near!r}? The" if near else ": the"
    return f"unknown {flag(name)} {value!r}{suggestion} choices are {', '.join(known)}"


def typed(group: type[Settings], values: Mapping[str, Any]) -> dict[str, Any]:
    """Convert values to the types of their fields: an int is accepted as a float.

    Raises
    ------
    ForgeryError
        Naming every value of another type, or that its field cannot read.
    """
    found, problems = dict(values), []
    words = {int: "a whole number", float: "a number", bool: "true or false", str: "text"}
    for name, value in values.items():
        if read := fields_of(group)[name].metadata["read"]:
            try:
                found[name] = read(value)
            except ForgeryError as error:
                problems.append(str(error))
            continue
        kind = kinds_of(group)[name]
        if get_origin(kind) is Literal:
            kind = str
        accepted = get_args(kind) if isinstance(kind, types.UnionType) else (kind,)
        if float in accepted and isinstance(value, int) and not isinstance(value, bool):
            try:
                found[name] = float(value)
            except OverflowError:
                problems.append(f"{flag(name)} is too large")
        elif type(value) not in accepted:
            expected = either([words[a] for a in accepted if a is not types.NoneType])
            problems.append(f"{flag(name)} must be {expected}, not {value!r}")
    refuse(problems)
    return found


def wrong_values(group: type[Settings], values: Mapping[str, Any]) -> dict[str, str]:
    """The problems of values with their bounds and choices, by name."""
    found = {}
    for name, field in fields_of(group).items():
        value = values[name]
        problem = _out_of_bounds(field, value) or _unknown_choice(group, name, value)
        if problem:
            found[name] = problem
    return found


def _out_of_bounds(field: dataclasses.Field[Any], value: Any) -> str | None:
    """The problem of a number outside its bounds, or None."""
    if value is None or isinstance(value, str):
        return None
    if isinstance(value, int) and abs(value) >= 1 << 63:
        return f"{flag(field.name)} is too large"
    fits: dict[str, Callable[[float], bool]] = {
        "at least": lambda bound: value >= bound,
        "above": lambda bound: value > bound,
        "at most": lambda bound: value <= bound,
        "below": lambda bound: value < bound,
    }
    for words, bound in field.metadata["bounds"].items():
        if bound is not None and not fits[words](bound):
            return f"{flag(field.name)} must be {words} {bound:g}, not {value:g}"
    if not math.isfinite(value):
        return f"{flag(field.name)} must be finite, not {value}"
    return None
