"""Samples are drawn and written in parts, in bounded memory, or refused with a message."""

import shutil
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image

import forgery
from forgery import ForgeryError, randomness, recipes, resources, sample_files
from forgery.cli.sample import sample
from forgery.pixels import to_pixels
from forgery.plots import by_class, by_class_size, grid, grid_size
from forgery.plots.grids import HEADING
from forgery.sample_files import save_samples
from forgery.sampler import PART

#: More than two parts, the last one short.
N = 2 * PART + 7


@pytest.fixture
def model(tiny, tmp_path):
    return forgery.train(tiny.replace(conditional="concat", steps=2), tmp_path / "run")


@pytest.fixture
def points(tmp_path):
    config = recipes.points(g_width=8, d_width=8, steps=2, device="cpu", threads=1)
    return forgery.train(config, tmp_path / "points")


def images(n, channels=1):
    """Parts of images, 4 at a time."""
    drawn = torch.rand(n, channels, 5, 6, generator=torch.Generator().manual_seed(0)) * 2 - 1
    return drawn.split(4)


def interrupted(parts):
    """Ctrl-C while the second part is drawn."""
    yield parts[0]
    raise KeyboardInterrupt


@pytest.mark.parametrize("part", [1, 100, 256, 500, 2000])
def test_parts_of_noise_and_labels_equal_a_single_draw(part):
    z = list(randomness.noise_parts("normal", N, 3, 5, part))
    assert [len(rows) for rows in z[:-1]] == [part] * (len(z) - 1)
    assert torch.equal(torch.cat(z), randomness.fixed_noise("normal", N, 3, 5))
    counts = torch.tensor([5, 0, 20])
    y = torch.cat(list(randomness.label_parts(counts, N, 5, part)))
    assert torch.equal(y, randomness.fixed_labels(counts, N, 5))


@pytest.mark.parametrize("classes", [None, 3, ["7", "0", "1"]])
def test_samples_are_the_concatenation_of_their_parts(model, classes):
    whole, labels = model.sample(N, 4, classes), model.labels(N, 4, classes)
    parts = list(model.sample_parts(N, 4, classes))
    assert [len(part) for part in parts] == [PART, PART, 7]
    assert torch.equal(whole, torch.cat(parts))
    assert torch.equal(labels, torch.cat(list(model.label_parts(N, 4, classes))))
    # They are the generator's outputs for the fixed noise and labels.
    z = randomness.fixed_noise("normal", N, model.config.latent, 4)
    drawn = [
        model.generator(*given) for given in zip(z.split(PART), labels.split(PART), strict=True)
    ]
    assert torch.equal(whole, torch.cat(drawn).clamp(-1, 1))
    if classes is None:
        counts = torch.tensor(list(model.classes.values()))
        assert torch.equal(labels, randomness.fixed_labels(counts, N, 4))


def test_an_error_is_raised_before_the_first_part(model):
    with pytest.raises(ForgeryError, match="at least 1"):
        model.sample_parts(0)
    with pytest.raises(ForgeryError, match="has no class '12'"):
        model.sample_parts(3, classes="12")


def test_an_npz_equals_that_of_numpy(tmp_path):
    labels = torch.arange(10)
    save_samples(images(10), 10, (1, 5, 6), tmp_path / "ours.npz", labels.split(4))
    stored = torch.cat(images(10)).add(1).mul(127.5).round().to(torch.uint8).numpy()
    np.savez_compressed(tmp_path / "numpys.npz", images=stored, labels=labels.numpy())
    ours, numpys = np.load(tmp_path / "ours.npz"), np.load(tmp_path / "numpys.npz")
    assert ours.files == numpys.files
    for name in numpys.files:
        assert ours[name].dtype == numpys[name].dtype
        assert np.array_equal(ours[name], numpys[name])
    points = torch.randn(10, 2)
    save_samples(points.split(4), 10, (2,), tmp_path / "points.npz")
    assert np.array_equal(np.load(tmp_path / "points.npz")["points"], points.numpy())


