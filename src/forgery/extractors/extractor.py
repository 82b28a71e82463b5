"""A trained network that maps images to features and logits, identified by name and hash."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from ..errors import ForgeryError
from ..pixels import to_model


@dataclass(frozen=True)
class Extractor:
    """A feature extractor.

    A measure computed on features is only meaningful together with the network that computed
    them, so its name and hash are reported with the value.

    Parameters
    ----------
    name:
        Name of the network, as reported: ``mnist-digits``, ``inception-2015-12-05``.
    sha256:
        SHA-256 of the weights file, 64 hexadecimal digits.
    network:
        float32 ``[N, C, H, W]`` in [-1, 1] → (features ``[N, d]``, logits ``[N, K]``).
    image_shape:
        Expected (channels, height, width); None for a dimension that may have any size.
    classes:
        Names of the K logits; empty if they are not classes that data may have.
    batch_size:
        Number of images per forward pass.
    axes:
        Number of principal axes of the training data's features on which features are compared;
        None compares the features themselves.
    """

    name: str
    sha256: str
    network: nn.Module
    image_shape: tuple[int | None, int | None, int | None]
    classes: tuple[str, ...]
    batch_size: int = 500
    axes: int | None = None

    def __post_init__(self) -> None:
        self.network.eval().requires_grad_(False)

    def to(self, device: torch.device) -> "Extractor":
        """Return the extractor on ``device``; the network is moved, not copied."""
        return replace(self, network=self.network.to(device))

    def features(self, images: Tensor) -> Tensor:
        """Return features ``[N, d]`` on the network's device; see :meth:`features_and_logits`."""
        return self.features_and_logits(images)[0]

    def logits(self, images: Tensor) -> Tensor:
        """Return logits ``[N, K]`` on the network's device; see :meth:`features_and_logits`."""
        return self.features_and_logits(images)[1]

    @torch.no_grad()
    def features_and_logits(
        self, images: Tensor, report: Callable[[int, int], None] = lambda done, total: None
    ) -> tuple[Tensor, Tensor]:
        """Return features ``[N, d]`` and logits ``[N, K]``, float32, from one pass over the images.

        Parameters
        ----------
        images:
            ``[N, C, H, W]``, either uint8 0…255 or floating point in [-1, 1]. An image with
            non-finite values gives non-finite features; other images are not affected.
        report:
            Called after each forward pass with (images passed, number of images).

        Raises
        ------
        ForgeryError
            There are no images, or they do not have the expected shape or dtype.
        """
        self._check(images)
        device = next(self.network.parameters()).device
        features, logits, done = [], [], 0
        for batch in images.split(self.batch_size):
            batch = batch.to(device)
            batch = to_model(batch) if batch.dtype == torch.uint8 else batch.float()
            some_features, some_logits = self.network(batch)
            features.append(some_features)
            logits.append(some_logits)
            done += len(batch)
            report(done, len(images))
        return torch.cat(features), torch.cat(logits)

    def _check(self, images: Tensor) -> None:
        wanted = ", ".join("any" if size is None else str(size) for size in self.image_shape)
        fits = images.dim() == 4 and all(
            size is None or size == given
            for size, given in zip(self.image_shape, images.shape[1:], strict=True)
        )
        if not fits or len(images) == 0:
            raise ForgeryError(
                f"extractor {self.name}: expected images [N, {wanted}], got {list(images.shape)}"
            )
        if images.dtype != torch.uint8 and not images.is_floating_point():
            raise ForgeryError(
                f"extractor {self.name}: expected uint8 images or floating point in [-1, 1], "
                f"got {images.dtype}"
            )


def three_channels(images: Tensor, name: str) -> Tensor:
    """Images ``[N, 3, H, W]``: grey ones as three equal channels; ``name`` is the network's."""
    if images.shape[1] not in (1, 3):
        raise ForgeryError(f"{name} takes 1 or 3 channels, not {images.shape[1]}")
    return images.expand(-1, 3, -1, -1)
