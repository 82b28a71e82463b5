"""The command line of the verbs that explore the latent space."""

import re
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

import forgery as package
from forgery import latent, recipes
from forgery.cli import main
from forgery.data import Dataset
from forgery.data.mnist import mnist
from forgery.extractors import Extractor
from forgery.model import Model

SMALL = {
    "split": "test",
    "batch_size": 20,
    "g_width": 8,
    "d_width": 8,
    "latent": 4,
    "steps": 2,
    "report_every": 1,
    "grid": 4,
    "threads": 1,
    "device": "cpu",
}


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Runs of two steps: on digits, on points, and a conditional one."""
    folder = tmp_path_factory.mktemp("runs")
    package.train(recipes.mlp(**SMALL), folder / "digits")
    of_points = {name: value for name, value in SMALL.items() if name not in ("split", "grid")}
    package.train(recipes.points(**of_points), folder / "points")
    package.train(recipes.conditional(**SMALL), folder / "conditional")
    return folder


@pytest.fixture
def forgery(monkeypatch, capsys, tmp_path, runs):
    """Run a verb on a named run, in a new folder."""
    monkeypatch.chdir(tmp_path)
    some = mnist("test")
    some = Dataset(some.name, some.values[:500], some.labels[:500], some.classes)
    monkeypatch.setattr(Model, "dataset", lambda self, split=None, data=None: some)

    def call(verb: str, run: str, *arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["forgery", verb, str(runs / run), *arguments])
        with pytest.raises(SystemExit) as left:
            main()
        captured = capsys.readouterr()
        return left.value.code or 0, captured.out, captured.err

    return call


class Brighter(nn.Module):
    """Two concepts: the upper half, or the left half, is brighter than the median sample's."""

    def __init__(self, samples):
        super().__init__()
        self.middle = nn.Parameter(self._halves(samples).median(0).values)

    def _halves(self, x):
        return torch.stack([x[..., :14, :].mean((1, 2, 3)), x[..., :14].mean((1, 2, 3))], 1)

    def forward(self, x):
        halves = self._halves(x)
        return halves, 1e4 * (halves - self.middle)


@pytest.fixture
def attributes(monkeypatch, runs):
    """The digits of the run with two attributes, and a classifier of them."""
    samples = package.load(runs / "digits").sample(1000)
    network = Brighter(samples)
    names = ("glasses", "woman")
    classifier = latent.AttributeClassifier(
        Extractor("test", "0" * 64, network, (1, 28, 28), names), False
    )
    monkeypatch.setattr(latent, "attribute_classifier", lambda data, report: classifier)
    monkeypatch.setattr(latent.AttributeClassifier, "accuracy", lambda self, data: {"glasses": 1.0})


def test_interpolate(forgery):
    code, out, _ = forgery("interpolate", "digits", "--points", "3", "--steps", "4")
    assert code == 0
    assert "3 samples of step 2, 4 steps from each to the next: interpolation.png" in out
    with Image.open("interpolation.png") as strip, Image.open("interpolation.gif") as film:
        assert strip.size == (2 * (5 * 30 + 2), 2 * (2 * 30 + 2))  # five pictures, two rows
        # 9 pictures, forward and backward; equal frames may be merged.
        assert 1 < film.n_frames <= 16


def test_the_same_samples_as_forgery_sample(forgery, runs):
    assert forgery("interpolate", "digits", "--through", "5,1", "--steps", "1")[0] == 0
    model = package.load(runs / "digits")
    drawn = model.space().pictures(model.space().numbered([5, 1], 0))
    assert torch.allclose(drawn, model.sample(6)[[5, 1]], atol=1e-6)


def test_smoothness_states_its_protocol(forgery, monkeypatch):
    from functools import partial

    monkeypatch.setattr(latent, "smoothness", partial(latent.smoothness, pairs=20))
    code, out, _ = forgery("interpolate", "digits", "--points=2", "--steps=1", "--smoothness")
    assert code == 0
    assert re.search(r"path length \S+ ± \S+ on mnist-digits \(this package's protocol", out)


