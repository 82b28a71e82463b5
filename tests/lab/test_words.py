"""The text of the pages: every key that a view uses exists."""

import re

from forgery.lab.app import STATIC


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
