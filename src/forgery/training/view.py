"""How the discriminator sees samples: augmented, then packed, real and generated alike."""

from dataclasses import dataclass

from torch import Tensor

from ..augmentations import Augment
from ..objectives import Objective


@dataclass(frozen=True)
class View:
    """The way of samples to D.

    A penalty acts on D's slope at the augmented images, the very ones that D has judged.
    (NVlabs/stylegan2-ada-pytorch takes R1's gradient back through the augmentation to the images
    themselves, with a grid_sample of its own: torch's cannot be differentiated twice.)

    Parameters
    ----------
    augment:
        Changes images at random, in both players' steps.
    pack:
        Samples that D judges together, joined along their first axis: PacGAN's m (Lin et al. 2018).
        A minibatch of n·pack samples makes n logits.
    axis:
        The axis of a minibatch that counts samples: 0; 1 in an ensemble, where axis 0 counts the
        members.
    """

    augment: Augment | None = None
    pack: int = 1
    axis: int = 0

    def __call__(self, x: Tensor) -> Tensor:
        """``[n·pack, C, …]`` → ``[n, pack·C, …]``."""
        if self.augment is not None:
            x = self.augment(x)
        if self.pack > 1:
            axis = self.axis
            x = x.unflatten(axis, (-1, self.pack)).flatten(axis + 1, axis + 2)
        return x

    def adapt(self, objective: Objective, real: Tensor, fake: Tensor) -> None:
        """Adjust an adaptive augmentation to D's logits ``[n]`` on real and generated samples."""
        if self.augment is not None:
            margins = real - objective.undecided_logit(real, fake)
            self.augment.adjust(margins, len(margins) * self.pack)
