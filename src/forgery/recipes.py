"""Named settings: each recipe is a function that returns a :class:`Config`.

``forgery train --recipe NAME`` starts from one; ``recipes.mlp(steps=1000)`` changes it in Python.
"""

from collections.abc import Callable
from typing import Any

from .config import Config


def mlp(**changes: Any) -> Config:
    """The default: MLPs tuned for the best digits a minute on a CPU.

    The tutorial's networks with a G twice as wide, five times its learning rate, no memory in
    Adam's mean gradient (β1 = 0), and an average of G. What was compared is in docs/results.md.
    """
    return Config(
        recipe="mlp",
        g_width=512,
        g_learning_rate=1e-3,
        d_learning_rate=1e-3,
        beta1=0.0,
        ema=0.999,
        epochs=30,
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


def conditional(**changes: Any) -> Config:
    """The default told the class of each image, so that a digit can be asked for.

    The label by projection in D (Miyato & Koyama 2018), beside z in G. What was compared is in
    docs/results.md.
    """
    config = mlp(recipe="conditional", conditional="projection", grid=100, epochs=20)
    return config.replace(**changes)


def points(**changes: Any) -> Config:
    """Points on a line or a plane: small MLPs that reach every mode of the known densities.

    What was compared is in docs/results.md.
    """
    return Config(
        recipe="points",
        data="ring8",
        g_width=128,
        d_width=128,
        latent=2,
        objective="relativistic",
        penalty="r1+r2",
        penalty_weight=0.1,
        g_learning_rate=1e-3,
        d_learning_rate=1e-3,
        learning_rate_decay=1.0001,
        beta1=0.0,
        ema=0.999,
        batch_size=256,
        steps=12_000,
        epochs=None,
        report_every=250,
        sample_every=250,
    ).replace(**changes)


def pacgan(**changes: Any) -> Config:
    """PacGAN's networks and settings for rings and grids, whose protocol ``forgery bench`` follows.

    Source: fjxmlzn/PacGAN, synthetic_data_experiments. Both players move at once there, and a
    minibatch is 100 judgements whatever the packing: 400 epochs of 100,000 are 400,000 steps.
    """
    return Config(
        recipe="pacgan",
        data="ring8",
        generator="mlp-batchnorm",
        g_width=400,
        g_depth=4,
        discriminator="mlp-maxout",
        d_width=200,
        d_depth=3,
        latent=2,
        updates="simultaneous",
        g_learning_rate=1e-4,
        d_learning_rate=1e-4,
        beta1=0.8,
        steps=400_000,
        epochs=None,
        report_every=1000,
        sample_every=1000,
        checkpoint_every=5000,
    ).replace(**changes)


#: Data name → the recipe that ``forgery train`` starts from when none is given.
FOR_DATA = dict.fromkeys(("line", "ring8", "grid25", "moons", "swissroll", "disjoint"), "points")


def recipe_for(data: str) -> str:
    """The recipe that suits some data: ``points`` for points, else the default, ``mlp``."""
    return FOR_DATA.get(data) or ("points" if data.endswith((".csv", ".npy", ".npz")) else "mlp")


RECIPES: dict[str, Callable[..., Config]] = {
    "mlp": mlp,
    "tutorial": tutorial,
    "goodfellow2014": goodfellow2014,
    "conditional": conditional,
    "points": points,
    "pacgan": pacgan,
}
