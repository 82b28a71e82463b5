"""A trained model: load it, draw samples, encode, classify, explore its latent space."""

import base64
import html
import io
import math
import operator
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor, nn

from . import plots, randomness
from .config import Config
from .data import Dataset, Units
from .errors import ForgeryError, did_you_mean
from .latent import Space
from .models.layers import evaluation_mode
from .parts import OTHER_NETWORK, condition_of, networks
from .resources import check_memory
from .run_data import Source, dataset_of
from .sampler import PART, Sampler
from .training import checkpoint, device
from .training.checkpoint import Checkpoint
from .training.run import Run, open_run

#: A class by number or name, several classes, or None for the proportions of the data.
Classes = int | str | Sequence[int | str] | None
#: Samples in the picture for notebooks, and maximum number of columns with one class per column.
SHOWN, SHOWN_COLUMNS = 16, 10


@dataclass(frozen=True)
class Model:
    """A trained model.

    Sampling needs the ``sampler`` only, neither the data nor the discriminator. The config records
    how the model was trained.

    Parameters
    ----------
    path, config:
        The run folder and its settings.
    step:
        The training step of the weights.
    sampler:
        The generator (or its moving average, if there is one) with its latent distribution, the
        shape of a sample and the units of points.
    discriminator, encoder:
        The other network: the discriminator of a GAN, the encoder of a VAE.
    classes:
        Class → number of training samples (1 for each code of an InfoGAN). Empty if the run is not
        conditional.
    takes_class:
        Whether the generator takes a class as its second input.
    interrupted_by:
        The number of the signal that ended the training early, or None.
    """

    path: Path
    config: Config
    step: int
    sampler: Sampler
    discriminator: nn.Module | None = None
    encoder: nn.Module | None = None
    classes: dict[str, int] = field(default_factory=dict)
    takes_class: bool = False
    interrupted_by: int | None = None

    @property
    def generator(self) -> nn.Module:
        """The generator's network."""
        return self.sampler.generator

    @property
    def shape(self) -> tuple[int, ...]:
        """(channels, height, width) of an image, or (dimensions,) of a point."""
        return self.sampler.shape

    @property
    def units(self) -> Units | None:
        """The units of the data's points; None for images, and for points without units."""
        return self.sampler.units

    def __repr__(self) -> str:
        limit = f", {self.config.limit} samples" if self.config.limit else ""
        data = f"{Path(self.config.data).name}[{self.config.split}{limit}]"
        weights = sum(p.numel() for p in self.generator.parameters())
        return (
            f"Model({self.path}, step {self.step:,}: {data} {list(self.shape)}, "
            f"{weights:,} parameters)"
        )

    def _repr_png_(self) -> bytes:
        """A small grid of samples, or a scatter plot of points, as PNG for notebooks.

        If the generator takes a class, each column shows one class.
        """
        if len(self.shape) != 3:
            picture = plots.scatter(self.sample(PART))
        else:
            classes = self.sampleable_classes[:SHOWN_COLUMNS] or None
            n = 4 * len(classes) if classes else SHOWN
            picture = plots.grid(self.sample(n, classes=classes), classes and len(classes))
        buffer = io.BytesIO()
        picture.save(buffer, "PNG")
        return buffer.getvalue()

    def _repr_html_(self) -> str:
        """The picture of :meth:`_repr_png_`, small images enlarged, with a one-line caption."""
        png = self._repr_png_()
        encoded = base64.b64encode(png).decode("ascii")
        times = plots.times_for(self.shape[-2]) if len(self.shape) == 3 else 1
        width = times * int.from_bytes(png[16:20])  # from the header of a PNG file
        return (
            f'<figure><img src="data:image/png;base64,{encoded}" alt="samples" '
            f'style="image-rendering: pixelated; width: {width}px; max-width: 100%">'
            f"<figcaption>{html.escape(repr(self))}</figcaption></figure>"
        )

    def sample(self, n: int, seed: int = 0, classes: Classes = None) -> Tensor:
        """Draw ``n`` samples.

        The same seed gives the same samples, and sample i does not depend on n.

        Parameters
        ----------
        n:
            Number of samples.
        seed:
            Random seed.
        classes:
            The class to draw, by number or name; several classes are drawn in turn. None draws
            classes in the proportions of the data. For class-conditional generators only.

        Returns
        -------
        Tensor
            float32 on the CPU: images ``[n, C, H, W]`` in [-1, 1], or points ``[n, D]`` in the
            units of the data.

        Raises
        ------
        ForgeryError
            If the generator takes no class, a class is unknown, or the samples do not fit into
            memory.
        """
        parts = self.sample_parts(n, seed, classes)
        check_memory(
            f"{n:,} samples of {list(self.shape)}",
            2 * n * math.prod(self.shape) * torch.float32.itemsize,  # parts and concatenation
            "draw them in parts, by Model.sample_parts, or into a file, by forgery sample",
        )
        return torch.cat(list(parts))

    def sample_parts(self, n: int, seed: int = 0, classes: Classes = None) -> Iterator[Tensor]:
        """:meth:`sample` in parts of :data:`~forgery.sampler.PART`, drawn one at a time.

        The last part may be smaller.
        """
        labels = self.label_parts(n, seed, classes)
        return self.sampler.parts(self.sampler.z_parts(n, seed), labels)

    def encode(self, samples: Tensor) -> Tensor:
        """The mean of q(z | x), ``[n, Z]`` on the CPU, for samples ``[n, …]``. For VAEs only.

        Samples are in the range and units of :meth:`sample`.

        Raises
        ------
        ForgeryError
            If the run has no encoder.
        """
        encoder = self.required("encoder")
        where = next(encoder.parameters()).device
        seen = self._as_the_networks_see(samples)
        with torch.no_grad():
            parts = [encoder(part.to(where))[0].cpu() for part in seen.split(PART)]
        return torch.cat(parts)

    def reconstruct(self, samples: Tensor) -> Tensor:
        """Encode and decode samples ``[n, …]``: ``[n, …]``. For VAEs only."""
        return self.sampler.draw(self.encode(samples))

    def labels(self, n: int, seed: int = 0, classes: Classes = None) -> Tensor | None:
        """The class of each sample of :meth:`sample`, int64 ``[n]``; None without classes."""
        parts = self.label_parts(n, seed, classes)
        return None if parts is None else torch.cat(list(parts))

    def label_parts(
        self, n: int, seed: int = 0, classes: Classes = None
    ) -> Iterator[Tensor] | None:
        """:meth:`labels` in the parts of :meth:`sample_parts`."""
        if n < 1:
            raise ForgeryError(f"the number of samples must be at least 1, not {n}")
        if seed < 0:
            raise ForgeryError(f"seed must be at least 0, not {seed}")
        if not self.sampleable_classes:
            if classes is None:
                return None
            reason = "was not trained with classes"
            if self.classes:
                reason = f"is {self.config.conditional}: its generator takes no class"
            raise ForgeryError(
                f"{self.path} {reason}, so you cannot request a class: train one with "
                "--conditional projection, on data with classes"
            )
        if classes is None:
            counts = torch.tensor(list(self.classes.values()))
            return randomness.label_parts(counts, n, seed, PART)
        if hasattr(classes, "tolist"):  # of NumPy or PyTorch
            classes = classes.tolist()
        names = [classes] if isinstance(classes, int | str) else list(classes)
        if not names:
            raise ForgeryError("no class was given: give one, or several to take turns")
        turns = torch.tensor([self._class_number(name) for name in names])
        starts = range(0, n, PART)
        return (turns[torch.arange(i, min(i + PART, n)) % len(turns)] for i in starts)

    @property
    def sampleable_classes(self) -> list[str]:
        """The classes that :meth:`sample` can draw; empty if the generator takes no class."""
        return [name for name, count in self.classes.items() if count and self.takes_class]

    def classify(self, values: Tensor) -> Tensor:
        """Predict the class of each sample by D: int64 ``[n]``, an index into ``classes``.

        Parameters
        ----------
        values:
            Images ``[n, C, H, W]`` in [-1, 1], or points ``[n, D]`` in the units of the data.

        Raises
        ------
        ForgeryError
            If the discriminator has no class output.
        """
        network: Any = self.required("discriminator")
        if not self.can_classify:
            raise ForgeryError(
                f"the discriminator of {self.path} predicts no classes (conditional "
                f"{self.config.conditional}): train one with --recipe semi-supervised, or with "
                "--conditional auxiliary or infogan"
            )
        where = next(network.parameters()).device
        values = self._as_the_networks_see(values)
        with torch.no_grad():
            return torch.cat([network.predict(part.to(where)).cpu() for part in values.split(PART)])

    def logits(self, values: Tensor, labels: Tensor | None = None) -> Tensor:
        """D's logits on single samples, in evaluation mode: ``[n, …]`` → float32 ``[n]``, CPU.

        Those of a D that judges an image in several places are averaged.

        Parameters
        ----------
        values:
            Samples in the range and units of :meth:`sample`.
        labels:
            The class of each sample, int64 ``[n]``, for a D that takes it as an input.

        Raises
        ------
        ForgeryError
            If there is no discriminator, it judges several samples jointly, or it needs classes.
        """
        network: Any = self.required("discriminator")
        pack, conditional = self.config.pack, self.config.conditional
        if pack > 1:
            raise ForgeryError(
                f"the discriminator of {self.path} judges {pack} samples together (--pack {pack}), "
                "so it gives no answer for a single one"
            )
        if labels is None and conditional in ("concat", "projection"):
            raise ForgeryError(
                f"the discriminator of {self.path} judges a sample together with its class "
                f"(conditional {conditional}): give the classes"
            )
        where = next(network.parameters()).device
        seen = [self._as_the_networks_see(values)]
        if labels is not None and conditional != "none":
            seen.append(self._checked(labels, len(values)))
        given = zip(*(tensor.split(PART) for tensor in seen), strict=True)
        with torch.no_grad(), evaluation_mode(network):
            parts = [network(*(tensor.to(where) for tensor in part)).cpu() for part in given]
        return torch.cat(parts).view(len(values), -1).mean(1)

    @property
    def can_classify(self) -> bool:
        """Whether the discriminator has a class output, which :meth:`classify` needs."""
        return self.discriminator is not None and condition_of(self.config).predicts_classes

    def space(self, of_class: int | str | None = None) -> Space:
        """The latent space of the generator; for a conditional generator, that of one class.

        Sample i of :meth:`sample` is generated from row i of ``space().z(n, seed)``.

        Raises
        ------
        ForgeryError
            If the generator draws points, or takes a class and none is given, or the reverse.
        """
        if len(self.shape) != 3:
            raise ForgeryError(
                f"{self.path} draws points, but this needs images: forgery show prints what a run "
                "was trained on"
            )
        if self.sampleable_classes and of_class is None:
            raise ForgeryError(
                f"{self.path} is conditional: choose a class with --class "
                f"({', '.join(self.sampleable_classes[:10])})"
            )
        label = self.labels(1, classes=of_class)
        return Space(self.sampler, None if label is None else int(label))

    def dataset(self, split: str | None = None, data: Source | None = None) -> Dataset:
        """The data that the run was trained on, or another split of it.

        Parameters
        ----------
        split:
            Another split; None is that of the run.
        data:
            New path of the data, if it was moved after training; or the data.

        Raises
        ------
        DataNotFound
            If nothing exists at the recorded path, or at ``data``.
        ForgeryError
            If the data differs from that of the run (checked if ``split`` is None).
        """
        return dataset_of(open_run(self.path), split, data)

    def required(self, role: str) -> nn.Module:
        """The ``discriminator`` or the ``encoder``.

        Raises
        ------
        ForgeryError
            If there is none: the model is of the other kind, or was exported without.
        """
        network = self.discriminator if role == "discriminator" else self.encoder
        if network is None:
            exported = OTHER_NETWORK[self.config.model] == role
            reason = "it was exported without" if exported else f"it is a {self.config.model}"
            raise ForgeryError(f"{self.path} has no {role}: {reason}")
        return network

    def _as_the_networks_see(self, values: Tensor) -> Tensor:
        return self.units.to_model(values) if self.units else values

    def _checked(self, labels: Tensor, n: int) -> Tensor:
        """The labels, if they are classes of n samples."""
        numbers = labels.tolist()
        if labels.shape != (n,) or not all(0 <= number < len(self.classes) for number in numbers):
            raise ForgeryError(
                f"expected the classes of {n} samples, each from 0 to {len(self.classes) - 1}, not "
                f"{list(labels.shape)} of {min(numbers, default=0)} to {max(numbers, default=0)}"
            )
        return labels

    def _class_number(self, given: int | str) -> int:
        names = list(self.classes)
        if hasattr(given, "__index__"):  # a number, of NumPy or PyTorch too
            given = operator.index(given)
        if isinstance(given, int) and 0 <= given < len(names):
            given = names[given]
        if given not in names:
            known = f"0 to {len(names) - 1}" if isinstance(given, int) else ""
            expected = f": its classes are {known}" if known else did_you_mean(str(given), names)
            raise ForgeryError(f"{self.path} has no class {given!r}{expected}")
        if not self.classes[given]:
            raise ForgeryError(f"{self.path} was trained on no sample of class {given!r}")
        return names.index(given)


