"""The reference implementations that the measures are compared with."""

import importlib
from collections.abc import Callable

import pytest


@pytest.fixture
def torchmetrics() -> Callable:
    """``torchmetrics("image.fid", "_compute_fid")``, or the test is skipped.

    torchmetrics' image modules fail to import, in several ways, where torch-fidelity is installed
    without a torchvision that works.
    """

    def find(module: str, name: str) -> Callable:
        try:
            return getattr(importlib.import_module(f"torchmetrics.{module}"), name)
        except (ImportError, RuntimeError) as error:
            pytest.skip(f"torchmetrics.{module} does not import here: {error}")

    return find
