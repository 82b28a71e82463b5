"""The explorer in a real browser: its grid, tray, line, arithmetic, sliders, drawing and files."""

import io
import json
import re

import numpy as np
import pytest
import torch
from PIL import Image

from forgery import latent, model
from forgery.pixels import to_pixels

pytestmark = pytest.mark.slow

# Read from a copy: Chromium warns of canvases that are read again and again.
PIXELS = """canvas => {
  const copy = new OffscreenCanvas(canvas.width, canvas.height).getContext('2d');
  copy.drawImage(canvas, 0, 0);
  const data = copy.getImageData(0, 0, canvas.width, canvas.height).data;
  return Array.from(data).filter((_, i) => i % 4 === 0);
}"""


def section(page, title):
    return page.locator("section", has=page.get_by_role("heading", name=title, exact=True))


@pytest.fixture
def explorer(server_of, page_of, runs):
    """Open the explorer of a run: (run, …) → page."""

    def open_explorer(run="digits", width=1280, height=800, dark=False):
        server = server_of(runs)
        page = page_of(server.address, width, height, dark)
        page.goto(re.sub(r"\?.*", f"#/explorer?run={run.replace('/', '%2F')}", server.address))
        page.locator(".directions .direction").first.wait_for(state="attached")
        return page

    return open_explorer


def shown(canvas):
    return np.array(canvas.evaluate(PIXELS), np.uint8)


def expected(runs, *numbers):
    space = model.load(runs / "digits").space()
    z = space.numbered(numbers, 0)
    return space, z


def is_drawn(page, canvas, image):
    """Wait until a canvas shows an image of uint8 ``[1, H, W]``, but for rounding."""
    wanted = image.flatten().int()
    for _ in range(100):
        pixels = torch.from_numpy(shown(canvas)).int()
        if pixels.shape == wanted.shape and (pixels - wanted).abs().max() <= 1:
            return True
        page.wait_for_timeout(50)
    return False


def test_samples_are_held_by_mouse_and_by_keyboard(explorer, runs):
    page = explorer()
    grid, tray = page.locator(".samples .sample"), page.locator(".held")
    assert grid.count() == 40
    space, z = expected(runs, 3)
    assert is_drawn(page, grid.nth(3).locator("canvas"), to_pixels(space.pictures(z)))
    assert tray.count() == 2  # so that every part shows something
    grid.nth(3).click()
    assert tray.count() == 3
    grid.nth(5).focus()
    page.keyboard.press("Enter")
    assert tray.count() == 4
    assert grid.nth(5).get_attribute("aria-pressed") == "true"
    page.keyboard.press("Enter")
    assert tray.count() == 3
    grid.nth(7).drag_to(page.locator(".tray"))
    assert tray.count() == 4
    page.get_by_role("button", name="Next").click()
    page.locator(".samples .sample", has_text="#40").wait_for()
    page.get_by_label("seed").fill("4")
    page.get_by_label("seed").press("Enter")
    page.locator(".samples .sample", has_text="#0 of seed 4").wait_for()
    page.get_by_role("navigation").get_by_text("Playground").click()
    page.wait_for_url("**/#/playground")
    page.go_back()
    page.locator(".held").nth(3).wait_for()  # still held
    page.picture("explorer-grid")


def test_a_slider_goes_from_one_sample_to_another(explorer, runs):
    page = explorer()
    line = section(page, "A line between two")
    slider, canvas = line.get_by_role("slider"), line.locator("canvas.large")
    space, (a, b) = expected(runs, 0, 1)
    for way, label in ((latent.sphere, "on the sphere"), (latent.line, "straight line")):
        line.get_by_role("combobox", name="way").select_option(label)
        for t in (0.0, 0.3, 1.0):
            slider.fill(str(t))
            z = way(a, b, torch.tensor(t))
            assert is_drawn(page, canvas, to_pixels(space.pictures(z[None])))
    before = slider.input_value()
    line.get_by_role("button", name="Play").click()
    page.wait_for_timeout(300)
    line.get_by_role("button", name="Pause").click()
    assert slider.input_value() != before
    slider.focus()
    at = float(slider.input_value())
    page.keyboard.press("ArrowLeft")
    assert float(slider.input_value()) == pytest.approx(at - 0.005)
    line.get_by_text("As a command").click()
    assert "--through 0,1 --way line --seed 0" in line.locator("pre").inner_text()


