"""Named settings: each recipe is a function that returns a :class:`Config`.

``forgery train --recipe NAME`` starts from a recipe. In Python, ``recipes.mlp(steps=1000)`` returns
a recipe with changed settings.
"""

import functools
from collections.abc import Callable, Sequence
from typing import Any

from . import plugins
from .config import Config
from .errors import ForgeryError, lookup
from .sizes import doubled

#: Number of images in MNIST's training split; most recipes were tuned on them.
MNIST = 60_000


def _images(epochs: int, batch_size: int) -> int:
    """Length in images of a number of epochs on MNIST, each rounded down to full minibatches.

    A recipe tuned on MNIST then takes the same number of steps on a small dataset.
    """
    return epochs * (MNIST // batch_size) * batch_size


def mlp(**changes: Any) -> Config:
    """The default: MLPs tuned for the best digits per minute on a CPU.

    The tutorial's networks with G twice as wide, five times the learning rate, β1 = 0 in Adam, and
    an exponential moving average of G. For comparisons, see docs/results.md.
    """
    return Config(
        recipe="mlp",
        g_width=512,
        g_learning_rate=1e-3,
        d_learning_rate=1e-3,
        beta1=0.0,
        ema=0.999,
        images=_images(30, 100),
        epochs=None,
    ).replace(**changes)


def tutorial(**changes: Any) -> Config:
    """The GAN of a well-known PyTorch tutorial: its networks, optimiser and 200 epochs.

    Source: yunjey/pytorch-tutorial, generative_adversarial_network/main.py.
    """
    return Config(recipe="tutorial", epochs=200).replace(**changes)


def goodfellow2014(**changes: Any) -> Config:
    """The MNIST model of the 2014 paper, from the configuration released by its authors.

    Source: goodfeli/adversarial, mnist.yaml. There D minimises ½[BCE(1, D(x)) + BCE(0, D(G(z)))].
    Under momentum the factor ½ amounts to half the learning rate: .05 for D, .1 for G. The D loss
    reported here is twice theirs. The original has no stopping rule; its momentum reaches the final
    value after 250 epochs.
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
    """The default conditioned on class labels, so that a digit can be requested.

    D uses projection of the label (Miyato & Koyama 2018); G takes its one-hot code beside z. For
    comparisons, see docs/results.md.
    """
    return mlp(
        recipe="conditional",
        conditional="projection",
        grid=100,
        images=_images(20, 100),
    ).replace(**changes)


def semi_supervised(**changes: Any) -> Config:
    """D as a classifier trained on 100 labels and on unlabelled images.

    Source: Salimans et al. 2016 and openai/improved-gan: its networks for MNIST, feature matching,
    Adam .003. There D minimises ½ of the adversarial loss plus the class loss; here both terms are
    twice as large, to which Adam is invariant.
    """
    return Config(
        recipe="semi-supervised",
        conditional="semi-supervised",
        labels=100,
        generator="mlp-softplus",
        g_width=500,
        discriminator="mlp-noisy",
        d_width=1000,
        d_depth=5,
        latent=100,
        noise="uniform",
        objective="feature-matching",
        class_weight=2.0,
        g_learning_rate=3e-3,
        d_learning_rate=3e-3,
        beta1=0.5,
        images=_images(20, 100),
        epochs=None,
    ).replace(**changes)


def infogan(**changes: Any) -> Config:
    """InfoGAN: ten classes and two continuous codes, which D learns to predict without labels.

    Source: Chen et al. 2016; openai/InfoGAN. Networks, rates, minibatch, codes, λ and the 5,000
    steps are the source's. Here z has unit variance, and G's whole input is √3 times as large.
    """
    return Config(
        recipe="infogan",
        conditional="infogan",
        generator="infogan",
        g_width=64,
        discriminator="infogan",
        d_width=64,
        latent=64,
        noise="uniform",
        g_learning_rate=1e-3,
        d_learning_rate=2e-4,
        beta1=0.5,
        batch_size=128,
        images=5_000 * 128,
        epochs=None,
        grid=100,
    ).replace(**changes)


def lsgan(**changes: Any) -> Config:
    """The least-squares objective with the optimiser of its source.

    Source: Mao et al. 2017; xudonmao/LSGAN. The networks are the default's.
    """
    return _mlps(
        recipe="lsgan",
        objective="least-squares",
        g_learning_rate=2e-4,
        d_learning_rate=2e-4,
        beta1=0.5,
    ).replace(**changes)


def wgan(**changes: Any) -> Config:
    """The Wasserstein objective with weight clipping and the optimiser of its source.

    Source: Arjovsky et al. 2017; martinarjovsky/WassersteinGAN. The networks are the default's.
    D is updated 5 times per update of G; in the original, 100 times for the first 25 updates of G
    and for every 500th.
    """
    return _mlps(
        recipe="wgan",
        objective="wasserstein",
        clip=0.01,
        d_steps=5,
        optimizer="rmsprop",
        g_learning_rate=5e-5,
        d_learning_rate=5e-5,
    ).replace(**changes)


def wgan_gp(**changes: Any) -> Config:
    """The Wasserstein objective with a gradient penalty.

    Source: Gulrajani et al. 2017; igul222/improved_wgan_training. The networks are the default's.
    """
    return _mlps(
        recipe="wgan-gp",
        objective="wasserstein",
        penalty="wgan-gp",
        penalty_weight=10.0,
        d_steps=5,
        g_learning_rate=1e-4,
        d_learning_rate=1e-4,
        beta1=0.5,
        beta2=0.9,
    ).replace(**changes)


def dragan(**changes: Any) -> Config:
    """The non-saturating objective with a penalty on D's gradient near the data.

    Source: Kodali et al. 2017; kodalinaveen3/DRAGAN. The networks are the default's.
    """
    return _mlps(
        recipe="dragan",
        penalty="dragan",
        penalty_weight=10.0,
        g_learning_rate=1e-4,
        d_learning_rate=1e-4,
        beta1=0.5,
        beta2=0.9,
    ).replace(**changes)


def _mlps(**settings: Any) -> Config:
    """The default's networks and average of G, for 50 epochs on MNIST in minibatches of 64."""
    return Config(
        g_width=512, ema=0.999, batch_size=64, images=_images(50, 64), epochs=None
    ).replace(**settings)


def dcgan(**changes: Any) -> Config:
    """DCGAN for images of 28, 32, 64, 128 … pixels, a quarter as wide as in the paper.

    Source: Radford et al. 2015; Newmu/dcgan_code. The paper's widths, ``--g-width 128 --d-width
    128``, need a GPU.
    """
    return Config(
        recipe="dcgan",
        generator="dcgan",
        g_width=32,
        discriminator="dcgan",
        d_width=32,
        latent=100,
        noise="uniform",
        g_learning_rate=2e-4,
        d_learning_rate=2e-4,
        beta1=0.5,
        batch_size=128,
        images=_images(25, 128),
        epochs=None,
    ).replace(**changes)


def pictures(**changes: Any) -> Config:
    """Pictures of one's own on a CPU: a projected GAN. Needs ``pip install 'forgery[features]'``.

    D judges pixels and the features of a network trained on ImageNet (Sauer et al. 2021). Networks,
    rates and order of the updates were chosen here (docs/pictures.md). The length is 15 minutes.
    """
    return Config(
        recipe="pictures",
        generator="skip",
        g_width=16,
        discriminator="projected",
        d_width=48,
        latent=128,
        objective="hinge",
        updates="simultaneous",
        g_learning_rate=2e-3,
        d_learning_rate=1e-3,
        beta1=0.0,
        beta2=0.99,
        ema=0.999,
        batch_size=32,
        minutes=15.0,
        epochs=None,
    ).replace(**changes)


def pictures_plain(**changes: Any) -> Config:
    """Pictures of one's own on a CPU, without a pretrained network.

    Like ``pictures``, but with DCGAN's D, on augmented images. Without augmentation, D soon wins
    (docs/pictures.md).
    """
    return pictures(
        recipe="pictures-plain",
        discriminator="dcgan",
        d_width=32,
        augment="diffaugment",
        g_learning_rate=2.5e-4,
        d_learning_rate=2.5e-4,
    ).replace(**changes)


def sngan(**changes: Any) -> Config:
    """SN-GAN: residual networks, spectral normalisation of D, the hinge objective.

    Source: Miyato et al. 2018; pfnet-research/sngan_projection. Its widths at 32 pixels,
    ``--g-width 256 --d-width 128``, need a GPU.
    """
    return Config(
        recipe="sngan",
        generator="resnet",
        g_width=32,
        discriminator="resnet",
        d_width=32,
        spectral_norm=True,
        latent=128,
        objective="hinge",
        d_steps=5,
        g_learning_rate=2e-4,
        d_learning_rate=2e-4,
        beta1=0.0,
        beta2=0.9,
        learning_rate_final=0.0,
        burn_in=1.0,
        burn_in_shape="linear",
        batch_size=64,
        images=_images(50, 64),
        epochs=None,
    ).replace(**changes)


def modern(**changes: Any) -> Config:
    """A modern GAN sized for a CPU, for images of 28 or 32 pixels.

    The objective, the penalties and the form of the schedules are those of R3GAN (Huang et al.
    2024); sizes and rates were chosen here (docs/results.md).
    """
    return Config(
        recipe="modern",
        generator="modern-patched",
        g_width=16,
        g_depth=1,
        discriminator="modern-patched",
        d_width=16,
        d_depth=1,
        objective="relativistic",
        penalty="r1+r2",
        penalty_weight=1.0,
        penalty_weight_final=0.1,
        g_learning_rate=3e-3,
        d_learning_rate=3e-3,
        learning_rate_final=0.25,
        beta1=0.0,
        beta2=0.9,
        beta2_final=0.99,
        burn_in=0.5,
        ema=0.999,
        batch_size=64,
        images=_images(10, 64),
        epochs=None,
    ).replace(**changes)


def modern_large(**changes: Any) -> Config:
    """A modern GAN for a GPU: up to 256 pixels, two blocks per resolution and up to 768 maps.

    Rates, schedules and the average's half-life (500,000 images) are those of R3GAN. The penalty's
    weight depends on the data; the initial 10 is only a starting point. This recipe has been run
    for a few steps only.
    """
    return modern(
        recipe="modern-large",
        generator="modern",
        g_width=96,
        g_depth=2,
        discriminator="modern",
        d_width=96,
        d_depth=2,
        penalty_weight=10.0,
        penalty_weight_final=1.0,
        g_learning_rate=2e-4,
        d_learning_rate=2e-4,
        ema=0.5 ** (64 / 500_000),
        images=_images(200, 64),
    ).replace(**changes)


def vae(**changes: Any) -> Config:
    """A variational auto-encoder with the default's networks, D's serving as the encoder.

    Source: Kingma & Welling 2014. For comparisons, see docs/results.md. For a convolutional VAE use
    ``--generator dcgan --discriminator dcgan --g-width 32 --d-width 32``.
    """
    return mlp(recipe="vae", model="vae", beta1=0.9, ema=0.0).replace(**changes)


def points(**changes: Any) -> Config:
    """Points on a line or in a plane: small MLPs that cover every mode of the known densities.

    For comparisons, see docs/results.md.
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
    """PacGAN's networks and settings for rings and grids, the protocol of ``forgery bench``.

    Source: fjxmlzn/PacGAN, synthetic_data_experiments. Both players are updated simultaneously. A
    minibatch gives 100 logits whatever the packing: 400 epochs of 100,000 samples are 400,000
    steps.
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


#: Data name → the recipe that ``forgery train`` uses by default.
FOR_DATA = dict.fromkeys(("line", "ring8", "grid25", "moons", "swissroll", "disjoint"), "points")
FOR_DATA |= dict.fromkeys(("faces", "faces64", "faces-loose"), "dcgan")


def recipe_for(data: str) -> str:
    """The default recipe for a bundled data source.

    For other images, it depends on their size: see :func:`recipe_for_images`.
    """
    return FOR_DATA.get(data, "mlp")


def recipe_for_images(shape: Sequence[int], pretrained: bool) -> tuple[str, str]:
    """The default recipe for images of shape ``[C, H, W]``, and the reason.

    ``pretrained`` says whether the weights of a pretrained network are installed.
    """
    channels, height, width = shape
    if channels == 1 and max(height, width) <= 28:
        return "mlp", "small and grey, like the digits that it was tuned on"
    if min(height, width) < 16 or not doubled(height, width):
        return "mlp", (
            "MLPs fit any size; convolutional recipes need at least 16 × 16 pixels, and 4 to 15 "
            "times a power of two"
        )
    if pretrained:
        return "pictures", "convolutional, with the features of a network trained on ImageNet"
    if height == width and height in (16, 28, 32, 56, 64, 112, 128, 224, 256):
        return "pictures-plain", (
            "convolutional; pip install 'forgery[features]' for better pictures, with the features "
            "of a network trained on ImageNet"
        )
    return "mlp", (
        "MLPs fit any size; for better pictures pip install 'forgery[features]', or give a square "
        "--image-size such as 32 or 64"
    )


RECIPES: dict[str, Callable[..., Config]] = {
    "mlp": mlp,
    "tutorial": tutorial,
    "goodfellow2014": goodfellow2014,
    "conditional": conditional,
    "semi-supervised": semi_supervised,
    "infogan": infogan,
    "lsgan": lsgan,
    "wgan": wgan,
    "wgan-gp": wgan_gp,
    "dragan": dragan,
    "dcgan": dcgan,
    "pictures": pictures,
    "pictures-plain": pictures_plain,
    "sngan": sngan,
    "modern": modern,
    "modern-large": modern_large,
    "vae": vae,
    "points": points,
    "pacgan": pacgan,
}

#: The entry-point group by which packages add recipes.
PLUGINS = "forgery.recipes"


def recipe_names() -> list[str]:
    """The names of all recipes, including those added by installed packages."""
    return list(dict.fromkeys([*RECIPES, *plugins.names(PLUGINS)]))


def find_recipe(name: str) -> Callable[..., Config]:
    """Return the recipe of a given name, or raise a :class:`ForgeryError` with the nearest name."""
    if name in plugins.names(PLUGINS) and name not in RECIPES:
        return _checked(name, plugins.load(PLUGINS, name))
    return lookup(RECIPES, name, "recipe")


def _checked(name: str, recipe: Callable[..., Any]) -> Callable[..., Config]:
    """A package's recipe, which must return a config."""

    @functools.wraps(recipe)
    def checked(**changes: Any) -> Config:
        config = recipe(**changes)
        if not isinstance(config, Config):
            raise ForgeryError(
                f"the recipe {name!r} of a package returns a {type(config).__name__}: expected a "
                "forgery.Config"
            )
        return config

    return checked
