"""Spot the forgery in a real browser."""

import threading
from collections.abc import Iterator

import pytest
import uvicorn

from forgery.evaluation import human
from forgery.lab.app import create_app
from forgery.lab.folder import RunsFolder

from .conftest import TOKEN

pytestmark = pytest.mark.slow


@pytest.fixture
def lab(runs, monkeypatch) -> Iterator[str]:
    """The address of a lab for which six guesses are enough."""
    monkeypatch.setattr(human, "NEEDED", 6)
    monkeypatch.setattr(human, "FIRST", 4)
    monkeypatch.setattr(human, "LENGTHS", (6, 12))
    monkeypatch.setattr(human.Staircase, "LENGTH", 6)
    app = create_app(RunsFolder(runs), TOKEN, None)
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="warning"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        thread.join(0.02)
    port = server.servers[0].sockets[0].getsockname()[1]
    yield f"http://127.0.0.1:{port}"
    server.should_exit = True
    thread.join(10)


def opened(page_of, lab, run="digits", **options):
    page = page_of(f"{lab}/?token={TOKEN}", **options)
    page.goto(f"{lab}/#/spotting?run={run}")
    page.get_by_role("button", name="Start").wait_for()
    return page


def seen(page, what):
    page.wait_for_selector(f'.spotting-stage[data-seen="{what}"]')


def decoded(page):
    page.evaluate("Promise.all([...document.images].map((image) => image.decode()))")


def no_scrolling(page):
    return page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_a_run_is_chosen_and_six_images_are_judged_by_keyboard(lab, page_of, runs):
    page = page_of(f"{lab}/?token={TOKEN}")
    page.goto(f"{lab}/#/spotting")
    page.get_by_text("One run draws points").wait_for()
    page.picture("choice")
    page.get_by_role("link", name="digits").click()
    page.get_by_role("button", name="Start").wait_for()
    page.picture("setup")
    page.get_by_role("button", name="Start").click()
    for i in range(6):
        page.get_by_text(f"Image {i + 1} of 6").wait_for()
        page.get_by_role("button", name="Real").and_(page.locator(":enabled")).wait_for()
        if i == 2:
            page.picture("game")
        page.keyboard.press("rf"[i % 2])
        page.get_by_text("D is ").wait_for()
        if i == 4:
            assert "First impression" in page.inner_text("main")
            page.picture("judged")
        page.keyboard.press("Space")
    page.get_by_text("You were wrong on").wait_for()
    page.get_by_text("Recorded in the run's human.json").wait_for()
    decoded(page)
    page.picture("result")
    (played,) = human.read(runs / "digits").sessions
    assert played.total.guesses == 6
    assert f"{played.total.errors} wrong of 6" in page.inner_text(".spotting-rates")
    page.get_by_role("button", name="Play again").click()
    page.get_by_text("error rate").wait_for()


def test_a_timed_image_is_hidden(lab, page_of, runs):
    page = opened(page_of, lab, dark=True)
    page.get_by_label("For how long").select_option("100")
    page.picture("setup-dark")
    page.get_by_role("button", name="Start").click()
    seen(page, "mask")
    page.picture("masked-dark")
    page.keyboard.press("ArrowLeft")
    page.get_by_text("D is ").wait_for()
    seen(page, "image")  # beside the answer
    page.picture("judged-dark")
    page.get_by_role("button", name="Next").click()
    seen(page, "mask")
    page.get_by_role("button", name="Stop here").click()
    page.get_by_text("Too few guesses").wait_for()
    assert "on screen for" in page.inner_text("main")
    page.picture("result-dark")


def test_a_pair_on_a_phone(lab, page_of, runs):
    page = opened(page_of, lab, run="classes%2Fconditional", width=390, height=800)
    page.picture("setup-phone")
    assert no_scrolling(page)
    page.get_by_label("What is shown").select_option("pair")
    page.get_by_role("button", name="Start").click()
    for i in range(6):
        page.get_by_text(f"Pair {i + 1} of 6").wait_for()
        page.get_by_role("button", name="Left is real").and_(page.locator(":enabled")).click()
        page.get_by_text("D is ").wait_for()
        assert no_scrolling(page)
        if i == 1:
            page.picture("judged-phone")
        page.get_by_role("button", name="Next").click()
    page.get_by_text("You were wrong on").wait_for()
    decoded(page)
    page.picture("result-phone")
    assert no_scrolling(page)
    assert human.read(runs / "classes" / "conditional").sessions[0].mode == "pair"


def test_a_staircase_ends_with_a_time(lab, page_of):
    page = opened(page_of, lab)
    page.get_by_label("For how long").select_option("staircase")
    page.get_by_text("Each right answer shortens").wait_for()
    page.get_by_role("button", name="Start").click()
    for i in range(6):
        page.get_by_text(f"Image {i + 1} of 6").wait_for()
        seen(page, "mask")
        page.keyboard.press("r")
        page.get_by_text("D is ").wait_for()
        page.keyboard.press("Enter")
    page.get_by_text("You need about").wait_for()
    page.picture("staircase")


def test_a_session_that_the_lab_has_forgotten_offers_a_new_one(lab, page_of, runs):
    page = opened(page_of, lab)
    page.expect_problem("404")
    page.get_by_role("button", name="Start").click()
    page.get_by_role("button", name="Real").and_(page.locator(":enabled")).wait_for()
    page.evaluate(
        "const post = fetch; window.fetch = (path, options) => post(path, options?.body "
        '? { ...options, body: options.body.replace(/"session":"[^"]*/, \'"session":"x\') } '
        ": options)"
    )
    page.keyboard.press("r")
    page.get_by_role("button", name="New session").click()
    page.get_by_role("button", name="Start").wait_for()


def test_a_run_without_its_data_says_so_beside_the_button(lab, page_of, runs):
    path = runs / "digits" / "config.json"
    path.write_text(path.read_text().replace('"data": "mnist"', '"data": "/gone/digits.npy"'))
    page = opened(page_of, lab)
    page.expect_problem("400")
    page.get_by_role("button", name="Start").click()
    page.get_by_text("there is no /gone/digits.npy").wait_for()
    page.get_by_role("button", name="Start").wait_for()
