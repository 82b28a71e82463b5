"""The page around the views, in a real browser."""

import re
import signal

import pytest

pytestmark = pytest.mark.slow


def test_the_page_opens_and_the_token_is_not_left_in_the_address(server_of, page_of, runs):
    server = server_of(runs)
    page = page_of(server.address)
    page.get_by_role("navigation").get_by_text("Playground").click()
    page.wait_for_url("**/#/playground")
    assert "token" not in page.url
    page.goto(re.sub(r"\?.*", "#/nowhere", server.address))
    page.get_by_text("There is no such page.").wait_for()


def test_another_view_has_its_title_and_the_focus(server_of, page_of, runs):
    page = page_of(server_of(runs).address)
    page.get_by_role("heading", name="Runs").wait_for()
    page.wait_for_function("() => document.title === 'Runs – forgery lab'")
    link = page.get_by_role("navigation").get_by_text("Explorer")
    link.focus()
    page.keyboard.press("Enter")
    page.wait_for_function("() => document.title === 'Explorer – forgery lab'")
    page.wait_for_function("() => document.activeElement.id === 'main'")
    page.get_by_role("link", name="digits").focus()
    page.keyboard.press("Enter")
    page.wait_for_function("() => document.title === 'Explorer: digits – forgery lab'")
    page.wait_for_function("() => document.activeElement.id === 'main'")


def test_numbers_of_an_axis_differ(server_of, page_of, runs):
    page = page_of(server_of(runs).address)
    tidy = "async (given) => (await import('/static/images.js')).tidy(...given)"
    assert [page.evaluate(tidy, [x]) for x in (0.25, 1.3855, 12_300)] == ["0.25", "1.39", "12,300"]
    assert [page.evaluate(tidy, [x, 0.0005]) for x in (1.385, 1.3855)] == ["1.385", "1.3855"]
    assert [page.evaluate(tidy, [x, 2]) for x in (0, 2)] == ["0", "2"]


def test_a_command_is_copied_where_browsers_have_no_clipboard(server_of, page_of, tmp_path):
    (tmp_path / "runs").mkdir()
    server = server_of(tmp_path / "runs")
    page = page_of(server.address)
    page.goto(re.sub(r"\?.*", "#/runs", server.address))
    page.evaluate("Object.defineProperty(navigator, 'clipboard', { value: undefined })")
    page.get_by_role("button", name="Copy").click()
    page.get_by_role("button", name="✓").wait_for()


def test_ctrl_c_ends_the_lab(server_of, page_of, runs):
    server = server_of(runs)
    page = page_of(server.address)
    page.expect_problem("ERR_CONNECTION_REFUSED")
    page.get_by_role("heading").first.wait_for()
    assert server.stop(signal.SIGINT) == 0
