"""Named settings: each recipe is a function that returns a :class:`Config`.

``forgery train --recipe NAME`` starts from one; ``recipes.mlp(steps=1000)`` changes it in Python.
"""

from collections.abc import Callable
from typing import Any

from .config import Config


def mlp(**changes: Any) -> Config:
    """The default: MLPs tuned for the best digits a minute on a CPU.

    The tutorial's networks with five times its learning rate, no memory in Adam's mean gradient
    (β1 = 0), and an average of G. What was compared is in docs/results.md.
    """
    return Config(
        recipe="mlp",
        g_learning_rate=1e-3,
        d_learning_rate=1e-3,
        beta1=0.0,
        ema=0.999,
        epochs=40,
    ).replace(**changes)


def tutorial(**changes: Any) -> Config:
    """The well-known PyTorch tutorial's GAN: its networks, optimiser and 200 epochs.

    Source: yunjey/pytorch-tutorial, generative_adversarial_network/main.py.
    """
    return Config(recipe="tutorial", epochs=200).replace(**changes)


def goodfellow2014(**changes: Any) -> Config:
    """The 2014 paper's MNIST model, by the configuration that its authors released.

    Source: goodfeli/adversarial, mnist.yaml. Its D minimises ½[BCE(1, D(x)) + BCE(0, D(G(z)))]:
    under momentum the ½ is half a learning rate, so D's is .05 where G's is .1, and the D loss
    reported here is twice theirs. That program has no stopping rule; 250 epochs is where its
    momentum has finished growing.
    """
    return Config(
        recipe="goodfellow2014",
        split="train50k",
        generator="relu-sigmoid",
        g_width=1200,
        discriminator="maxout",
        d_width=240,
        latent=100,
        noise="uniform",
        updates="simultaneous",
        optimizer="momentum",
        g_learning_rate=0.1,
        d_learning_rate=0.05,
        learning_rate_decay=1.000004,
        learning_rate_min=1e-6,
        momentum=0.5,
        momentum_final=0.7,
        momentum_epochs=250,
        epochs=250,
    ).replace(**changes)


RECIPES: dict[str, Callable[..., Config]] = {
    "mlp": mlp,
    "tutorial": tutorial,
    "goodfellow2014": goodfellow2014,
}