@pytest.mark.parametrize("name", ["a.npz", "a.png", "a.csv"])
def test_ctrl_c_leaves_no_partial_file(tmp_path, name):
    parts = torch.randn(100, 2).split(4) if name == "a.csv" else images(100)
    shape = parts[0].shape[1:]
    with pytest.raises(KeyboardInterrupt):
        save_samples(interrupted(parts), 100, shape, tmp_path / name)
    assert not any(tmp_path.iterdir())
    save_samples(parts, 100, shape, tmp_path / name)
    before = (tmp_path / name).read_bytes()
    with pytest.raises(KeyboardInterrupt):
        save_samples(interrupted(parts), 100, shape, tmp_path / name)
    assert [p.name for p in tmp_path.iterdir()] == [name]
    assert (tmp_path / name).read_bytes() == before


def test_ctrl_c_leaves_complete_pictures_in_a_folder(tmp_path, monkeypatch):
    whole = sample_files._png
    drawn = []

    def png(image, scale):
        drawn.append(image)
        if len(drawn) > 10:
            raise KeyboardInterrupt
        return whole(image, scale)

    monkeypatch.setattr(sample_files, "_png", png)
    with pytest.raises(KeyboardInterrupt):
        save_samples(images(100), 100, (1, 5, 6), tmp_path / "folder")
    names = sorted(p.name for p in (tmp_path / "folder").iterdir())
    assert names == [f"{i:06d}.png" for i in range(len(names))]
    for name in names:
        with Image.open(tmp_path / "folder" / name) as picture:
            assert picture.size == (6, 5)


@pytest.mark.parametrize("name", ["a.npz", "folder", "a.csv"])
def test_a_full_disk_is_detected_after_the_first_part(tmp_path, monkeypatch, name):
    asked = []
    monkeypatch.setattr(
        shutil, "disk_usage", lambda path: asked.append(path) or SimpleNamespace(free=10**6)
    )
    parts = torch.randn(100, 2).split(4) if name == "a.csv" else images(100)
    drawn = []

    def watched():
        for part in parts:
            drawn.append(part)
            yield part

    with pytest.raises(ForgeryError, match=r"1,000,000 \w+ would take about .+B in .*1 MB is free"):
        save_samples(watched(), 10**6, parts[0].shape[1:], tmp_path / "new" / name)
    assert len(drawn) == 1
    assert asked == [tmp_path.resolve()]  # the nearest existing folder
    assert not any(tmp_path.iterdir())


def test_the_estimated_size_of_samples_is_that_of_their_file(tmp_path):
    torch.manual_seed(0)
    noise = torch.rand(1000, 3, 16, 16) * 2 - 1
    flat = torch.zeros(1000, 3, 16, 16)
    for values in (noise, flat):
        save_samples(values.split(100), 1000, (3, 16, 16), tmp_path / "a.npz")
        estimate = 1000 / 64 * sample_files._size(values[:64], ".npz")
        size = (tmp_path / "a.npz").stat().st_size
        assert size - 1000 <= estimate  # not below, up to the headers of the archive
        assert estimate < 2 * size + 20_000
    points = torch.randn(1000, 2)
    save_samples(points.split(100), 1000, (2,), tmp_path / "a.csv")
    estimate = 1000 / 64 * sample_files._size(points[:64], ".csv")
    assert estimate == pytest.approx((tmp_path / "a.csv").stat().st_size, rel=0.1)
    assert sample_files._size(noise[:3], "") == 3 * 4096


@pytest.mark.parametrize(
    ("n", "name", "classes", "scale", "message"),
    [
        (10**8, "a.png", 0, None, r"would be 300,002 × 300,002 pixels \(90 GB\)"),
        (10_000, "a.png", 0, 4, "would be 12,008 × 12,008 pixels"),
        (60_000, "a.webp", 60, None, r"would be 604 × 360,\d\d\d pixels"),
        (60_000, "a.jpg", 10, 1, "would be 302 × 180,022 pixels"),
    ],
)
def test_a_grid_that_is_too_large_is_refused(tmp_path, n, name, classes, scale, message):
    never = (pytest.fail("drawn") for _ in range(1))
    names = [str(i) for i in range(classes)]
    with pytest.raises(ForgeryError, match=f"{message}.*a folder or an .npz"):
        save_samples(never, n, (1, 28, 28), tmp_path / name, None, names, scale)


