"""Reference implementations of the measures."""

import importlib
from collections.abc import Callable

import pytest


@pytest.fixture
def torchmetrics() -> Callable:
    """Find ``torchmetrics("image.fid", "_compute_fid")``, or skip the test.

    torchmetrics' image modules fail to import, in several ways, where torch-fidelity is installed
    without a torchvision that works.
    """

    def find(module: str, name: str) -> Callable:
        try:
            return getattr(importlib.import_module(f"torchmetrics.{module}"), name)
        except (ImportError, RuntimeError) as error:
            pytest.skip(f"torchmetrics.{module} does not import here: {error}")

    return find
