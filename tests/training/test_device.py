import pytest
import torch

from forgery import ForgeryError
from forgery.training import device


def test_auto_checks_that_the_gpu_can_be_used(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setenv("LOCAL_RANK", "99")  # more processes than GPUs
    with pytest.raises(ForgeryError, match="'cuda:99' cannot be used here"):
        device.choose("auto")


def test_auto_is_a_gpu_or_the_cpu():
    assert device.choose("auto").type == ("cuda" if torch.cuda.is_available() else "cpu")
    assert device.choose("cpu") == torch.device("cpu")


@pytest.mark.parametrize("name", ["cuda:99", "cpu:x"])
def test_an_unavailable_device(name):
    with pytest.raises(ForgeryError, match="cannot be used here"):
        device.choose(name)


@pytest.mark.parametrize("name", ["gpu", "cudaa", ""])
def test_the_names_of_devices_are_listed(name):
    with pytest.raises(ForgeryError, match=f"unknown device '{name}': cpu, cuda, cuda:N, mps or"):
        device.choose(name)


def test_far_more_threads_than_cores_are_refused(monkeypatch):
    monkeypatch.setattr(device, "_cores", lambda: 2)
    assert device.resolve_threads(8) == 8
    with pytest.raises(ForgeryError, match=r"9 threads are too many for 2 CPU cores: .* at most 8"):
        device.resolve_threads(9)


def test_threads():
    assert device.prepare_cpu(1) == torch.get_num_threads() == 1
    assert device.prepare_cpu(0) >= 1


def test_the_hardware_has_a_name():
    assert device.describe(torch.device("cpu"))
