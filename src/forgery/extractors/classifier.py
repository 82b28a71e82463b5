"""A small convolutional classifier whose last hidden layer serves as features."""

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..data import Dataset
from ..errors import ForgeryError
from ..pixels import to_model

#: Units of the last hidden layer: the dimension of the features.
FEATURES = 64


class Classifier(nn.Module):
    """Three convolutions, one hidden layer of :data:`FEATURES` units, logits.

    It has about 130,000 weights for 28×28 grey images. Images ``[C, H, W]`` may have any size from
    8×8, since the feature maps are pooled to 3×3 before the hidden layer.
    """

    def __init__(self, image_shape: tuple[int, int, int], classes: tuple[str, ...]) -> None:
        super().__init__()
        if min(image_shape[1:]) < 8:
            raise ForgeryError(
                "the classifier needs images of at least 8×8 pixels, not "
                f"{image_shape[1]}×{image_shape[2]}"
            )
        self.image_shape = image_shape
        self.classes = classes
        self.body = nn.Sequential(
            *_convolution(image_shape[0], 32),
            nn.MaxPool2d(2),
            *_convolution(32, 64),
            nn.MaxPool2d(2),
            *_convolution(64, 96),
            nn.AdaptiveMaxPool2d(3),
            nn.Flatten(),
            nn.Linear(96 * 9, FEATURES, bias=False),
            nn.BatchNorm1d(FEATURES),
            nn.ReLU(),
        )
        self.head = nn.Linear(FEATURES, len(classes))

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Map images ``[N, C, H, W]`` in [-1, 1] to features ``[N, 64]`` ≥ 0, logits ``[N, K]``."""
        features = self.body(images)
        return features, self.head(features)


def train_classifier(
    data: Dataset,
    epochs: int = 12,
    batch_size: int = 128,
    learning_rate: float = 3e-3,
    weight_decay: float = 0.05,
    shift: int = 2,
    seed: int = 0,
    report: Callable[[int, float], None] | None = None,
    attributes: bool = False,
) -> Classifier:
    """Train a classifier on labelled images.

    AdamW minimises the cross-entropy (for attributes, the mean binary cross-entropy). The learning
    rate rises linearly over the first tenth of the steps, then decays to 0 along a cosine. Each
    image is randomly shifted by up to ``shift`` pixels every time it is used. The bundled digit
    classifier was trained with the defaults.

    Parameters
    ----------
    data:
        Labelled images, on the device to train on.
    epochs, batch_size:
        Passes over the data, and images per step. Images left over at the end of an epoch are
        skipped.
    learning_rate, weight_decay:
        Peak learning rate, and AdamW's weight decay.
    shift:
        Largest shift of an image in pixels, in either direction along either axis.
    seed:
        Random seed for the weights, the order of the data and the shifts.
    report:
        Called after each epoch with its number, from 1, and its mean loss in nats.
    attributes:
        Whether to predict the data's attributes instead of its classes. Logit a is above 0 if
        attribute a is predicted; attributes are not exclusive.

    Raises
    ------
    ForgeryError
        The data has no labels (or no attributes), fewer than two classes, or fewer images than one
        batch.
    """
    names, targets, loss_of = _task(data, attributes)
    if len(data) < batch_size:
        raise ForgeryError(
            f"{data.name}: {len(data)} images are fewer than one batch of {batch_size}"
        )
    device = data.values.device
    random = torch.Generator().manual_seed(seed)
    with torch.random.fork_rng():  # leave the caller's random state unchanged
        torch.manual_seed(seed)
        channels, height, width = data.shape
        network = Classifier((channels, height, width), names).to(device)
    optimiser = torch.optim.AdamW(network.parameters(), learning_rate, weight_decay=weight_decay)
    steps = len(data) // batch_size
    schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, _warmup_cosine(epochs * steps))
    network.train()
    for epoch in range(1, epochs + 1):
        order = torch.randperm(len(data), generator=random).to(device)
        total = torch.zeros((), device=device)
        for rows in order[: steps * batch_size].split(batch_size):
            images = _shifted(to_model(data.values[rows]), shift, random)
            loss = loss_of(network(images)[1], targets[rows])
            optimiser.zero_grad(set_to_none=True)
            loss.backward()
            optimiser.step()
            schedule.step()
            total += loss.detach()
        if report:
            report(epoch, total.item() / steps)
    return network.eval()


@torch.no_grad()
def accuracy(network: Classifier, data: Dataset, batch_size: int = 1000) -> float:
    """Fraction of ``data`` that the network classifies correctly."""
    labels = _labels(data)
    network.eval()
    right = 0
    for images, expected in zip(
        data.values.split(batch_size), labels.split(batch_size), strict=True
    ):
        right += int((network(to_model(images))[1].argmax(1) == expected).sum())
    return right / len(data)


@torch.no_grad()
def attribute_accuracy(network: Classifier, data: Dataset, batch_size: int = 1000) -> Tensor:
    """Fraction of ``data`` for which each attribute is predicted correctly, float64 ``[A]``."""
    attributes = _attributes(data)
    network.eval()
    right = torch.zeros(attributes.shape[1], dtype=torch.int64, device=attributes.device)
    for images, expected in zip(
        data.values.split(batch_size), attributes.split(batch_size), strict=True
    ):
        right += ((network(to_model(images))[1] > 0) == expected).sum(0)
    return right.double() / len(data)


def _convolution(inputs: int, outputs: int) -> list[nn.Module]:
    # No bias, since the batch norm that follows would cancel it.
    convolution = nn.Conv2d(inputs, outputs, 3, padding=1, bias=False)
    return [convolution, nn.BatchNorm2d(outputs), nn.ReLU()]


def _task(
    data: Dataset, attributes: bool
) -> tuple[tuple[str, ...], Tensor, Callable[[Tensor, Tensor], Tensor]]:
    """Return the names of the logits, the targets, and the loss function of (logits, targets)."""
    if attributes:
        targets = _attributes(data).float()
        return data.attribute_names, targets, F.binary_cross_entropy_with_logits
    return data.classes, _labels(data), F.cross_entropy


def _labels(data: Dataset) -> Tensor:
    if data.labels is None or len(data.classes) < 2:
        raise ForgeryError(f"{data.name}: a classifier needs labels of at least two classes")
    return data.labels


def _attributes(data: Dataset) -> Tensor:
    if data.attributes is None:
        raise ForgeryError(f"{data.name}: an attribute classifier needs data with attributes")
    return data.attributes


def _warmup_cosine(steps: int) -> Callable[[int], float]:
    """Return the schedule: step → learning rate relative to its peak."""
    warmup = max(1, steps // 10)

    def factor(step: int) -> float:
        if step < warmup:
            return (step + 1) / warmup
        return 0.5 * (1 + math.cos(math.pi * (step - warmup) / max(1, steps - warmup)))

    return factor


def _shifted(images: Tensor, most: int, random: torch.Generator) -> Tensor:
    """Shift each image by a random whole number of pixels, repeating its border pixels."""
    if most == 0:
        return images
    number, channels, height, width = images.shape
    padded = F.pad(images, (most, most, most, most), mode="replicate")
    offsets = torch.randint(0, 2 * most + 1, (2, number, 1), generator=random)
    rows = (offsets[0] + torch.arange(height)).to(images.device)
    columns = (offsets[1] + torch.arange(width)).to(images.device)
    return padded[
        torch.arange(number, device=images.device)[:, None, None, None],
        torch.arange(channels, device=images.device)[None, :, None, None],
        rows[:, None, :, None],
        columns[:, None, None, :],
    ]
