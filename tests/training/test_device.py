import pytest
import torch

from forgery import ForgeryError
from forgery.training import device


def test_auto_is_a_gpu_or_the_cpu():
    assert device.choose("auto").type == ("cuda" if torch.cuda.is_available() else "cpu")
    assert device.choose("cpu") == torch.device("cpu")


@pytest.mark.parametrize("name", ["gpu", "cuda:99", "cpu:x", ""])
def test_a_device_that_is_not_there(name):
    with pytest.raises(ForgeryError, match="cannot be used here"):
        device.choose(name)


def test_threads():
    assert device.prepare_cpu(1) == torch.get_num_threads() == 1
    assert device.prepare_cpu(0) >= 1


def test_the_hardware_has_a_name():
    assert device.describe(torch.device("cpu"))
