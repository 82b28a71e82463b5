"""A step of the training loop in its two halves: D's updates, and G's.

Both halves make the step that ``loop.iterate`` makes, bit for bit, if updates alternate: the random
numbers and the minibatches of a step are those of its number.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from ..data import Batches
from .algorithm1 import AdversarialGame, numbers_of
from .end import End
from .loop import finish, iterate, prepare
from .minibatch import Minibatch
from .state import Training


class Halves:
    """Steps of a game, whole or in halves.

    D's half followed by G's is one step. A second half of the same player begins a new step: the
    one before ends without the other player's update. Steps of one player alone are counted by
    ``training.step``, but not in the means of reports.

    Parameters
    ----------
    training:
        The state of training of a GAN on the CPU.
    batches:
        The real minibatches.
    end:
        Where the run ends, on which schedules depend.
    """

    def __init__(self, training: Training, batches: Batches, end: End) -> None:
        assert isinstance(training.game, AdversarialGame)
        self.training, self.batches = training, batches
        self.game: AdversarialGame = training.game
        self._end = end
        #: What D's updates returned, and the random state after them, of a step that waits for G's.
        self._half: tuple[list[Tensor], Tensor] | None = None
        self._real: list[Minibatch] = []

    @property
    def waits_for_g(self) -> bool:
        """Whether the step under way has had D's updates, and not yet G's."""
        return self._half is not None

    def take_over_from(self, other: "Halves") -> None:
        """Take over the step under way of another game at the same step and with its weights."""
        if other.waits_for_g:
            self.prepare()  # the minibatches and schedules of this game
            self._half = other._half

    def whole(self) -> Tensor:
        """Make a step, or finish the one under way; return the losses as ``game.step`` does."""
        if self.waits_for_g:
            return self.g()
        before = self.training.totals[:-1].clone()
        iterate(self.training, self.batches, self._end)
        return self.training.totals[:-1] - before

    def prepare(self) -> list[Minibatch]:
        """Seed the random numbers of the next half, and return the minibatches of its step."""
        if self._half is None:
            self._real = prepare(self.training, self.batches, self._end)
        else:
            torch.default_generator.set_state(self._half[1])
        return self._real

    def d(self) -> Tensor:
        """Make D's k updates alone; return the means of D's loss, D(x) and D(G(z))."""
        if self.waits_for_g:
            self._end_step(None)
        game = self.game
        for real in self.prepare()[: game.d_steps]:
            numbers = [game.discriminator_step(part) for part in game.parts(real)]
        self._half = numbers, torch.default_generator.get_state()
        return mean(numbers)

    def g(self) -> Tensor:
        """Make G's update alone, which ends the step.

        Returns
        -------
        Tensor
            As ``game.step``; NaN in the places of D's numbers if D was not updated in this step.
        """
        game, earlier = self.game, self._half
        minibatches = self.prepare()
        numbers = [game.generator_step(part) for part in game.parts(minibatches[-1])]
        nothing = [torch.full((3,), torch.nan)]
        result = numbers_of(earlier[0] if earlier else nothing, numbers)
        self._end_step(result if earlier else None)
        return result

    def _end_step(self, numbers: Tensor | None) -> None:
        self._half = None
        finish(self.training, numbers)


def mean(parts: Sequence[Tensor]) -> Tensor:
    """The mean over the equal parts of a minibatch."""
    return torch.stack(list(parts)).mean(0)
