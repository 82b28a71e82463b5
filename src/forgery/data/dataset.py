"""The one type that every data source becomes: images in memory, decoded once."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from ..errors import ForgeryError
from ..pixels import to_model


@dataclass(frozen=True)
class Dataset:
    """Images (or later: points) held in memory, with what is known about them.

    Parameters
    ----------
    name:
        What the data is, with its split: ``mnist[train]``.
    images:
        uint8, ``[N, C, H, W]``, values 0 to 255.
    labels:
        int64, ``[N]``, or None when the data has no classes.
    classes:
        The name of each label; empty when the data has no classes.
    """

    name: str
    images: Tensor
    labels: Tensor | None = None
    classes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.images.dtype != torch.uint8 or self.images.dim() != 4:
            raise ForgeryError(
                f"{self.name}: images must be uint8 [N, C, H, W], "
                f"not {self.images.dtype} {list(self.images.shape)}"
            )
        if len(self.images) == 0:
            raise ForgeryError(f"{self.name}: there are no images in it")
        if self.labels is not None and len(self.labels) != len(self.images):
            raise ForgeryError(
                f"{self.name}: {len(self.images)} images but {len(self.labels)} labels"
            )

    def __len__(self) -> int:
        return len(self.images)

    @property
    def shape(self) -> tuple[int, int, int]:
        """(channels, height, width) of one image."""
        return tuple(self.images.shape[1:])  # type: ignore[return-value]

    @property
    def mean_image(self) -> Tensor:
        """The mean of all images, float32 ``[C, H, W]`` in [-1, 1]."""
        # NumPy converts as it adds; torch would first make a copy eight times as large.
        mean = self.images.cpu().numpy().mean(axis=0, dtype=np.float64)
        return torch.from_numpy(mean / 127.5 - 1).float()

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 over shape, pixels and labels: the same data gives the same text anywhere."""
        digest = hashlib.sha256(repr(tuple(self.images.shape)).encode())
        digest.update(self.images.contiguous().cpu().numpy().data)
        if self.labels is not None:
            digest.update(self.labels.contiguous().cpu().numpy().data)
        return digest.hexdigest()

    def to(self, device: torch.device) -> "Dataset":
        """The same data on a device; the whole of it moves once, before the first step."""
        labels = None if self.labels is None else self.labels.to(device)
        return replace(self, images=self.images.to(device), labels=labels)


#: Draws a random order of ``n`` things for an epoch: f(epoch, n) -> int64 [n].
Order = Callable[[int, int], Tensor]


class Batches:
    """Minibatch number i of an endless run through the data, as a function of i alone.

    Every epoch visits the data in a new order and leaves out the last ``len(data) % batch_size``
    images of it. Nothing is remembered but the current epoch's order, so that a resumed run needs
    only the counter i to go on exactly.
    """

    def __init__(self, data: Dataset, batch_size: int, order: Order) -> None:
        if batch_size > len(data):
            raise ForgeryError(
                f"a batch of {batch_size} is larger than the data: "
                f"{data.name} has {len(data)} images"
            )
        self.data = data
        self.batch_size = batch_size
        self.per_epoch = len(data) // batch_size
        self._draw_order = order
        self._epoch = -1
        self._order = torch.empty(0, dtype=torch.int64)

    def __getitem__(self, i: int) -> Tensor:
        """Batch i, normalised on the data's device: float32 ``[m, C, H, W]`` in [-1, 1]."""
        epoch, position = divmod(i, self.per_epoch)
        if epoch != self._epoch:
            self._epoch = epoch
            self._order = self._draw_order(epoch, len(self.data)).to(self.data.images.device)
        rows = self._order[position * self.batch_size : (position + 1) * self.batch_size]
        return to_model(self.data.images[rows])
