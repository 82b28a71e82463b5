"""The one type that every data source becomes: images or points in memory, decoded once."""

import hashlib
import mmap
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from ..errors import ForgeryError
from ..pixels import to_model

if TYPE_CHECKING:
    from .densities import Density


#: The mean of mapped images is that of so many: to read all would take minutes, each time.
MAPPED_MEAN = 10_000


@dataclass(frozen=True)
class Units:
    """Points are shown to the networks as (point - offset) / scale, both ``[D]``."""

    offset: Tensor
    scale: Tensor

    def to_model(self, points: Tensor) -> Tensor:
        return (points - self.offset.to(points.device)) / self.scale.to(points.device)

    def from_model(self, points: Tensor) -> Tensor:
        return points * self.scale.to(points.device) + self.offset.to(points.device)

    def to_lists(self) -> dict[str, list[float]]:
        """As JSON can hold them."""
        return {"offset": self.offset.tolist(), "scale": self.scale.tolist()}


@dataclass(frozen=True)
class Dataset:
    """Images or points held in memory, with what is known about them.

    Parameters
    ----------
    name:
        What the data is, with its split: ``mnist[train]``.
    values:
        Images, uint8 ``[N, C, H, W]``, 0 to 255; or points, float32 ``[N, D]``.
    labels:
        int64, ``[N]``, or None when the data has no classes.
    classes:
        The name of each label; empty when the data has no classes.
    density:
        The distribution that points were drawn from, where it is known.
    units:
        How points are shown to the networks; None for as they are.
    attributes:
        What is true of each, bool ``[N, A]``, or None when nothing of the kind is known. Unlike
        classes, several may be true at once.
    attribute_names:
        The name of each column of ``attributes``.
    known_fingerprint:
        The fingerprint, where it was computed before.
    mapping:
        The map of a file into memory, where the values lie in one that is too large to be moved:
        they stay where they are, and only batches go to a device.
    """

    name: str
    values: Tensor
    labels: Tensor | None = None
    classes: tuple[str, ...] = ()
    density: "Density | None" = None
    units: Units | None = None
    attributes: Tensor | None = None
    attribute_names: tuple[str, ...] = ()
    known_fingerprint: str | None = None
    mapping: mmap.mmap | None = None

    def __post_init__(self) -> None:
        kind = (self.values.dtype, self.values.dim())
        if kind not in ((torch.uint8, 4), (torch.float32, 2)):
            raise ForgeryError(
                f"{self.name}: images must be uint8 [N, C, H, W] and points float32 [N, D], "
                f"not {self.values.dtype} {list(self.values.shape)}"
            )
        if len(self.values) == 0:
            raise ForgeryError(f"{self.name}: there are no {self.kind} in it")
        if self.labels is not None and len(self.labels) != len(self.values):
            raise ForgeryError(
                f"{self.name}: {len(self.values)} {self.kind} but {len(self.labels)} labels"
            )
        given = None if self.attributes is None else (self.attributes.dtype, self.attributes.shape)
        wanted = (torch.bool, (len(self.values), len(self.attribute_names)))
        if given != wanted and (given or self.attribute_names):
            raise ForgeryError(
                f"{self.name}: attributes must be bool {list(wanted[1])}, one column a name, not "
                + (f"{given[0]} {list(given[1])}" if given else "None")
            )

    def __len__(self) -> int:
        return len(self.values)

    @property
    def kind(self) -> str:
        """``images`` or ``points``."""
        return "images" if self.values.dim() == 4 else "points"

    @property
    def shape(self) -> tuple[int, ...]:
        """(channels, height, width) of one image, (dimensions,) of one point."""
        return tuple(self.values.shape[1:])

    def to_model(self, values: Tensor) -> Tensor:
        """Values as the networks see them, float32: pixels in [-1, 1], points in their units."""
        if self.kind == "images":
            return to_model(values)
        return self.units.to_model(values) if self.units else values

    @property
    def mean(self) -> Tensor:
        """The mean of the values as the networks see them, float32 ``[C, H, W]`` or ``[D]``.

        Of all of them, or of :data:`MAPPED_MEAN` evenly spread ones where they are mapped.
        """
        n = len(self)
        parts: Iterator[Tensor] = iter([self.values])
        if self.mapping:
            n = min(n, MAPPED_MEAN)
            rows = torch.arange(n) * len(self) // n
            parts = (self.values[some] for some in rows.split(100))
        total = np.zeros(self.shape)
        for part in parts:
            # NumPy converts as it adds; torch would first make a copy eight times as large.
            total += part.cpu().numpy().sum(axis=0, dtype=np.float64)
            self.release()
        mean = torch.from_numpy(total / n)
        return (
            mean.div(127.5).sub(1).float() if self.kind == "images" else self.to_model(mean).float()
        )

    @property
    def class_counts(self) -> Tensor:
        """How many there are of each class, int64 ``[K]`` on the CPU.

        Raises
        ------
        ForgeryError
            When the data has no labels.
        """
        if self.labels is None:
            raise ForgeryError(
                f"{self.name} has no labels, and a conditional run learns from them: choose "
                "labelled data (an IDX file has them in the labels file beside it), or "
                "--conditional none"
            )
        return torch.bincount(self.labels.cpu(), minlength=len(self.classes))

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 over shape, values, labels, attributes: the same data, the same text anywhere."""
        if self.known_fingerprint is not None:
            return self.known_fingerprint
        digest = hashlib.sha256(repr(tuple(self.values.shape)).encode())
        for values in self.values.split(4096):  # a mapped file need not fit into memory
            digest.update(values.contiguous().cpu().numpy().data)
        self.release()
        if self.labels is not None:
            digest.update(self.labels.contiguous().cpu().numpy().data)
        if self.attributes is not None:
            digest.update(repr(self.attribute_names).encode())
            digest.update(self.attributes.contiguous().cpu().numpy().data)
        return digest.hexdigest()

    def stratified(self, n: int) -> Tensor:
        """Rows of a sample that represents the whole, int64 ``[min(n, N)]`` on the CPU.

        A random choice, the same at every call: it belongs to the data, not to a run. Where there
        are labels, the first rows are one of each class; after them each class has its share, to
        within one or two rows (a choice of few rows from many classes is therefore nearer to
        balanced than to proportional). The rows for a smaller n are the first of those for a larger
        one. A plain prefix would not do: folders are read class by class.
        """
        random = torch.Generator().manual_seed(0)
        size = len(self)
        labels = torch.zeros(size, dtype=torch.int64) if self.labels is None else self.labels.cpu()
        shuffled = torch.randperm(size, generator=random)
        rows = shuffled[labels[shuffled].argsort(stable=True)]  # by class, at random within one
        classes = labels[rows]
        counts = torch.bincount(classes)
        rank = torch.arange(size) - (counts.cumsum(0) - counts)[classes]
        # Each class is spread evenly over [0, 1), so that every prefix has its share of it.
        place = (rank + torch.rand(size, generator=random, dtype=torch.float64)) / counts[classes]
        place[rank == 0] -= 1  # one of each class comes before any second one
        return rows[place.argsort(stable=True)[:n]]

    def subset(self, n: int) -> "Dataset":
        """A :meth:`stratified` choice of n, named ``mnist[train, 500 of 60000]``.

        Its values are copied; they no longer lie in a mapped file.

        Raises
        ------
        ForgeryError
            When there are fewer than n.
        """
        if n > len(self):
            raise ForgeryError(f"{self.name} has {len(self)} {self.kind}, fewer than {n}")
        rows = self.stratified(n)
        choice = f"{n} of {len(self)}]"
        named_split = self.name.endswith("]")
        name = f"{self.name[:-1]}, {choice}" if named_split else f"{self.name}[{choice}"
        chosen = replace(
            self,
            name=name,
            values=self.values[rows],
            labels=None if self.labels is None else self.labels[rows],
            attributes=None if self.attributes is None else self.attributes[rows],
            known_fingerprint=None,
            mapping=None,
        )
        self.release()
        return chosen

    def to(self, device: torch.device) -> "Dataset":
        """The same data on a device; the whole of it moves once, before the first step.

        Data that is memory-mapped stays on the CPU.
        """
        if self.mapping:
            return self
        labels = None if self.labels is None else self.labels.to(device)
        attributes = None if self.attributes is None else self.attributes.to(device)
        values = self.values.to(device)
        return replace(self, values=values, labels=labels, attributes=attributes)

    def release(self) -> None:
        """Let the system take back the memory of what was read of a mapped file.

        The file stays in the system's cache as long as there is room. Without this, a run's
        resident memory would grow to the file's size, and fast: of every row that is read, Linux
        maps a whole window, of up to 2 MB.
        """
        if self.mapping and hasattr(mmap, "MADV_DONTNEED"):
            self.mapping.madvise(mmap.MADV_DONTNEED)


def mapping_of(values: np.ndarray) -> mmap.mmap | None:
    """The map of a file into memory that an array lies in; None where it lies in none."""
    return values._mmap if isinstance(values, np.memmap) else None  # type: ignore[attr-defined]


#: Draws a random order of ``n`` things for an epoch: f(epoch, n) -> int64 [n]; or one for each
#: member of an ensemble, [S, n].
Order = Callable[[int, int], Tensor]

#: Says which of the n images of minibatch i are mirrored: f(i, n) -> bool [n].
Mirrored = Callable[[int, int], Tensor]


class Batches:
    """Minibatch number i of an endless run through the data, as a function of i alone.

    Every epoch visits the data in a new order and leaves out the last ``len(data) % batch_size``
    of them. Nothing is remembered but the current epoch's order, so that a resumed run needs
    only the counter i to go on exactly. Where the run is ``conditional``, a minibatch has labels.
    Images that are ``mirrored`` are shown left to right. Of the rows of a minibatch only those that
    ``local`` keeps are read, so that each of several processes reads its own.
    """

    def __init__(
        self,
        data: Dataset,
        batch_size: int,
        order: Order,
        conditional: bool = False,
        mirrored: Mirrored | None = None,
        device: torch.device | None = None,
        local: Callable[[Tensor], Tensor] = lambda rows: rows,
    ) -> None:
        if batch_size > len(data):
            raise ForgeryError(
                f"a batch of {batch_size} is larger than the data: "
                f"{data.name} has {len(data)} {data.kind}"
            )
        self.data = data
        self.device = device or data.values.device
        self.batch_size = batch_size
        self.per_epoch = len(data) // batch_size
        self._draw_order = order
        self._conditional = conditional
        self._mirrored = mirrored
        self._local = local
        self._epoch = -1
        self._order = torch.empty(0, dtype=torch.int64)

    def __getitem__(self, i: int) -> Tensor:
        """Batch i on the device, as the networks see it: float32 ``[m, *shape]``.

        ``[S, m, *shape]`` where the order is one for each member of an ensemble.
        """
        values = self.data.values[self._rows(i)]
        self.data.release()
        if self._mirrored is not None:
            mirrored = self._local(self._mirrored(i, self.batch_size)).to(values.device)
            values = values.flip(-1).where(mirrored.view(-1, 1, 1, 1), values)
        return self.data.to_model(values.to(self.device))

    def labels(self, i: int) -> Tensor | None:
        """The classes of batch i, int64 ``[m]``; None where the run is not conditional."""
        if not self._conditional:
            return None
        assert self.data.labels is not None
        return self.data.labels[self._rows(i)].to(self.device)

    def _rows(self, i: int) -> Tensor:
        """Which of the data make batch i."""
        epoch, position = divmod(i, self.per_epoch)
        if epoch != self._epoch:
            self._epoch = epoch
            self._order = self._draw_order(epoch, len(self.data)).to(self.data.values.device)
        first = position * self.batch_size
        return self._local(self._order[..., first : first + self.batch_size])
