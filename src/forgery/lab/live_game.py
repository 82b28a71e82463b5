"""A game of points that is played live: the real game, changed while it is played."""

import shlex
from collections import deque
from collections.abc import Collection, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from .. import recipes
from ..build import batch_size_for, batches_of, training_of
from ..config import Config, MachineSettings, fields_of, flag
from ..data import Dataset
from ..errors import ForgeryError, did_you_mean, refuse
from ..models.layers import evaluation_mode
from ..session import save_as_run
from ..training.algorithm1 import AdversarialGame
from ..training.checkpoint import Checkpoint
from ..training.end import End
from ..training.halves import Halves
from ..training.minibatch import Minibatch
from ..training.state import Training
from ..training.surface import belief_and_directions

CPU = torch.device("cpu")
#: The settings with a control, by group.
CONTROLS: dict[str, tuple[str, ...]] = {
    "losses": ("objective", "penalty", "penalty_weight", "clip", "spectral_norm"),
    "game": ("d_steps", "updates", "batch_size", "pack", "ema", "seed"),
    "optimizer": (
        *("optimizer", "g_learning_rate", "d_learning_rate", "beta1", "beta2", "momentum"),
        "momentum_final",
        "learning_rate_decay",
    ),
    "networks": (
        *("generator", "g_width", "g_depth", "discriminator", "d_width", "d_depth"),
        *("latent", "noise"),
    ),
}
CONTROLLED = frozenset(name for names in CONTROLS.values() for name in names)
#: Settings whose change starts the game again, since other weights or points belong to them.
RESTARTS = frozenset(
    {"generator", "g_width", "g_depth", "discriminator", "d_width", "d_depth", "latent", "pack"}
    | {"spectral_norm", "seed"}
)
#: The networks that take points.
FOR_POINTS = {
    "generator": ("mlp", "mlp-softplus", "mlp-batchnorm"),
    "discriminator": ("mlp", "maxout", "mlp-maxout", "mlp-noisy"),
}
#: The largest values here, so that a step stays a matter of milliseconds.
MOST = {
    **dict.fromkeys(("g_width", "d_width"), 512),
    **dict.fromkeys(("g_depth", "d_depth"), 6),
    "latent": 64,
    "batch_size": 4096,
    "d_steps": 50,
    "pack": 16,
}
#: Steps between two states that are kept in memory, and their number.
KEPT_EVERY, KEPT = 100, 5
#: Points of a minibatch that slow motion shows.
SHOWN = 100
#: The settings of a new game beside the recipe's: small networks that play many steps a second.
SMALL = {"g_width": 64, "d_width": 64, "batch_size": 128}

#: The moments of a step, by the order of updates.
MOMENTS = {
    "alternating": ("draw", "judge", "d", "fresh", "g"),
    "simultaneous": ("draw", "judge", "both"),
}


