"""The discriminator's view of samples: augmentation, frozen features, packing."""

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor

from ..augmentations import Augment
from ..objectives import Objective
from .minibatch import Judged


@dataclass(frozen=True)
class View:
    """The transformation of samples to D's inputs, both real and generated.

    Penalties use the gradient with respect to the augmented images. (NVlabs/stylegan2-ada-pytorch
    takes R1's gradient with respect to the original images, which needs a custom grid_sample, since
    torch's cannot be differentiated twice.)

    Parameters
    ----------
    augment:
        Augmentation, applied in the updates of both players.
    pack:
        Number of samples that D judges jointly, concatenated along their first axis: PacGAN's m
        (Lin et al. 2018). A minibatch of n·pack samples gives n logits.
    axis:
        The sample axis of a minibatch: 0, or 1 in an ensemble, where axis 0 is that of the members.
    project:
        Computes what a projected discriminator sees of images: ``[n, C, H, W]`` → ``[n, F]``. Real
        samples may have passed it already (:class:`forgery.data.Batches`).
    """

    augment: Augment | None = None
    pack: int = 1
    axis: int = 0
    project: Callable[[Tensor], Tensor] | None = None

    def __call__(self, x: Tensor) -> Tensor:
        """``[n·pack, C, …]`` → ``[n, pack·C, …]``, or the frozen features ``[n, F]``."""
        if self.augment is not None:
            x = self.augment(x)
        if self.project is not None and x.dim() > 2:
            return self.project(x)
        if self.pack > 1:
            axis = self.axis
            x = x.unflatten(axis, (-1, self.pack)).flatten(axis + 1, axis + 2)
        return x

    def adapt(self, objective: Objective, real: Judged, fake: Judged, ranks: int) -> None:
        """Adjust adaptive augmentation, given D's logits on the real and generated samples.

        ``ranks`` is the number of processes, each of which has as many samples as this one.
        """
        if self.augment is not None:
            margins = real.logits - objective.undecided_logit(real.logits, fake.logits)
            self.augment.adjust(margins, len(real.x) * self.pack * ranks)
