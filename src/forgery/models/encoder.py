"""A VAE's encoder, made of any family's discriminator."""

import torch
from torch import Tensor, nn

from .conditional import Build, with_features
from .spec import Spec


class Encoder(nn.Module):
    """Samples → (mean, log variance) of z, each ``[N, latent]``: two heads on a family's features.

    ``log_sigma`` is the logarithm of σ, one for all values, in p(x | z) = N(G(z), σ²). It is learnt
    with the rest, and so weighs what is lost in drawing against what z tells: with σ fixed that
    would be a setting to tune (Rybkin et al. 2021).
    """

    def __init__(self, build: Build, spec: Spec) -> None:
        super().__init__()
        self.network = with_features(build(spec))
        assert isinstance(self.network.head, nn.Linear)
        features = self.network.head.in_features
        self.network.drop_head()
        self.mean = nn.Linear(features, spec.latent)
        self.log_variance = nn.Linear(features, spec.latent)
        # At first q(z | x) is the prior, whatever the features: what a sample costs starts at 0.
        for head in (self.mean, self.log_variance):
            nn.init.normal_(head.weight, std=0.01 / features**0.5)
            nn.init.zeros_(head.bias)
        self.log_sigma = nn.Parameter(torch.zeros(()))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        h = self.network.features(x)
        return self.mean(h), self.log_variance(h)
