"""Trained generators of images, opened once and kept for the requests that follow."""

import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .answers import Refused
from .folder import RunsFolder

if TYPE_CHECKING:
    from torch import Tensor

    from ..data import Dataset
    from ..latent import AttributeClassifier, Space
    from ..model import Model

#: Generators that are kept.
MOST = 3


@dataclass
class Opened:
    """A generator with what belongs to it, each read when it is first needed.

    Parameters
    ----------
    model:
        The trained model.
    problem:
        Why it is not the newest checkpoint, although that was asked for; usually empty.
    """

    model: "Model"
    problem: str = ""
    _reading: threading.Lock = field(default_factory=threading.Lock)
    _learning: threading.Lock = field(default_factory=threading.Lock)
    _classifier: "AttributeClassifier | None" = None
    _judged: "dict[str, Tensor]" = field(default_factory=dict)

    def space(self, of_class: str) -> "Space":
        """The latent space; of a class, if the generator takes one.

        Raises
        ------
        Refused
            If it takes one and none is given, or the reverse, or there is no such class.
        """
        from ..errors import ForgeryError

        names = self.model.sampleable_classes
        if names and not of_class:
            raise Refused(
                "this generator draws one class at a time: choose a class",
                fields={"class": f"choose one of {', '.join(names[:10])}"},
            )
        try:
            return self.model.space(of_class or None)
        except ForgeryError as error:
            raise Refused(str(error), fields={"class": str(error)}) from None

    @cached_property
    def _dataset(self) -> "Dataset":
        return self.model.dataset()

    def dataset(self) -> "Dataset":
        """The training data."""
        with self._reading:
            return self._dataset

    def classifier(self, report: Callable[[int, float], None]) -> "AttributeClassifier":
        """The classifier of the data's attributes or classes; trained if it is missing."""
        from ..latent import attribute_classifier

        data = self.dataset()
        with self._learning:
            if self._classifier is None:
                self._classifier = attribute_classifier(data, report)
            return self._classifier

    def logits_of_samples(self, space: "Space", n: int) -> "Tensor":
        """D's logits on the samples 0 to n - 1 of seed 0: what is usual for a generated one."""
        key = f"{space.label}"
        if key not in self._judged:
            self._judged[key] = self.logits(space, space.z(n, 0))
        return self._judged[key]

    def logits(self, space: "Space", z: "Tensor") -> "Tensor":
        """D's logits on G(z), each with the class of the space, if any."""
        import torch

        label = None if space.label is None else torch.full((len(z),), space.label)
        return self.model.logits(space.pictures(z), label)


class Generators:
    """Opened generators; the least recently used one beyond :data:`MOST` is dropped."""

    def __init__(self, folder: RunsFolder) -> None:
        self._folder = folder
        self._opened: OrderedDict[tuple[Any, ...], Opened] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, name: str, step: int | None = None) -> Opened:
        """The generator of a run, at a step or at its newest intact checkpoint.

        Raises
        ------
        ForgeryError
            If there is no such run, it draws points, or it has no intact checkpoint.
        """
        from ..training import checkpoint
        from ..training.run import open_run

        path = self._folder.run(name)
        with self._lock:
            # A folder that was deleted and made again is another run.
            made = (path / "config.json").stat().st_mtime_ns
            wanted = step
            if wanted is None:
                wanted = next(checkpoint.steps(path / "checkpoints"), None)
            if (path, made, wanted) in self._opened:
                self._opened.move_to_end((path, made, wanted))
                return self._opened[path, made, wanted]
            shape = open_run(path).record.get("data", {}).get("shape", [])
            if len(shape) != 3:
                raise Refused(f"{name} draws points: the explorer needs a run of images")
            opened = _open(path, step, wanted)
            self._opened[path, made, opened.model.step] = opened
            while len(self._opened) > MOST:
                self._opened.popitem(last=False)
            return opened


def _open(path: Path, step: int | None, newest: int | None) -> Opened:
    from ..errors import ForgeryError
    from ..model import load

    try:
        return Opened(load(path, step=newest))
    except ForgeryError as error:
        if step is not None or newest is None:
            raise
        # An earlier one that is intact, or the reason why there is none.
        return Opened(load(path), str(error))
