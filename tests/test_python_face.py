"""What a caller from Python may rely on: its own settings, and the calls that people type first."""

import pytest
import torch

import forgery
from forgery import ForgeryError, bench, recipes, studio
from forgery import preflight as preflight_module
from forgery.data.pictures import silent
from forgery.preflight import preflight
from forgery.training import device


@pytest.fixture(params=[False, True], ids=["denormals kept", "denormals flushed"])
def callers(request, monkeypatch):
    """Settings of the caller's own, unlike those that any training asks for; a check of them."""
    if not torch.set_flush_denormal(request.param):
        pytest.skip("this processor cannot flush denormal numbers")
    monkeypatch.setattr(device, "resolve_threads", lambda threads: 2)
    torch.set_num_threads(3)
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)

    def check():
        assert torch.get_num_threads() == 3
        assert device.flushes_denormals() is request.param
        assert torch.equal(torch.rand(3), expected)

    yield check
    torch.set_flush_denormal(False)


def test_training_leaves_the_callers_settings_alone(callers, tiny, tmp_path):
    used = []

    def watch(step, done, report):
        used.append((torch.get_num_threads(), device.flushes_denormals()))

    forgery.train(tiny, tmp_path / "run", watch)
    forgery.resume(tmp_path / "run", watch, steps=8)
    assert set(used) == {(2, True)}
    callers()


def test_training_that_fails_leaves_the_callers_settings_alone(callers, tiny, tmp_path):
    def watch(step, done, report):
        raise RuntimeError("a fault of the caller's")

    with pytest.raises(RuntimeError, match="of the caller's"):
        forgery.train(tiny, tmp_path / "run", watch)
    with pytest.raises(ForgeryError, match="larger than the data"):
        forgery.train(tiny.replace(batch_size=10_001), tmp_path / "none")
    callers()


def test_measuring_leaves_the_callers_settings_alone(callers, tiny, tmp_path, monkeypatch):
    monkeypatch.setattr(preflight_module, "SECONDS", 0.01)
    preflight(tiny, silent)
    config = recipes.points(g_width=8, d_width=8, steps=2, device="cpu")
    forgery.train(config, tmp_path / "run")
    studio.evaluate(tmp_path / "run", samples=50, device_name="cpu")
    small = recipes.pacgan(g_width=6, d_width=6, steps=2, device="cpu")
    bench.bench(small, ["non-saturating"], [1], [0, 1], tmp_path / "bench")
    callers()


def test_training_a_classifier_leaves_the_callers_settings_alone(callers, tmp_path):
    studio.train_extractor("mnist", tmp_path / "c.safetensors", "test", epochs=0, device_name="cpu")
    callers()
