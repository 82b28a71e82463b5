"""The commands and examples of the README and the docs, run as printed but shortened."""

import re
import runpy
import shlex
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import forgery
from forgery import Model, export, metrics, preflight, recipes
from forgery.cli import VERBS, app, main
from forgery.config import Config, fields_of, flag
from forgery.data import SOURCES, Dataset
from forgery.data.faces import ATTRIBUTES
from forgery.evaluation import MEASURES, Protocol
from forgery.evaluation.measures import title

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
README, COMMANDS, RECIPES = ROOT / "README.md", DOCS / "commands.md", DOCS / "recipes.md"
FINE_TUNING = DOCS / "fine-tuning.md"
EXPORT = DOCS / "export.md"
PAGES = [
    README,
    ROOT / "CONTRIBUTING.md",
    ROOT / "RELEASING.md",
    ROOT / "benchmarks/README.md",
    *sorted(DOCS.rglob("*.md")),
]
SHORT = [
    "--steps=2",
    "--report-every=1",
    "--device=cpu",
    "--threads=1",
]
NARROW = ["--g-width=8", "--d-width=8"]
SHORTER = {"--minutes", "--epochs"}


def text_of(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def commands(page: Path) -> list[str]:
    """Every ``forgery …`` line of a page's fenced blocks and of the first column of its tables."""
    text = text_of(page)
    fenced = re.findall(r"^```(\w*)\n(.*?)^```", text, re.S | re.M)
    blocks = "\n".join(block for language, block in fenced if not language)
    lines = re.findall(r"^forgery .*$", blocks, re.M)
    return re.findall(r"^\| `(forgery .*?)` \|", text, re.M) + lines


def shortened(command: str) -> list[str]:
    """The arguments of a command, changed to a few steps on small networks."""
    words = shlex.split(command)[1:]
    for name in SHORTER & set(words):
        at = words.index(name)
        del words[at : at + 2]
    if words[0] == "train":
        words += SHORT
        if "zoo:" not in command:  # whose networks have a width
            words += NARROW
    if words[0] == "resume":
        words += ["--steps=4"]
    if words[0] == "evaluate":
        words += ["--samples=100", "--device=cpu"]
    if words[0] == "neighbours":
        words += ["--no-features"]
    if words[0] == "invert":
        words += ["--test=2", "--steps=5"]
    if words[0] == "classifier":
        words += ["--split=test", "--epochs=1", "--device=cpu"]
    return words


def _draw_photos(folder: Path) -> None:
    random = np.random.default_rng(0)
    for kind in ("cats", "dogs"):
        (folder / kind).mkdir(parents=True)
        for i in range(80):
            pixels = random.integers(0, 256, (12, 16, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(folder / kind / f"{i}.jpg")


@pytest.mark.slow
@pytest.mark.parametrize("page", [README, COMMANDS, RECIPES, EXPORT], ids=lambda page: page.stem)
def test_the_commands_of_a_page_run_in_their_order(page, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(preflight, "SECONDS", 0.01)
    Path("my-settings.toml").write_text("batch_size = 50\n")
    shutil.copy(
        ROOT / "src/forgery/data/mnist/t10k-images-idx3-ubyte.gz", "my-images-idx3-ubyte.gz"
    )
    for folder in ("my-photos", "my-faces"):
        _draw_photos(Path(folder))
    monkeypatch.setattr("forgery.lab.server.serve", lambda *arguments: None)  # it does not end
    monkeypatch.setattr("forgery.export.hub_folder.check_upload", lambda *arguments: None)
    monkeypatch.setattr("forgery.export.push", lambda *arguments, **options: "the hub")
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
    if page == EXPORT:
        for example in re.findall(r"```python\n(.*?)```", text_of(page), re.S):
            exec(example, {})


@pytest.mark.slow
def test_the_example_of_fine_tuning_runs(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    noise = torch.randint(256, (400, 3, 32, 32), dtype=torch.uint8)
    attributes = torch.arange(400)[:, None].expand(-1, 6) % 2 == 0
    faces = Dataset("faces", noise, attributes=attributes, attribute_names=ATTRIBUTES)
    monkeypatch.setitem(SOURCES, "faces", lambda split: faces)  # drawing them needs an extra
    (example,) = re.findall(r"```python\n(.*?)```", text_of(FINE_TUNING), re.S)
    exec(example)
    assert len(list(Path("glasses").iterdir())) == 100
    assert len(commands(FINE_TUNING)) == 4
    for command in commands(FINE_TUNING):
        monkeypatch.setattr(sys, "argv", ["forgery", *shortened(command)])
        with pytest.raises(SystemExit) as left:
            main()
        assert not left.value.code, (command, capsys.readouterr())
    assert "started from" in capsys.readouterr().out
    assert Path("glasses.png").is_file()


def test_every_verb_and_recipe_is_documented():
    assert {re.match(r"forgery (\w+)", c)[1] for c in commands(COMMANDS)} == set(VERBS)
    table = text_of(RECIPES).partition("\n## ")[0]
    assert set(re.findall(r"^\| `([\w-]+)` \|", table, re.M)) == set(recipes.RECIPES)


def test_the_reference_of_the_command_line_is_up_to_date():
    script = runpy.run_path(str(DOCS / "site/cli_page.py"))
    assert text_of(script["PAGE"]) == script["page"](), f"renew docs/cli.md: {script['COMMAND']}"


def test_the_reference_of_the_command_line_is_complete():
    page = text_of(DOCS / "cli.md")
    for verb in VERBS:
        section = page.partition(f"\n## forgery {verb}\n")[2].partition("\n## ")[0]
        arguments = [a for a in app[verb].assemble_argument_collection() if a.show]
        for argument in arguments:
            assert argument.keys or f"`{argument.name}" in section, (verb, argument.name)
        assert ("[settings](#settings)" in section) == any(a.keys for a in arguments), verb
    for name in set(fields_of(Config)) - {"data", "recipe"}:
        assert f"\n| `--{flag(name)}" in page


def test_the_reference_of_python_has_every_public_name():
    pages = "\n".join(text_of(page) for page in (DOCS / "api").glob("*.md"))
    listed = set(re.findall(r"^::: (\S+)$", pages, re.M))
    modules = {"callbacks", "export", "recipes"}
    assert {f"forgery.{name}" for name in set(forgery.__all__) - modules} <= listed
    targets = {name for name in export.__all__ if name.startswith("to_")}
    assert {f"forgery.export.{name}" for name in targets} <= listed
    assert {f"forgery.metrics.{name}" for name in metrics.__all__} <= listed
    assert {make.__name__ for make in recipes.RECIPES.values()} <= {
        name.rpartition(".")[2] for name in listed
    }


def test_the_layers_of_the_imports_are_documented():
    declared = text_of(ROOT / ".importlinter").partition("layers =\n")[2].partition("\n\n")[0]
    layers = [line.strip().replace("forgery.", "") for line in declared.splitlines()]
    assert "\n".join(["```", *layers, "```"]) in text_of(ROOT / "CONTRIBUTING.md")


def test_the_citation_is_of_this_version():
    citation = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    assert f"\nversion: {forgery.__version__}\n" in citation


def test_every_measure_is_documented():
    rows = re.findall(r"^\| (.*?) \| (`.*?`) \| ", text_of(DOCS / "measures.md"), re.M)
    documented = {names.split("`")[1]: heading for heading, names in rows}
    spreads = {"kernel_std", "parzen_se", "parzen_sigma"}  # they share the row of their measure
    assert documented == {
        name: title(name, Protocol("", "", "", "", 0, 0, "", ""))
        for name in MEASURES
        if name not in spreads
    }


@pytest.mark.parametrize(
    "page", [README, DOCS / "python.md", DOCS / "extending.md"], ids=lambda page: page.stem
)
def test_the_python_examples_of_a_page_run_in_their_order(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    digits = SOURCES["mnist"]
    monkeypatch.setitem(SOURCES, "mnist", lambda split: digits(split).subset(500))
    examples = re.findall(r"```python\n(.*?)```", text_of(page), re.S)
    # A step for each epoch, and fewer samples to measure.
    short = re.sub(r"epochs=(\d+)", r"steps=\1, report_every=1, threads=1", "\n".join(examples))
    Path("examples.py").write_text(short.replace("10_000", "100"), encoding="utf-8")
    names = runpy.run_path("examples.py")
    longest = max(int(n) for n in re.findall(r"epochs=(\d+)", examples[0]))
    assert max(model.step for model in names.values() if isinstance(model, Model)) == longest


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
