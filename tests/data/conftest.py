"""A fixture for caches of decoded pictures."""

import os
from pathlib import Path

import pytest


@pytest.fixture
def mapped_files(monkeypatch):
    """For each file that is renamed, whether this process has mapped it: Windows refuses to."""
    maps = Path("/proc/self/maps")
    if not maps.exists():
        pytest.skip("needs Linux, which lists the mapped files of a process")
    replace, mapped = os.replace, []

    def watch(source, target):
        mapped.append(os.fspath(source) in maps.read_text())
        replace(source, target)

    monkeypatch.setattr(os, "replace", watch)
    return mapped
