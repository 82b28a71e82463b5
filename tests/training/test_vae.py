"""The VAE: its bound, its runs, and errors."""

import pytest
import torch
from torch.distributions import Normal, kl_divergence

import forgery
from forgery import ForgeryError, recipes
from forgery.data import load
from forgery.pixels import to_model
from forgery.training.doctor import Doctor
from forgery.training.minibatch import Minibatch
from forgery.training.player import Player
from forgery.training.run import open_run
from forgery.training.vae import VAE, divergence_from_prior, negative_log_likelihood


def test_the_two_terms_of_the_bound_are_those_of_normal_distributions():
    generator = torch.Generator().manual_seed(0)
    mean, log_variance = torch.randn(2, 5, 3, dtype=torch.float64, generator=generator)
    q = Normal(mean, (log_variance / 2).exp())
    expected = kl_divergence(q, Normal(torch.zeros(()), torch.ones(()))).sum(1)
    torch.testing.assert_close(divergence_from_prior(mean, log_variance), expected.double())
    x, drawn = torch.randn(2, 5, 1, 4, 4, dtype=torch.float64, generator=generator)
    log_sigma = torch.tensor(-0.7, dtype=torch.float64)
    expected = -Normal(drawn, log_sigma.exp()).log_prob(x).flatten(1).sum(1)
    torch.testing.assert_close(negative_log_likelihood(x, drawn, log_sigma), expected)


class Linear(torch.nn.Module):
    """x → (a·x, log variance): an encoder whose optimum is known."""

    def __init__(self, slope, variance, sigma):
        super().__init__()
        self.slope = torch.nn.Parameter(torch.tensor(slope))
        self.log_variance = torch.nn.Parameter(torch.tensor(variance).log())
        self.log_sigma = torch.nn.Parameter(torch.tensor(sigma).log())

    def forward(self, x):
        return self.slope * x, self.log_variance.expand_as(x)


@pytest.mark.parametrize(
    ("slope", "variance", "is_posterior"),
    [(0.8, 0.36, True), (0.4, 0.36, False), (0.8, 0.9, False)],
)
def test_the_bound_of_a_linear_vae_is_tight_only_at_the_posterior(slope, variance, is_posterior):
    """If x = .8 z + .6 ε, then z given x is N(.8 x, .36), and log p(x) = log N(x; 0, 1).

    The standard error of the mean bound over 100,000 samples is about .003.
    """
    torch.manual_seed(0)
    decoder = torch.nn.Linear(1, 1, bias=False)
    torch.nn.init.constant_(decoder.weight, 0.8)
    encoder = Linear(slope, variance, sigma=0.6)
    players = [Player(n, torch.optim.SGD(n.parameters(), lr=0.1)) for n in (decoder, encoder)]
    x = torch.randn(100_000, 1)
    bound = -VAE(*players, lambda m: torch.randn(m, 1)).step([Minibatch(x)]).sum()
    missing = Normal(0, 1).log_prob(x).mean() - bound
    gradient = max(p.grad.abs().max() for p in (decoder.weight, *encoder.parameters()))
    assert (abs(missing) < 0.01) == is_posterior
    assert missing > -0.01
    assert (gradient < 0.02) == is_posterior


@pytest.fixture
def small(tiny):
    return tiny.replace(model="vae", beta1=0.9)


def test_a_vae_improves_and_can_be_loaded(tmp_path):
    config = recipes.vae(
        g_width=64, d_width=64, latent=8, steps=30, report_every=10, split="test", threads=1,
        device="cpu", sample_every=10**6,
    )  # fmt: skip
    model = forgery.train(config, tmp_path / "run")
    images = to_model(load("mnist", "test").values[:200])
    at_first, now = (
        (m.reconstruct(images) - images).square().mean()
        for m in (forgery.load(model.path, step=0), model)
    )
    assert now < 0.7 * at_first
    again = forgery.load(tmp_path / "run")
    assert again.discriminator is None
    assert torch.equal(again.encode(images), model.encode(images))
    assert again.encode(images).shape == (200, 8)
    assert again.sample(5).shape == (5, 1, 28, 28)
    reports = open_run(tmp_path / "run").read_metrics()
    assert reports[-1]["reconstruction"] < reports[0]["reconstruction"]
    assert "d_loss" not in reports[-1]
    assert Doctor("non-saturating").examine(reports[-1]) == []
    assert (tmp_path / "run" / "curves.png").stat().st_size > 1000


def test_points_are_encoded_in_the_units_of_samples(small, tmp_path):
    model = forgery.train(small.replace(data="ring8", split="train", steps=2), tmp_path / "run")
    points = model.sample(20)
    assert model.reconstruct(points).shape == points.shape
    assert model.encode(points).shape == (20, 4)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"penalty": "r1"}, "penalty has no effect with model vae: give --model gan"),
        ({"conditional": "concat"}, "conditional has no effect with model vae"),
        ({"pack": 2}, "pack has no effect with model vae"),
        ({"noise": "uniform"}, "noise has no effect with model vae"),
        ({"model": "vaee"}, "did you mean 'vae'"),
    ],
)
def test_settings_of_gans_are_refused(small, tmp_path, changes, says):
    with pytest.raises(ForgeryError, match=says):
        forgery.train(small.replace(**changes), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_gan_has_no_encoder(tiny, tmp_path):
    model = forgery.train(tiny, tmp_path / "run")
    with pytest.raises(ForgeryError, match="has no encoder"):
        model.encode(model.sample(2))
