"""Who may talk to the lab."""

import os
import re
import stat

import pytest

from forgery.lab.app import STATIC, WEB
from forgery.lab.guard import COOKIE, kept_token


def test_the_address_with_the_token_opens_the_page_and_leaves_a_cookie(client):
    answer = client.get(f"/?token={client.token}", headers={"cookie": None})
    assert answer.status_code == 303
    assert answer.headers["location"] == "/"  # the token does not stay in the address
    cookie = answer.headers["set-cookie"]
    assert f"{COOKIE}={client.token}" in cookie
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie
    assert "forgery lab" in client.get("/").text


@pytest.mark.parametrize("path", ["/", "/static/app.js", "/api/about", "/?token=wrong"])
def test_nothing_is_answered_without_the_token(client, path):
    answer = client.get(path, headers={"cookie": None})
    assert answer.status_code == 403
    assert "Open the address" in answer.text


@pytest.mark.parametrize("other", ['prefs={"a":1}', "a=hello world", "a", "a@b=1", "bad[key]=1"])
def test_cookies_of_other_programs_of_this_host_do_no_harm(client, other):
    cookie = f"{other}; {COOKIE}={client.token}"
    assert client.get("/", headers={"cookie": cookie}).status_code == 200


def test_a_wrong_or_broken_cookie_is_refused(client):
    for cookie in (f"{COOKIE}=wrong", "a;b;;=", f"{COOKIE}=\u00ff", f"other={client.token}"):
        assert client.get("/", headers={"cookie": cookie.encode("latin1")}).status_code == 403


@pytest.mark.parametrize("host", ["evil.example", "evil.example:8484", "127.0.0.1.evil", ""])
def test_a_foreign_host_is_refused(client, host):
    assert client.get("/", headers={"host": host}).status_code == 403


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost:9000", "[::1]:8484"])
def test_the_port_may_be_that_of_a_tunnel(client, host):
    assert client.get("/", headers={"host": host}).status_code == 200


@pytest.mark.parametrize("origin", ["http://evil.example", "http://127.0.0.1:1", "null", None])
def test_a_foreign_origin_cannot_change_anything(client, origin):
    for method in ("POST", "DELETE", "PUT"):
        answer = client.request(method, "/api/runs", headers={"origin": origin})
        assert answer.status_code == 403
        assert "another page" in answer.text


def test_every_answer_has_a_strict_policy(client):
    for path in ("/", "/static/app.js", "/static/dom.js", "/api/about", "/static/nothing.js"):
        headers = client.get(path).headers
        assert "script-src 'self'" in headers["content-security-policy"]
        assert "unsafe" not in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"


def test_paths_cannot_leave_the_static_folder(client):
    for path in ("/static/../app.py", "/static/%2e%2e/app.py", "/static//etc/passwd"):
        assert client.get(path).status_code == 404


def test_the_pages_need_nothing_from_elsewhere():
    for path in STATIC.iterdir():
        text = path.read_text()
        assert "<script>" not in text
        assert " style=" not in text
        assert "http://" not in text.replace("http://www.w3.org/2000/svg", "")
        assert "https://" not in text


def test_the_first_page_is_small():
    def modules(name):
        """A module and all that it imports at its start."""
        found = {name}
        for imported in re.findall(r'from "./(.+?)"', at(name).read_text()):
            found |= modules(imported)
        return found

    def at(name):
        return next(path for folder in (STATIC, WEB) if (path := folder / name).exists())

    styles = {"base.css", "samples.css", "style.css"}
    files = {"index.html", *styles, "icon.svg", *modules("app.js"), *modules("runs.js")}
    assert {"words.js", "dom.js"} <= files
    assert sum(at(name).stat().st_size for name in files) <= 200_000


def test_the_token_is_kept_for_the_user_alone(tmp_path):
    token = kept_token(tmp_path / "cache")
    assert kept_token(tmp_path / "cache") == token
    assert len(token) > 32
    assert stat.S_IMODE(os.stat(tmp_path / "cache" / "lab-token").st_mode) == 0o600


def test_a_folder_that_cannot_be_written_gives_a_token_for_once(tmp_path):
    (tmp_path / "file").write_text("")
    assert kept_token(tmp_path / "file") != kept_token(tmp_path / "file")
