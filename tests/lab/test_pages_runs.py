"""The pages of runs in a real browser."""

import json
import re
import shutil
import signal
import subprocess
import sys
import time

import pytest

import forgery
from forgery import recipes

pytestmark = pytest.mark.slow

#: Flags of a small training that goes on until it is stopped.
ENDLESS = [
    "--steps=1000000", "--g-width=16", "--d-width=16", "--batch-size=20", "--limit=200",
    "--report-every=5", "--sample-every=50", "--threads=1", "--device=cpu", "--latent=8",
]  # fmt: skip


def step_shown(page):
    """The step in the head of a run's page."""
    return int(re.search(r"step ([\d,]+)", page.inner_text("main"))[1].replace(",", ""))


def until(true, seconds=60):
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end
        time.sleep(0.1)


def open_page(page_of, server, place, **options):
    page = page_of(server.address, **options)
    page.get_by_role("heading").first.wait_for()
    page.evaluate("(place) => { location.hash = place; }", place)
    return page


def has_no_sideways_scrolling(page):
    return page.evaluate("document.documentElement.scrollWidth <= innerWidth")


@pytest.fixture
def trainer():
    """Start trainings as in a terminal; they are ended after the test."""
    started = []

    def start(out, *flags):
        command = [sys.executable, "-m", "forgery", "train", "mnist", *ENDLESS, *flags]
        started.append(subprocess.Popen([*command, "--out", str(out)], stdout=subprocess.DEVNULL))
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.wait()


def test_the_list_is_filtered_sorted_and_leads_to_a_run(server_of, page_of, runs):
    (runs / "broken").mkdir()
    (runs / "broken" / "config.json").write_text("{")
    page = page_of(server_of(runs).address)
    page.get_by_role("link", name="digits").first.wait_for()
    assert page.locator("ul.runs > li").count() == 4
    page.get_by_text("config.json is damaged").wait_for()
    page.picture("runs")
    page.get_by_label("Sort by").select_option("name")
    names = page.locator("ul.runs strong").all_inner_texts()
    assert names == ["broken", "classes/conditional", "digits", "ring"]
    page.get_by_label("Filter").fill("ring8")
    assert page.locator("ul.runs > li").count() == 1
    page.get_by_role("link", name="ring").last.click()
    page.get_by_role("heading", name="ring").wait_for()


def test_an_empty_folder_says_what_to_do(server_of, page_of, tmp_path):
    (tmp_path / "empty").mkdir()
    page = page_of(server_of(tmp_path / "empty").address)
    page.get_by_text("Or open a trained model that comes with forgery.").wait_for()
    page.get_by_role("link", name="Runs", exact=True).click()
    page.get_by_text("There are no runs in this folder yet.").wait_for()
    page.picture("runs-empty")
    page.get_by_role("button", name="Train …").last.click()
    page.get_by_role("heading", name="Train").wait_for()


def test_the_slider_shows_the_grids_of_the_whole_history(server_of, page_of, runs):
    page = open_page(page_of, server_of(runs), "#/run?run=digits")
    page.get_by_text("step 30 (grid 8 of 8)").wait_for()
    slider = page.get_by_label("step of the sample grid")
    slider.focus()
    page.keyboard.press("Home")
    page.get_by_text("step 0 (grid 1 of 8)").wait_for()
    page.keyboard.press("ArrowRight")
    page.get_by_text("step 1 (grid 2 of 8)").wait_for()
    page.locator("h1").click()  # away from the slider
    page.keyboard.press("ArrowRight")
    page.get_by_text("step 2 (grid 3 of 8)").wait_for()
    page.get_by_role("button", name="Play").click()
    page.get_by_text("step 30 (grid 8 of 8)").wait_for()
    page.get_by_role("button", name="Show real data").click()
    page.get_by_role("img", name="real data", exact=True).wait_for()
    assert page.locator("img.samples").evaluate("(picture) => picture.naturalWidth") > 0


@pytest.mark.parametrize("name", ["digits", "ring"])
def test_a_run_is_readable_on_a_phone_and_in_the_dark(server_of, page_of, runs, name):
    server = server_of(runs)
    for width, dark in ((390, True), (1280, False)):
        place = f"#/run?run={name}"
        page = open_page(page_of, server, place, width=width, height=844, dark=dark)
        page.get_by_text("Made with forgery").wait_for()
        page.locator("canvas.plot").nth(3).wait_for()
        assert has_no_sideways_scrolling(page)
        page.picture(f"run-{name}-{width}")
    chart = page.locator("canvas.plot").first
    light = chart.evaluate("canvas => canvas.toDataURL()")
    page.emulate_media(color_scheme="dark")
    page.wait_for_function(
        "light => document.querySelector('canvas.plot').toDataURL() !== light", arg=light
    )