def test_arithmetic_by_expression(forgery, attributes):
    code, out, _ = forgery(
        *("arithmetic", "digits", "man+glasses - man + woman"),
        *("--samples=1500", "--draws=20", "--exemplars=2"),
    )
    assert code == 0
    assert "test accuracy glasses 100.0%" in out
    assert re.search(
        r'confident samples among 1,500: "man\+glasses": \d+, "man": \d+, "woman": \d+', out
    )
    assert "man+glasses − man + woman = woman+glasses" in out
    assert re.search(r"images +as wanted +realistic +both +number", out)
    shares = r"( +\S+% ± \S+%){3} +"
    assert re.search(f"means of 2 in z{shares}20\n", out)
    assert re.search(f"means of 2 in pixels{shares}20\n", out)
    assert re.search(f"chance: any sample{shares}1,500\n", out)
    assert re.search(f"real images, held out{shares}500\n", out)
    with Image.open("arithmetic.png") as figure:
        assert figure.mode == "RGB"


def test_arithmetic_by_hand(forgery):
    given = ("--plus", "3,17,42", "--minus", "5", "--plus", "1,2", "--out", "sum.png")
    code, out, _ = forgery("arithmetic", "digits", *given)
    assert (code, out) == (0, "figure: sum.png\n")
    assert Path("sum.png").is_file()


def test_digits_are_concepts_too(forgery):
    # The samples of a generator trained for two steps are no digits.
    code, out, err = forgery("arithmetic", "digits", "7 - 1 + 4", "--samples", "300")
    assert code == 2
    assert "classifier mnist-digits: test accuracy class " in out
    assert re.search(
        r"\d+ exemplars? of '[714]' among 300 samples, but 3 are needed: search more", err
    )


def test_direction(forgery, attributes):
    code, out, _ = forgery("direction", "digits", "glasses", "--samples=800", "--rows=2")
    assert code == 0
    accuracy = re.search(r"the direction classifies ([\d.]+)% of held-out samples correctly", out)
    assert float(accuracy[1]) > 70
    # A row per attribute, a column per strength.
    table = {words[0]: words[1:] for words in map(str.split, out.splitlines()) if len(words) == 10}
    assert table["strength"] == ["-6", "-4.5", "-3", "-1.5", "0", "+1.5", "+3", "+4.5", "+6"]
    shares = [int(cell.removesuffix("%")) for cell in table["glasses"]]
    assert shares[-1] > shares[0] + 30
    assert Path("direction.png").is_file()


def test_neighbours(forgery):
    code, out, _ = forgery("neighbours", "digits", "--rows", "2", "--columns", "3")
    assert code == 0
    assert "nearest of 500 training examples" in out
    assert len(re.findall(r"by (pixels|features): distance", out)) == 2
    with Image.open("neighbours.png") as figure:
        assert figure.width == 2 * (5 * 30 + 2)  # three samples, two nearest


def test_data_without_concepts_has_pixel_neighbours(forgery, monkeypatch):
    plain = Dataset("plain", torch.zeros(50, 1, 28, 28, dtype=torch.uint8))
    monkeypatch.setattr(Model, "dataset", lambda self, split=None, data=None: plain)
    code, out, _ = forgery("neighbours", "digits", "--rows=1", "--columns=1")
    assert code == 0
    assert "pixels only: plain has neither attributes nor classes" in out


def test_invert(forgery):
    Image.fromarray(np.full((28, 28), 90, np.uint8)).save("grey.png")
    code, out, _ = forgery("invert", "digits", "grey.png", "--steps", "4", "--starts", "2")
    assert code == 0
    assert re.search(
        r"grey.png: [\d.]+ \(over 2 starts: [\d.]+ to [\d.]+; .* nearest of 1,000", out
    )
    kept = np.load("inversion.npz")
    assert (kept["z"].shape, kept["errors"].shape) == ((1, 4), (1, 2))
    code, out, _ = forgery("invert", "digits", "--test", "3", "--steps", "2", "--out", "r.png")
    assert code == 0
    assert len(re.findall(r"test image \d+: ", out)) == 3
    with Image.open("r.png") as figure:
        assert figure.size == (2 * (3 * 30 + 2), 2 * (2 * 30 + 2))