class LiveGame:
    """A game, the settings that it is played with, and its recent states.

    Parameters
    ----------
    config:
        Settings of a GAN on points.
    dataset:
        The points.

    Raises
    ------
    ForgeryError
        If the settings do not go together.
    """

    def __init__(self, config: Config, dataset: Dataset) -> None:
        self.dataset = dataset
        self._begin(config, _halves(config, dataset))

    def _begin(self, config: Config, halves: Halves) -> None:
        """Start with new weights."""
        self.config, self.halves = config, halves
        #: The last known losses and probabilities: d_loss, g_loss, d_real, d_fake.
        self.numbers: dict[str, float] = {}
        self._since: dict[str, list[float]] = {}
        #: The step at which a loss was no longer finite, and which; None if all is well.
        self.broken: dict[str, Any] | None = None
        #: The moment of slow motion that was last shown: its name, and what it shows.
        self.moment: tuple[str, dict[str, Any]] | None = None
        #: The changes of settings while it was played: step and settings.
        self.history: list[dict[str, Any]] = []
        self._kept: deque[tuple[str, Checkpoint]] = deque(maxlen=KEPT)
        self._keep_state()

    @property
    def training(self) -> Training:
        return self.halves.training

    @property
    def game(self) -> AdversarialGame:
        return self.halves.game

    @property
    def step(self) -> int:
        """The number of steps so far."""
        return self.training.step

    # Play.

    def play(self) -> None:
        """Make a step, or finish the one under way."""
        self.moment = None
        self._note(self.halves.whole())
        if self.step % KEPT_EVERY == 0:
            self._keep_state()

    def play_d(self) -> None:
        """Make D's updates alone."""
        self.moment = None
        d_loss, d_real, d_fake = self.halves.d().tolist()
        self._note(torch.tensor([d_loss, torch.nan, d_real, d_fake]), of="d")

    def play_g(self) -> None:
        """Make G's update alone."""
        self.moment = None
        self._note(self.halves.g(), of="g")

    def means(self) -> dict[str, float]:
        """The means of ``numbers`` over the steps since the last call, or the last ones."""
        means = {name: sum(values) / len(values) for name, values in self._since.items()}
        self._since = {}
        return self.numbers | means

    def _note(self, numbers: Tensor, of: str = "dg") -> None:
        """Remember the losses, and whether one is no longer finite."""
        d_loss, g_loss, d_real, d_fake = numbers.tolist()
        found = {"d_loss": d_loss, "d_real": d_real, "d_fake": d_fake} if "d" in of else {}
        found |= {"g_loss": g_loss} if "g" in of else {}
        self.numbers |= found
        for name, number in found.items():
            self._since.setdefault(name, []).append(number)
        wrong = [
            name for name in ("d_loss", "g_loss") if name in found and not _finite(found[name])
        ]
        if wrong and self.broken is None:
            self.broken = {"step": self.step, "losses": wrong}

    # Slow motion.

    @property
    def moments(self) -> tuple[str, ...]:
        """The names of the moments of a step, in order."""
        return MOMENTS[self.config.updates]

    @property
    def amid_step(self) -> bool:
        """Whether slow motion has shown a part of the step under way."""
        return self.moment is not None and self.moment[0] != self.moments[-1]

    def next_moment(self) -> None:
        """Show the next moment of a step, and play what belongs to it."""
        if self.moment is not None and self.amid_step:
            name = self.moments[self.moments.index(self.moment[0]) + 1]
            earlier = self.moment[1]
        else:
            name = "fresh" if self.halves.waits_for_g and "fresh" in self.moments else "draw"
            earlier = {}
        content = getattr(self, f"_{name}")(earlier)
        self.moment = name, content

    def _draw(self, earlier: dict[str, Any]) -> dict[str, Any]:
        real = self.halves.prepare()[0]
        fake, z = self._peek(real)
        return {"real": real.x[:SHOWN], "fake": fake, "z": z}

    def _judge(self, earlier: dict[str, Any]) -> dict[str, Any]:
        shown = {name: earlier[name] for name in ("real", "fake")}
        if self.config.pack > 1:
            return shown
        both = torch.cat([shown["real"], shown["fake"]])
        belief, _ = belief_and_directions(self.game, both, shown["fake"], shown["real"])
        of_real, of_fake = belief.split([len(shown["real"]), len(shown["fake"])])
        return shown | {"d_real": of_real, "d_fake": of_fake}

    def _d(self, earlier: dict[str, Any]) -> dict[str, Any]:
        d_loss, d_real, d_fake = self.halves.d().tolist()
        self._note(torch.tensor([d_loss, torch.nan, d_real, d_fake]), of="d")
        return {name: earlier[name] for name in ("real", "fake")}

    def _fresh(self, earlier: dict[str, Any]) -> dict[str, Any]:
        real = self.halves.prepare()[-1]
        fake, z = self._peek(real)
        shown = {"fake": fake, "z": z}
        if self.config.pack == 1:
            _, pulls = belief_and_directions(self.game, fake, fake, real.x[: len(fake)])
            shown["pulls"] = pulls
        return shown

    def _g(self, earlier: dict[str, Any]) -> dict[str, Any]:
        self._note(self.halves.g(), of="g")
        return {"from": earlier["fake"], "fake": self._samples(earlier["z"]), "z": earlier["z"]}

    def _both(self, earlier: dict[str, Any]) -> dict[str, Any]:
        real = self.halves.prepare()[-1]
        before, z = self._peek(real)
        self._note(self.halves.whole())
        return {"from": before, "fake": self._samples(z), "z": z}

    def _peek(self, real: Minibatch) -> tuple[Tensor, Tensor]:
        """The first samples and z of the minibatch that the next update will draw."""
        z, _ = self.game.latents(len(real.x), None)
        return self._samples(z[:SHOWN]), z[:SHOWN]

    def _samples(self, z: Tensor) -> Tensor:
        """G(z), without a trace in G: batch norm keeps its averages."""
        network = self.game.generator.network
        with evaluation_mode(network), torch.no_grad():
            samples: Tensor = network(z)
        return samples

    # Changes.

    def change(self, changes: Mapping[str, Any]) -> bool:
        """Change settings while the game is played.

        Returns
        -------
        bool
            Whether it started again; otherwise the weights are kept, and the optimisers' state too
            if the optimiser is the same.

        Raises
        ------
        ForgeryError
            If the settings do not go together; the game is unchanged.
        """
        check(changes)
        config = self.config.changed(changes, changes)
        differing = {n: v for n, v in config.to_dict().items() if v != getattr(self.config, n)}
        if not differing:
            return False
        halves = _halves(config, self.dataset)
        if restarts(differing):
            self._begin(config, halves)
            return True
        state = _copied(self.training.checkpoint())
        _load(halves.training, state, config.optimizer == self.config.optimizer)
        halves.take_over_from(self.halves)
        self.history.append({"step": self.step, "changes": differing})
        self.config, self.halves, self.moment = config, halves, None
        return False

    def restart(self) -> None:
        """Begin again with the present settings."""
        self._begin(self.config, _halves(self.config, self.dataset))

    def back(self) -> int:
        """Return to the last state that was kept, and that is finite; return its step."""
        while self._kept:
            optimizer, state = self._kept[-1]
            finite = all(t.isfinite().all() for t in state.model.values())
            if finite and (state.step < self.step or len(self._kept) == 1):
                break
            self._kept.pop()
        else:
            self.restart()
            return 0
        self.halves = _halves(self.config, self.dataset)
        _load(self.training, _copied(state), optimizer == self.config.optimizer)
        self.numbers, self.broken, self.moment = {}, None, None
        for change in self.history:  # made after that state, and kept
            change["step"] = min(change["step"], self.step)
        return self.step

    def _keep_state(self) -> None:
        if self.broken is None:
            self._kept.append((self.config.optimizer, _copied(self.training.checkpoint())))

    # The terminal.

    def save(self, path: Path) -> Path:
        """Write the game as a run that can be shown, resumed and sampled from.

        Points that exist nowhere else are written to ``points.csv`` in its folder.

        Raises
        ------
        ForgeryError
            If no whole step was played, a loss is no longer finite, or the folder exists.
        """
        if self.broken is not None:
            raise ForgeryError("this game has broken: go back some steps, then save")
        if self.training.totals[-1] == 0:
            raise ForgeryError("nothing was played yet: play at least one whole step, then save")
        config, files = self.config, {}
        if self.dataset.density is None:
            values = self.dataset.values
            rows = (",".join(map(repr, row)) for row in values.double().tolist())
            files["points.csv"] = ("\n".join(rows) + "\n").encode()
            config = config.replace(data=str((path / "points.csv").absolute()))
        facts = {"played": self.history}
        save_as_run(self.training, config, self.dataset, path, facts, files)
        return path


