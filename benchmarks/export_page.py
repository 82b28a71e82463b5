"""Exported pages in headless Chromium: milliseconds from a slider's input to the painted image.

    python benchmarks/export_page.py [--moves 100] [--only mlp dcgan …] [--load "what else ran"]

Each generator is trained for one step (speed does not depend on what it has learnt) and written as
a page, which Chromium opens as a file, offline. Each move sets a slider of a principal direction
and dispatches its input event; the time ends when the canvas has been painted with the new image.
The first 20 moves, while Chromium still compiles, are left out. Needs Chromium, and playwright.
"""

import argparse
import os
import shutil
import tempfile
from pathlib import Path
from statistics import median, quantiles
from typing import Any

from playwright.sync_api import sync_playwright

import forgery
from forgery import model, recipes
from forgery.export.page import page_of
from machine import machine

#: What the data are read as, so that no pictures are needed.
COLOUR: dict[str, Any] = {"data": "stacked-mnist", "split": "test"}
#: Name → recipe and settings.
PAGES: dict[str, tuple[str, dict[str, Any]]] = {
    "mlp": ("mlp", {}),
    "conditional": ("conditional", {}),
    "goodfellow2014": ("goodfellow2014", {}),
    "modern": ("modern", {}),
    "dcgan, 32 px": ("dcgan", COLOUR | {"image_size": 32}),
    "dcgan, 64 px": ("dcgan", COLOUR | {"image_size": 64}),
    "sngan, 32 px": ("sngan", COLOUR | {"image_size": 32}),
    "pictures, 64 px": ("pictures-plain", COLOUR | {"image_size": 64, "minutes": None}),
}

# Notes when the large canvas was painted; runs before the page's own script.
WATCH = """
window.painted = [];
const put = CanvasRenderingContext2D.prototype.putImageData;
CanvasRenderingContext2D.prototype.putImageData = function (...args) {
  put.apply(this, args);
  if (this.canvas.closest(".chosen")) window.painted.push(performance.now());
};
"""

MOVES = """async (moves) => {
  const input = document.querySelector(".directions input");
  const times = [];
  for (let i = 0; i < moves + 20; i += 1) {
    const before = window.painted.length;
    input.value = -3 + 6 * ((i * 7) % moves) / moves;
    const from = performance.now();
    input.dispatchEvent(new Event("input", { bubbles: true }));
    while (window.painted.length === before) await new Promise((done) => setTimeout(done, 0));
    if (i >= 20) times.push(window.painted[before] - from);
  }
  return times;
}"""


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--moves", type=int, default=100)
    parser.add_argument("--only", nargs="*", default=list(PAGES), help="names of generators")
    parser.add_argument("--load", default="", help="what else ran on the machine, for the record")
    given = parser.parse_args()
    beside = given.load or "nothing known"
    print(f"# {machine()}; load average {os.getloadavg()[0]:.1f}; beside: {beside}")
    with tempfile.TemporaryDirectory() as place, sync_playwright() as playwright:
        chromium = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox", "--disable-gpu"]
        )
        print(f"# Chromium {chromium.version}")
        for i, name in enumerate(given.only):
            recipe, settings = PAGES[name]
            run, path = Path(place) / str(i), Path(place) / f"{i}.html"
            limits = {"images": None, "epochs": None, "steps": 1, "device": "cpu"}
            forgery.train(recipes.RECIPES[recipe](**limits | settings), run)
            made = page_of(model.load(run))
            path.write_text(made.content, encoding="utf-8")
            page = chromium.new_page(viewport={"width": 1280, "height": 900})
            page.add_init_script(WATCH)
            page.context.set_offline(True)
            page.goto(path.as_uri())
            page.locator(".directions .direction").first.wait_for()
            page.wait_for_timeout(1000)
            times = page.evaluate(MOVES, given.moves)
            print(
                f"{name:24} {path.stat().st_size / 1e6:5.2f} MB, {made.products / 1e6:6.1f} "
                f"million products: median {median(times):6.1f} ms, 90 % within "
                f"{quantiles(times, n=10)[-1]:6.1f} ms",
                flush=True,
            )
            page.close()


if __name__ == "__main__":
    main()
