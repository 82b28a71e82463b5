"""Shared fixtures: a small config, and one thread per process (or OMP_NUM_THREADS)."""

import os

# Before torch is imported, since several test processes run side by side.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import pytest
import torch
from hypothesis import settings

from forgery import recipes
from forgery.config import Config
from forgery.training import device, loop

# The same examples on every machine, without a time limit.
settings.register_profile("everywhere", deadline=None, derandomize=True)
settings.load_profile("everywhere")


@pytest.fixture(autouse=True)
def _threads(monkeypatch):
    torch.set_flush_denormal(False)  # verbs set it for the rest of their process
    threads = int(os.environ["OMP_NUM_THREADS"])
    torch.set_num_threads(threads)
    monkeypatch.setattr(device, "_cores", lambda: threads)  # the default of evaluate, among others


@pytest.fixture(autouse=True)
def _no_clock(monkeypatch):
    """Reports and checkpoints depend on steps only, however slow the machine is."""
    for name in ("FIRST_REPORT", "NEXT_REPORT", "NEXT_CHECKPOINT"):
        monkeypatch.setattr(loop, name, float("inf"))


@pytest.fixture(autouse=True)
def cache(monkeypatch, tmp_path_factory):
    """A cache for decoded pictures, so that tests do not use the user's cache."""
    folder = tmp_path_factory.mktemp("cache")
    monkeypatch.setenv("FORGERY_CACHE", str(folder))
    return folder / "images"


@pytest.fixture
def tiny() -> Config:
    """MNIST with networks so small that a step takes a millisecond, and all kinds of state."""
    return recipes.mlp(
        g_width=8,
        d_width=8,
        latent=4,
        batch_size=20,
        steps=6,
        report_every=2,
        sample_every=3,
        checkpoint_every=1,
        keep_checkpoints=100,
        grid=4,
        threads=1,
        device="cpu",
        split="test",
    )
