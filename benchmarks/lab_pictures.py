"""The pictures of the lab in docs/lab.md and the README, made in a headless Chromium.

    python benchmarks/lab_pictures.py RUN [--out docs/images]

RUN is a run of digits, such as `forgery train mnist` makes. The guesses in the picture of the last
page are random.
"""

import argparse
import io
import random
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page, sync_playwright

#: Frames of the playground, milliseconds between two of them, and the side of the animation.
FRAMES, EVERY, SIDE = 24, 300, 260


def save(page: Page, path: Path) -> None:
    """A screenshot of the window in few colours."""
    picture = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
    picture.quantize(128, dither=Image.Dither.NONE).save(path, optimize=True)
    print(f"{path}: {path.stat().st_size / 1000:.0f} KB")


def run_page(page: Page, out: Path) -> None:
    page.locator("img.samples").wait_for()
    page.wait_for_timeout(1500)
    save(page, out / "lab-run.png")


def playground(page: Page, out: Path) -> None:
    page.get_by_role("button", name="Play").first.wait_for(timeout=60_000)
    page.locator(".stage[data-frames]").wait_for(timeout=60_000)
    page.get_by_label("gradients of G").check()
    page.get_by_role("button", name="Play").first.click()
    frames = []
    for _ in range(FRAMES):
        page.wait_for_timeout(EVERY)
        shown = page.locator(".game canvas").first.screenshot()
        picture = Image.open(io.BytesIO(shown)).convert("RGB")
        frames.append(picture.resize((SIDE, SIDE * picture.height // picture.width)))
    strip = Image.new("RGB", (SIDE, 3 * SIDE))
    for i, frame in enumerate((frames[0], frames[FRAMES // 2], frames[-1])):
        strip.paste(frame, (0, i * SIDE))
    palette = strip.quantize(40, Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE)
    frames = [frame.quantize(palette=palette, dither=Image.Dither.NONE) for frame in frames]
    path = out / "lab-playground.gif"
    frames[0].save(
        path, save_all=True, append_images=frames[1:], duration=200, loop=0, optimize=True
    )
    print(f"{path}: {path.stat().st_size / 1000:.0f} KB")


def explorer(page: Page, out: Path) -> None:
    page.locator(".directions .direction").first.wait_for()
    samples, held = page.locator(".samples .sample"), page.locator(".held")
    for number in (4, 7, 9, 12, 15, 20):
        samples.nth(number).click()
    for i, what in enumerate(("Add to the sum", "Subtract", "Add to the sum")):
        held.nth(2 + i).get_by_role("button", name=what).click()
    page.set_viewport_size({"width": 1280, "height": 1020})
    page.wait_for_timeout(1000)
    save(page, out / "lab-explorer.png")
    page.set_viewport_size({"width": 1280, "height": 800})


def spotting(page: Page, out: Path) -> None:
    guess = random.Random(1)
    page.get_by_role("button", name="Start").click()
    for i in range(9):
        page.get_by_text(f"Image {i + 1} of 50").wait_for()
        page.get_by_role("button", name="Real").and_(page.locator(":enabled")).wait_for()
        page.keyboard.press(guess.choice("rf"))
        page.get_by_text("D is ").wait_for()
        if i < 8:
            page.keyboard.press("Space")
    page.wait_for_timeout(500)
    save(page, out / "lab-spotting.png")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=Path)
    parser.add_argument("--out", type=Path, default=Path("docs/images"))
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        runs = Path(folder) / "runs"
        shutil.copytree(given.run, runs / "digits")
        lab = subprocess.Popen(
            [sys.executable, "-m", "forgery", "lab", str(runs), "--no-browser", "--port", "0"],
            stdout=subprocess.PIPE,
            text=True,
        )
        assert lab.stdout is not None
        address = next(line.strip() for line in lab.stdout if "token=" in line)
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox"]
        )
        page = browser.new_page(viewport={"width": 1280, "height": 800})
        page.goto(address)
        for view, draw in (
            ("run?run=digits", run_page),
            ("playground", playground),
            ("explorer?run=digits", explorer),
            ("spotting?run=digits", spotting),
        ):
            page.goto(re.sub(r"\?.*", f"#/{view}", address))
            draw(page, given.out)
        browser.close()
        lab.terminate()
        lab.wait()


if __name__ == "__main__":
    main()
