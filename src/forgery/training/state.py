"""Everything that changes while a run trains, and its way into a checkpoint and back."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from .average import Average
from .checkpoint import Checkpoint, load_network, tensors_of
from .minibatch import Minibatch
from .optimizers import Schedule
from .parallel import ALONE, Ranks
from .player import Player


class Trainable(Protocol):
    """What the loop trains: a GAN (``algorithm1.py``) or a VAE (``vae.py``)."""

    generator: Player

    @property
    def numbers(self) -> Sequence[str]:
        """The names of what a step returns."""

    @property
    def batches_per_step(self) -> int:
        """Real minibatches in a step."""

    @property
    def players(self) -> Mapping[str, Player]:
        """The players by their names in a checkpoint."""

    @property
    def modules(self) -> Mapping[str, nn.Module]:
        """Everything that has a state, by its name in a checkpoint."""

    def step(self, minibatches: Sequence[Minibatch]) -> Tensor:
        """One step of all players; its ``numbers``, on the device."""


@dataclass
class Training:
    """What is trained, G's average, and the counters.

    Parameters
    ----------
    game:
        What is trained.
    average:
        G's moving average, or None.
    begin_step:
        Seeds all random numbers of the step with that number.
    schedules:
        Set what changes from step to step: learning rates, the penalty's weight.
    ranks:
        The processes that train together.
    members:
        Number of seeds in an ensemble; None if it is not an ensemble.
    step:
        Steps made so far.
    seconds:
        Training time so far, over all the processes that resumed one another.
    totals:
        Sums since the last report of what each step returned, and the number of steps: kept on the
        device, so that no step waits for it.
    """

    game: Trainable
    average: Average | None
    begin_step: Callable[[int], None]
    schedules: Sequence[Schedule] = ()
    ranks: Ranks = ALONE
    members: int | None = None
    step: int = 0
    seconds: float = 0.0
    totals: Tensor = field(init=False)

    def __post_init__(self) -> None:
        exact = torch.float32 if self.device.type == "mps" else torch.float64  # mps has no float64
        count = len(self.game.numbers) + 1
        shape = (count,) if self.members is None else (count, self.members)
        self.totals = torch.zeros(shape, dtype=exact, device=self.device)

    @property
    def device(self) -> torch.device:
        return self.game.generator.parameters[0].device

    @property
    def sampler(self) -> nn.Module:
        """The network that draws samples: G's average where there is one, else G."""
        return self.average.network if self.average else self.game.generator.network

    def draw(self, z: Tensor, y: Tensor | None = None) -> Tensor:
        """What the sampler makes of z ``[n, Z]``, as it would after training: ``[n, C, H, W]``.

        In a conditional game: of the classes y ``[n]``.
        """
        sampler = self.sampler
        was_training = sampler.training
        sampler.eval()
        with torch.no_grad():
            images: Tensor = sampler(z) if y is None else sampler(z, y)
        sampler.train(was_training)
        return images

    def networks(self) -> dict[str, nn.Module]:
        """The networks, and the augmentation's p, by their names in a checkpoint."""
        average = {"average": self.average.network} if self.average else {}
        return {**self.game.modules, **average}

    def optimizers(self) -> dict[str, Optimizer]:
        """The optimisers by the name they have in a checkpoint."""
        return {name: player.optimizer for name, player in self.game.players.items()}

    def checkpoint(self) -> Checkpoint:
        """All of it. Random state is not in it: it follows from the seed and the step."""
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
        """Become what a checkpoint holds.

        Raises
        ------
        ForgeryError
            When its tensors are not those of these networks and optimisers.
        """
        for name, network in self.networks().items():
            load_network(network, name, checkpoint)
        for name, optimizer in self.optimizers().items():
            state: dict[int, dict[str, Tensor]] = {}
            for key, value in tensors_of(name, checkpoint.optimizers).items():
                index, slot = key.split(".", 1)
                weight = optimizer.param_groups[0]["params"][int(index)]
                if value.shape == weight.shape:  # in memory as the weight is, whatever its format
                    value = torch.empty_like(weight, requires_grad=False).copy_(value)
                state.setdefault(int(index), {})[slot] = value
            # Settings are the config's, not the checkpoint's: only the memory is restored.
            groups = optimizer.state_dict()["param_groups"]
            optimizer.load_state_dict({"state": state, "param_groups": groups})
        self.step = checkpoint.step
        self.seconds = checkpoint.counters["seconds"]
        self.totals.copy_(torch.tensor(checkpoint.counters["totals"], dtype=torch.float64))

    def is_finite(self) -> bool:
        """Whether every weight is a number (waits for the device)."""
        tensors = [p for network in self.networks().values() for p in network.parameters()]
        return bool(torch.stack([p.isfinite().all() for p in tensors]).all())