def test_samples_are_added_and_subtracted(explorer, runs):
    page = explorer(height=2600)  # playwright drags only where nothing has to be scrolled
    page.locator(".samples .sample").nth(2).click()
    board = section(page, "Arithmetic")
    held = page.locator(".held")
    held.nth(0).get_by_role("button", name="Add to the sum").click()
    held.nth(1).get_by_role("button", name="Subtract").focus()
    page.keyboard.press("Enter")
    held.nth(2).drag_to(board.locator(".group").nth(2))
    space, z = expected(runs, 0, 1, 2)
    terms = [(1, "a", z[:1]), (-1, "b", z[1:2]), (1, "c", z[2:])]
    figure = latent.combine(space, terms)
    canvas = board.locator("canvas.large")
    assert is_drawn(page, canvas, to_pixels(figure.result))
    board.get_by_label("with eight neighbours").check()
    board.locator("canvas.large[width='88']").wait_for()
    sheet = torch.from_numpy(shown(canvas)).view(88, 88).int()
    for place, image in ((0, figure.neighbours[0]), (4, figure.result), (8, figure.neighbours[7])):
        top, left = 30 * (place // 3), 30 * (place % 3)
        drawn = sheet[top : top + 28, left : left + 28]
        assert (drawn - to_pixels(image)[0].int()).abs().max() <= 1
    board.get_by_role("button", name="New − concept").click()
    board.get_by_role("button", name="Add the chosen").last.click()  # the one that was held last
    more = latent.combine(space, [*terms, (-1, "d", z[2:])]).result
    board.get_by_label("with eight neighbours").uncheck()
    assert is_drawn(page, canvas, to_pixels(more))
    board.get_by_role("button", name="Take away: #2").last.click()
    assert is_drawn(page, canvas, to_pixels(figure.result))
    board.get_by_text("As a command").click()
    command = board.locator("pre").inner_text()
    assert command.endswith("--plus 0 --minus 1 --plus 2 --seed 0")
    page.picture("explorer-arithmetic")


def test_a_chosen_sample_is_moved_along_directions(explorer, runs):
    page = explorer()
    chosen = section(page, "The chosen sample")
    canvas = chosen.locator("canvas.large")
    space, z = expected(runs, 1)
    assert is_drawn(page, canvas, to_pixels(space.pictures(z)))
    chosen.get_by_label("truncation ψ").fill("0")
    assert is_drawn(page, canvas, to_pixels(space.pictures(torch.zeros(1, 8))))
    chosen.get_by_role("button", name="Reset").click()
    first = latent.principal_directions(space).vectors[0]
    chosen.locator(".directions input").first.fill("2")
    moved = z - (z @ first)[:, None] * first + 2 * first
    assert is_drawn(page, canvas, to_pixels(space.pictures(moved)))
    chosen.get_by_role("button", name="What does D say?").click()
    chosen.get_by_text("D(x) =").wait_for()
    chosen.get_by_role("button", name="Nearest training image").click()
    chosen.locator("figcaption").wait_for()
    chosen.get_by_role("button", name="Hold this image").click()
    assert page.locator(".held").count() == 3
    chosen.get_by_role("button", name="Directions of attributes").click()
    chosen.get_by_label("attribute", exact=True).select_option("8")
    page.picture("explorer-sample")


def test_a_view_is_saved_with_its_z(explorer, runs):
    page = explorer()
    chosen = section(page, "The chosen sample")
    space, z = expected(runs, 1)
    assert is_drawn(page, chosen.locator("canvas.large"), to_pixels(space.pictures(z)))
    with page.expect_download() as download:
        chosen.get_by_role("button", name="Save PNG").click()
    assert download.value.suggested_filename == "digits-sample.png"
    image = Image.open(download.value.path()).convert("L")
    assert image.size == (280, 280)
    small = np.asarray(image)[::10, ::10].astype(int)
    assert np.abs(small - to_pixels(space.pictures(z))[0, 0].numpy()).max() <= 1
    with page.expect_download() as download:
        chosen.get_by_role("button", name="Save z").click()
    record = json.loads(download.value.path().read_text())
    assert (record["run"], record["step"], record["of"]["seed"]) == ("digits", 30, 0)
    assert record["of"]["number"] == 1
    assert np.allclose(record["z"], z[0].numpy(), atol=1e-6)


def test_a_drawing_and_an_uploaded_picture_are_inverted(explorer):
    page = explorer()
    picture = section(page, "A picture of yours")
    pad = picture.locator("canvas.pad")
    pad.scroll_into_view_if_needed()
    box = pad.bounding_box()
    page.mouse.move(box["x"] + box["width"] * 0.5, box["y"] + box["height"] * 0.2)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.5, box["y"] + box["height"] * 0.8, steps=4)
    page.mouse.up()
    picture.get_by_role("button", name="Find its z").click()
    picture.get_by_text("The pixels differ by").wait_for()
    wanted = shown(picture.locator("figure canvas").first).reshape(28, 28)
    assert wanted[14, 14] > 200  # the stroke
    assert wanted[14, 2] == 0
    assert page.locator(".held").count() == 3
    file = io.BytesIO()
    Image.new("L", (50, 50), 99).save(file, "PNG")
    upload = picture.get_by_label("or upload a picture")
    upload.set_input_files({"name": "grey.png", "mimeType": "image/png", "buffer": file.getvalue()})
    decoded = torch.full((1, 448, 448), 99, dtype=torch.uint8)  # 16 pixels for one of the image
    assert is_drawn(page, pad, decoded)
    page.expect_problem("400")
    upload.set_input_files({"name": "no.png", "mimeType": "image/png", "buffer": b"nothing"})
    picture.get_by_text("not a picture").wait_for()
    upload.set_input_files(
        {"name": "huge.png", "mimeType": "image/png", "buffer": bytes(10_000_001)}
    )
    picture.get_by_text("more than 10 MB").wait_for()
    page.picture("explorer-drawing")


