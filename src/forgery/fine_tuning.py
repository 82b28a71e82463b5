"""Fine-tuning: a new run with the weights of another one, the pretrained run.

The new run is the pretrained run's recipe on other data. Its generator, the average of the
generator and its discriminator (or encoder) begin with the weights of a checkpoint; its optimisers,
the probability of adaptive augmentation and its counters begin anew. Its settings are those of the
pretrained run, unless they are given, except for the location of the data and of the machine.

The new run holds everything that it needs: it is resumed and sampled without the pretrained run.
"""

import os
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor, nn

from .build import classes_of
from .config import Config, NetworkSettings, field_of, fields_of, flag
from .data import FROM_PYTHON, Dataset, ImageSettings, holds_pictures
from .errors import ForgeryError, refuse
from .model import checkpoint_of
from .parts import NOTHING, OTHER_NETWORK, Given, condition_of, networks
from .training.checkpoint import Checkpoint, load_network, tensors_of
from .training.parallel import ALONE, Ranks
from .training.run import Run, open_run
from .training.state import Training

#: Settings that the weights depend on. The number of an InfoGAN's codes may change, like classes.
OF_THE_WEIGHTS = (
    *(n for n in fields_of(NetworkSettings) if n not in ("codes", "start_from", "freeze_d")),
    "spectral_norm",
    "pack",
)
#: Settings that are not taken from the pretrained run,
NOT_INHERITED = ("start_from", "freeze_d", "device", "threads")
#: and those that are not taken if other data are given.
OF_THE_DATA = ("data", "split", "limit", "labels", "image_column", "label_column", "strict")


def inherited(changes: Mapping[str, Any]) -> Config:
    """The settings of the pretrained run, which ``changes`` override.

    Pictures in files are converted to the size and colour of the pretrained run's images.

    Raises
    ------
    ForgeryError
        If ``changes["start_from"]`` is no run, or its data was given from Python and there is no
        other.
    """
    start_from = changes["start_from"]
    if not isinstance(start_from, str):
        raise ForgeryError(f"start-from must be the folder of a run, not {start_from!r}")
    run = open_run(_located(start_from)[0])
    values = {name: field_of(name).default for name in NOT_INHERITED}
    if "data" in changes:
        data = changes["data"]
        values |= {name: field_of(name).default for name in OF_THE_DATA} | {"data": data}
        shape = run.shape
        if len(shape) == 3 and isinstance(data, str) and holds_pictures(data):
            like = ImageSettings().like(shape)
            values |= {"image_size": like.size, "colour": like.colour}
            if run.config.fit == "none":  # of pictures that all had this size
                values["fit"] = field_of("fit").default
    elif run.config.data.startswith(FROM_PYTHON):
        name = run.config.data.removeprefix(FROM_PYTHON)
        raise ForgeryError(f"the data of {run.path}, {name}, was given from Python: give data")
    return run.config.changed(values, explicit=())


def check_settings(config: Config) -> Run:
    """The pretrained run of a config.

    Raises
    ------
    ForgeryError
        Naming every setting that its weights do not fit.
    """
    run = pretrained_run(config)
    problems = [
        f"{_in_words(name, getattr(config, name))} does not fit the weights of {run.path}, which "
        f"has {_in_words(name, getattr(run.config, name))}: leave it out, or start from another run"
        for name in OF_THE_WEIGHTS
        if getattr(config, name) != getattr(run.config, name)
    ]
    refuse(problems + _problems_of_size(config, run))
    return run


def pretrained_run(config: Config) -> Run:
    """The run that a config with ``start_from`` names; a :class:`ForgeryError` if it is missing."""
    assert config.start_from is not None
    return open_run(_located(config.start_from)[0])