def test_a_run_in_another_terminal_is_followed(server_of, page_of, runs, trainer):
    page = open_page(page_of, server_of(runs), "#/runs")
    page.expect_problem("404")  # a picture that is fetched while the folder is deleted
    process = trainer(runs / "live")
    page.get_by_text("running").first.wait_for(timeout=60_000)
    page.get_by_role("link", name="live").last.click()
    page.locator("canvas.plot").first.wait_for(timeout=60_000)
    before = step_shown(page)
    until(lambda: step_shown(page) > before)
    drawn = "document.querySelector('canvas.plot').curves.series[0].x.length"
    points = page.evaluate(drawn)
    until(lambda: page.evaluate(drawn) > points)
    page.get_by_text("Another program trains it").wait_for()
    page.picture("run-live")
    process.send_signal(signal.SIGINT)
    process.wait(60)
    page.get_by_text("It stopped before it reached its length").wait_for()
    shutil.rmtree(runs / "live")
    page.get_by_text("The folder of this run no longer exists").wait_for()
    assert not page.get_by_role("heading", name="Settings").is_visible()
    shutil.copytree(runs / "classes" / "conditional", runs / "live")
    page.locator(".run-settings tr", has_text="projection").wait_for(state="attached")


def test_runs_are_compared(server_of, page_of, runs):
    page = page_of(server_of(runs).address)
    page.get_by_label("choose digits for comparison").check()
    page.get_by_label("choose classes/conditional for comparison").check()
    page.get_by_role("button", name="Compare (2 chosen)").click()
    page.get_by_role("heading", name="Settings that differ").wait_for()
    page.get_by_role("row", name="conditional none projection").wait_for()
    assert page.locator("canvas.plot").count() > 4
    assert has_no_sideways_scrolling(page)
    page.picture("compare")


def test_a_training_is_started_stopped_and_resumed_from_the_page(server_of, page_of, runs):
    page = open_page(page_of, server_of(runs), "#/train")
    page.expect_problem("400")  # the mistake below
    page.get_by_label("Name of the run").fill("mine")
    page.get_by_label("batch-size").fill("0")
    page.get_by_label("batch-size").blur()
    page.get_by_text("batch-size must be at least 1").wait_for()
    page.picture("train-problem")
    for flag in ENDLESS:
        name, value = flag.removeprefix("--").split("=")
        if name == "steps":
            page.locator(".train-length input").fill(value)
            page.locator(".train-length select").select_option("steps")
            continue
        place = page.locator("label.field", has_text=re.compile(f"^{name}")).locator("input")
        if not place.is_visible():
            place.locator("xpath=ancestor::details/summary").click()
        place.fill(value)
        place.blur()
    page.get_by_text("--latent=8").wait_for()
    page.picture("train")
    page.get_by_role("button", name="Start training").click()
    page.get_by_role("heading", name="mine").wait_for(timeout=60_000)
    page.locator("canvas.plot").first.wait_for(timeout=60_000)
    page.get_by_role("button", name="Stop").click()
    page.get_by_text("It stopped before it reached its length").wait_for(timeout=60_000)
    stopped = step_shown(page)
    assert stopped > 0
    page.get_by_role("button", name="Resume").first.click(timeout=60_000)
    page.get_by_label("New length").fill(str(stopped + 40))
    page.get_by_label("New length").press("Enter")
    page.get_by_text("It has reached its length.").wait_for(timeout=60_000)
    until(lambda: step_shown(page) == stopped + 40)


def test_a_run_is_evaluated_from_the_page(server_of, page_of, runs):
    # Of 1,000 training points, 1,000 samples are measured.
    small = {"limit": 1000, "batch_size": 20, "threads": 1, "device": "cpu", "steps": 20}
    forgery.train(recipes.points(**small), runs / "small")
    page = open_page(page_of, server_of(runs), "#/run?run=small")
    page.get_by_role("button", name="Evaluate").click()
    page.get_by_role("row", name="JSD to the density").wait_for(timeout=300_000)
    assert json.loads((runs / "small" / "card.json").read_text())["step"] == 20
    page.picture("run-card")


HIDE = """(hidden) => {
  Object.defineProperty(document, "hidden", { value: hidden, configurable: true });
  document.dispatchEvent(new Event("visibilitychange"));
}"""


def test_a_hidden_page_keeps_no_connection_and_catches_up(server_of, page_of, runs):
    """A browser has six connections to a host, for all its tabs."""
    server = server_of(runs)
    page = open_page(page_of, server, "#/run?run=digits")
    page.get_by_text("step 30 (grid 8 of 8)").wait_for()
    points = "document.querySelector('canvas.plot').curves.series[0].x.length"
    before = page.evaluate(points)
    page.evaluate(HIDE, True)
    samples = runs / "digits" / "samples"
    shutil.copy(samples / "00000030.png", samples / "00000040.png")
    page.wait_for_timeout(1500)
    assert page.get_by_text("step 30 (grid 8 of 8)").is_visible()
    page.evaluate(HIDE, False)
    page.get_by_text("step 40 (grid 9 of 9)").wait_for()
    assert page.evaluate(points) == before


def test_a_killed_lab_is_shown_as_such_and_picked_up_again(server_of, page_of, runs):
    server = server_of(runs)
    page = open_page(page_of, server, "#/run?run=digits")
    page.expect_problem("ERR_")
    page.get_by_text("step 30 (grid 8 of 8)").wait_for()
    server.stop(signal.SIGKILL)
    page.get_by_text("The lab has stopped.").wait_for()
    page.picture("lost")
    server_of(runs, port=server.port)
    page.get_by_text("The lab has stopped.").wait_for(state="hidden", timeout=60_000)
    samples = runs / "digits" / "samples"
    shutil.copy(samples / "00000030.png", samples / "00000040.png")
    page.get_by_text("step 40 (grid 9 of 9)").wait_for()