def test_a_class_is_chosen_for_all_images(explorer, runs):
    page = explorer("classes/conditional", dark=True)
    loaded = model.load(runs / "classes" / "conditional")
    canvas = page.locator(".samples canvas").nth(6)
    assert is_drawn(page, canvas, to_pixels(loaded.sample(7, classes="0")[6:]))
    page.get_by_role("combobox", name="class").select_option("3")
    expected = to_pixels(loaded.sample(7, classes="3"))
    assert is_drawn(page, page.locator(".samples canvas").nth(6), expected[6:])
    assert is_drawn(page, page.locator(".held canvas").first, expected[:1])
    page.picture("explorer-classes-dark")


def test_directions_of_a_class_that_was_left_are_not_offered(explorer):
    page = explorer("classes/conditional")
    held = []
    page.route("**/explorer/principal?*class=1*", lambda route: held.append(route))
    classes = page.get_by_role("combobox", name="class")
    with page.expect_request("**/explorer/principal?*class=1*"):
        classes.select_option("1")
    with page.expect_response("**/explorer/principal?*class=3*"):
        classes.select_option("3")
    late = held[0].fetch()
    marked = late.json() | {"shares": [0.99] * len(late.json()["shares"])}
    with page.expect_response("**/explorer/principal?*class=1*"):
        held[0].fulfill(response=late, json=marked)
    page.wait_for_timeout(500)
    names = page.locator(".directions .direction span:first-child").all_inner_texts()
    assert names
    assert not [name for name in names if "99 %" in name]


def test_a_checkpoint_is_chosen(explorer, runs):
    page = explorer()
    page.get_by_label("checkpoint").focus()
    page.get_by_label("checkpoint").select_option("10")
    page.wait_for_url("**step=10**")
    page.locator(".directions .direction").first.wait_for(state="attached")
    page.wait_for_function("() => document.activeElement.tagName === 'SELECT'")
    expected = to_pixels(model.load(runs / "digits", step=10).sample(1))
    assert is_drawn(page, page.locator(".samples canvas").first, expected)
    page.get_by_role("button", name="Open the newest").click()
    page.wait_for_url("**step=30**")


def test_runs_to_choose_and_runs_that_cannot_be_explored(server_of, page_of, runs):
    server = server_of(runs)
    page = page_of(server.address)
    page.get_by_role("navigation").get_by_text("Explorer").click()
    page.get_by_role("link", name="classes/conditional").wait_for()
    page.get_by_role("link", name="digits").click()
    page.locator(".samples .sample").first.wait_for()
    page.expect_problem("400")
    page.goto(re.sub(r"\?.*", "#/explorer?run=ring", server.address))
    page.get_by_text("the explorer needs a run of images").wait_for()
    page.get_by_role("link", name="To the page of this run").wait_for()


def test_the_page_fits_a_phone(explorer):
    page = explorer(width=390, height=844)
    for i in range(2, 9):
        page.locator(".samples .sample").nth(i).click()
    width = page.evaluate("document.documentElement.scrollWidth")
    assert width <= 390
    page.picture("explorer-phone")