def load(
    path: Path | str,
    device_name: str = "cpu",
    step: int | Literal["best"] | None = None,
    **given: Any,
) -> Model:
    """Load a trained model: ``load(run).sample(64, seed=0)``, ``load("zoo:mnist")``.

    Parameters
    ----------
    path:
        The run folder; or an exported model, which may have no discriminator or encoder: its
        folder, ``zoo:NAME`` or ``hub:OWNER/NAME``.
    device_name:
        Device on which samples are computed: ``cpu``, ``cuda`` …; they are returned on the CPU.
    step:
        Step of the checkpoint, or ``"best"`` for the lowest Fréchet distance (see
        ``evaluate_every``). None loads the newest intact checkpoint.
    given:
        ``generator`` and ``discriminator``, if they were given to :func:`train` as objects.

    Raises
    ------
    ForgeryError
        If the path is no run folder, the checkpoint is missing, or no checkpoint is intact.
    """
    run = open_run(path)
    saved = checkpoint_of(run, step)
    shape, classes = run.shape, run.classes
    # The mean of the data only affects initial weights, which the checkpoint replaces.
    generator, other = networks(run.config, torch.zeros(shape), len(classes), given)
    role = OTHER_NETWORK[run.config.model]
    where = device.choose(device_name)
    loaded = {saved.sampler: generator}
    if not run.exported or checkpoint.tensors_of(role, saved.model):
        loaded[role] = other
    for name, network in loaded.items():
        checkpoint.load_network(network, name, saved)
        network.to(where).eval().requires_grad_(False)
    config = run.config
    return Model(
        Path(path),
        config,
        saved.step,
        Sampler(generator, config.noise, config.latent, shape, _recorded_units(run)),
        discriminator=loaded.get("discriminator"),
        encoder=loaded.get("encoder"),
        classes=classes,
        takes_class=condition_of(config).choose_classes is not None,
    )


