"""The state of training, and its conversion to and from checkpoints."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from ..models.layers import evaluation_mode
from .average import Average
from .checkpoint import Checkpoint, load_network, tensors_of
from .minibatch import Minibatch
from .optimizers import Schedule
from .parallel import ALONE, Ranks
from .player import Player


class Trainable(Protocol):
    """A game for the training loop: a GAN (``algorithm1.py``) or a VAE (``vae.py``)."""

    generator: Player

    @property
    def number_names(self) -> Sequence[str]:
        """The names of the values that a step returns."""

    @property
    def batches_per_step(self) -> int:
        """Number of real minibatches in a step."""

    @property
    def players(self) -> Mapping[str, Player]:
        """The players by their names in a checkpoint."""

    @property
    def modules(self) -> Mapping[str, nn.Module]:
        """All modules with a state, by their names in a checkpoint."""

    def step(self, minibatches: Sequence[Minibatch]) -> Tensor:
        """Update all players, and return the ``numbers`` of the step, on the device."""


@dataclass
class Training:
    """The game, G's average, and the counters.

    Parameters
    ----------
    game:
        The GAN or VAE.
    average:
        G's moving average, or None.
    begin_step:
        Seeds the random numbers of a step, given its number.
    schedules:
        Set the values that change during training: learning rates, the penalty's weight.
    ranks:
        The processes that train together.
    members:
        Number of seeds in an ensemble; None for a single run.
    project:
        What D sees of real samples, if it is computed once for all of them.
    step:
        Number of steps so far.
    seconds:
        Training time so far, including that before the run was resumed.
    totals:
        Sums of the steps' numbers since the last report, and the number of steps. They stay on the
        device, so that no step waits for it.
    """

    game: Trainable
    average: Average | None
    begin_step: Callable[[int], None]
    schedules: Sequence[Schedule] = ()
    ranks: Ranks = ALONE
    members: int | None = None
    project: Callable[[Tensor], Tensor] | None = None
    step: int = field(default=0, init=False)
    seconds: float = field(default=0.0, init=False)
    totals: Tensor = field(init=False)

    def __post_init__(self) -> None:
        exact = torch.float32 if self.device.type == "mps" else torch.float64  # mps has no float64
        count = len(self.game.number_names) + 1
        shape = (count,) if self.members is None else (count, self.members)
        self.totals = torch.zeros(shape, dtype=exact, device=self.device)

    @property
    def device(self) -> torch.device:
        return self.game.generator.parameters[0].device

    @property
    def sampler(self) -> nn.Module:
        """The network that generates samples: G's average if there is one, else G."""
        return self.average.network if self.average else self.game.generator.network

    def draw(self, z: Tensor, y: Tensor | None = None) -> Tensor:
        """Samples ``[n, C, H, W]`` in evaluation mode from z ``[n, Z]``, and classes y ``[n]``."""
        sampler = self.sampler
        with evaluation_mode(sampler), torch.no_grad():
            images: Tensor = sampler(z) if y is None else sampler(z, y)
        return images

    def networks(self) -> dict[str, nn.Module]:
        """The modules of the game and G's average, by their names in a checkpoint."""
        average = {"average": self.average.network} if self.average else {}
        return {**self.game.modules, **average}

    def optimizers(self) -> dict[str, Optimizer]:
        """The optimisers by their names in a checkpoint."""
        return {name: player.optimizer for name, player in self.game.players.items()}

    def checkpoint(self) -> Checkpoint:
        """Save the state. Random states are not needed: they follow from the seed and the step."""
        return Checkpoint(
            step=self.step,
            model={
                f"{name}.{key}": value
                for name, network in self.networks().items()
                for key, value in network.state_dict().items()
            },
            optimizers={
                f"{name}.{index}.{key}": value
                for name, optimizer in self.optimizers().items()
                for index, slots in optimizer.state_dict()["state"].items()
                for key, value in slots.items()
            },
            counters={"seconds": self.seconds, "totals": self.totals.tolist()},
        )

    def restore(self, checkpoint: Checkpoint) -> None:
        """Load the state from a checkpoint.

        Raises
        ------
        ForgeryError
            If its tensors do not match these networks and optimisers.
        """
        for name, network in self.networks().items():
            load_network(network, name, checkpoint)
        for name, optimizer in self.optimizers().items():
            state: dict[int, dict[str, Tensor]] = {}
            for key, value in tensors_of(name, checkpoint.optimizers).items():
                index, slot = key.split(".", 1)
                weight = optimizer.param_groups[0]["params"][int(index)]
                if value.shape == weight.shape:  # give it the memory format of the weight
                    value = torch.empty_like(weight, requires_grad=False).copy_(value)
                state.setdefault(int(index), {})[slot] = value
            # Hyperparameters come from the config; only the state is restored.
            groups = optimizer.state_dict()["param_groups"]
            optimizer.load_state_dict({"state": state, "param_groups": groups})
        self.step = checkpoint.step
        self.seconds = checkpoint.counters["seconds"]
        self.totals.copy_(torch.tensor(checkpoint.counters["totals"], dtype=torch.float64))

    def is_finite(self) -> bool:
        """Whether every weight is finite (waits for the device)."""
        tensors = [p for network in self.networks().values() for p in network.parameters()]
        return bool(torch.stack([p.isfinite().all() for p in tensors]).all())
