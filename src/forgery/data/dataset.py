"""Data sets of images or points, and minibatches of them."""

import hashlib
import mmap
from collections import Counter
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


#: Types of labels.
INTEGERS = (torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64)
#: Labels are numbers of classes; a larger one stands for something else.
MAX_CLASSES = 1_000_000
#: Number of images from which the mean of mapped data is computed: reading all takes minutes.
MAPPED_MEAN = 10_000


@dataclass(frozen=True)
class Units:
    """Standardisation of points for the networks: (point - offset) / scale, both ``[D]``."""

    offset: Tensor
    scale: Tensor

    def to_model(self, points: Tensor) -> Tensor:
        return (points - self.offset.to(points.device)) / self.scale.to(points.device)

    def from_model(self, points: Tensor) -> Tensor:
        return points * self.scale.to(points.device) + self.offset.to(points.device)

    def to_lists(self) -> dict[str, list[float]]:
        """Return offset and scale as lists, for JSON."""
        return {"offset": self.offset.tolist(), "scale": self.scale.tolist()}


@dataclass(frozen=True)
class Dataset:
    """Images or points in memory, with labels and other properties.

    Parameters
    ----------
    name:
        Name of the data, with its split: ``mnist[train]``.
    values:
        Images, uint8 ``[N, C, H, W]``, 0 to 255, grey (C = 1) or RGB (C = 3); or points, float32
        ``[N, D]``.
    labels:
        Integers ``[N]`` from 0, kept as int64, or None if the data has no classes.
    classes:
        Names of the labels, all different; empty if the data has no classes. By default the names
        are the numbers from 0 to the largest label.
    density:
        The distribution that points were drawn from, if known.
    units:
        Standardisation of points for the networks; None to leave them unchanged.
    attributes:
        Binary attributes, bool ``[N, A]``, or None. Unlike classes, several may be true at once.
    attribute_names:
        Names of the columns of ``attributes``.
    known_fingerprint:
        The fingerprint, if it was computed before.
    mapping:
        The memory map that contains ``values``, if they are in a file too large to load. Mapped
        values stay on the CPU; only minibatches are moved to a device.

    Raises
    ------
    ForgeryError
        One of these is not as described, or there are no samples.
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
        if not isinstance(self.name, str):
            raise ForgeryError(f"the name of a data set must be text, not {self.name!r:.60}")
        if not isinstance(self.values, Tensor):
            raise ForgeryError(
                f"{self.name}: expected values as a torch.Tensor, not a "
                f"{type(self.values).__name__} (torch.from_numpy converts NumPy arrays)"
            )
        kind = (self.values.dtype, self.values.dim())
        if kind not in ((torch.uint8, 4), (torch.float32, 2)):
            raise ForgeryError(
                f"{self.name}: images must be uint8 [N, C, H, W] and points float32 [N, D], "
                f"not {self.values.dtype} {list(self.values.shape)}"
            )
        if len(self.values) == 0:
            raise ForgeryError(f"{self.name}: it contains no {self.kind}")
        if 0 in self.shape:
            raise ForgeryError(f"{self.name}: {self.kind} of {list(self.shape)} have no values")
        if self.kind == "images" and self.shape[0] not in (1, 3):
            raise ForgeryError(
                f"{self.name}: images [N, C, H, W] must be grey (C = 1) or RGB (C = 3), not "
                f"{list(self.values.shape)}"
            )
        if self.kind == "points" and not self.values.isfinite().all():
            raise ForgeryError(f"{self.name}: points contain NaN or infinity")
        if self.values.requires_grad:
            object.__setattr__(self, "values", self.values.detach())
        object.__setattr__(self, "classes", tuple(self.classes))
        for name in self.classes:
            if not isinstance(name, str):
                raise ForgeryError(f"{self.name}: names of classes must be text, got {name!r:.60}")
        for name, times in Counter(self.classes).items():
            if times > 1:
                raise ForgeryError(f"{self.name}: {times} classes have the name {name!r:.60}")
        if self.labels is not None:
            self._check_labels(self.labels)
        given = None if self.attributes is None else (self.attributes.dtype, self.attributes.shape)
        wanted = (torch.bool, (len(self.values), len(self.attribute_names)))
        if given != wanted and (given or self.attribute_names):
            raise ForgeryError(
                f"{self.name}: attributes must be bool {list(wanted[1])}, one column per name, not "
                + (f"{given[0]} {list(given[1])}" if given else "None")
            )

    def _check_labels(self, labels: Tensor) -> None:
        """Check the labels, convert them to int64, and name them if they have no names."""
        if not isinstance(labels, Tensor):
            raise ForgeryError(
                f"{self.name}: expected labels as a torch.Tensor, not a {type(labels).__name__} "
                "(torch.tensor converts lists and NumPy arrays)"
            )
        if labels.dtype not in INTEGERS or labels.shape != (len(self),):
            raise ForgeryError(
                f"{self.name}: expected integer labels [{len(self)}], one for each of the "
                f"{self.kind}, got {labels.dtype} {list(labels.shape)}"
            )
        low, high = int(labels.min()), int(labels.max())
        most = len(self.classes) or MAX_CLASSES
        if low < 0 or high >= most:
            raise ForgeryError(
                f"{self.name}: expected labels from 0 to at most {most - 1:,}, got "
                f"{low if low < 0 else high}"
            )
        object.__setattr__(self, "labels", labels.long())
        if not self.classes:
            object.__setattr__(self, "classes", tuple(map(str, range(high + 1))))

    def __len__(self) -> int:
        return len(self.values)

    @property
    def kind(self) -> str:
        """``images`` or ``points``."""
        return "images" if self.values.dim() == 4 else "points"

    @property
    def shape(self) -> tuple[int, ...]:
        """(channels, height, width) of an image, or (dimensions,) of a point."""
        return tuple(self.values.shape[1:])

    def to_model(self, values: Tensor) -> Tensor:
        """Convert values to the networks' float32 range: pixels to [-1, 1], points by ``units``."""
        if self.kind == "images":
            return to_model(values)
        return self.units.to_model(values) if self.units else values

    @property
    def mean(self) -> Tensor:
        """Mean of the values in the networks' range, float32 ``[C, H, W]`` or ``[D]``.

        For mapped data it is estimated from :data:`MAPPED_MEAN` evenly spaced samples.
        """
        n = len(self)
        parts: Iterator[Tensor] = iter([self.values])
        if self.mapping:
            n = min(n, MAPPED_MEAN)
            rows = torch.arange(n) * len(self) // n
            parts = (self.values[some] for some in rows.split(100))
        total = np.zeros(self.shape)
        for part in parts:
            # NumPy converts while adding; torch would first make a copy eight times as large.
            total += part.cpu().numpy().sum(axis=0, dtype=np.float64)
            self.release()
        mean = torch.from_numpy(total / n)
        return (
            mean.div(127.5).sub(1).float() if self.kind == "images" else self.to_model(mean).float()
        )

    @property
    def class_counts(self) -> Tensor:
        """Number of samples of each class, int64 ``[K]`` on the CPU.

        Raises
        ------
        ForgeryError
            The data has no labels.
        """
        if self.labels is None:
            raise ForgeryError(
                f"{self.name} has no labels, which conditional training needs: choose labelled "
                "data (for an IDX file, put its labels file next to it), or --conditional none"
            )
        return torch.bincount(self.labels.cpu(), minlength=len(self.classes))

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 of shape, values, labels and attributes, the same on every machine."""
        if self.known_fingerprint is not None:
            return self.known_fingerprint
        digest = hashlib.sha256(repr(tuple(self.values.shape)).encode())
        for values in self.values.split(4096):  # a mapped file may be larger than the memory
            digest.update(values.contiguous().cpu().numpy().data)
        self.release()
        if self.labels is not None:
            digest.update(self.labels.contiguous().cpu().numpy().data)
        if self.attributes is not None:
            digest.update(repr(self.attribute_names).encode())
            digest.update(self.attributes.contiguous().cpu().numpy().data)
        return digest.hexdigest()

    def balanced(self, n: int, order: Tensor) -> Tensor:
        """Choose ``n`` samples, balanced across classes, and return their rows ``[n]``.

        Each class contributes its first samples in ``order`` ``[N]``, a permutation of the data.
        If n is not a multiple of the number of classes, the first classes contribute one more.
        Classes without samples are ignored.

        Raises
        ------
        ForgeryError
            The data has no labels or fewer than n samples, a class has too few samples, or n is
            less than the number of classes.
        """
        counts = self.class_counts
        present = counts.nonzero().flatten().tolist()
        if n > len(self):
            raise ForgeryError(
                f"--labels {n} is more than the {len(self)} {self.kind} of {self.name}"
            )
        if n < len(present):
            raise ForgeryError(
                f"--labels {n} is less than the {len(present)} classes of {self.name}: at least "
                "one of each is needed"
            )
        assert self.labels is not None
        in_order = self.labels.cpu()[order]
        chosen = []
        for i, c in enumerate(present):
            wanted = n // len(present) + (i < n % len(present))
            if counts[c] < wanted:
                raise ForgeryError(
                    f"--labels {n} needs {wanted} of class {self.classes[c]!r}, but {self.name} "
                    f"has {counts[c]}: choose fewer --labels, or 0 for all"
                )
            chosen.append(order[in_order == c][:wanted])
        return torch.cat(chosen)

    @cached_property
    def copies(self) -> int:
        """Number of samples that equal an earlier one."""
        seen = set()
        for values in self.values.split(4096):  # as above
            rows = values.flatten(1).contiguous().cpu().numpy()
            seen |= {hashlib.blake2b(row, digest_size=16).digest() for row in rows}
        self.release()
        return len(self) - len(seen)

    def stratified(self, n: int) -> Tensor:
        """Choose the rows of a representative subset, int64 ``[min(n, N)]`` on the CPU.

        The choice is random but fixed: it depends on the data only, not on a run's seed. If there
        are labels, the first rows contain one sample of each class; after them, classes are
        proportional to within one or two rows (so that a few rows from many classes are closer to
        balanced than to proportional). The rows for a smaller n are a prefix of those for a larger
        one. The first n rows of the data would not do, since folders are read class by class.
        """
        random = torch.Generator().manual_seed(0)
        size = len(self)
        labels = torch.zeros(size, dtype=torch.int64) if self.labels is None else self.labels.cpu()
        shuffled = torch.randperm(size, generator=random)
        rows = shuffled[labels[shuffled].argsort(stable=True)]  # by class, random within each
        classes = labels[rows]
        counts = torch.bincount(classes)
        rank = torch.arange(size) - (counts.cumsum(0) - counts)[classes]
        # Spread each class evenly over [0, 1), so that it is proportional in every prefix.
        place = (rank + torch.rand(size, generator=random, dtype=torch.float64)) / counts[classes]
        place[rank == 0] -= 1  # one sample of each class comes before any second one
        return rows[place.argsort(stable=True)[:n]]

    def limited(self, limit: int) -> "Dataset":
        """Return :meth:`subset` of ``limit`` samples, or all of them if ``limit`` is 0."""
        return self.subset(limit) if limit else self

    def subset(self, n: int) -> "Dataset":
        """Return a :meth:`stratified` subset of n samples, named ``mnist[train, 500 of 60000]``.

        The values are copied, so that the subset is not mapped.

        Raises
        ------
        ForgeryError
            There are fewer than n samples.
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
        """Move all of the data to a device; mapped data stays on the CPU."""
        if self.mapping:
            return self
        labels = None if self.labels is None else self.labels.to(device)
        attributes = None if self.attributes is None else self.attributes.to(device)
        values = self.values.to(device)
        return replace(self, values=values, labels=labels, attributes=attributes)

    def release(self) -> None:
        """Release the resident memory of mapped data; the file stays in the page cache.

        Otherwise a run's resident memory would quickly grow to the size of the file, since Linux
        maps a window of up to 2 MB for every row that is read.
        """
        if self.mapping and hasattr(mmap, "MADV_DONTNEED"):
            self.mapping.madvise(mmap.MADV_DONTNEED)