def pretrained_of(config: Config, dataset: Dataset, ranks: Ranks = ALONE) -> "Pretrained | None":
    """The weights that a run starts from; None for random ones.

    Raises
    ------
    ForgeryError
        If there is no such run or checkpoint, the weights are not finite or do not fit the settings
        or the data, or the processes of the run read different weights.
    """
    if config.start_from is None:
        return None
    run = check_settings(config)
    refuse(_problems_of_data(config, run, dataset))
    saved = checkpoint_of(run, _located(config.start_from)[1])
    other = OTHER_NETWORK[config.model]
    if not tensors_of(other, saved.model):
        raise ForgeryError(
            f"{config.start_from} was exported without its {other}, from which training would "
            "start: export it with --all-networks"
        )
    if not all(tensor.isfinite().all() for tensor in saved.model.values()):
        raise ForgeryError(
            f"the weights of {run.path} at step {saved.step} are not finite: start from another "
            f"checkpoint, as in --start-from {shlex.quote(f'{run.path}@STEP')}, or from another run"
        )
    code = int(saved.fingerprint[:12], 16)  # 48 bits, which a float holds exactly
    largest, smallest = ranks.largest(code, -code)
    if largest != -smallest:
        raise ForgeryError(
            f"the processes of this run read different checkpoints of {run.path}: if it is being "
            f"trained, name a step, as in --start-from {shlex.quote(f'{run.path}@{saved.step}')}"
        )
    return Pretrained(run, saved)


@dataclass(frozen=True)
class Pretrained:
    """A run and one of its checkpoints, from which another run starts."""

    run: Run
    saved: Checkpoint

    @property
    def facts(self) -> dict[str, Any]:
        """The checkpoint, for config.json: its step and the SHA-256 of its weights' file."""
        return {"step": self.saved.step, "fingerprint": self.saved.fingerprint}

    def describe(self, config: Config, dataset: Dataset) -> str:
        """One line about the start of a run."""
        known = self.run.classes
        new = [name for name in classes_of(config, dataset) if name not in known]
        line = f"starting from {self.run.path}, step {self.saved.step:,}"
        if not new:
            return line
        more = ", …" if len(new) > 10 else ""
        return f"{line}; classes with new weights: {', '.join(new[:10])}{more}"

    def hand_over(
        self, training: Training, config: Config, dataset: Dataset, given: Given = NOTHING
    ) -> None:
        """Load the weights into the networks of a run that has not made a step.

        Weights of a class go to the class of the same name; new classes keep their random weights.
        If the pretrained run has no average, the average starts as the generator.

        Raises
        ------
        ForgeryError
            If the weights do not fit the networks, or ``freeze_d`` would keep random weights.
        """
        players = {name: player.network for name, player in training.game.players.items()}
        before, now = list(self.run.classes), list(classes_of(config, dataset))
        saved = self.saved
        if before != now:
            wider = networks(config, torch.zeros(dataset.shape), len(now) + 1, given)
            model = dict(saved.model)
            for (role, network), more in zip(players.items(), wider, strict=True):
                axes = class_axes(network, more)
                _check_classes(config, role, network, axes, set(now) - set(before))
                for name in (role, "average") if role == "generator" else (role,):
                    for key, new in network.state_dict().items():
                        if (old := model.get(f"{name}.{key}")) is not None:
                            tensor = by_class(old.to(new.dtype), new.cpu(), axes[key], before, now)
                            model[f"{name}.{key}"] = tensor
            saved = replace(saved, model=model)
        for role, network in players.items():
            load_network(network, role, saved)
        if training.average:
            load_network(training.average.network, saved.sampler, saved)


def class_axes(network: nn.Module, wider: nn.Module) -> dict[str, tuple[int, ...]]:
    """The number of entries per class along each axis of each tensor: tensor → one number per axis.

    ``wider`` is the same network with one more class. Along an axis, the entries of the classes are
    the last ones, one class after the other: ``models/conditional.py`` appends the one-hot code.
    """
    more = wider.state_dict()
    return {
        key: tuple(b - a for a, b in zip(tensor.shape, more[key].shape, strict=True))
        for key, tensor in network.state_dict().items()
    }


def by_class(
    old: Tensor, new: Tensor, axes: Sequence[int], before: Sequence[str], now: Sequence[str]
) -> Tensor:
    """``new``, with the entries of ``old`` that belong to a class in both, or to no class.

    Parameters
    ----------
    old, new:
        The same tensor of a network for the classes ``before`` and for the classes ``now``.
    axes:
        The number of entries per class along each axis (:func:`class_axes`).
    """
    sizes = [n + axis * (len(before) - len(now)) for n, axis in zip(new.shape, axes, strict=True)]
    if not any(axes) or list(old.shape) != sizes:
        return old  # of no class, or of another network: it is refused when it is loaded
    pairs = [_pairs(n, axis, before, now) for n, axis in zip(new.shape, axes, strict=True)]
    result = new.clone()
    result[_mesh([to for to, _ in pairs])] = old[_mesh([of for _, of in pairs])]
    return result


