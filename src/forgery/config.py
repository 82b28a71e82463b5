"""Every setting of a training run, in one frozen dataclass: TOML in, JSON out.

A recipe (``recipes.py``) returns a :class:`Config`; a TOML file and then the command line's flags
change fields of it. Each field's flag is its name with dashes: ``batch_size`` is ``--batch-size``.
"""

import dataclasses
import math
import tomllib
import types
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args, get_type_hints

from .errors import ForgeryError, did_you_mean

#: The sections in which help pages and ``forgery show`` list the fields.
DATA, NETWORKS, GAME, OPTIMIZER, LENGTH, REPORTING, MACHINE = (
    "Data",
    "Networks",
    "Game",
    "Optimizer",
    "Length (one of the three)",
    "Reporting",
    "Machine",
)


def _option(
    default: Any,
    section: str,
    help: str,
    *,
    least: float | None = None,
    above: float | None = None,
    most: float | None = None,
    below: float | None = None,
) -> Any:
    """A field with its help text and the range that its value must lie in."""
    bounds = {"at least": least, "above": above, "at most": most, "below": below}
    return dataclasses.field(
        default=default, metadata={"section": section, "help": help, "bounds": bounds}
    )


@dataclass(frozen=True, kw_only=True)
class Config:
    """All that is decided about a run. The help text of each field stands beside it.

    Raises
    ------
    ForgeryError
        When a value is out of its range, or more than one length is given. Names (of data,
        networks, objectives …) are looked up where the thing they name is built.
    """

    recipe: str = _option("custom", DATA, "The recipe that these settings started from.")
    data: str = _option(
        "mnist", DATA, "A data source, the path of a file or folder, or hf:OWNER/NAME."
    )
    split: str = _option("train", DATA, "Which part of the data to train on.")
    limit: int = _option(
        0,
        DATA,
        "Train on this many samples only: a stratified choice, in which each class keeps its "
        "share, and at least one sample (0: all).",
        least=0,
    )
    flip: bool = _option(
        False, DATA, "Mirror every image, left to right, half of the times that it is shown."
    )
    labels: int = _option(
        0,
        DATA,
        "Of a semi-supervised run: how many samples' labels are known, alike of each class; 0 for "
        "all.",
        least=0,
    )
    image_size: int = _option(
        0,
        DATA,
        "Pixels of a side. 0 takes, of 8, 14, 16, 28, 32, 56 and 64, the largest that is not above "
        "the median of the pictures' shorter sides, and leaves arrays of images as they are.",
        least=0,
        most=4096,
    )
    fit: str = _option(
        "crop", DATA, "How a picture becomes square: crop (the middle), pad, or stretch."
    )
    colour: str = _option("auto", DATA, "grey, rgb, or auto: grey where all pictures are.")
    background: str = _option(
        "white", DATA, "Behind transparent pixels and around padded pictures: a name or #rrggbb."
    )
    image_column: str = _option(
        "", DATA, "The column of pictures in a table (parquet, hf:), if there are several."
    )
    label_column: str = _option(
        "",
        DATA,
        "Its column of labels: if not given, label or labels; none for no labels.",
    )
    strict: bool = _option(
        False, DATA, "Refuse data with files that cannot be used, instead of setting them aside."
    )

    model: str = _option("gan", NETWORKS, "What is trained: gan, or vae.")
    generator: str = _option("mlp", NETWORKS, "The generator's kind.")
    g_width: int = _option(256, NETWORKS, "Units in each hidden layer of G.", least=1)
    g_depth: int = _option(2, NETWORKS, "Hidden layers of G.", least=1)
    discriminator: str = _option("mlp", NETWORKS, "The discriminator's kind; a VAE's encoder's.")
    d_width: int = _option(256, NETWORKS, "Units in each hidden layer of D.", least=1)
    d_depth: int = _option(2, NETWORKS, "Hidden layers of D.", least=1)
    latent: int = _option(64, NETWORKS, "Dimensions of the noise z.", least=1)
    noise: str = _option(
        "normal", NETWORKS, "Distribution of z: normal, or uniform; both of unit variance."
    )
    conditional: str = _option(
        "none",
        NETWORKS,
        "How the players are told a sample's class, or tell it: none, concat, projection, "
        "auxiliary, semi-supervised, or infogan.",
    )
    codes: int = _option(10, NETWORKS, "Of an InfoGAN: the classes that G invents.", least=2)
    continuous: int = _option(
        2, NETWORKS, "Of an InfoGAN: how many dimensions of z D must tell too.", least=0
    )

    objective: str = _option("non-saturating", GAME, "What D and G minimise.")
    penalty: str = _option("none", GAME, "What is added to D's loss from its gradients.")
    penalty_weight: float = _option(1.0, GAME, "The penalty's γ or λ.", least=0)
    penalty_weight_final: float | None = _option(
        None, GAME, "Its value after the burn-in; the same if not given.", least=0
    )
    class_weight: float = _option(
        1.0,
        GAME,
        "Weight of what D loses by telling classes (auxiliary, semi-supervised, infogan).",
        least=0,
    )
    clip: float = _option(
        0.0, GAME, "D's weights are kept within ± this after its updates; 0 for no.", least=0
    )
    spectral_norm: bool = _option(
        False, GAME, "D's weights are divided by their largest singular values (SN-GAN)."
    )
    updates: str = _option(
        "alternating",
        GAME,
        "alternating (Algorithm 1), or simultaneous (as the 2014 authors' program does).",
    )
    d_steps: int = _option(1, GAME, "Updates of D for each update of G: the paper's k.", least=1)
    accumulate: int = _option(
        1,
        GAME,
        "Parts in which a minibatch is passed through the networks, to save memory.",
        least=1,
    )
    batch_size: int = _option(100, GAME, "Judgements in a minibatch: the paper's m.", least=1)
    pack: int = _option(
        1, GAME, "Samples that D judges together (PacGAN); a minibatch then holds m·pack.", least=1
    )
    ema: float = _option(
        0.0, GAME, "Decay per step of G's moving average; 0 keeps none.", least=0, below=1
    )
    augment: str = _option(
        "none",
        GAME,
        "How images are changed at random before D sees them, for small data: none, diffaugment, "
        "translation-cutout, translation, adaptive, or adaptive-geometry.",
    )
    augment_target: float = _option(
        0.6,
        GAME,
        "Adaptive: as much of D's sureness of real images, E[sign], as it aims at.",
        above=0,
        below=1,
    )
    # 500,000 in the paper, whose runs see 25 million images; runs here see a million or two.
    augment_ramp: int = _option(
        50_000, GAME, "Adaptive: real images seen while its p goes from 0 to 1.", least=1
    )
    seed: int = _option(0, GAME, "Every random number of the run follows from it.", least=0)

    optimizer: str = _option("adam", OPTIMIZER, "adam, rmsprop, or momentum.")
    g_learning_rate: float = _option(2e-4, OPTIMIZER, "Learning rate of G.", above=0)
    d_learning_rate: float = _option(2e-4, OPTIMIZER, "Learning rate of D.", above=0)
    beta1: float = _option(0.9, OPTIMIZER, "Adam: decay of the mean gradient.", least=0, below=1)
    beta2: float = _option(0.999, OPTIMIZER, "Adam: decay of its square.", least=0, below=1)
    beta2_final: float | None = _option(
        None, OPTIMIZER, "Its value after the burn-in; the same if not given.", least=0, below=1
    )
    momentum: float = _option(0.5, OPTIMIZER, "Momentum in the first epoch.", least=0, below=1)
    momentum_final: float = _option(
        0.7, OPTIMIZER, "Momentum from epoch momentum-epochs on.", least=0, below=1
    )
    momentum_epochs: int = _option(
        250, OPTIMIZER, "Epochs over which momentum grows linearly.", least=2
    )
    learning_rate_decay: float = _option(
        1.0, OPTIMIZER, "Both learning rates are divided by it at every step.", least=1
    )
    learning_rate_min: float = _option(0.0, OPTIMIZER, "They never fall below this.", least=0)
    learning_rate_final: float = _option(
        1.0, OPTIMIZER, "What is left of both after the burn-in, as a share.", least=0
    )
    burn_in: float = _option(
        0.0,
        OPTIMIZER,
        "Share of the run in which learning rates, β2 and the penalty's weight move to their final "
        "values; 0 for none.",
        least=0,
        most=1,
    )
    burn_in_shape: str = _option("cosine", OPTIMIZER, "How they move: cosine, or linear.")

    steps: int | None = _option(None, LENGTH, "Train for this many updates of G.", least=1)
    epochs: float | None = _option(50.0, LENGTH, "… or this many passes over the data.", above=0)
    minutes: float | None = _option(None, LENGTH, "… or this long.", above=0)

    report_every: int = _option(200, REPORTING, "Steps between two report lines.", least=1)
    sample_every: int = _option(
        600, REPORTING, "Steps between two sample grids (before: 1, 2, 4, 8 …).", least=1
    )
    checkpoint_every: int = _option(1000, REPORTING, "Steps between two checkpoints.", least=1)
    evaluate_every: int = _option(
        0,
        REPORTING,
        "Steps between two Fréchet distances to held-out data (a multiple of report-every; 0 for "
        "none); the best checkpoint is then kept too.",
        least=0,
    )
    keep_checkpoints: int = _option(3, REPORTING, "How many of the newest are kept.", least=2)
    grid: int = _option(64, REPORTING, "Images in a sample grid.", least=1)

    device: str = _option("auto", MACHINE, "cpu, cuda, cuda:1, mps …; auto takes cuda if it can.")
    precision: str = _option(
        "float32", MACHINE, "Of the networks' products: float32, or bfloat16 (a GPU's gain)."
    )
    compile: bool = _option(
        False, MACHINE, "Compile the networks by torch.compile; not with a penalty."
    )
    threads: int = _option(0, MACHINE, "CPU threads; 0 takes one for each core.", least=0)

    def __post_init__(self) -> None:
        kinds = get_type_hints(Config)
        for field in dataclasses.fields(self):
            value = _typed(field.name, getattr(self, field.name), kinds[field.name])
            object.__setattr__(self, field.name, value)
            _check_bounds(field, value)
        if self.evaluate_every % self.report_every:
            raise ForgeryError(
                f"evaluate-every must be a multiple of report-every ({self.report_every}), "
                f"not {self.evaluate_every}"
            )
        if self.is_conditional and self.pack > 1:
            raise ForgeryError(
                f"conditional {self.conditional} judges a sample with its class, and pack "
                f"{self.pack} joins samples of several: give --pack 1 or --conditional none"
            )
        lengths = [name for name in LENGTHS if getattr(self, name) is not None]
        if len(lengths) != 1:
            given = " and ".join(lengths) if lengths else "none"
            raise ForgeryError(
                f"give one length, not {given}: steps, epochs or minutes "
                "(a new one takes the old one's place)"
            )

    def replace(self, **changes: Any) -> "Config":
        """The same settings but for these; a new length takes the old one's place."""
        check_names(changes)
        if any(changes.get(name) is not None for name in LENGTHS):
            changes = dict.fromkeys(LENGTHS) | changes
        return dataclasses.replace(self, **changes)

    def to_dict(self) -> dict[str, Any]:
        """Every field by name, as JSON can hold it."""
        return dataclasses.asdict(self)

    @property
    def is_conditional(self) -> bool:
        """Whether either player has to do with classes."""
        return self.conditional != "none"

    @property
    def length(self) -> str:
        """The run's length in words: ``50 epochs``."""
        name = next(name for name in LENGTHS if getattr(self, name) is not None)
        return f"{getattr(self, name):g} {name}"