def first_config(dataset: Dataset, settings: Mapping[str, Any]) -> Config:
    """The settings of a new game on some points: the recipe ``points``, changed.

    Raises
    ------
    ForgeryError
        For unknown settings, and those that do not go together.
    """
    check(settings)
    name = dataset.name.partition("[")[0] if dataset.density else dataset.name
    settings = SMALL | dict(settings)
    config = recipes.points(data=name, device="cpu", threads=1)
    config = config.changed(settings, settings)
    return config.replace(batch_size=batch_size_for(config, len(dataset)))


def command(config: Config) -> str:
    """The ``forgery train`` line of the same game: the settings that differ from the recipe."""
    usual = recipes.points(data=config.data).to_dict()
    for player in ("generator", "discriminator"):
        if getattr(config, player) != usual[player]:  # whose size is then not the recipe's
            usual |= dict.fromkeys((f"{player[0]}_width", f"{player[0]}_depth"))
    line = ["forgery", "train", config.data]
    machine = fields_of(MachineSettings)
    for settings in config.effective().values():
        for name, value in settings.items():
            if name in ("data", "recipe") or name in machine or value == usual[name]:
                continue
            if isinstance(value, bool):
                line.append(f"--{'' if value else 'no-'}{flag(name)}")
            else:
                line += [f"--{flag(name)}", f"{value:g}" if _short(value) else str(value)]
    return shlex.join(line)