def checkpoint_of(run: Run, step: int | Literal["best"] | None) -> Checkpoint:
    """Read the checkpoint of a step, the ``"best"`` one, or for None the newest intact one.

    Raises
    ------
    ForgeryError
        If it is missing or damaged.
    """
    if run.exported and step not in (None, run.record["exported"]["step"]):
        raise ForgeryError(
            f"{run.path} is an exported model, of step {run.record['exported']['step']} only: it "
            f"has no step {step}"
        )
    if run.exported:
        return checkpoint.read_exported(run.path, run.record["exported"])
    if step is None:
        return newest_checkpoint(run)
    if step == "best":
        step = run.best_step()
        if step is None:
            raise ForgeryError(
                f"{run.path} has no best step: it was trained without --evaluate-every"
            )
    elif step not in (kept := list(checkpoint.steps(run.checkpoints))):
        raise ForgeryError(f"{run.path} has no checkpoint of step {step}: it has {kept}")
    return checkpoint.read(run.checkpoints, step)


def newest_checkpoint(run: Run) -> Checkpoint:
    """Read the newest intact checkpoint, and print a warning for each newer one."""
    last, problems = checkpoint.read_last(run.checkpoints)
    for problem in problems:
        print(f"warning: {problem}; using the checkpoint of step {last.step}", file=sys.stderr)
    return last


def _recorded_units(run: Run) -> Units | None:
    """The units of a run's points, from config.json."""
    units = run.record["data"].get("units")
    return units and Units(torch.tensor(units["offset"]), torch.tensor(units["scale"]))