def mapping_of(values: np.ndarray) -> mmap.mmap | None:
    """Return the memory map that contains an array; None if it is not mapped."""
    return values._mmap if isinstance(values, np.memmap) else None  # type: ignore[attr-defined]


#: Draws the order of n samples in an epoch: f(epoch, n) -> int64 [n], or [S, n] with one order for
#: each member of an ensemble.
Order = Callable[[int, int], Tensor]

#: Chooses which of the n images of minibatch i are mirrored: f(i, n) -> bool [n].
Mirrored = Callable[[int, int], Tensor]


class Batches:
    """An endless sequence of minibatches, where minibatch i depends on i only.

    Every epoch visits the data in a new order and skips the last ``len(data) % batch_size``
    samples of it. There is no state except the current epoch's order, which is cached, so that a
    resumed run only needs the counter i.

    Parameters
    ----------
    data:
        The data set.
    batch_size:
        Samples per minibatch.
    order:
        Draws the order of an epoch.
    conditional:
        Whether :meth:`labels` returns the classes of a minibatch.
    mirrored:
        Chooses the images to flip horizontally; None for no flips.
    device:
        Device of the minibatches; by default that of the data.
    local:
        Keeps the rows of a minibatch that this process reads, of several that train together.
    project:
        Replaces samples by a function of them, ``[m, *shape]`` → ``[m, F]``, which is computed for
        all samples when the first minibatch is drawn, and kept in float16. Excludes ``mirrored``.

    Raises
    ------
    ForgeryError
        ``batch_size`` is larger than the data.
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
        project: Callable[[Tensor], Tensor] | None = None,
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
        self._project = project
        self._epoch = -1
        self._order = torch.empty(0, dtype=torch.int64)

    def __getitem__(self, i: int) -> Tensor:
        """Return minibatch i in the networks' range: float32 ``[m, *shape]`` on the device.

        It is ``[S, m, *shape]`` if ``order`` is for the S members of an ensemble.
        """
        if self._project is not None:
            return self._projected[self._rows(i)].to(self.device, torch.float32)
        values = self.data.values[self._rows(i)]
        self.data.release()
        if self._mirrored is not None:
            mirrored = self._local(self._mirrored(i, self.batch_size)).to(values.device)
            values = values.flip(-1).where(mirrored.view(-1, 1, 1, 1), values)
        return self.data.to_model(values.to(self.device))

    @property
    def projected_bytes(self) -> int:
        """Bytes of the projections of all samples; 0 if there are none."""
        if self._project is None:
            return 0
        one = self._project(self.data.to_model(self.data.values[:1].to(self.device)))
        return len(self.data) * one.numel() * torch.float16.itemsize

    @cached_property
    def _projected(self) -> Tensor:
        assert self._project is not None
        with torch.no_grad():
            parts = [
                self._project(self.data.to_model(values.to(self.device))).half()
                for values in self.data.values.split(256)
            ]
        return torch.cat(parts)

    def labels(self, i: int) -> Tensor | None:
        """Return the classes of minibatch i, int64 ``[m]``; None if not ``conditional``."""
        if not self._conditional:
            return None
        assert self.data.labels is not None
        return self.data.labels[self._rows(i)].to(self.device)

    def _rows(self, i: int) -> Tensor:
        """Return the rows of minibatch i."""
        epoch, position = divmod(i, self.per_epoch)
        if epoch != self._epoch:
            self._epoch = epoch
            self._order = self._draw_order(epoch, len(self.data)).to(self.data.values.device)
        first = position * self.batch_size
        return self._local(self._order[..., first : first + self.batch_size])