def test_too_many_samples_for_memory_are_refused(tmp_path, monkeypatch, model, points):
    monkeypatch.setattr(resources, "free_memory", lambda: 10**6)
    never = (pytest.fail("drawn") for _ in range(1))
    with pytest.raises(
        ForgeryError, match=r"would take [\d.]+ MB of memory, but only 1 MB is free"
    ):
        save_samples(never, 10_000, (1, 28, 28), tmp_path / "a.png")
    with pytest.raises(ForgeryError, match=r"at most 1,000,000 points .* not 3,000,000"):
        save_samples(never, 3_000_000, (2,), tmp_path / "a.png")
    with pytest.raises(
        ForgeryError, match=r"100,000,000 samples of \[1, 28, 28\] would take 627 GB"
    ):
        model.sample(100_000_000)
    with pytest.raises(ForgeryError, match=r"by Model\.sample_parts, or into a file"):
        points.sample(1_000_000)
    assert next(points.sample_parts(10**12)).shape == (PART, 2)


def test_a_file_that_cannot_be_written_is_reported_before_drawing(tmp_path):
    never = (pytest.fail("drawn") for _ in range(1))
    (tmp_path / "folder.npz").mkdir()
    for name, message in (("folder.npz", "it is a folder"), ("a.txt", r"use \.png")):
        with pytest.raises(ForgeryError, match=message):
            save_samples(never, 5, (1, 5, 6), tmp_path / name)


def test_a_folder_with_more_images_than_are_drawn_is_refused(tmp_path):
    save_samples(images(7), 7, (1, 5, 6), tmp_path / "folder")
    (tmp_path / "folder/notes.png").write_bytes(b"of someone else")
    never = (pytest.fail("drawn") for _ in range(1))
    with pytest.raises(
        ForgeryError, match=r"has 2 images with numbers from 000005 on, .* the 5 new"
    ):
        save_samples(never, 5, (1, 5, 6), tmp_path / "folder")
    save_samples(images(7), 7, (1, 5, 6), tmp_path / "folder")  # replaces all of them
    assert len(list((tmp_path / "folder").iterdir())) == 8


def test_a_grid_has_the_computed_size():
    for n, columns in ((1, None), (5, None), (7, 3), (3, 3)):
        whole = torch.cat(images(n))
        assert grid(whole, columns).size == grid_size(n, 5, 6, columns)


