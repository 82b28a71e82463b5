"""The commands and examples of the README and the docs, run as printed but shortened."""

import re
import shlex
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from forgery import preflight, recipes
from forgery.cli import VERBS, main

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
README, COMMANDS, RECIPES = ROOT / "README.md", DOCS / "commands.md", DOCS / "recipes.md"
PAGES = [
    README,
    ROOT / "CONTRIBUTING.md",
    ROOT / "benchmarks/README.md",
    *sorted(DOCS.glob("*.md")),
]
SHORT = [
    "--steps=2",
    "--report-every=1",
    "--g-width=8",
    "--d-width=8",
    "--device=cpu",
    "--threads=1",
]
SHORTER = {"--minutes", "--epochs"}


def text_of(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def commands(page: Path) -> list[str]:
    """Every ``forgery …`` line of a page's fenced blocks and of the first column of its tables."""
    text = text_of(page)
    blocks = "\n".join(re.findall(r"```\n(.*?)```", text, re.S))
    lines = re.findall(r"^forgery .*$", blocks, re.M)
    return re.findall(r"^\| `(forgery .*?)` \|", text, re.M) + lines


def shortened(command: str) -> list[str]:
    """The arguments of a command, changed to a few steps on small networks."""
    words = shlex.split(command)[1:]
    for flag in SHORTER & set(words):
        at = words.index(flag)
        del words[at : at + 2]
    if words[0] == "train":
        words += SHORT
    if words[0] == "resume":
        words += ["--steps=4"]
    if words[0] == "evaluate":
        words += ["--samples=100", "--device=cpu"]
    if words[0] == "neighbours":
        words += ["--no-features"]
    if words[0] == "invert":
        words += ["--test=2", "--steps=5"]
    if words[0] == "classifier":
        words += ["--split=test", "--epochs=0", "--device=cpu"]
    return words


def _draw_photos(folder: Path) -> None:
    random = np.random.default_rng(0)
    for kind in ("cats", "dogs"):
        (folder / kind).mkdir(parents=True)
        for i in range(80):
            pixels = random.integers(0, 256, (12, 16, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(folder / kind / f"{i}.jpg")


@pytest.mark.slow
@pytest.mark.parametrize("page", [README, COMMANDS, RECIPES], ids=lambda page: page.stem)
def test_the_commands_of_a_page_run_in_their_order(page, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(preflight, "SECONDS", 0.01)
    Path("my-settings.toml").write_text("batch_size = 50\n")
    shutil.copy(
        ROOT / "src/forgery/data/mnist/t10k-images-idx3-ubyte.gz", "my-images-idx3-ubyte.gz"
    )
    _draw_photos(Path("my-photos"))
    found = commands(page)
    assert len(found) >= 7
    for command in found:
        if "runs/second" in command:
            shutil.copytree("runs/first", "runs/second")
        monkeypatch.setattr(sys, "argv", ["forgery", *shortened(command)])
        with pytest.raises(SystemExit) as left:
            main()
        printed = capsys.readouterr()
        if "direction" in command:  # after two training steps, samples are not digits
            assert left.value.code == 2
            assert "at least 20 with it" in printed.err
            continue
        assert not left.value.code, (command, printed)
        if out := re.search(r"--out (\S+\.png)", command):
            assert Path(out[1]).is_file()


def test_every_verb_and_recipe_is_documented():
    assert {re.match(r"forgery (\w+)", c)[1] for c in commands(COMMANDS)} == set(VERBS)
    table = text_of(RECIPES).partition("\n## ")[0]
    assert set(re.findall(r"^\| `([\w-]+)` \|", table, re.M)) == set(recipes.RECIPES)


@pytest.mark.parametrize("page", [README, DOCS / "python.md"], ids=lambda page: page.stem)
def test_the_python_example_runs(page, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (example,) = re.findall(r"```python\n(.*?)```", text_of(page), re.S)
    short = example.replace("epochs=5", "steps=2, g_width=8, threads=1")
    short = short.replace("epochs=8", "steps=4")
    exec(compile(short, page.name, "exec"), {})
    printed = capsys.readouterr().out
    assert printed.startswith(
        {"README": "2 torch.Size([64, 1, 28, 28])", "python": "4 tensor("}[page.stem]
    )


def test_the_readme_s_make_targets_and_pictures_are_there():
    makefile = (ROOT / "Makefile").read_text()
    targets = re.findall(r"`make (\w+)`", text_of(README))
    assert targets
    for target in targets:
        assert re.search(rf"^{target}:", makefile, re.M)
    pictures = re.findall(r'<img src="(.*?)"', text_of(README))
    assert len(pictures) >= 3
    for picture in pictures:
        assert (ROOT / picture).stat().st_size <= 300_000


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings on GitHub."""
    headings = re.findall(r"^#+ (.*)$", text_of(page), re.M)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_between_pages_have_targets(page):
    links = re.findall(r"\]\((?!https?:)(.*?)\)", text_of(page))
    links += re.findall(r'<img src="(.*?)"', text_of(page))
    for link in links:
        path, _, anchor = link.partition("#")
        target = page.parent / path if path else page
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


def test_the_index_lists_every_page():
    listed = set(re.findall(r"\]\((.*?)\)", text_of(DOCS / "README.md")))
    assert {page.name for page in DOCS.glob("*.md")} - {"README.md"} <= listed