def _pairs(
    size: int, entries: int, before: Sequence[str], now: Sequence[str]
) -> tuple[Tensor, Tensor]:
    """Along an axis: the entries that are kept, in the new tensor and in the old one."""
    shared = torch.arange(size - entries * len(now))
    kept = [name for name in now if name in before]
    blocks = torch.arange(entries) + len(shared)
    to, of = (
        torch.cat([shared, *(blocks + entries * names.index(name) for name in kept)])
        for names in (now, before)
    )
    return to, of


def _mesh(rows: Sequence[Tensor]) -> tuple[Tensor, ...]:
    """Indices that select the given rows of every axis."""
    return torch.meshgrid(*rows, indexing="ij")


def _check_classes(
    config: Config,
    role: str,
    network: nn.Module,
    axes: Mapping[str, Sequence[int]],
    new: set[str],
) -> None:
    """Refuse weights that cannot be assigned to classes, and new ones that would be frozen."""
    takes_class = role != "generator" or condition_of(config).choose_classes is not None
    if takes_class and not any(any(entries) for entries in axes.values()):
        raise ForgeryError(
            f"the classes of the data differ from those of {config.start_from}, and no weight of "
            f"the {role} {getattr(config, role)} depends on the number of classes: give data with "
            "the same classes in the same order"
        )
    frozen = [name for name, p in network.named_parameters() if not p.requires_grad]
    if new and any(any(axes[name]) for name in frozen):
        raise ForgeryError(
            f"freeze-d {config.freeze_d} would keep random weights of the classes "
            f"{', '.join(sorted(new)[:10])}, which {config.start_from} does not have: with "
            f"conditional {config.conditional}, D's first layer takes the class; give --freeze-d 0"
        )


def _located(start_from: str) -> tuple[Path | str, int | Literal["best"] | None]:
    """The folder and the step of ``RUN``, ``RUN@STEP`` or ``RUN@best``; None is the newest step."""
    start_from = os.path.expanduser(start_from)  # of a file or a form, which no shell has read
    path, _, step = start_from.rpartition("@")
    if not path or Path(start_from).exists():
        return start_from, None
    if step == "best":
        return path, "best"
    return (path, int(step)) if step.isdecimal() else (start_from, None)


def _in_words(name: str, value: Any) -> str:
    if isinstance(value, bool):
        return flag(name) if value else f"no {flag(name)}"
    return f"{flag(name)} {value}"


def _kind_of(shape: Sequence[int]) -> str:
    kind = "images" if len(shape) == 3 else "points"
    return f"{kind} of {' × '.join(map(str, shape))}"


def _problems_of_size(config: Config, run: Run) -> list[str]:
    """The problems of a size or a colour that was given."""
    shape = run.shape
    if len(shape) != 3:
        return []
    like = ImageSettings().like(shape)
    return [
        f"{flag(name)} {given} does not fit the weights of {run.path}, which draws "
        f"{_kind_of(shape)}: give --{flag(name)} {right}"
        for name, given, right, default in (
            ("image_size", config.image_size, like.size, 0),
            ("colour", config.colour, like.colour, "auto"),
        )
        if given not in (right, default)
    ]


def _problems_of_data(config: Config, run: Run, dataset: Dataset) -> list[str]:
    problems = []
    shape = run.shape
    if dataset.shape != shape:
        problem = f"{run.path} draws {_kind_of(shape)}, but {dataset.name} holds "
        problem += _kind_of(dataset.shape)
        like = ImageSettings().like(shape) if len(shape) == 3 else ImageSettings()
        if len(shape) != len(dataset.shape):
            problem += ": choose data of the same kind"
        elif like.size and not config.data.startswith(FROM_PYTHON):
            problem += f": give --image-size {like.size} --colour {like.colour}"
        else:
            problem += ": convert them first"
        problems.append(problem)
    if condition_of(config).labels != "no" and dataset.labels is None:
        problems.append(
            f"{run.path} was trained with classes (conditional {config.conditional}), but "
            f"{dataset.name} has none: choose labelled data, such as pictures in one folder per "
            "class, or start from a run without classes"
        )
    return problems
