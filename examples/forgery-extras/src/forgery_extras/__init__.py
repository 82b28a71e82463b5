"""Parts that this package adds to forgery, each declared as an entry point in pyproject.toml."""

import torch
from torch import Tensor, nn
from torch.nn.functional import softplus

from forgery import Config, ForgeryError, recipes
from forgery.data import Dataset
from forgery.evaluation import Measure
from forgery.models import Spec
from forgery.objectives import OBJECTIVES, Objective


def _smoothed_d(real: Tensor, fake: Tensor) -> Tensor:
    """D's loss with the target .9 for real samples, in place of 1."""
    return 0.9 * softplus(-real) + 0.1 * softplus(real) + softplus(fake)


#: One-sided label smoothing (Salimans et al. 2016, section 3.4): D's target for real samples is .9.
smoothed = Objective(d=_smoothed_d, g=OBJECTIVES["non-saturating"].g)


def logit_drift(discriminator, real: Tensor, fake: Tensor) -> Tensor:
    """D(x)² on real data ``[N]``, which keeps the logits near zero (Karras et al. 2018)."""
    return discriminator(real).square()


class SineGenerator(nn.Module):
    """z ``[N, latent]`` → samples ``[N, *shape]``: one hidden layer of sines."""

    def __init__(self, spec: Spec) -> None:
        super().__init__()
        self.shape = spec.shape
        self.hidden = nn.Linear(spec.latent, spec.width)
        self.output = nn.Linear(spec.width, spec.size)

    def forward(self, z: Tensor, y: Tensor | None = None) -> Tensor:
        return self.output(self.hidden(z).sin()).tanh().view(-1, *self.shape)


class LogisticDiscriminator(nn.Module):
    """Samples ``[N, *shape]`` → logits ``[N]``: logistic regression on the pixels."""

    def __init__(self, spec: Spec) -> None:
        super().__init__()
        self.output = nn.Linear(spec.size, 1)

    def forward(self, x: Tensor, y: Tensor | None = None) -> Tensor:
        return self.output(x.flatten(1)).squeeze(1)


#: Split → seed of its images.
SEEDS = {"train": 0, "test": 1}


def stripes(split: str) -> Dataset:
    """2,000 grey images of 8 × 8 pixels, one white row or column on dark noise: train, or test."""
    if split not in SEEDS:
        raise ForgeryError(f"stripes has the splits train and test, not {split!r}")
    generator = torch.Generator().manual_seed(SEEDS[split])
    n = 2_000
    labels = torch.randint(2, (n,), generator=generator)
    places = torch.randint(8, (n,), generator=generator)
    values = torch.randint(64, (n, 1, 8, 8), generator=generator).byte()
    values[torch.arange(n), 0, places] = 255
    values[labels == 1] = values[labels == 1].transpose(2, 3)
    return Dataset(f"stripes[{split}]", values, labels, ("row", "column"))


def stripes_recipe(**changes) -> Config:
    """The default's networks, narrow, on the stripes."""
    config = recipes.mlp(
        recipe="stripes", data="stripes", g_width=64, d_width=64, latent=8, steps=2_000
    )
    return config.replace(**changes)


def _brightness_gap(subject) -> float:
    """|mean pixel of the samples - mean pixel of the held-out images|, in levels of 0 to 255."""
    samples, held_out = subject.values, subject.reference.against.values
    return abs(samples.float().mean().item() - held_out.float().mean().item())


brightness_gap = Measure(
    "brightness-gap", "difference of the mean brightness", "lower", _brightness_gap
)