@pytest.mark.parametrize(("n", "classes"), [(7, 3), (64, 22), (22, 22), (64, 10)])
def test_classes_have_columns_below_their_names(n, classes):
    names = [f"class {i}" for i in range(classes)]
    # Each image has a grey level for its class, which must appear below its name.
    greys = torch.arange(n) % classes / 22
    picture = by_class(greys.view(n, 1, 1, 1).expand(n, 1, 8, 8), names, 3)
    assert picture.size == by_class_size(n, classes, 8, 8, 3)
    bands = -(-classes // 10)
    across, height = -(-classes // bands), picture.height // bands
    for i in range(min(n, classes)):
        x, y = (i % across * 10 + 6) * 3, i // across * height + HEADING + 6 * 3
        expected = to_pixels(greys[i]).item()
        assert picture.getpixel((x, y)) == (expected,) * 3
        heading = picture.crop((x - 12, y - 18 - HEADING, x + 12, y - 18))
        assert heading.convert("L").getextrema()[0] < 128  # there is text


def test_images_are_enlarged(tmp_path):
    pixels = torch.rand(4, 1, 5, 6) * 2 - 1
    for scale in (1, 3):
        save_samples([pixels], 4, (1, 5, 6), tmp_path / f"{scale}.png", scale=scale)
        save_samples([pixels], 4, (1, 5, 6), tmp_path / f"{scale}", scale=scale)
    for name in (".png", "/000003.png"):
        small, large = (np.array(Image.open(f"{tmp_path}/{s}{name}")) for s in (1, 3))
        assert np.array_equal(small.repeat(3, 0).repeat(3, 1), large)
    for name, shape in (("a.npz", (1, 5, 6)), ("a.png", (2,)), ("a.csv", (2,))):
        with pytest.raises(ForgeryError, match="scale enlarges pictures of images"):
            save_samples([torch.zeros(4, *shape)], 4, shape, tmp_path / name, scale=2)


def test_save_grid(tmp_path):
    pixels = torch.rand(6, 3, 5, 6) * 2 - 1
    forgery.save_grid(pixels, tmp_path / "a.png", columns=2, scale=2)
    with Image.open(tmp_path / "a.png") as picture:
        assert picture.size == (2 * (2 * 8 + 2), 2 * (3 * 7 + 2))
    forgery.save_grid(pixels.numpy(), tmp_path / "numpy.png", columns=2, scale=2)
    assert (tmp_path / "numpy.png").read_bytes() == (tmp_path / "a.png").read_bytes()
    stored = forgery.data.load("mnist", "test").values[:6]
    forgery.save_grid(stored, tmp_path / "stored.png")
    forgery.save_grid(stored / 127.5 - 1, tmp_path / "seen.png")
    assert (tmp_path / "stored.png").read_bytes() == (tmp_path / "seen.png").read_bytes()
    with pytest.raises(ForgeryError, match=r"expected float or uint8 values, not torch\.int64"):
        forgery.save_grid(stored.long(), tmp_path / "b.png")
    with pytest.raises(ForgeryError, match="some of the points are NaN or infinite"):
        forgery.save_grid(torch.full((4, 2), torch.nan), tmp_path / "b.png")
    forgery.save_grid(torch.rand(6, 2), str(tmp_path / "points.png"))
    assert Image.open(tmp_path / "points.png").size == (320, 320)
    for samples in (torch.rand(6, 2, 5, 6), torch.rand(5, 6, 3), torch.rand(0, 1, 5, 6)):
        with pytest.raises(ForgeryError, match="expected images"):
            forgery.save_grid(samples, tmp_path / "b.png")
    with pytest.raises(ForgeryError, match="at least 1"):
        forgery.save_grid(pixels, tmp_path / "b.png", scale=0)
    for name in ("b.xyz", "none/b.png"):
        with pytest.raises(ForgeryError, match="cannot write"):
            forgery.save_grid(pixels, tmp_path / name)


def test_many_samples_from_the_command_line(model, points, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    sample(model.path, number=N, seed=4, out=tmp_path / "a.npz")
    assert f"drawing: {N:,} of {N:,}" in capsys.readouterr().out
    drawn = np.load("a.npz")
    assert drawn["images"].shape == (N, 1, 28, 28)
    turns = model.labels(N, 4, model.sampleable_classes)
    assert np.array_equal(drawn["labels"], turns.numpy())
    sample(model.path, number=N, out=tmp_path / "folder")
    assert len(list((tmp_path / "folder").iterdir())) == N
    sample(points.path, number=N, out=tmp_path / "a.csv")
    table = torch.from_numpy(np.loadtxt("a.csv", delimiter=",", dtype=np.float32))
    torch.testing.assert_close(table, points.sample(N), rtol=1e-5, atol=1e-6)
    capsys.readouterr()
    sample(model.path, number=64, out=tmp_path / "grid.png")
    assert capsys.readouterr().out == f"64 samples of step 2 in {tmp_path / 'grid.png'}\n"


def test_free_memory(tmp_path):
    free = resources.free_memory()
    assert free is None or free > 0
    (tmp_path / "memory.max").write_text("max\n")
    assert resources._number_in(tmp_path / "memory.max") is None
    (tmp_path / "memory.stat").write_text("anon 4096\nfile 1\n")
    assert resources._number_in(tmp_path / "memory.stat", "anon") == 4096
    assert resources._number_in(tmp_path / "absent") is None


@pytest.mark.parametrize(
    ("number", "words"), [(999, "999 bytes"), (1000, "1 KB"), (78_400_000_000, "78.4 GB")]
)
def test_sizes_in_words(number, words):
    assert resources.in_words(number) == words
