"""The VAE: its bound, its runs, and what it refuses."""

import pytest
import torch
from safetensors.torch import load_file
from torch.distributions import Normal, kl_divergence

import forgery
from forgery import ForgeryError, recipes
from forgery.data import load
from forgery.pixels import to_model
from forgery.training.doctor import Doctor
from forgery.training.game import Player
from forgery.training.vae import VAE, divergence_from_prior, surprise


def test_the_two_parts_of_the_bound_are_those_of_normal_distributions():
    generator = torch.Generator().manual_seed(0)
    mean, log_variance = torch.randn(2, 5, 3, dtype=torch.float64, generator=generator)
    q = Normal(mean, (log_variance / 2).exp())
    expected = kl_divergence(q, Normal(torch.zeros(()), torch.ones(()))).sum(1)
    torch.testing.assert_close(divergence_from_prior(mean, log_variance), expected.double())
    x, drawn = torch.randn(2, 5, 1, 4, 4, dtype=torch.float64, generator=generator)
    log_sigma = torch.tensor(-0.7, dtype=torch.float64)
    expected = -Normal(drawn, log_sigma.exp()).log_prob(x).flatten(1).sum(1)
    torch.testing.assert_close(surprise(x, drawn, log_sigma), expected)


class Linear(torch.nn.Module):
    """x → (a·x, log variance): the encoder of which the best is known."""

    def __init__(self):
        super().__init__()
        self.slope = torch.nn.Parameter(torch.tensor(0.1))
        self.log_variance = torch.nn.Parameter(torch.tensor(0.0))
        self.log_sigma = torch.nn.Parameter(torch.tensor(0.0))

    def forward(self, x):
        return self.slope * x, self.log_variance.expand_as(x)


def test_a_linear_vae_finds_the_posterior_that_is_known():
    """With x = w·z + noise of σ, q is the true posterior: var = σ²/(w² + σ²), mean = w·x/(w² + σ²).

    Data of variance 1: the best model has w² + σ² = 1, so mean = w·x and var = σ².
    """
    torch.manual_seed(0)
    decoder = torch.nn.Linear(1, 1, bias=False)
    encoder = Linear()
    torch.nn.init.constant_(decoder.weight, 0.8)
    players = [Player(n, torch.optim.Adam(n.parameters(), lr=3e-3)) for n in (decoder, encoder)]
    vae = VAE(*players, lambda m: torch.randn(m, 1))
    for _ in range(4000):
        vae.step([torch.randn(512, 1)], [None])
    w, variance = decoder.weight.item(), encoder.log_sigma.exp().item() ** 2
    assert w**2 + variance == pytest.approx(1, abs=0.06)
    assert encoder.slope.item() == pytest.approx(w / (w**2 + variance), abs=0.06)
    assert encoder.log_variance.exp().item() == pytest.approx(variance, abs=0.06)


@pytest.fixture
def small(tiny):
    return tiny.replace(model="vae", beta1=0.9)


@pytest.mark.parametrize("network", ["mlp", "dcgan"])
def test_a_resumed_vae_ends_with_the_bits_of_one_that_was_not(small, tmp_path, network):
    config = small.replace(generator=network, discriminator=network, steps=4)
    forgery.train(config, tmp_path / "straight")
    forgery.train(config.replace(steps=2), tmp_path / "parts")
    forgery.resume(tmp_path / "parts", steps=4)
    for file in ("model", "optimizers"):
        name = f"checkpoints/00000004/{file}.safetensors"
        one, other = (load_file(tmp_path / run / name) for run in ("straight", "parts"))
        assert one.keys() == other.keys()
        assert all(torch.equal(one[key], other[key]) for key in one)


def test_it_learns_to_draw_what_it_saw_and_is_loaded_again(tmp_path):
    config = recipes.vae(
        g_width=64, d_width=64, latent=8, steps=800, report_every=200, split="test", threads=1,
        device="cpu", sample_every=10**6,
    )  # fmt: skip
    model = forgery.train(config, tmp_path / "run")
    images = to_model(load("mnist", "test").values[:200])
    mean_image = images.mean(0, keepdim=True)
    error = (model.reconstruct(images) - images).square().mean()
    assert error < 0.6 * (mean_image - images).square().mean()
    again = forgery.load(tmp_path / "run")
    assert again.discriminator is None
    assert torch.equal(again.encode(images), model.encode(images))
    assert again.encode(images).shape == (200, 8)
    assert again.sample(5).shape == (5, 1, 28, 28)
    reports = forgery.studio.open_run(tmp_path / "run").read_metrics()
    assert reports[-1]["reconstruction"] < reports[0]["reconstruction"]
    assert reports[-1]["kl"] > 1
    assert "d_loss" not in reports[-1]
    assert Doctor().examine(reports[-1]) == []
    assert (tmp_path / "run" / "curves.png").stat().st_size > 1000


def test_points_are_encoded_in_the_units_that_they_are_drawn_in(small, tmp_path):
    model = forgery.train(small.replace(data="ring8", split="train", steps=2), tmp_path / "run")
    points = model.sample(20)
    assert model.reconstruct(points).shape == points.shape
    assert model.encode(points).shape == (20, 4)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"penalty": "r1"}, "no place for penalty r1: give --penalty none"),
        ({"conditional": "concat"}, "no place for conditional concat"),
        ({"pack": 2}, "no place for pack 2"),
        ({"noise": "uniform"}, "no place for noise uniform: give --noise normal"),
        ({"model": "vaee"}, "did you mean 'vae'"),
    ],
)
def test_what_only_a_gan_has_is_refused(small, tmp_path, changes, says):
    with pytest.raises(ForgeryError, match=says):
        forgery.train(small.replace(**changes), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_gan_has_no_encoder(tiny, tmp_path):
    model = forgery.train(tiny, tmp_path / "run")
    with pytest.raises(ForgeryError, match="has no encoder"):
        model.encode(model.sample(2))
