"""Evaluation of D's features by the accuracy of a linear classifier trained on few labels.

After Radford et al. 2015, section 5: features of all layers of D, with each layer's maps max-pooled
to a 4 × 4 grid, and a regularised linear classifier on them (there an L2-SVM, here logistic
regression).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..errors import ForgeryError
from ..models.cifar2014 import MaxoutConv
from ..models.layers import Discriminator, Maxout
from ..models.modern import Block

#: Layers whose outputs are used as features.
ACTIVATIONS = (nn.LeakyReLU, nn.ReLU, Maxout, MaxoutConv, Block)
#: Height and width of the grid that maps are pooled to.
GRID = 4
#: Images per forward pass.
BLOCK = 500


@torch.no_grad()
def features_of_all_layers(discriminator: nn.Module, images: Tensor) -> Tensor:
    """Compute the pooled activations of all layers of D: ``[N, C, H, W]`` → float32 ``[N, F]``.

    Images are in [-1, 1].

    Raises
    ------
    ForgeryError
        D is not a single stack of layers (:class:`~forgery.models.layers.Discriminator`).
    """
    if not isinstance(discriminator, Discriminator) or not hasattr(discriminator, "layers"):
        raise ForgeryError(
            f"{type(discriminator).__name__} is not a single stack of layers: train an "
            "unconditional run with --discriminator mlp, dcgan, maxout …"
        )
    device = next(discriminator.parameters()).device
    parts = []
    for block in images.split(BLOCK):
        h, activations = discriminator.enter(block.to(device)), []
        for layer in list(discriminator.layers)[:-1]:
            h = layer(h)
            if isinstance(layer, ACTIVATIONS):
                pooled = F.adaptive_max_pool2d(h, GRID) if h.dim() == 4 else h
                activations.append(pooled.flatten(1).cpu())
        parts.append(torch.cat(activations or [h.flatten(1).cpu()], 1))
    return torch.cat(parts)


@dataclass(frozen=True)
class LinearScore:
    """The test accuracy of a linear classifier, and the weight decay chosen by validation.

    ``features`` and ``labels`` are the numbers of features and of training labels.
    """

    accuracy: float
    decay: float
    features: int
    labels: int


def linear_score(
    train: tuple[Tensor, Tensor],
    validation: tuple[Tensor, Tensor],
    test: tuple[Tensor, Tensor],
    decays: Sequence[float] = (1e-4, 1e-3, 1e-2, 1e-1, 1.0),
) -> LinearScore:
    """Train a logistic regression on features to convergence, and test it.

    Parameters
    ----------
    train, validation, test:
        Features ``[N, F]`` and labels, int64 ``[N]``. Features are standardised by the mean and
        standard deviation of the training part. The validation part is used to choose the decay.
    decays:
        Candidate weights of ½‖w‖², which is added to the mean loss.
    """
    deviation, mean = torch.std_mean(train[0].double(), 0)

    def scaled(features: Tensor) -> Tensor:
        return ((features.double() - mean) / deviation.clamp(min=1e-6)).float()

    x, y = scaled(train[0]), train[1]
    best = None
    for decay in decays:
        head = _fit(x, y, decay)
        accuracy = _accuracy(head, scaled(validation[0]), validation[1])
        if best is None or accuracy > best[0]:
            best = accuracy, decay, head
    assert best is not None
    accuracy = _accuracy(best[2], scaled(test[0]), test[1])
    return LinearScore(accuracy, best[1], x.shape[1], len(x))


def _fit(x: Tensor, y: Tensor, decay: float) -> nn.Linear:
    head = nn.Linear(x.shape[1], int(y.max()) + 1)
    nn.init.zeros_(head.weight)
    nn.init.zeros_(head.bias)
    optimiser = torch.optim.LBFGS(head.parameters(), max_iter=100, line_search_fn="strong_wolfe")

    def loss() -> Tensor:
        optimiser.zero_grad()
        value = F.cross_entropy(head(x), y) + decay / 2 * head.weight.square().sum()
        value.backward()
        return value

    with torch.enable_grad():
        optimiser.step(loss)
    return head


@torch.no_grad()
def _accuracy(head: nn.Linear, x: Tensor, y: Tensor) -> float:
    return (head(x).argmax(1) == y).double().mean().item()
