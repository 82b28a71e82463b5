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


def test_ctrl_c_ends_the_lab(server_of, page_of, runs):
    server = server_of(runs)
    page = page_of(server.address)
    page.expect_problem("ERR_CONNECTION_REFUSED")
    page.get_by_role("heading").first.wait_for()
    assert server.stop(signal.SIGINT) == 0
