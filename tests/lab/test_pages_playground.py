"""The playground in a real browser."""

import re
import signal
import time
from pathlib import Path

import pytest

import forgery
from forgery.lab.playground import Session

pytestmark = pytest.mark.slow


@pytest.fixture
def opened(server_of, page_of, tmp_path):
    """Open a lab on an empty folder at the playground: (server, page)."""

    def open_page(**options):
        folder = tmp_path / "runs"
        folder.mkdir(exist_ok=True)
        server = server_of(folder)
        page = page_of(server.address, **options)
        page.goto(re.sub(r"\?.*", "#/playground", server.address))
        page.get_by_role("button", name="Play").first.wait_for(timeout=60_000)
        page.locator(".stage[data-frames]").wait_for(timeout=60_000)
        return server, page

    return open_page


def step_of(page):
    return int(page.locator(".stage").get_attribute("data-step"))


def wait_for_step(page, step):
    """Wait until a step is shown."""
    page.wait_for_function(
        "step => Number(document.querySelector('.stage').dataset.step) >= step", arg=step,
        timeout=60_000,
    )  # fmt: skip


def pixels(page):
    """The picture of the first game."""
    return page.locator(".game canvas").first.evaluate("canvas => canvas.toDataURL()")


def test_a_game_is_played_stepped_and_slowed_down(opened):
    _, page = opened()
    before = pixels(page)
    page.keyboard.press("Space")
    wait_for_step(page, 20)
    page.keyboard.press("Space")
    page.get_by_role("button", name="Play").first.wait_for()
    assert pixels(page) != before
    page.picture("playground")
    page.wait_for_timeout(500)
    step = step_of(page)
    page.keyboard.press("s")
    wait_for_step(page, step + 1)
    page.keyboard.press("d")
    page.get_by_text("D has moved, G has not").wait_for()
    assert step_of(page) == step + 1
    page.keyboard.press("g")
    wait_for_step(page, step + 2)
    for name in ("1 of 5", "2 of 5", "3 of 5", "4 of 5", "5 of 5"):
        page.keyboard.press("n")
        page.get_by_text(name).wait_for()
        page.picture(f"moment-{name[0]}")
    wait_for_step(page, step + 3)
    page.keyboard.press("m")
    page.get_by_text("1 of 5").wait_for()
    page.get_by_text("2 of 5").wait_for()
    page.keyboard.press("m")
    page.keyboard.press("Space")
    page.keyboard.press("r")
    page.get_by_text("Step 0").wait_for()


def test_settings_are_changed_while_it_plays_or_refused_beside_the_field(opened):
    _, page = opened()
    page.expect_problem("400")  # the refusal
    page.keyboard.press("Space")
    page.get_by_role("button", name="Settings").click()
    wait_for_step(page, 5)
    page.locator("select[name=penalty]").select_option("none")
    page.locator("select[name=objective]").select_option("wasserstein")
    problem = page.locator(".field .problem:visible")
    problem.wait_for()
    assert "no lower bound" in problem.inner_text()
    step = step_of(page)
    wait_for_step(page, step + 5)  # the game goes on
    page.locator("select[name=penalty]").select_option("wgan-gp")  # and now they go together
    problem.wait_for(state="hidden")
    page.get_by_role("button", name="Save").click()
    page.get_by_text("--objective wasserstein --penalty wgan-gp").wait_for()
    page.picture("save")


def test_two_games_side_by_side(opened):
    _, page = opened()
    page.get_by_role("button", name="Two games").click()
    page.get_by_role("button", name="minimax against non-saturating").focus()
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="B: objective non-saturating").wait_for()
    focused = page.evaluate("document.activeElement.textContent")
    assert focused == "minimax against non-saturating"
    page.evaluate("document.activeElement.blur()")
    page.keyboard.press("Space")
    wait_for_step(page, 10)
    assert page.locator(".game canvas").count() == 2
    page.picture("two")
    page.get_by_role("button", name="End the second game").click()
    page.get_by_role("heading", name="B:").wait_for(state="hidden")


def test_the_game_of_the_paper_on_the_line(opened):
    _, page = opened(dark=True)
    page.get_by_role("button", name="The game of the paper").click()
    wait_for_step(page, 30)
    page.get_by_role("button", name="Pause").click()
    page.get_by_text("D* = p_data").wait_for()
    page.picture("paper")


def test_points_are_drawn_played_and_saved(opened, tmp_path):
    _, page = opened()
    page.get_by_label("Data", exact=True).select_option("drawn")
    box = page.locator(".easel canvas").bounding_box()
    page.mouse.move(box["x"] + 60, box["y"] + 60)
    page.mouse.down()
    for i in range(40):
        page.mouse.move(box["x"] + 60 + 8 * i, box["y"] + 60 + 6 * (i % 20))
    page.mouse.up()
    page.picture("easel")
    page.get_by_role("button", name="Play with these points").click()
    page.locator(".game canvas").wait_for()
    page.keyboard.press("s")
    wait_for_step(page, 1)
    page.get_by_role("button", name="Save", exact=True).click()
    page.get_by_label("Name of the run").fill("mine")
    page.locator(".terminal").get_by_role("button", name="Save", exact=True).click()
    page.get_by_role("link", name="Open the run").wait_for(timeout=60_000)
    assert forgery.load(tmp_path / "runs" / "mine").step == 1
    assert (tmp_path / "runs" / "mine" / "points.csv").exists()


