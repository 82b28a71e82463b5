"""Shared fixtures: a small config, one thread per process (or OMP_NUM_THREADS), a browser."""

import os
import shutil
from pathlib import Path

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


def chromium() -> str | None:
    """The path of an installed Chromium or Chrome."""
    names = ("chromium", "chromium-browser", "google-chrome", "chrome")
    return next((path for name in names if (path := shutil.which(name))), None)


@pytest.fixture(scope="session")
def browser():
    """A headless Chromium."""
    playwright = pytest.importorskip("playwright.sync_api")
    path = chromium()
    if path is None:
        pytest.skip("needs Chromium: apt-get install chromium")
    with playwright.sync_playwright() as started:
        running = started.chromium.launch(
            executable_path=path, args=["--no-sandbox", "--disable-gpu"]
        )
        yield running
        running.close()


@pytest.fixture
def page_of(browser, request):
    """Open pages; a message in the console fails the test. Pictures are kept if asked for.

    ``page_of(address, width=1280, height=800, dark=False)`` returns a page of playwright. With
    ``LAB_SCREENSHOTS=FOLDER`` in the environment, ``page.picture("name")`` writes FOLDER/name.png.
    """
    contexts, problems = [], []
    expected: list[str] = []

    def note(message):
        if message.type in ("error", "warning"):
            problems.append(message.text)

    def open_page(address, width=1280, height=800, dark=False):
        context = browser.new_context(
            viewport={"width": width, "height": height},
            color_scheme="dark" if dark else "light",
        )
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(20_000)
        page.on("console", note)
        page.on("pageerror", lambda error: problems.append(str(error)))

        def picture(name):
            if folder := os.environ.get("LAB_SCREENSHOTS"):
                page.screenshot(path=Path(folder) / f"{name}.png", full_page=True)

        page.picture = picture
        page.expect_problem = expected.append  # part of a message that a test provokes
        page.goto(address)
        return page

    yield open_page
    for context in contexts:
        context.close()
    unexpected = [p for p in problems if not any(part in p for part in expected)]
    assert not unexpected, unexpected
