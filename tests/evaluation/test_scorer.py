"""Scores of the generator during training."""

from pathlib import Path

import pytest
import torch

import forgery
from forgery import ForgeryError
from forgery.data import Units
from forgery.sampler import Sampler
from forgery.training.run import open_run


def qualities(run):
    return [report["quality"] for report in open_run(run).read_metrics()]


def test_quality_is_tracked_during_training(tiny, tmp_path, monkeypatch):
    """The real scorer, once, on real digits."""
    monkeypatch.setattr("forgery.evaluation.scorer.TRACKED", 200)
    config = tiny.replace(steps=2, evaluate_every=2, split="valid10k")
    forgery.train(config, tmp_path / "run")
    (quality,) = qualities(tmp_path / "run")
    assert quality["frechet"] > 50  # after two steps, samples are not digits


def test_quality_that_cannot_be_tracked_is_reported_before_anything_is_written(tiny, tmp_path):
    images = Path(forgery.data.__file__).parent / "mnist" / "t10k-images-idx3-ubyte.gz"
    config = tiny.replace(data=str(images), split="train", evaluate_every=2)
    with pytest.raises(ForgeryError, match="only split is train"):
        forgery.train(config, tmp_path / "run")
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("changes", [{}, {"data": "line", "latent": 1}, {"pack": 2}])
def test_a_known_density_is_part_of_every_report(tmp_path, changes):
    config = forgery.recipes.points(
        g_width=8, d_width=8, steps=4, report_every=2, sample_every=2, device="cpu", **changes
    )
    forgery.train(config, tmp_path / "run")
    found = qualities(tmp_path / "run")
    assert len(found) == 2
    for quality in found:
        assert 0 < quality["jsd"] <= 0.6932
        assert quality["kl"] > 0
        assert ("modes" in quality) == (config.data == "ring8" or config.data == "line")


class Twice(torch.nn.Module):
    """z → 2 z; in training mode, zeros."""

    def __init__(self):
        super().__init__()
        self.factor = torch.nn.Parameter(torch.tensor(2.0))

    def forward(self, z):
        return torch.zeros_like(z) if self.training else self.factor * z


def test_a_sampler_draws_in_evaluation_mode_and_in_the_units_of_the_data():
    network = Twice().train()
    units = Units(torch.tensor([5.0]), torch.tensor([3.0]))
    sampler = Sampler(network, "normal", 1, (1,), units)
    z = sampler.z(1200, seed=3)
    expected = 3 * (2 * z) + 5
    torch.testing.assert_close(sampler.draw(z), expected)
    assert [len(part) for part in sampler.parts(sampler.z_parts(1200, 3))] == [500, 500, 200]
    torch.testing.assert_close(torch.cat(list(sampler.parts(sampler.z_parts(1200, 3)))), expected)
    assert network.training
    assert not sampler.draw(z).requires_grad
    assert sampler(z[:2].requires_grad_(True)).requires_grad


def test_images_are_clamped():
    sampler = Sampler(Twice(), "normal", 1, (1, 1, 1))
    drawn = sampler.draw(torch.tensor([[[[3.0]]], [[[-0.25]]]]))
    assert drawn.flatten().tolist() == [1, -0.5]