def idle(config: Config) -> list[str]:
    """The controlled settings that have no effect, given the others."""
    effective = {name for settings in config.effective().values() for name in settings}
    return sorted(CONTROLLED - effective)


def restarts(changes: Collection[str]) -> bool:
    """Whether a change of these settings starts the game again."""
    return bool(RESTARTS & set(changes))


def check(changes: Mapping[str, Any]) -> None:
    """Refuse settings that have no control here, and values that are too large for it."""
    problems = [
        f"unknown setting {name!r}{did_you_mean(name, CONTROLLED)}"
        for name in changes
        if name not in CONTROLLED
    ]
    problems += [
        f"{flag(name)} can be at most {MOST[name]} here, not {value}: forgery train takes more"
        for name, value in changes.items()
        if name in MOST and isinstance(value, int) and value > MOST[name]
    ]
    problems += [
        f"unknown {name} {changes[name]!r}{did_you_mean(str(changes[name]), known)}"
        for name, known in FOR_POINTS.items()
        if name in changes and changes[name] not in known
    ]
    refuse(problems)


def _halves(config: Config, dataset: Dataset) -> Halves:
    training = training_of(config, dataset, CPU)
    batches = batches_of(config, dataset, CPU, project=training.project)
    return Halves(training, batches, End.of(config, batches, training.game.batches_per_step))


def _copied(state: Checkpoint) -> Checkpoint:
    """A checkpoint that does not change when the training goes on."""
    return replace(
        state,
        model={name: tensor.clone() for name, tensor in state.model.items()},
        optimizers={name: tensor.clone() for name, tensor in state.optimizers.items()},
    )


def _load(training: Training, state: Checkpoint, same_optimizer: bool) -> None:
    """Load a state of a game whose losses, optimiser or average may have been others."""
    model = dict(state.model)
    if training.average and not any(name.startswith("average.") for name in model):
        of_g = {n: t for n, t in model.items() if n.startswith("generator.")}
        model |= {f"average.{name.removeprefix('generator.')}": t for name, t in of_g.items()}
    optimizers = state.optimizers if same_optimizer else {}
    training.restore(replace(state, model=model, optimizers=optimizers))


def _finite(number: float) -> bool:
    return abs(number) < float("inf")


def _short(value: Any) -> bool:
    """Whether six digits are enough for a number."""
    return isinstance(value, float) and float(f"{value:g}") == value
