"""The command line: output, exit codes and files."""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from forgery.cli import VERBS, main
from forgery.cli._flags import PictureFlags
from forgery.config import RESUMABLE, Config, PictureSettings
from forgery.data import ImageSettings
from forgery.data.mnist import mnist
from forgery.recipes import RECIPES

QUICK = (
    *("--split=test", "--device=cpu", "--threads=1", "--batch-size=20", "--grid=4"),
    *("--g-width=8", "--d-width=8", "--latent=4"),
    *("--report-every=2", "--sample-every=2", "--checkpoint-every=2"),
)


@pytest.fixture
def forgery(monkeypatch, capsys, tmp_path):
    """Run the program in a new folder: arguments → (exit code, output, errors)."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["forgery", *arguments])
        with pytest.raises(SystemExit) as left:
            main()
        captured = capsys.readouterr()
        return left.value.code or 0, captured.out, captured.err

    return run


def test_train_resume_sample_show(forgery):
    code, out, _ = forgery("train", "mnist", *QUICK, "--steps", "4")
    assert code == 0
    (run,) = Path("runs").iterdir()
    assert run.name.startswith("mnist-")
    assert "step       4" in out
    assert "/s" in out
    assert f"{run}/evolution.gif" in out
    assert f"{run}/curves.png" in out
    for line in out.splitlines():
        if line.startswith("  runs"):
            assert Path(line.split()[0]).is_file()

    code, out, _ = forgery("resume", str(run), "--steps", "6")
    assert code == 0
    assert "6 steps, saved in" in out

    # A run that is shorter than a report is reported when it ends.
    code, out, _ = forgery("train", "mnist", *QUICK[:-3], "--steps", "2", "--out=q")
    assert code == 0
    assert "real.png" in out
    assert "step       2" in out
    assert "q/curves.png" in out

    code, out, _ = forgery("sample", str(run), "-n", "9", "--seed", "3", "--out", "nine.npz")
    assert code == 0
    assert "9 samples of step 6 in nine.npz" in out
    assert np.load("nine.npz")["images"].shape == (9, 1, 28, 28)
    assert forgery("sample", str(run), "--out", "folder")[0] == 0
    assert len(list(Path("folder").iterdir())) == 64

    code, out, _ = forgery("show", str(run))
    assert code == 0
    assert "mnist[test]: 10,000 images" in out
    assert re.search(r"step 6: intact", out)


def test_flags_override_the_file_and_the_file_overrides_the_recipe(forgery):
    Path("mine.toml").write_text('recipe = "tutorial"\nd_steps = 2\nbatch_size = 50\nsteps = 2\n')
    assert forgery("train", "--config", "mine.toml", *QUICK, "--out", "a")[0] == 0
    out = forgery("show", "a")[1]
    settings = dict(line.split() for line in out.splitlines() if re.match(r"  \S+ +\S+$", line))
    assert settings["recipe"] == "tutorial"
    assert settings["g-learning-rate"] == "0.0002"  # from the recipe
    assert settings["d-steps"] == "2"  # from the file
    assert settings["batch-size"] == "20"  # from the flag
    assert settings["steps"] == "2"
    assert "epochs" not in settings  # replaced by the file's steps
    assert "momentum" not in settings  # no effect with Adam


def test_the_printed_settings_of_a_recipe_are_a_valid_file(forgery):
    for recipe in RECIPES:
        code, out, _ = forgery("recipes", recipe)
        assert code == 0
        Path("settings.toml").write_text(out)
        from forgery.resolve import settings_from

        assert settings_from(None, None, Path("settings.toml"), {}) == RECIPES[recipe]()


def flags_in(page: str) -> set[str]:
    """The names of the flags listed by a help page."""
    listed = re.findall(r"^│ +(?:\* +)?--([a-z][a-z0-9-]*)", page, re.M)
    return {name.replace("-", "_") for name in listed} - {"help", "version"}


def test_help_lists_the_choices_of_a_setting(forgery):
    page = " ".join(re.sub("[│╭╮╰╯─]", " ", forgery("train", "--help")[1]).split())
    assert "[choices: mlp, relu-sigmoid," in page
    assert "--help-all lists every setting" in page


def test_help_of_a_verb_prints_its_whole_description(forgery):
    code, page, _ = forgery("compare", "--help")
    assert code == 0
    assert "different protocols are refused" in " ".join(page.split())
    assert "different protocols" not in forgery("--help")[1]


def test_every_verb_has_help_and_every_setting_a_flag(forgery):
    code, out, _ = forgery("--help")
    assert code == 0
    for verb, about in VERBS.items():
        assert about in out
        assert forgery(verb, "--help")[0] == 0
    for verb in ("train", "bench"):
        short, everything = (flags_in(forgery(verb, page)[1]) for page in ("--help", "--help-all"))
        names = set(Config.__dataclass_fields__) - {"data", "recipe"}
        if verb == "bench":  # points only, with a length in steps
            names -= {"objective", "pack", "seed", "epochs", "minutes", "images", "flip", "grid"}
            names -= {"start_from", "freeze_d", "log"}
            names -= set(PictureSettings.__dataclass_fields__)
        assert everything >= names
        assert len(short) < 20
        assert {"steps", "batch_size", "generator", "g_learning_rate"} <= short
    assert flags_in(forgery("resume", "--help")[1]) == RESUMABLE | {"data"}
    out = forgery("recipes")[1]
    assert all(recipe in out for recipe in RECIPES)


def test_the_list_of_recipes_has_the_brackets_of_their_descriptions(forgery, monkeypatch):
    def bracketed():
        """Pictures (pip install 'forgery[features]')."""
        return RECIPES["mlp"]()

    monkeypatch.setitem(RECIPES, "bracketed", bracketed)
    assert "[features]" in forgery("recipes")[1]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("train --generator mpl", "unknown generator 'mpl': did you mean 'mlp'? The choices are"),
        ("train --momentum 0.9", "with optimizer adam: give --optimizer momentum"),
        ("train --codes 10", "codes has no effect with conditional none: give --conditional inf"),
        ("train nope", "unknown data 'nope': no such file or folder: choose from mnist"),
        ("interpolate zoo:mnist --class 3 --out .", "choose another --out"),
        ("export zoo:ring8 --to safetensors --out .", "choose another --out"),
        ("train --recipe tutrial", "unknown recipe 'tutrial': did you mean 'tutorial'?"),
        ("train --objective minmax", "unknown objective 'minmax': did you mean 'minimax'?"),
        ("train mnits", "unknown data 'mnits'"),
        ("train --batch-sise 5", "Did you mean --batch-size?"),
        ("train --batch-size five", "batch-size must be a whole number, not 'five'"),
        ("train --steps 1.5", "steps must be a whole number, not '1.5'"),
        ("train --batch-size 0", "batch-size must be at least 1, not 0"),
        ("train --limit 1", "training needs at least 2 images, and mnist[train, 1 of 60000] has 1"),
        ("train --batch-size 70000", "a batch of 70000 is larger than the data"),
        ("train --latent -3", "latent must be at least 1"),
        (
            "train --image-size 48x",
            "image-size must be height x width, such as 48x64, or a whole",
        ),
        ("train --image-size axb", "for squares, not 'axb'"),
        ("train --image-size 0x5", "height and width of image-size must be at least 1, not 0x5"),
        ("train --image-size=-3x5", "height and width of image-size must be at least 1, not -3x5"),
        ("train --image-size -3", "image-size must be at least 0, not -3"),
        ("train --image-size 28x5000", "height and width of image-size must be at most 4096"),
        ("train --fit none", "fit has no effect with data mnist and image-size 0: give pictures"),
        ("train --image-size 20x28 --fit none", "28 × 28, which contradicts --image-size 20x28"),
        (
            "train --image-size 32x64 --recipe dcgan",
            "the data are 32 × 64 (height × width)",
        ),
        ("train --steps 5 --minutes 2", "give one length, not steps and minutes"),
        ("train --config none.toml", "cannot read none.toml"),
        ("train --device cuda:99", "device 'cuda:99' cannot be used here"),
        ("trian", "Did you mean"),
        ("resume nowhere", "nowhere is not a run folder: there is no such folder"),
        ("resume .", "is not a run folder: it has no config.json"),
        ("sample nowhere", "is not a run folder"),
        ("sample", "requires an argument"),
        ("show nowhere", "is not a run folder"),
        ("recipes non", "unknown recipe 'non'"),
        ("classifier mnist --out c.safetensors --epochs 0", "Must be > 0"),
    ],
)
def test_a_mistake_is_one_message_and_exit_code_2(forgery, tmp_path, arguments, message):
    code, out, err = forgery(*arguments.split())
    text = " ".join(re.sub("[│╭╮╰╯─]", " ", out + err).split())
    assert code == 2
    assert message in text
    assert "Traceback" not in text
    assert len(err.strip().splitlines()) <= 5
    assert not any(tmp_path.iterdir())


@pytest.mark.slow
def test_figures_do_not_depend_on_the_backend_of_a_notebook(tmp_path):
    command = [sys.executable, "-m", "forgery", "train", "ring8", "--recipe=points"]
    command += ["--device=cpu", "--threads=1", "--steps=2", "--report-every=1", "--out=run"]
    environment = os.environ | {"MPLBACKEND": "module://a_package_that_is_not_here"}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "run/curves.png").is_file()


def test_letters_that_the_encoding_of_the_output_lacks_are_escaped():
    command = [sys.executable, "-m", "forgery", "recipes", "mlp"]
    environment = os.environ | {"PYTHONIOENCODING": "latin-1"}
    done = subprocess.run(command, env=environment, capture_output=True, check=True)
    assert b"\\u03b2" in done.stdout


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        MemoryError("Unable to allocate 20 GiB"),
        RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes"),
        RuntimeError("CUDA out of memory. Tried to allocate 9 GiB"),
    ],
)
def test_too_little_memory_is_one_message(forgery, monkeypatch, error):
    def load(*arguments):
        raise error

    monkeypatch.setattr("forgery.model.load", load)
    code, _, err = forgery("sample", "run")
    assert code == 2
    assert err.startswith("forgery: out of memory: ")
    assert "Traceback" not in err


def test_another_runtime_error_keeps_its_traceback(monkeypatch):
    def load(*arguments):
        raise RuntimeError("a fault of the program")

    monkeypatch.setattr("forgery.model.load", load)
    monkeypatch.setattr(sys, "argv", ["forgery", "sample", "run"])
    with pytest.raises(RuntimeError, match="a fault of the program"):
        main()


def test_nothing_is_ever_overwritten(forgery):
    train = ("train", *QUICK, "--steps", "2", "--out", "run")
    assert forgery(*train)[0] == 0
    before = {p: p.read_bytes() for p in Path("run").rglob("*") if p.is_file()}
    code, _, err = forgery(*train)
    assert code == 2
    assert "forgery resume run" in err
    code, _, err = forgery("resume", "run", "--seed", "1")
    assert code == 2
    assert "seed 0 → 1" in err
    assert {p: p.read_bytes() for p in Path("run").rglob("*") if p.is_file()} == before


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_a_full_disk(forgery):
    assert forgery("train", *QUICK, "--steps", "2", "--out", "run")[0] == 0
    kept = (Path("run") / "metrics.jsonl").read_bytes()
    (Path("run") / "metrics.jsonl").unlink()
    (Path("run") / "metrics.jsonl").symlink_to("/dev/full")
    code, _, err = forgery("sample", "run", "--out", "/dev/full/x.png")
    assert code == 2
    assert "cannot write" in err
    (Path("run") / "metrics.jsonl").unlink()
    (Path("run") / "metrics.jsonl").write_bytes(kept)
    assert forgery("resume", "run", "--steps", "4")[0] == 0


def test_an_empty_path_is_not_the_current_folder(forgery, tmp_path):
    Image.new("L", (28, 28)).save(tmp_path / "picture.png")
    code, _, err = forgery("train", "")  # as "$PHOTOS" is, if it was never set
    assert code == 2
    assert "unknown data ''" in err


def test_a_folder_called_like_the_bundled_data_is_noticed(forgery, tmp_path):
    (tmp_path / "mnist").mkdir()
    out = forgery("train", "mnist", "--steps=1", *QUICK[1:], "--out=run")[1]
    assert "note: mnist is the bundled data; to train on what is here, give ./mnist" in out


@pytest.fixture
def few_digits(forgery):
    """A small number of real digits in two files, so that an evaluation takes a second."""
    test = mnist("test")
    for name, rows in (("few", slice(0, 200)), ("held", slice(200, 400))):
        np.savez(f"{name}.npz", images=test.values[rows, 0], labels=test.labels[rows])
    return ("few.npz", *QUICK[1:])


def test_evaluate_compare_doctor(forgery, few_digits):
    for run, samples in (("run0", "200"), ("run1", "100")):
        assert forgery("train", *few_digits, "--steps=4", "--out", run)[0] == 0
        Path(run, "human.json").write_text("{")
        code, out, _ = forgery(
            "evaluate", run, "--samples", samples, "--against=held.npz", "--device=cpu"
        )
        assert code == 0
        assert "Fréchet distance" in out
        assert "FID" not in out
        assert "mnist-digits (sha256" in out
        assert f"{samples} samples of seed 0 against held.npz" in out
        assert "reveals a flaw of the measure" in out
        assert f"people: {run}/human.json is damaged" in out
    code, _, err = forgery("compare", "run0", "run1")
    assert code == 2
    assert "different protocols (samples: 200 against 100)" in err
    shutil.copy("run0/card.json", "run1/card.json")
    code, out, _ = forgery("compare", "run0", "run1")
    assert code == 0
    assert re.search(r"run0 +run1 +\(best", out)
    assert re.search(r"step 4 +step 4 +achievable\)", out)
    code, out, _ = forgery("compare", "zoo:mnist")
    assert code == 0
    assert "zoo:mnist" in out
    code, _, err = forgery("evaluate", "run1", "--samples=50", "--against=held.npz")
    assert code == 2
    assert "too few for the 64 features" in err
    code, _, err = forgery("evaluate", "run1", "--against=few.npz")
    assert code == 2
    assert "all images of few.npz are in few.npz, which the run was trained on" in err
    code, out, _ = forgery("doctor", "run0")
    assert code == 0
    assert "no findings in 2 reports, up to step 4: D loss " in out
    assert "too early to judge: a problem must last for 3 reports" in out


@pytest.mark.slow
def test_evaluate_on_all_of_mnist(forgery):
    assert forgery("train", *QUICK[1:], "--steps=4", "--out=run")[0] == 0
    code, out, _ = forgery("evaluate", "run", "--samples=200", "--device=cpu")
    assert code == 0
    assert "200 samples of seed 0 against mnist[test]" in out


def test_pictures(forgery, tmp_path):
    Path("photos").mkdir()
    for i in range(30):
        Image.fromarray(np.full((9, 8), 8 * i, np.uint8)).save(f"photos/{i}.png")
    Path("photos/notes.txt").write_text("hello")
    code, out, _ = forgery("data", "photos", "--sheet", "sheet.png", "--device", "cpu")
    assert code == 0
    assert "decoding: 31 of 31" in out
    assert re.search(r"data +photos\[train\]: \d\d images of \[1, 8, 8\]", out)
    assert "set aside  notes.txt: not a picture" in out
    assert Path("sheet.png").is_file()
    quick = [flag for flag in QUICK if "split" not in flag]
    code, out, _ = forgery("train", "photos", *quick, "--steps=2", "--out=run")
    assert code == 0
    assert "decoding" not in out  # forgery data did it
    assert "1 file set aside: notes.txt" in out
    assert forgery("resume", "run", "--steps=3")[0] == 0
    assert "photos[train]" in forgery("show", "run")[1]
    code, _, err = forgery("train", "photos", *quick, "--steps=2", "--strict", "--out=strict")
    assert code == 2
    assert "1 file set aside: notes.txt" in err
    assert not Path("strict").exists()
    code, _, err = forgery("data", "photos", "--fit", "crp")
    assert code == 2
    assert "unknown fit 'crp': did you mean 'crop'?" in err
    code, out, _ = forgery("data", "--clear-cache")
    assert code == 0
    assert re.search(r"[12] sets of decoded pictures removed from .*images: 0.0 MB", out)
    code, _, err = forgery("data")
    assert code == 2
    assert "give the data to inspect" in err


def test_no_verb_offers_a_flag_that_it_ignores(forgery):
    # A classifier is trained on all samples of a split, without mirroring, with all labels.
    for flag in ("--limit=5", "--flip", "--labels=5", "--steps=5"):
        code, _, err = forgery("classifier", "mnist", "--out", "c.safetensors", flag)
        assert code != 0
        assert "Unknown option" in err
    read = {f.name for f in fields(ImageSettings)} - {"size"} | {"image_size"}
    assert {f.name for f in fields(PictureFlags)} == read
    # forgery data inspects what forgery train would use, including the split of the recipe.
    code, out, _ = forgery(
        "data", "mnist", "--recipe=goodfellow2014", "--limit=300", "--device=cpu", "--threads=1"
    )
    assert code == 0
    assert "mnist[train50k, 300 of 50000]: 300 images" in out


def test_a_class_is_requested(forgery, few_digits):
    conditional = ("--recipe=conditional", "--steps=2", "--out", "digits")
    assert forgery("train", *few_digits, *conditional)[0] == 0
    assert forgery("sample", "digits", "--class", "3", "-n", "5", "--out", "threes.npz")[0] == 0
    assert np.load("threes.npz")["labels"].tolist() == [3] * 5
    assert forgery("sample", "digits", "--classes", "0,7", "-n", "6", "--out", "two.png")[0] == 0
    with Image.open("two.png") as picture:
        # One class per column, below its name, enlarged by two.
        assert picture.size == (2 * (2 * 30 + 2), 2 * (3 * 30 + 2) + 20)
    assert forgery("sample", "digits", "-n", "20", "--scale=1", "--out", "all.png")[0] == 0
    with Image.open("all.png") as picture:
        assert picture.size == (10 * 30 + 2, 2 * 30 + 2 + 20)
    code, _, err = forgery("sample", "digits", "--class", "12", "--out", "none.png")
    assert code == 2
    assert "digits has no class '12'" in err
    code, out, _ = forgery("train", "--steps=1", "--out", "plain", *QUICK)
    assert code == 0
    assert out.startswith("training recipe mlp on mnist: 1 steps\n")
    code, _, err = forgery("sample", "plain", "--class", "3", "--out", "none.png")
    assert code == 2
    assert "plain was not trained with classes" in err
    assert "--conditional projection" in err
    assert not Path("none.png").exists()
    measure = ("evaluate", "digits", "--samples=100", "--against=held.npz", "--device=cpu")
    code, out, _ = forgery(*measure)
    assert code == 0
    assert "requested class drawn" in out


def start(*arguments: str) -> subprocess.Popen:
    return subprocess.Popen(
        [sys.executable, "-c", "from forgery.cli import main; main()", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.skipif(os.name == "nt", reason="POSIX signals")
def test_ctrl_c_saves_says_how_to_resume_and_exits_with_130(forgery, tmp_path):
    run = tmp_path / "my run"
    process = start("train", *QUICK, "--steps", "1000000", "--out", str(run))
    while not (run / "metrics.jsonl").exists():
        assert process.poll() is None, process.communicate()
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert f"resume with: forgery resume '{run}'" in out
    step = int(re.search(r"stopped at step ([\d,]+)", out).group(1).replace(",", ""))
    code, out, _ = forgery("resume", str(run), "--steps", str(step + 2))
    assert code == 0
    assert f"{step + 2:,} steps, saved in" in out


@pytest.mark.parametrize("words", [["--help"], ["train", "--help-all"], ["recipes", "modern"]])
def test_help_needs_no_torch(words):
    code = (
        f"import sys; sys.argv = ['forgery', *{words}]\n"
        "from forgery.cli import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "import forgery, forgery.recipes\n"
        "assert not {'torch', 'matplotlib', 'rich.progress'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)


SMALL = ["--steps=2", "--g-width=6", "--d-width=6", "--device=cpu", "--threads=1"]


def test_bench_prints_and_saves_its_table(forgery):
    code, out, _ = forgery("bench", "ring8", "--pack", "1,2", "--seeds", "2", *SMALL)
    assert code == 0
    assert "| non-saturating, packing 2 | 2 | 2 |" in out
    assert "g-width 6 (published 400)" in out
    lines = Path("bench/ring8/results.csv").read_text().splitlines()
    assert len(lines) == 1 + 4
    # A second call reads the results; a further packing is added.
    code, again, _ = forgery("bench", "ring8", "--pack", "1,2", "--seeds", "2", *SMALL)
    assert out.endswith(again)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["ring8", "--seeds", "1,1"], "repeated: [1]"),
        (["ring8", "--seeds", "none"], "--seeds takes whole numbers"),
        (["ring8", "--pack", "0"], "--pack takes whole numbers"),
        (["mnist", "--seeds", "2"], "no known modes"),
        (["ring8", "--objective", "hings", "--seeds", "2"], "did you mean 'hinge'"),
        (["ring8", "--penalty", "dragan", "--seeds", "2"], "draws random numbers"),
    ],
)
def test_errors_of_bench(forgery, arguments, message):
    code, _, error = forgery("bench", *arguments, *SMALL)
    assert code == 2
    assert message in error


def test_points_from_the_command_line(forgery):
    Path("mine.csv").write_text("x,y\n" + "".join(f"{i % 7},{i % 5}\n" for i in range(300)))
    code, out, _ = forgery("train", "mine.csv", "--out=run", "--report-every=1", *SMALL)
    assert code == 0
    assert "recipe" in Path("run/config.json").read_text()
    assert forgery("sample", "run", "-n", "5", "--out", "drawn.csv")[0] == 0
    assert len(Path("drawn.csv").read_text().splitlines()) == 5
    code, out, _ = forgery("show", "run")
    assert code == 0
    assert "300 points of [2]" in out
    assert forgery("doctor", "run")[0] == 0
    code, out, _ = forgery("train", "ring8", "--out=ring", "--report-every=1", *SMALL)
    assert "JSD" in out
    assert "modes" in out
