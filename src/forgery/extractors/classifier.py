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

    About 130,000 weights on 28×28 grey images; any ``[C, H, W]`` of at least 8×8 will do, since
    what is left of the image is pooled to 3×3 before the hidden layer.
    """

    def __init__(self, image_shape: tuple[int, int, int], classes: tuple[str, ...]) -> None:
        super().__init__()
        if min(image_shape[1:]) < 8:
            raise ForgeryError(
                f"the classifier needs images of at least 8×8, not "
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
        """float ``[N, C, H, W]`` in [-1, 1] → (features ``[N, 64]`` ≥ 0, logits ``[N, K]``)."""
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
    """Train a classifier on labelled images; the defaults are those of the bundled digits.

    AdamW on cross-entropy (of attributes the binary one, the mean over them), the learning rate
    rising over the first tenth of the steps and falling along a cosine to 0 over the rest. Each
    image is moved by up to ``shift`` pixels every time it is seen.

    Parameters
    ----------
    data:
        Images with labels and names of classes, on the device that trains.
    epochs, batch_size:
        Passes over the data, and images a step (the rest of an epoch that fills no batch waits
        for the next order).
    learning_rate, weight_decay:
        The peak of the schedule, and AdamW's decay.
    shift:
        Largest move of an image in pixels, in either direction along either axis.
    seed:
        Of the weights, the order of the data and the moves.
    report:
        Called after each epoch with its number, from 1, and its mean loss in nats.
    attributes:
        Learn the data's attributes instead of its classes: logit a is above 0 where the image is
        believed to have attribute a, and several may be.

    Raises
    ------
    ForgeryError
        The data has no labels (no attributes), fewer than two classes, or fewer images than one
        batch.
    """
    names, targets, loss_of = _task(data, attributes)
    if len(data) < batch_size:
        raise ForgeryError(f"{data.name}: {len(data)} images do not fill a batch of {batch_size}")
    device = data.values.device
    random = torch.Generator().manual_seed(seed)
    with torch.random.fork_rng():  # the caller's random state is left as it was
        torch.manual_seed(seed)
        channels, height, width = data.shape
        network = Classifier((channels, height, width), names).to(device)
    optimiser = torch.optim.AdamW(network.parameters(), learning_rate, weight_decay=weight_decay)
    steps = len(data) // batch_size
    schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, _rise_and_fall(epochs * steps))
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
    """The share of ``data`` that the network puts in the right class."""
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
    """The share of ``data`` on which the network is right about each attribute, float64 ``[A]``."""
    attributes = _attributes(data)
    network.eval()
    right = torch.zeros(attributes.shape[1], dtype=torch.int64, device=attributes.device)
    for images, expected in zip(
        data.values.split(batch_size), attributes.split(batch_size), strict=True
    ):
        right += ((network(to_model(images))[1] > 0) == expected).sum(0)
    return right.double() / len(data)


def _convolution(inputs: int, outputs: int) -> list[nn.Module]:
    # No bias: the normalisation that follows takes it away again.
    convolution = nn.Conv2d(inputs, outputs, 3, padding=1, bias=False)
    return [convolution, nn.BatchNorm2d(outputs), nn.ReLU()]


def _task(
    data: Dataset, attributes: bool
) -> tuple[tuple[str, ...], Tensor, Callable[[Tensor, Tensor], Tensor]]:
    """What is learnt: the name of each logit, the targets, and the loss of (logits, targets)."""
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


def _rise_and_fall(steps: int) -> Callable[[int], float]:
    """Share of the peak learning rate at each step: up over a tenth of them, then a cosine to 0."""
    rise = max(1, steps // 10)

    def share(step: int) -> float:
        if step < rise:
            return (step + 1) / rise
        return 0.5 * (1 + math.cos(math.pi * (step - rise) / max(1, steps - rise)))

    return share


def _shifted(images: Tensor, most: int, random: torch.Generator) -> Tensor:
    """Each image moved by its own whole number of pixels; the border's colour fills the gap."""
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
