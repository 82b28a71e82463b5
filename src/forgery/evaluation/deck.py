"""Real and drawn images to be told apart, by people and by the discriminator."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ..data import Dataset
from ..errors import ForgeryError
from ..extractors import bundled_classifier
from ..model import Model, load
from ..parts import condition_of, data_of, find
from ..pixels import to_model, to_pixels
from ..run_data import dataset_of, require_data
from ..training.run import Run, open_run

#: Samples are not divided by more classes than this: each would have too few.
MOST_KINDS = 20
#: The thirds of the drawn images by D's logit, from low to high.
THIRDS = ("lowest third of D's logits", "middle third", "highest third of D's logits")


@dataclass(frozen=True, eq=False)
class Picture:
    """An image, and what is known of it.

    Parameters
    ----------
    pixels:
        uint8 ``[C, H, W]``, for real and drawn images alike.
    drawn:
        Whether it is the generator's.
    kind:
        What kind of sample a drawn image is; None of real ones, and if nothing divides them.
    margin:
        D's logit above the level at which D is undecided; None if D cannot judge it.
    """

    pixels: Tensor
    drawn: bool
    kind: str | None = None
    margin: float | None = None


@dataclass(frozen=True, eq=False)
class Deck:
    """Images to be told apart.

    Parameters
    ----------
    pictures:
        The images in the order that was asked for.
    step:
        The training step of the generator.
    real, held_out:
        The data that the real ones came from, and whether the run was not trained on them.
    divided_by:
        What the kinds are: ``class``, ``code``, ``class, as … sees it`` or ``D's logit``; empty if
        there are none.
    without_d:
        Why D does not judge; empty if it does.
    """

    pictures: list[Picture]
    step: int
    real: str
    held_out: bool
    divided_by: str
    without_d: str


class CannotJudge(ForgeryError):
    """D gives no logit for a single image."""


def deal(run: Path, drawn: Sequence[bool], seed: int) -> Deck:
    """Real images and new samples of the newest checkpoint, in a given order.

    Parameters
    ----------
    run:
        A run of images.
    drawn:
        Whether each image is to be drawn; the others are real.
    seed:
        Random seed for the samples and for the choice of real images.

    Raises
    ------
    DataNotFound
        If the data is not where the run recorded it.
    ForgeryError
        If the run draws points, is damaged, or there are too few real images.
    """
    opened = open_run(run)
    if len(opened.shape) != 3:
        raise ForgeryError(f"{run} draws points: only images can be told apart by looking at them")
    if opened.shape[0] not in (1, 3):
        raise ForgeryError(f"the images of {run} are neither grey nor RGB, so they cannot be shown")
    require_data(opened)  # before the time it takes to load the rest
    model = load(run)
    is_drawn = torch.tensor(list(drawn))
    fakes, reals = int(is_drawn.sum()), int((~is_drawn).sum())
    real, held_out = _real_images(opened, reals)
    random = torch.Generator().manual_seed(seed)
    rows = torch.randperm(len(real), generator=random)[:reals]
    samples = model.sample(fakes, seed) if fakes else torch.empty(0, *model.shape)
    if not samples.isfinite().all():
        raise ForgeryError(f"the samples of {run} at step {model.step:,} have NaN or infinity")
    pixels = torch.empty(len(is_drawn), *model.shape, dtype=torch.uint8)
    pixels[is_drawn] = to_pixels(samples)
    pixels[~is_drawn] = real.values[rows].cpu()
    real.release()
    requested = model.labels(fakes, seed) if fakes else None
    labels = _labels(model, real, rows, requested, is_drawn)
    margins, without_d = None, ""
    try:
        margins = verdicts(model, pixels, is_drawn, labels)
    except ForgeryError as error:
        without_d = str(error)
    kinds, divided_by = _kinds(
        model, real, pixels[is_drawn], requested, None if margins is None else margins[is_drawn]
    )
    kind_of = iter(kinds)
    pictures = [
        Picture(
            pixels[i],
            was_drawn,
            next(kind_of) if was_drawn else None,
            None if margins is None else margins[i].item(),
        )
        for i, was_drawn in enumerate(is_drawn.tolist())
    ]
    return Deck(pictures, model.step, real.name, held_out, divided_by, without_d)


def verdicts(model: Model, pixels: Tensor, drawn: Tensor, labels: Tensor | None = None) -> Tensor:
    """D's logit of each image, above the level at which D is undecided: float32 ``[n]``.

    Parameters
    ----------
    model:
        A model with its discriminator.
    pixels:
        uint8 ``[n, C, H, W]``.
    drawn:
        Which images were drawn, bool ``[n]``. It is used only if the objective gives no level: then
        this is midway between the mean logits of both.
    labels:
        The class of each image, int64 ``[n]``, for a D that takes one; None if it is unknown.

    Raises
    ------
    CannotJudge
        If D does not give a logit for a single image.
    ForgeryError
        If the objective was given from Python.
    """
    network, config = model.discriminator, model.config
    if network is None:
        raise CannotJudge(f"a {config.model.upper()} has no discriminator")
    if config.pack > 1:
        raise CannotJudge(f"it judges {config.pack} images together (--pack {config.pack})")
    if any(getattr(layer, "couples_batch", False) for layer in network.modules()):
        raise CannotJudge("it compares the images of a minibatch with each other")
    takes_class = condition_of(config).labels == "every" and not model.can_classify
    if takes_class and labels is None:
        raise CannotJudge("it needs the class of an image, and the real ones have no labels")
    objective = find("objective", config.objective)
    logits = model.logits(to_model(pixels), labels if takes_class else None)
    return logits - objective.undecided_logit(logits[~drawn], logits[drawn])


def _real_images(run: Run, n: int) -> tuple[Dataset, bool]:
    """Data with at least n real images, and whether it was held out."""
    config, found = run.config, []
    if config.split not in ("test", "all"):
        try:
            held_out = data_of(config, "test")
        except ForgeryError:  # there is no such split
            pass
        else:
            if held_out.shape == run.shape:
                if len(held_out) >= n:
                    return held_out, True
                found.append(held_out)
    train = dataset_of(run)
    if len(train) >= n:
        return train, False
    found.append(train)
    has = " and ".join(f"{data.name} has {len(data)}" for data in found)
    raise ForgeryError(f"{n} real images are needed, and {has}: choose fewer images")


def _labels(
    model: Model, real: Dataset, rows: Tensor, requested: Tensor | None, drawn: Tensor
) -> Tensor | None:
    """The class of each image in the numbering of the model, or None if some are unknown."""
    if real.labels is None or requested is None:
        return None
    names = list(model.classes)
    classes = [real.classes[label] for label in real.labels[rows].tolist()]
    if not set(classes) <= set(names):
        return None
    labels = torch.empty(len(drawn), dtype=torch.int64)
    labels[drawn] = requested
    labels[~drawn] = torch.tensor([names.index(name) for name in classes], dtype=torch.int64)
    return labels


def _kinds(
    model: Model, real: Dataset, pixels: Tensor, requested: Tensor | None, margins: Tensor | None
) -> tuple[Sequence[str | None], str]:
    """The kind of each drawn image, and what the kinds are."""
    names: Sequence[str] = list(model.classes)
    if not len(pixels):
        return [], ""
    if requested is not None and len(names) <= MOST_KINDS:
        what = "code" if condition_of(model.config).invents_classes else "class"
        return [names[label] for label in requested.tolist()], what
    if 1 < len(real.classes) <= MOST_KINDS and (classifier := bundled_classifier(real)):
        predicted = classifier.logits(pixels).argmax(1).tolist()
        return [classifier.classes[k] for k in predicted], f"class, as {classifier.name} sees it"
    if model.can_classify and len(names) <= MOST_KINDS:
        return [names[k] for k in model.classify(to_model(pixels)).tolist()], "class, as D sees it"
    if margins is None:
        return [None] * len(pixels), ""
    rank = margins.argsort().argsort()
    return [THIRDS[3 * i // len(pixels)] for i in rank.tolist()], "D's logit"


def guesses_of_d(pictures: Sequence[Picture]) -> bool | None:
    """Whether D is right on one image, or on a pair of a real and a drawn one; None if unknown.

    D takes an image for real if its margin is above 0, and of a pair the one with the higher
    logit. If both are equal, D is wrong.
    """
    margins: list[Any] = [picture.margin for picture in pictures]
    if None in margins:
        return None
    if len(pictures) == 1:
        return (margins[0] > 0) is not pictures[0].drawn
    first, second = margins
    return second > first if pictures[0].drawn else first > second
