"""The pages of the site that lie outside docs/, and the links to and from them.

On GitHub, pages link to each other's files. The site has the same pages, some under other names;
what has no page in it, such as a script, is named without a link.
"""

import posixpath
import re
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).parents[2]
#: File in the repository → page of the site.
OUTSIDE = {
    "README.md": "index.md",
    "benchmarks/README.md": "benchmarks.md",
    "CONTRIBUTING.md": "contributing.md",
    "RELEASING.md": "releasing.md",
    "CHANGELOG.md": "changelog.md",
}
#: The list of pages for readers on GitHub; here, the navigation takes its place.
INDEX = "docs/README.md"
#: Longer words of code may break, so that they fit on a phone; longer code may break in tables.
LONGEST, SHORT = 24, 40

_LINK = re.compile(r"(\[[^\]]*\])\((?!\w+:|#)([^)#\s]+)(#[^)\s]*)?\)")
_CODE = re.compile(r"<code>([^<\n]+)</code>")
_PICTURE = re.compile(r'(<img src=")([^"]+)"')


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages outside docs/."""
    for source, page in OUTSIDE.items():
        text = (ROOT / source).read_text(encoding="utf-8")
        files.append(File.generated(config, page, content=text))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Rewrite the relative links of a page."""
    here = page.file.src_uri
    source = next((s for s, p in OUTSIDE.items() if p == here), f"docs/{here}")

    def place(link: str) -> str | None:
        """The path from this page to what a link of its source leads to, if the site has it."""
        target = posixpath.normpath(posixpath.join(posixpath.dirname(source), link))
        uri = OUTSIDE.get(target, target.removeprefix("docs/"))
        if target == INDEX or files.get_file_from_path(uri) is None:
            return None
        return posixpath.relpath(uri, posixpath.dirname(here) or ".")

    def link(found: re.Match[str]) -> str:
        text, path, anchor = found[1], found[2], found[3] or ""
        target = place(path)
        return f"{text}({target}{anchor})" if target else text[1:-1]

    def picture(found: re.Match[str]) -> str:
        return f'{found[1]}{place(found[2]) or found[2]}"'

    return _PICTURE.sub(picture, _LINK.sub(link, markdown))


def on_page_content(html: str, **kwargs: object) -> str:
    """Mark code within a line for the style sheet: short pieces, and words with hyphens."""

    def marked(found: re.Match[str]) -> str:
        words = " ".join(
            f'<span class="word">{word}</span>' if "-" in word and len(word) <= LONGEST else word
            for word in found[1].split(" ")
        )
        short = ' class="short"' if len(found[1]) <= SHORT else ""
        return f"<code{short}>{words}</code>"

    return _CODE.sub(marked, html)