def test_latent_verbs_need_one_class_of_a_conditional_run(forgery):
    code, _, err = forgery("interpolate", "conditional")
    assert code == 2
    assert "choose a class with --class (0, 1, 2" in err
    given = ("--class", "3", "--points", "2", "--steps", "1")
    assert forgery("interpolate", "conditional", *given)[0] == 0
    code, _, err = forgery("interpolate", "conditional", "--class", "12")
    assert code == 2
    assert "has no class '12'" in err


def test_a_strip_and_an_animation_never_share_a_file(forgery):
    code, out, _ = forgery("interpolate", "digits", "--points=2", "--steps=2", "--out", "x.gif")
    assert code == 0
    assert "to the next: x.png" in out
    assert "animation: x.gif" in out
    with Image.open("x.png") as strip, Image.open("x.gif") as film:
        assert strip.format == "PNG"
        assert film.n_frames > 1


def test_an_animation_as_mp4(forgery, monkeypatch):
    given = ("interpolate", "digits", "--points=2", "--steps=2", "--out", "y.mp4")
    with monkeypatch.context() as without:
        without.setattr("forgery.plots.films._ffmpeg", lambda: None)
        code, _, err = forgery(*given)
    assert code == 2
    assert "pip install imageio-ffmpeg, or write a .gif" in err
    assert not list(Path().glob("y.*"))
    ffmpeg = pytest.importorskip("imageio_ffmpeg")
    code, out, _ = forgery(*given)
    assert code == 0
    assert "to the next: y.png" in out
    assert "animation: y.mp4" in out
    assert ffmpeg.count_frames_and_secs("y.mp4")[0] == 2 * 4  # 3 pictures and back, 80 ms each


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("interpolate points", "draws points, but this needs images"),
        ("neighbours points", "draws points, but this needs images"),
        ("invert points", "draws points, but this needs images"),
        ("interpolate digits --class 3", "was not trained with classes"),
        ("interpolate digits --points 1", "interpolation needs at least two samples"),
        ("interpolate digits --steps 0", '"0" for --steps. Must be > 0'),
        ("interpolate digits --way spere", "unknown way 'spere': did you mean 'sphere'?"),
        ("interpolate digits --through 3,x", "--through takes sample numbers"),
        ("interpolate digits --through 3,2000000", "no sample number 2000000"),
        ("interpolate digits --steps 1 --out a.xyz", "cannot write a.xyz"),
        ("arithmetic digits", "give either an expression"),
        ("arithmetic digits 7 --plus 3", "give either an expression"),
        ("arithmetic digits --plus=-4", "no sample number -4"),
        ("arithmetic digits --plus three", "takes sample numbers"),
        ("arithmetic digits seven", "unknown attribute 'seven'"),
        ("direction digits 11", "unknown attribute '11': did you mean '1'?"),
        ("direction digits 3 --method prob", "unknown method 'prob': did you mean 'probe'?"),
        ("invert digits none.png", "cannot read none.png"),
        ("invert digits --starts 0", '"0" for --starts. Must be > 0'),
        ("neighbours digits --rows 0", '"0" for --rows. Must be > 0'),
        ("neighbours digits --columns -1", '"-1" for --columns. Must be > 0'),
        ("direction digits 7 --samples 0", '"0" for --samples. Must be > 0'),
        ("interpolate digits --seed -1", '"-1" for --seed. Must be >= 0'),
        ("interpolate digits --step foo", 'expected a step such as 1000, or "best"'),
        ("sample digits --seed -1", '"-1" for --seed. Must be >= 0'),
        ("sample digits --device gpu", "unknown device 'gpu': cpu, cuda, cuda:N, mps or auto"),
    ],
)
def test_a_mistake_is_one_message(forgery, arguments, message):
    Image.new("L", (50, 40)).save("big.png")
    code, _, err = forgery(*arguments.split())
    assert code == 2
    assert message in err
    assert "Traceback" not in err