#: The three ways to say how long a run is.
LENGTHS = ("steps", "epochs", "minutes")


def section_of(name: str) -> str:
    """The section that a field is listed in."""
    section: str = Config.__dataclass_fields__[name].metadata["section"]
    return section


def check_names(settings: Mapping[str, Any]) -> None:
    """Refuse names that are not fields of :class:`Config`, with the nearest that is."""
    known = [field.name for field in dataclasses.fields(Config)]
    for name in settings:
        if name not in known:
            raise ForgeryError(f"unknown setting {name!r}{did_you_mean(name, known)}")


def read_toml(path: Path) -> dict[str, Any]:
    """The settings in a TOML file: ``name = value`` lines with Config's field names."""
    try:
        settings = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ForgeryError(f"cannot read {path}: {error.strerror or error}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ForgeryError(f"{path} is not TOML: {error}") from error
    try:
        check_names(settings)
    except ForgeryError as error:
        raise ForgeryError(f"{path}: {error}") from None
    return settings


def _typed(name: str, value: Any, kind: Any) -> Any:
    """The value as its field's type (an int may stand for a float), or a refusal."""
    accepted = get_args(kind) if isinstance(kind, types.UnionType) else (kind,)
    if float in accepted and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if type(value) in accepted:
        return value
    expected = " or ".join(a.__name__ for a in accepted if a is not types.NoneType)
    raise ForgeryError(f"{name.replace('_', '-')} must be {expected}, not {value!r}")


def _check_bounds(field: dataclasses.Field[Any], value: Any) -> None:
    if value is None or isinstance(value, str):
        return
    bounds = field.metadata["bounds"]
    fits = {
        "at least": lambda bound: value >= bound,
        "above": lambda bound: value > bound,
        "at most": lambda bound: value <= bound,
        "below": lambda bound: value < bound,
    }
    for words, bound in bounds.items():
        if bound is not None and not fits[words](bound):
            raise ForgeryError(
                f"{field.name.replace('_', '-')} must be {words} {bound:g}, not {value:g}"
            )
    if not math.isfinite(value):
        raise ForgeryError(f"{field.name.replace('_', '-')} must be finite, not {value}")
