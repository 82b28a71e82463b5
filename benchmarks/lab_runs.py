"""Time until the lab shows a long run: 10,000 reports and 500 sample grids, in headless Chromium.

    python benchmarks/lab_runs.py [--reports N] [--grids N] [--rounds N]

From the click on the run in the list until its curves and its newest grid are painted; the median
of the rounds. Needs forgery[lab], playwright, and Chromium. Anything else that runs on the machine
should be stopped.
"""

import argparse
import json
import math
import random
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

from playwright.sync_api import Page, sync_playwright

import forgery
from forgery import recipes, strict_json
from machine import machine

#: Runs once curves are drawn on a canvas and the newest grid is decoded.
IS_SHOWN = """(step) => {
  const canvas = document.querySelector(".run-charts canvas");
  const grid = document.querySelector("img.samples");
  return canvas && canvas.curves && canvas.curves.series[0].x.at(-1) === step
    && grid && grid.complete && grid.naturalWidth > 0;
}"""


def long_run(folder: Path, reports: int, grids: int) -> int:
    """Make a run with that many reports and grids out of a short one; returns its last step."""
    forgery.train(
        recipes.mlp(steps=20, report_every=10, sample_every=10, limit=1000, g_width=16, d_width=16),
        folder,
        progress=False,
    )
    first = strict_json.loads((folder / "metrics.jsonl").read_text().splitlines()[0])
    noise = random.Random(0)
    with open(folder / "metrics.jsonl", "w") as file:
        for i in range(1, reports + 1):
            first |= {
                "step": 200 * i,
                "epoch": i / 3,
                "seconds": 2.0 * i,
                "d_loss": 1.2 + 0.1 * noise.random(),
                "g_loss": 0.9 + 0.3 * math.sin(i / 300) + 0.1 * noise.random(),
                "energy_distance": 0.5 / i + 0.01 * noise.random(),
                "quality": {"frechet": 50 / math.sqrt(i) + noise.random()} if i % 5 == 0 else {},
            }
            file.write(strict_json.dumps(first) + "\n")
    grid = next((folder / "samples").glob("*.png"))
    for i in range(1, grids + 1):
        step = 200 * reports * i // grids
        shutil.copy(grid, folder / "samples" / f"{step:08d}.png")
    record = json.loads((folder / "config.json").read_text())
    record["config"]["Length"] = {"steps": 200 * reports}
    (folder / "config.json").write_text(json.dumps(record))
    return 200 * reports


def open_run(page: Page, address: str, step: int) -> float:
    """Seconds from the click to the painted page."""
    page.goto(address)
    link = page.get_by_role("link", name="long")
    link.first.wait_for()
    page.wait_for_timeout(1000)
    before = time.perf_counter()
    link.first.click()
    page.wait_for_function(IS_SHOWN, arg=step)
    # Two frames: what has been drawn is on the screen.
    page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
    return time.perf_counter() - before


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--reports", type=int, default=10_000)
    parser.add_argument("--grids", type=int, default=500)
    parser.add_argument("--rounds", type=int, default=7)
    given = parser.parse_args()
    chromium = next(path for name in ("chromium", "google-chrome") if (path := shutil.which(name)))
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        step = long_run(Path(folder) / "long", given.reports, given.grids)
        lab = subprocess.Popen(
            [sys.executable, "-m", "forgery", "lab", folder, "--no-browser", "--port", "0"],
            stdout=subprocess.PIPE,
            text=True,
        )
        assert lab.stdout
        address = next(found[0] for line in lab.stdout if (found := re.search(r"http:\S+", line)))
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1280, "height": 800})
        seconds = [open_run(page, address, step) for _ in range(given.rounds)]
        browser.close()
        lab.terminate()
        lab.wait()
    print(f"{given.reports:,} reports, {given.grids} grids: median {median(seconds):.2f} s")
    print(f"rounds: {', '.join(f'{s:.2f}' for s in seconds)}")
    print(machine())


if __name__ == "__main__":
    main()
