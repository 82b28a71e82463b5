"""The lab's explorer in headless Chromium: milliseconds from a slider's input to its picture.

    python benchmarks/lab_explorer.py [--moves 200] [--run RUN] [--load "what else ran"]

A run of the MNIST MLP (one step: speed does not depend on what it has learnt), or RUN, is opened in
a lab of its own. Each move sets a slider and dispatches its input event; the time ends when the
canvas has been painted with the new image, and once more at the frame after it. Moves follow each
other in two ways: one at a time, and at the pace of a hand, one each 16 ms, where the page leaves
out those that are overtaken. Needs Chromium, and playwright.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median, quantiles
from typing import Any

from playwright.sync_api import Page, sync_playwright

import forgery
from forgery import recipes
from machine import machine

#: Sliders: name → (selector, from, to).
SLIDERS = {
    "line": ("section:has(canvas.strip) input[type=range]", 0.0, 1.0),
    "direction": (".directions input", -3.0, 3.0),
    "truncation": ("input[aria-label^=truncation]", 0.2, 1.4),
}

# Notes when a canvas was painted; runs before the page's own scripts.
WATCH = """
window.painted = [];
const put = CanvasRenderingContext2D.prototype.putImageData;
CanvasRenderingContext2D.prototype.putImageData = function (...args) {
  put.apply(this, args);
  if (this.canvas.classList.contains("large")) window.painted.push(performance.now());
};
"""

MOVES = """async ({ selector, low, high, moves, pace }) => {
  const input = document.querySelector(selector);
  const frame = () => new Promise((resolve) => requestAnimationFrame(resolve));
  const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
  const [toPaint, toFrame] = [[], []];
  window.painted.length = 0;
  const start = performance.now();
  for (let i = 0; i < moves; i += 1) {
    const before = window.painted.length;
    input.value = low + (high - low) * ((i * 7) % moves) / moves;
    const from = performance.now();
    input.dispatchEvent(new Event("input", { bubbles: true }));
    if (pace) { await pause(pace); continue; }
    while (window.painted.length === before) await pause(0);
    toPaint.push(window.painted[before] - from);
    await frame();
    toFrame.push(performance.now() - from);
  }
  if (pace) await pause(500);
  return { toPaint, toFrame, painted: window.painted.length, seconds: (performance.now() - start) / 1000 };
}"""  # noqa: E501


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--moves", type=int, default=200)
    parser.add_argument("--run", type=Path, help="a run of images (default: a new one of MNIST)")
    parser.add_argument("--load", default="", help="what else ran on the machine, for the record")
    given = parser.parse_args()
    beside = given.load or "nothing known"
    print(f"# {machine()}; load average {os.getloadavg()[0]:.1f}; beside: {beside}")
    with tempfile.TemporaryDirectory() as place:
        run = given.run
        if run is None:
            run = Path(place) / "digits"
            forgery.train(recipes.mlp(steps=1), run)
        command = [sys.executable, "-m", "forgery", "lab", str(run), "--no-browser", "--port", "0"]
        server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        try:
            assert server.stdout is not None
            lines = (re.search(r"http://\S+\?token=\S+", line) for line in server.stdout)
            address = next(found[0] for found in lines if found)
            with sync_playwright() as playwright:
                chromium = playwright.chromium.launch(
                    executable_path=shutil.which("chromium"), args=["--no-sandbox", "--disable-gpu"]
                )
                page = chromium.new_page(viewport={"width": 1280, "height": 800})
                page.add_init_script(WATCH)
                page.goto(address)
                page.goto(f"{address.partition('?')[0]}#/explorer?run={run.name}")
                page.locator(".directions .direction").first.wait_for()
                page.wait_for_timeout(1000)
                for name in SLIDERS:
                    measure(page, name, given.moves)
                chromium.close()
        finally:
            server.terminate()
            server.wait()


def measure(page: Page, name: str, moves: int) -> None:
    """Print how long the slider called ``name`` takes."""
    selector, low, high = SLIDERS[name]
    settings: dict[str, Any] = {"selector": selector, "low": low, "high": high, "moves": moves}
    page.evaluate(MOVES, settings | {"pace": 0, "moves": 10})  # the first ones are slower
    one = page.evaluate(MOVES, settings | {"pace": 0})
    print(f"{name}: one at a time, {moves} moves")
    for label, times in (("painted", one["toPaint"]), ("next frame", one["toFrame"])):
        middle, ninetieth, most = median(times), quantiles(times, n=10)[-1], max(times)
        print(
            f"  {label:10}  median {middle:5.1f} ms, 90 % within {ninetieth:5.1f} ms, "
            f"most {most:5.1f} ms"
        )
    hand = page.evaluate(MOVES, settings | {"pace": 16})
    rate = hand["painted"] / (hand["seconds"] - 0.5)
    print(f"  one each 16 ms: {hand['painted']} of {moves} painted, {rate:.0f} a second")


if __name__ == "__main__":
    main()