def test_a_file_of_points_is_read_and_a_bad_one_refused(opened, tmp_path):
    _, page = opened()
    page.expect_problem("400")
    bad, good = tmp_path / "bad.csv", tmp_path / "good.csv"
    bad.write_text("x,y\n1,2\n3,four\n")
    good.write_text("".join(f"{i % 9},{i % 7}\n" for i in range(200)))
    page.locator("input[type=file]").set_input_files(bad)
    page.get_by_text("bad.csv, line 3: expected numbers").wait_for()
    page.locator("input[type=file]").set_input_files(good)
    page.get_by_label("Data", exact=True).locator("option:checked", has_text="good.csv").wait_for(
        state="attached"
    )
    page.keyboard.press("s")
    wait_for_step(page, 1)


def test_a_game_that_breaks_says_so_and_goes_back(opened):
    _, page = opened()
    page.get_by_role("button", name="Settings").click()
    page.locator("select[name=penalty]").select_option("none")
    rate = page.locator("input[name=d_learning_rate]")
    rate.fill("1e30")
    rate.press("Enter")
    page.evaluate("document.activeElement.blur()")
    page.keyboard.press("Space")
    page.get_by_text("The game broke at step").wait_for()
    page.picture("broken")
    page.get_by_role("button", name="Go back").click()
    page.get_by_text("The game broke at step").wait_for(state="hidden")


def test_it_fits_on_a_phone(opened):
    _, page = opened(width=390, height=844)
    page.get_by_role("button", name="Play").first.click()
    wait_for_step(page, 5)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.picture("phone")


def children(pid):
    """The processes that a process has started."""
    return [
        int(stat.parent.name)
        for stat in Path("/proc").glob("[0-9]*/stat")
        if (text := _read(stat)) and text.rpartition(")")[2].split()[1] == str(pid)
    ]


def _read(path):
    try:
        return path.read_text()
    except OSError:
        return ""


def _gone(pid):
    """Whether a process has ended; one that nobody has waited for yet counts as ended."""
    text = _read(Path(f"/proc/{pid}/stat"))
    return not text or text.rpartition(")")[2].split()[0] == "Z"


def wait_until(holds, seconds=60):
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.1)


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_the_games_end_with_the_lab_however_it_ends(opened, how):
    server, page = opened()
    page.expect_problem("ERR_")
    started = children(server.process.pid)
    assert started
    server.stop(how)
    wait_until(lambda: all(_gone(pid) for pid in started))


def test_a_lab_that_was_killed_is_shown_as_such_and_picked_up_again(opened, server_of, tmp_path):
    server, page = opened()
    page.expect_problem("ERR_")
    page.get_by_label("Data", exact=True).select_option("moons")
    page.locator(".terminal pre", has_text="train moons").wait_for(state="attached")
    server.stop(signal.SIGKILL)
    page.get_by_text("The lab has stopped").wait_for()
    server_of(tmp_path / "runs", port=server.port)
    page.get_by_text("starts again with the same settings").wait_for(timeout=60_000)
    assert page.get_by_label("Data", exact=True).input_value() == "moons"
    page.keyboard.press("s")
    wait_for_step(page, 1)


def test_painted_points_outlive_the_lab(opened, server_of, tmp_path):
    server, page = opened()
    page.expect_problem("ERR_")
    page.get_by_label("Data", exact=True).select_option("drawn")
    box = page.locator(".easel canvas").bounding_box()
    page.mouse.move(box["x"] + 60, box["y"] + 60)
    page.mouse.down()
    for i in range(10):
        page.mouse.move(box["x"] + 60 + 8 * i, box["y"] + 60)
    page.mouse.up()
    painted = page.locator(".easel .soft", has_text="5,000").inner_text()
    server.stop(signal.SIGKILL)
    page.get_by_text("The lab has stopped").wait_for()
    page.get_by_role("button", name="Play with these points").click()
    assert page.locator(".easel .soft", has_text="5,000").inner_text() == painted
    server_of(tmp_path / "runs", port=server.port)
    page.get_by_text("starts again with the same settings").wait_for(timeout=60_000)
    page.locator(".easel .soft", has_text="5,000").wait_for()
    assert page.locator(".easel .soft", has_text="5,000").inner_text() == painted
    page.get_by_role("button", name="Play with these points").click()
    page.locator(".game canvas").wait_for()
    page.keyboard.press("s")
    wait_for_step(page, 1)


def test_a_closed_page_ends_its_game(opened):
    server, page = opened()
    started = children(server.process.pid)
    page.goto("about:blank")
    # The stream's end is noticed, and the session outlives it by some seconds.
    wait_until(lambda: any(_gone(pid) for pid in started))
    assert server.process.poll() is None


def test_a_process_plays_obeys_and_ends():
    session = Session()
    try:
        assert "losses" in session.options()["groups"]
        state = session.ask("state", {})
        assert state["games"][0]["command"].startswith("forgery train ring8")
        with pytest.raises(forgery.ForgeryError, match="did you mean"):
            session.ask("set", {"settings": {"objektive": "hinge"}})
        assert session.ask("step", {"who": "both"})["step"] == 1
    finally:
        session.close()
    assert session.ended
    with pytest.raises(forgery.ForgeryError, match="has ended"):
        session.ask("state", {})
