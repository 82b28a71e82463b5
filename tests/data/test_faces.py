import io
from random import Random
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image

from forgery.data import Dataset, faces, load
from forgery.data.faces import ATTRIBUTES, Placement, balanced, options_of
from forgery.errors import ForgeryError
from forgery.recipes import recipe_for


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("FORGERY_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def painted(monkeypatch):
    """Replace the drawing of faces by images whose pixels are the attributes."""
    asked = []

    def draw(attributes, size, seed, progress=None, loose=False):
        asked.append((len(attributes), size, seed, *(["loose"] if loose else [])))
        images = np.zeros((len(attributes), 3, size, size), np.uint8)
        images[:, 0, 0, : len(ATTRIBUTES)] = attributes.numpy()
        return images

    monkeypatch.setattr(faces, "draw_faces", draw)
    return asked


@pytest.mark.parametrize("split", faces.SPLITS)
def test_attributes_are_independent(split):
    n, seed = faces.SPLITS[split]
    rows = balanced(n, len(ATTRIBUTES), seed)
    correlations = np.corrcoef(rows.numpy().T) - np.eye(len(ATTRIBUTES))
    assert np.abs(correlations).max() <= 0.03
    combinations, counts = rows.unique(dim=0, return_counts=True)
    assert len(combinations) == 64
    assert counts.unique().tolist() == [n // 64]
    # In random order, so that a part of them is balanced too.
    assert (rows[:500].double().mean(0) - 0.5).abs().max() < 0.1


def test_free_options_do_not_depend_on_attributes():
    def free(row, i):
        options = options_of(dict(zip(ATTRIBUTES, row, strict=True)), Random(i))
        return {name: options[name] for name in faces.FREE}

    shirts = {free((False,) * 6, i)["clothesColor"][0] for i in range(50)}
    assert shirts == set(faces.FREE["clothesColor"])
    assert free((True, False) * 3, 4) == free((True, False) * 3, 4)


def test_each_attribute_changes_its_options():
    def options(**changes):
        return options_of(dict.fromkeys(ATTRIBUTES, False) | changes, Random(0))

    assert options()["accessoriesProbability"] == 0
    assert options(glasses=True)["accessoriesProbability"] == 100
    assert options(beard=True)["facialHairProbability"] == 100
    bald, bearded = options(), options(beard=True)
    assert bearded["facialHairColor"] == bearded["hairColor"]
    assert bald["mouthVariant"][0] in faces.CHOICES["smiling"]["mouthVariant"][0]
    assert options(smiling=True)["mouthVariant"][0] in faces.CHOICES["smiling"]["mouthVariant"][1]


def test_faces_are_drawn_once_then_cached(cache, painted):
    first = load("faces", "test")
    assert (len(first), first.shape) == (2048, (3, 32, 32))
    assert first.attribute_names == ATTRIBUTES
    assert torch.equal(first.values[:, 0, 0, :6].bool(), first.attributes)
    again = load("faces", "test")
    assert again.fingerprint == first.fingerprint
    assert painted == [(2048, 32, 1)]
    (file,) = cache.iterdir()
    file.write_bytes(file.read_bytes()[:1000])  # truncated: drawn again
    assert load("faces", "test").fingerprint == first.fingerprint
    assert len(painted) == 2


def test_sizes_and_splits_are_cached_separately(cache, painted):
    assert load("faces64", "test").shape == (3, 64, 64)
    assert load("faces", "test").shape == (3, 32, 32)
    assert load("faces-loose", "test").shape == (3, 32, 32)
    assert painted == [(2048, 64, 1), (2048, 32, 1), (2048, 32, 1, "loose")]
    assert torch.equal(load("faces-loose", "test").attributes, load("faces", "test").attributes)
    assert len(painted) == 3
    with pytest.raises(ForgeryError, match="unknown split of faces 'tets': did you mean 'test'"):
        load("faces", "tets")


@pytest.mark.parametrize("name", ["faces", "faces64", "faces-loose"])
def test_faces_are_trained_on_by_dcgan(name):
    assert recipe_for(name) == "dcgan"


def test_an_unwritable_cache_is_refused(tmp_path, monkeypatch, painted):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("FORGERY_CACHE", str(tmp_path / "file"))
    with pytest.raises(ForgeryError, match="set FORGERY_CACHE to another folder"):
        load("faces", "test")


def test_a_missing_extra_is_named(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "dicebear", None)
    with pytest.raises(ForgeryError, match=r"pip install 'forgery\[faces\]'"):
        faces.draw_faces(balanced(2, 6, 0), 32, 0)


def test_loose_placements():
    placements = [Placement.loose(Random(f"0/{i}/placement")) for i in range(500)]
    assert placements == [Placement.loose(Random(f"0/{i}/placement")) for i in range(500)]
    for values, low, high in (
        ([p.right for p in placements], -0.12, 0.12),
        ([p.down for p in placements], -0.12, 0.12),
        ([p.scale for p in placements], 0.8, 1.1),
    ):
        assert low <= min(values) < low + 0.01
        assert high - 0.01 < max(values) <= high
    assert 0.4 < np.mean([p.mirrored for p in placements]) < 0.6
    first = placements[0]  # as on every other machine
    assert (first.right, first.down, first.scale) == pytest.approx(
        (0.067207, -0.09191, 0.850327), abs=1e-6
    )


def test_a_placement_moves_the_visible_square():
    svg = '<svg viewBox="0 0 280 280" fill="none"><g/></svg>'
    assert Placement().apply(svg) == '<svg viewBox="50 25 180 180" fill="none"><g/></svg>'
    # A head moves to the right and up when the visible square moves to the left and down.
    assert 'viewBox="32 34 180 180"' in Placement(right=0.1, down=-0.05).apply(svg)
    assert 'viewBox="27.5 2.5 225 225"' in Placement(scale=0.8).apply(svg)
    assert (
        Placement(mirrored=True)
        .apply(svg)
        .endswith('><g transform="matrix(-1 0 0 1 280 0)"><g/></g></svg>')
    )


@pytest.fixture
def extra():
    """Skip the test if what draws faces is not installed."""
    for package in ("dicebear", "dicebear_styles", "resvg_py"):
        pytest.importorskip(package)


def test_loose_faces_are_the_same_faces_elsewhere(extra, monkeypatch):
    rows = balanced(64, 6, 0)[:6]
    aligned = faces.draw_faces(rows, 40, 0).astype(float)

    def placed(size=40, **placement):
        monkeypatch.setattr(Placement, "loose", lambda random: Placement(**placement))
        return faces.draw_faces(rows, size, 0, loose=True).astype(float)

    def near(a, b):
        return np.abs(a - b).mean() < 3  # of 255; edges are antialiased again

    assert (placed() == aligned).all()
    moved = placed(right=0.1, down=-0.05)  # 4 pixels to the right, 2 up
    assert near(moved[:, :, :-2, 4:], aligned[:, :, 2:, :-4])
    assert near(placed(mirrored=True), aligned[..., ::-1])
    assert not near(placed(mirrored=True), aligned)
    assert near(placed(size=50, scale=0.8)[:, :, 5:-5, 5:-5], aligned)


def test_loose_faces_depend_on_their_number_alone(extra):
    rows = balanced(64, 6, 0)
    loose = faces.draw_faces(rows[:4], 32, 0, loose=True)
    assert (loose == faces.draw_faces(rows[:6], 32, 0, loose=True)[:4]).all()
    aligned = faces.draw_faces(rows[:4], 32, 0)
    assert (np.abs(loose.astype(int) - aligned).mean((1, 2, 3)) > 3).all()


def test_drawn_faces_show_their_attributes(extra):
    rows = torch.zeros(7, 6, dtype=torch.bool)
    rows[1:] = torch.eye(6).bool()
    pictures = faces.draw_faces(rows, 32, 0).astype(int)
    assert pictures.shape == (7, 3, 32, 32)
    assert (pictures == faces.draw_faces(rows, 32, 0)).all()
    forehead = pictures[:, :, 11, 16].sum(1)
    assert forehead[ATTRIBUTES.index("dark-skin") + 1] < forehead[0] - 150
    hair = pictures[:, :, 3, 16].sum(1)
    assert hair[ATTRIBUTES.index("dark-hair") + 1] < hair[0] - 150
    beside = pictures[:, :, 20, 5]  # background beside short hair, hair on a woman
    assert np.abs(beside[0] - [0xDF, 0xE7, 0xEE]).max() < 5
    assert np.abs(beside[ATTRIBUTES.index("woman") + 1] - [0xDF, 0xE7, 0xEE]).max() > 20
    chin = pictures[:, :, 25, 16]
    assert np.abs(chin[ATTRIBUTES.index("beard") + 1] - chin[0]).max() > 20


def test_invalid_attributes_are_refused():
    images = torch.zeros(4, 1, 8, 8, dtype=torch.uint8)
    good = Dataset("good", images, attributes=torch.ones(4, 2).bool(), attribute_names=("a", "b"))
    assert good.to(torch.device("cpu")).attributes.shape == (4, 2)
    assert good.fingerprint != Dataset("good", images).fingerprint
    for attributes, names in (
        (torch.ones(4, 2), ("a", "b")),
        (torch.ones(3, 2).bool(), ("a", "b")),
        (torch.ones(4, 2).bool(), ("a",)),
        (None, ("a",)),
    ):
        with pytest.raises(ForgeryError, match=r"bad: attributes must be bool \[4, "):
            Dataset("bad", images, attributes=attributes, attribute_names=names)


def test_a_line_too_many_is_cut_off(monkeypatch):
    """resvg renders face 17,615 of the loose ones, for one, as 32 × 33 pixels."""
    file = io.BytesIO()
    Image.new("RGB", (32, 33), "red").save(file, "PNG")
    avatar = SimpleNamespace(to_string=lambda: '<svg viewBox="0 0 280 280"></svg>')
    dicebear = SimpleNamespace(Style=lambda _: None, Avatar=lambda *_: avatar)
    extra = dicebear, lambda **_: file.getvalue(), {}
    monkeypatch.setattr(faces, "_import_extra", lambda: extra)
    drawn = faces.draw_faces(torch.zeros(2, 6, dtype=torch.bool), 32, 0)
    assert drawn.shape == (2, 3, 32, 32)
    assert drawn[1, :, 31, 31].tolist() == [255, 0, 0]
