"""The figures of a run."""

import math

import numpy as np
import pytest
import torch
from PIL import Image, ImageChops

from forgery.objectives import OBJECTIVES
from forgery.plots import Landscape, evolution, scatter
from forgery.plots.curves import curves, equilibrium, figure_of
from forgery.plots.walks import arithmetic

RED, BLUE = (194, 65, 12), (23, 74, 124)


def has(picture: Image.Image, colour: tuple[int, int, int], near: int = 12) -> bool:
    """Whether a picture has pixels of about the given colour."""
    colours = picture.convert("RGB").getcolors(1 << 24)
    return any(
        max(abs(a - b) for a, b in zip(found, colour, strict=True)) <= near for _, found in colours
    )


@pytest.mark.parametrize("dimensions", [2, 3])
def test_points_of_the_data_are_drawn_as_data(dimensions):
    points = torch.randn(200, dimensions, generator=torch.Generator().manual_seed(0))
    real, samples = scatter(points, real=True), scatter(points)
    assert has(real, BLUE)
    assert not has(real, RED)
    assert has(samples, RED)
    assert not has(samples, BLUE)


def test_points_of_the_data_on_a_line_are_drawn_as_data():
    points = torch.randn(200, 1, generator=torch.Generator().manual_seed(0))
    bluish = [c for _, c in scatter(points, real=True).getcolors(1 << 24) if c[2] > c[0] + 20]
    reddish = [c for _, c in scatter(points).getcolors(1 << 24) if c[0] > c[2] + 20]
    assert bluish
    assert reddish


def test_a_colour_stays_the_same_throughout_an_animation(tmp_path):
    """Samples and data over a background of D's output, which changes between frames."""
    angles = torch.arange(8) * math.pi / 4
    ring = torch.stack([angles.sin(), angles.cos()], 1).repeat(20, 1)
    landscape = Landscape(ring, torch.tensor([[-1.5, -1.5], [1.5, 1.5]]))
    places = landscape.places()
    for i in range(8):
        samples = ring * i / 9 + 0.05 * torch.randn(
            ring.shape, generator=torch.Generator().manual_seed(i)
        )
        belief = ((places[:, 0] + i / 2 - 2) * places[:, 1] / (1 + i)).sigmoid()
        landscape.draw("", samples, belief).save(tmp_path / f"{i:08d}.png")
    pictures = sorted(tmp_path.glob("*.png"))
    evolution(pictures, tmp_path / "evolution.gif", [p.stem for p in pictures])
    with Image.open(tmp_path / "evolution.gif") as film:
        assert film.n_frames == 8
        for i in range(film.n_frames):
            film.seek(i)
            assert has(film, RED), i
            assert has(film, BLUE), i


def test_an_animation_of_grids_of_several_sizes_shows_each_alone(tmp_path):
    for i, (side, grey) in enumerate(((60, 100), (30, 200), (90, 50))):
        Image.new("L", (side, side), grey).save(tmp_path / f"{i}.png")
    evolution(sorted(tmp_path.glob("*.png")), tmp_path / "evolution.gif", ["", "", ""])
    with Image.open(tmp_path / "evolution.gif") as film:
        assert film.size == (90, 104)
        film.seek(1)
        shown = film.convert("L")
    assert shown.getpixel((10, 10)) == pytest.approx(200, abs=9)
    assert shown.getpixel((50, 10)) == 0  # nothing is left of the first


def test_a_title_with_dollars_is_drawn_as_it_is(tmp_path):
    landscape = Landscape(torch.zeros(4, 2), torch.tensor([[-1.5, -1.5], [1.5, 1.5]]))
    assert landscape.draw("price_$5_$10.csv, step 0", torch.zeros(4, 2)).size[0] > 0


def test_an_animation_of_grey_images_shows_them(tmp_path):
    for i in range(3):
        Image.linear_gradient("L").rotate(90 * i).save(tmp_path / f"{i}.png")
    evolution(sorted(tmp_path.glob("*.png")), tmp_path / "evolution.gif", ["", "", ""])
    with Image.open(tmp_path / "evolution.gif") as film:
        for i in range(3):
            film.seek(i)
            shown = film.convert("L").crop((0, 0, 256, 256))
            expected = Image.linear_gradient("L").rotate(90 * i)
            differences = ImageChops.difference(shown, expected).getextrema()
            assert differences[1] <= 9


