"""What D learnt: how well a linear classifier tells classes by D's features, from few labels.

After Radford et al. 2015, section 5: the features of all layers of D, each layer's maps max-pooled
to a 4 × 4 grid, and a regularised linear classifier on them (there an L2-SVM, here logistic
regression).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..errors import ForgeryError
from ..models.layers import Discriminator, Maxout

#: Layers after which features are taken.
ACTIVATIONS = (nn.LeakyReLU, nn.ReLU, Maxout)
#: Side of the grid that maps are pooled to.
GRID = 4
#: Images at a time.
BLOCK = 500


@torch.no_grad()
def features_of_all_layers(discriminator: nn.Module, images: Tensor) -> Tensor:
    """``[N, C, H, W]`` in [-1, 1] → float32 ``[N, F]``: every activation of D, maps pooled.

    Raises
    ------
    ForgeryError
        For a D that is not one stack of layers (:class:`~forgery.models.layers.Discriminator`).
    """
    if not isinstance(discriminator, Discriminator) or not hasattr(discriminator, "layers"):
        raise ForgeryError(
            f"{type(discriminator).__name__} is not one stack of layers: train an unconditional "
            "run with --discriminator mlp, dcgan, maxout …"
        )
    device = next(discriminator.parameters()).device
    parts = []
    for block in images.split(BLOCK):
        h, seen = discriminator.enter(block.to(device)), []
        for layer in list(discriminator.layers)[:-1]:
            h = layer(h)
            if isinstance(layer, ACTIVATIONS):
                pooled = F.adaptive_max_pool2d(h, GRID) if h.dim() == 4 else h
                seen.append(pooled.flatten(1).cpu())
        parts.append(torch.cat(seen or [h.flatten(1).cpu()], 1))
    return torch.cat(parts)


@dataclass(frozen=True)
class LinearScore:
    """The accuracy of a linear classifier on test images, and the decay that validation chose."""

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
    """Logistic regression on features, trained to convergence on few labels.

    Parameters
    ----------
    train, validation, test:
        Features ``[N, F]`` and labels int64 ``[N]``. Features are scaled by the training part's
        mean and deviation. Validation chooses the decay.
    decays:
        Weights of ½‖w‖² beside the mean loss.
    """
    deviation, mean = torch.std_mean(train[0].double(), 0)

    def scaled(features: Tensor) -> Tensor:
        return ((features.double() - mean) / deviation.clamp(min=1e-6)).float()

    x, y = scaled(train[0]), train[1]
    chosen = None
    for decay in decays:
        head = _fit(x, y, decay)
        right = _accuracy(head, scaled(validation[0]), validation[1])
        if chosen is None or right > chosen[0]:
            chosen = right, decay, head
    assert chosen is not None
    accuracy = _accuracy(chosen[2], scaled(test[0]), test[1])
    return LinearScore(accuracy, chosen[1], x.shape[1], len(x))


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
