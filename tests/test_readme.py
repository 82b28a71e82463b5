"""The README's commands and its example, run as printed but shortened."""

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
README = (ROOT / "README.md").read_text(encoding="utf-8")
SHORT = [
    "--steps=2",
    "--report-every=1",
    "--g-width=8",
    "--d-width=8",
    "--device=cpu",
    "--threads=1",
]
SHORTER = {"--minutes", "--epochs"}


def commands() -> list[str]:
    """Every ``forgery …`` line of the README's blocks and of its table of verbs."""
    blocks = "\n".join(re.findall(r"```\n(.*?)```", README, re.S))
    lines = re.findall(r"^forgery .*$", blocks, re.M)
    return re.findall(r"^\| `(forgery .*?)` \|", README, re.M) + lines


def shortened(command: str) -> list[str]:
    """The command's arguments with a length of a few steps on small networks."""
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
def test_the_commands_run_in_the_order_they_stand_in(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(preflight, "SECONDS", 0.01)
    Path("my-settings.toml").write_text("batch_size = 50\n")
    shutil.copy(
        ROOT / "src/forgery/data/mnist/t10k-images-idx3-ubyte.gz", "my-images-idx3-ubyte.gz"
    )
    _draw_photos(Path("my-photos"))
    found = commands()
    assert len(found) >= 12
    for command in found:
        monkeypatch.setattr(sys, "argv", ["forgery", *shortened(command)])
        with pytest.raises(SystemExit) as left:
            main()
        printed = capsys.readouterr()
        if "direction" in command:  # a generator of two steps draws no digits
            assert left.value.code == 2
            assert "at least 20 with it" in printed.err
            continue
        assert not left.value.code, (command, printed)
        if "grid.png" in command:
            assert Path("grid.png").is_file()


def test_every_verb_and_recipe_stands_in_it():
    assert {re.match(r"forgery (\w+)", c).group(1) for c in commands()} == set(VERBS)
    assert set(re.findall(r"^\| `([\w-]+)` \|", README, re.M)) == set(recipes.RECIPES)


def test_the_python_example_runs(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (example,) = re.findall(r"```python\n(.*?)```", README, re.S)
    short = example.replace("epochs=5", "steps=2, g_width=8, threads=1")
    short = short.replace("epochs=8", "steps=4")
    exec(compile(short, "README.md", "exec"), {})
    assert capsys.readouterr().out.startswith("4 tensor(")


def test_its_make_targets_and_pictures_are_there():
    makefile = (ROOT / "Makefile").read_text()
    for target in re.findall(r"^make (\w+)", README, re.M):
        assert re.search(rf"^{target}:", makefile, re.M)
    pictures = re.findall(r"!\[.*?\]\((.*?)\)", README) + re.findall(r'<img src="(.*?)"', README)
    assert len(pictures) >= 3
    for picture in pictures:
        assert (ROOT / picture).stat().st_size <= 300_000
    for link in re.findall(r"(?<!!)\[.*?\]\(([\w/.]+)\)", README):
        assert (ROOT / link).exists()
