"""Frames a second on screen and steps a second of the lab's playground, in a headless Chromium.

    python benchmarks/lab_playground.py [--seconds 10]

It starts a lab, opens the playground, plays games of networks with two hidden layers of width 64 as
fast as they go, and counts the frames that were painted and the steps that were played in the same
seconds. It needs Linux, Chromium and playwright. The load average says what else ran on the
machine; the processor time of the game's process, a step and its share of the frames, does not
depend on it.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from playwright.sync_api import Page, sync_playwright

from machine import machine

#: Label → what is chosen on the page: settings by name, and layers by label.
GAMES: dict[str, tuple[dict[str, str], list[str]]] = {
    "no penalty, batch 64": ({"penalty": "none", "batch_size": "64"}, []),
    "no penalty, batch 128": ({"penalty": "none"}, []),
    "no penalty, batch 128, gradients and grid": (
        {"penalty": "none"},
        ["gradients of G", "grid of z"],
    ),
    "R1 + R2, batch 128": ({}, []),
}


def processor_seconds(parent: int) -> float:
    """The processor time of the processes that another one has started."""
    total = 0
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:  # it has ended
            continue
        if int(fields[1]) == parent:
            total += int(fields[11]) + int(fields[12])
    return total / os.sysconf("SC_CLK_TCK")


def measure(page: Page, seconds: float, lab: int) -> tuple[float, float, float]:
    """Painted frames a second, steps a second, and seconds of the processor a step."""
    stage = page.locator(".stage")

    def now() -> tuple[int, int, float]:
        found: dict[str, str] = stage.evaluate("(element) => ({...element.dataset})")
        return int(found["frames"]), int(found["step"]), time.perf_counter()

    page.keyboard.press("Space")
    time.sleep(2)
    frames, step, started = now()
    used = processor_seconds(lab)
    time.sleep(seconds)
    frames_later, step_later, ended = now()
    used = processor_seconds(lab) - used
    page.keyboard.press("Space")
    passed = ended - started
    steps = step_later - step
    return (frames_later - frames) / passed, steps / passed, used / steps


def choose(page: Page, settings: dict[str, str], layers: list[str]) -> None:
    """Set controls of the page."""
    page.get_by_role("button", name="Settings").click()
    for name, value in settings.items():
        control: Any = page.locator(f"[name={name}]")
        if control.evaluate("(element) => element.tagName") == "SELECT":
            control.select_option(value)
        else:
            control.fill(value)
            control.press("Enter")
        time.sleep(0.5)
    for label in layers:
        page.get_by_label(label).check()
    page.get_by_role("heading", level=1).click()
    page.evaluate("document.activeElement.blur()")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=10.0)
    seconds = parser.parse_args().seconds
    chromium = next(filter(None, map(shutil.which, ("chromium", "google-chrome", "chrome"))))
    print(machine())
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        command = [sys.executable, "-m", "forgery", "lab", folder, "--no-browser", "--port", "0"]
        lab = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert lab.stdout is not None
        found = next(filter(None, (re.search(r"http://\S+", line) for line in lab.stdout)))
        browser = playwright.chromium.launch(
            executable_path=chromium, args=["--no-sandbox", "--disable-gpu"]
        )
        try:
            for label, (settings, layers) in GAMES.items():
                page = browser.new_page(viewport={"width": 1280, "height": 800})
                page.goto(found[0])
                page.goto(found[0].partition("?")[0] + "#/playground")
                page.get_by_role("button", name="Play").first.wait_for()
                choose(page, settings, layers)
                frames, steps, each = measure(page, seconds, lab.pid)
                load = os.getloadavg()[0]
                print(f"{label}: {frames:.0f} frames/s, {steps:.0f} steps/s, "
                      f"{1000 * each:.2f} ms of processor a step (load {load:.1f})")  # fmt: skip
                page.close()
                time.sleep(8)  # until its game has ended
        finally:
            browser.close()
            lab.terminate()
            lab.wait()


if __name__ == "__main__":
    main()
