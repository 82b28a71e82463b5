"""The text of the pages: every key that a view uses exists."""

import re

from forgery.lab.app import STATIC, WEB


def test_every_view_has_its_words():
    text = (STATIC / "words.js").read_text(encoding="utf-8")
    sections = re.findall(r"^  (\w+): \{", text, re.M)
    used = {
        name
        for path in STATIC.glob("*.js")
        for name in re.findall(r"[^.\w/]words\.(\w+)\.", path.read_text(encoding="utf-8"))
    }
    assert used <= set(sections)
    assert len(sections) == len(set(sections))


def test_samples_have_their_words():
    known = re.findall(r"^  (\w+):", (WEB / "sample-words.js").read_text(encoding="utf-8"), re.M)
    used = re.findall(r"\btext\.(\w+)", (WEB / "samples.js").read_text(encoding="utf-8"))
    assert set(used) <= set(known)


def test_no_file_is_in_both_folders():
    assert not {path.name for path in STATIC.iterdir()} & {path.name for path in WEB.iterdir()}
