"""A VAE's encoder, built on any family's discriminator."""

import torch
from torch import Tensor, nn

from .conditional import Build, require_features
from .spec import Spec


class Encoder(nn.Module):
    """Samples → (mean, log variance) of q(z | x), each ``[N, latent]``.

    Both are linear layers on a family's features. ``log_sigma`` is the logarithm of σ in
    p(x | z) = N(G(z), σ²I). σ is learnt and balances the reconstruction error against the KL
    term, so that no weight needs to be tuned (Rybkin et al. 2021).
    """

    def __init__(self, build: Build, spec: Spec) -> None:
        super().__init__()
        self.network = require_features(build(spec))
        self.mean, self.log_variance = (
            nn.Linear(self.network.feature_count, spec.latent) for _ in range(2)
        )
        self.network.drop_head()
        # Start with q(z | x) close to the prior, so that the KL term starts near 0.
        for head in (self.mean, self.log_variance):
            nn.init.normal_(head.weight, std=0.01 / head.in_features**0.5)
            nn.init.zeros_(head.bias)
        self.log_sigma = nn.Parameter(torch.zeros(()))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        h = self.network.features(x)
        return self.mean(h), self.log_variance(h)