def report(step: int, **quality: float) -> dict:
    losses = {"d_loss": 1.3, "g_loss": 0.8, "d_real": 0.6, "d_fake": 0.4}
    return {"step": step, **losses, "quality": quality}


def labels(axes) -> list[str]:
    return [text.get_text() for text in axes.get_legend().get_texts()]


@pytest.mark.parametrize(
    ("objective", "expected"),
    [
        ("minimax", ("D at equilibrium: log 4", "G at equilibrium: -log 2")),
        ("non-saturating", ("D at equilibrium: log 4", "G at equilibrium: log 2")),
        ("relativistic", ("both at equilibrium: log 2",)),
        ("relativistic-average", ("both at equilibrium: log 2",)),
        ("least-squares", ("D at equilibrium: 0.25", "G at equilibrium: 0.125")),
        ("hinge", ("D at equilibrium: 2", "G at equilibrium: 0")),
        ("feature-matching", ("D at equilibrium: log 4",)),
        ("wasserstein", ()),
    ],
)
def test_losses_have_lines_at_equilibrium(objective, expected):
    losses, outputs = figure_of([report(1), report(2)], "", objective).axes
    assert labels(losses) == ["D", "G", *expected]
    names = labels(outputs)
    if OBJECTIVES[objective].undecided is None:  # only differences of logits are meaningful
        assert names == ["real", "samples"]
        assert "only differences matter" in outputs.get_title()
    else:
        assert names[:2] == ["D(x), real", "D(G(z)), fake"]
        assert names[2] == f"undecided: {0.62 if objective == 'least-squares' else 0.5}"


def test_the_equilibrium_is_that_of_the_losses():
    assert equilibrium("non-saturating") == (
        pytest.approx(math.log(4)),
        pytest.approx(math.log(2)),
    )


def test_scores_that_were_recorded_are_drawn(tmp_path):
    reports = [report(1, jsd=0.5, modes=3), report(2), report(3, jsd=0.2, modes=8)]
    _, _, jsd, modes = figure_of(reports, "", "minimax").axes
    assert jsd.lines[0].get_xydata().tolist() == [[1, 0.5], [3, 0.2]]
    assert modes.lines[0].get_xydata().tolist() == [[1, 3], [3, 8]]
    *_, frechet = figure_of([report(1), report(2, frechet=9.0)], "", "minimax").axes
    assert frechet.get_ylabel() == "Fréchet distance"
    curves(reports, tmp_path / "curves.png", "", "minimax")
    with Image.open(tmp_path / "curves.png") as picture:
        assert picture.width > picture.height


@pytest.mark.parametrize(("count", "marker"), [(1, "."), (20, "."), (21, "None")])
def test_few_points_of_a_curve_are_marked(count, marker):
    figure = figure_of([report(i, jsd=0.5, modes=3) for i in range(count)], "", "minimax")
    levels = {line for axes in figure.axes for line in axes.lines if line.get_linestyle() == ":"}
    drawn = {line for axes in figure.axes for line in axes.lines} - levels
    assert {line.get_marker() for line in drawn} == {marker}
    assert {line.get_marker() for line in levels} == {"None"}


@pytest.mark.parametrize(("height", "width"), [(16, 16), (8, 24)])
def test_the_result_of_arithmetic_is_framed_and_not_covered(height, width):
    image = torch.ones(1, height, width)
    page = arithmetic([("", "a")], [image[None]], [image], image, image.expand(8, *image.shape))
    red = np.asarray(page)[:, :, 1] < 100
    red &= np.asarray(page)[:, :, 0] > 200
    rows, columns = red.any(1).nonzero()[0], red.any(0).nonzero()[0]
    times = 64 // height
    edge = 2 * times
    assert rows[-1] + 1 - rows[0] == height * times + 2 * edge
    assert columns[-1] + 1 - columns[0] == width * times + 2 * edge
    inside = np.asarray(page)[rows[0] + edge : rows[-1] + 1 - edge, columns[0] + edge :]
    assert (inside[:, : width * times] == 255).all()
