"""A VAE's encoder, made of any family's discriminator."""

import torch
from torch import Tensor, nn

from .conditional import Build, as_its_head, with_features
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
        self.mean, self.log_variance = (
            as_its_head(self.network, spec.latent, bias=True) for _ in range(2)
        )
        self.network.drop_head()
        # At first q(z | x) is the prior, whatever the features: what a sample costs starts at 0.
        for head in (self.mean, self.log_variance):
            nn.init.normal_(head.weight, std=0.01 / head.in_features**0.5)
            nn.init.zeros_(head.bias)
        self.log_sigma = nn.Parameter(torch.zeros(()))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        h = self.network.features(x)
        return self.mean(h), self.log_variance(h)
