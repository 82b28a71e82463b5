"""Pictures in folders and archives: decoding, classes, splits and the cache."""

import io
import json
import os
import subprocess
import sys
import tarfile
import zipfile

import numpy as np
import pytest
from PIL import Image

from forgery import ForgeryError, data
from forgery.data import Dataset, ImageSettings, load_pictures, warnings_of
from forgery.data import cache as cache_module
from forgery.data import dataset as dataset_module
from forgery.data import pictures as pictures_module
from forgery.data.decode import MAX_BYTES
from forgery.training.run import create


def png(value: int, size: tuple[int, int] = (16, 16), mode: str = "L") -> bytes:
    file = io.BytesIO()
    Image.new(mode, size, value if mode == "L" else (value, 0, 0)).save(file, "PNG")
    return file.getvalue()


def write(root, files: dict[str, bytes]):
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return root


def zipped(path, files: dict[str, bytes]):
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


def tarred(path, files: dict[str, bytes]):
    kind = {".gz": "gz", ".tgz": "gz", ".xz": "xz", ".bz2": "bz2"}.get(path.suffix, "")
    with tarfile.open(path, f"w:{kind}") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return path


CLASSES = {
    f"{name}/{i}.png": png(100 * c + i) for c, name in enumerate(("cats", "dogs")) for i in range(6)
}


def values(dataset: Dataset) -> list[int]:
    return dataset.values[:, 0, 0, 0].tolist()


FORMS = {
    "folder": lambda tmp, files: write(tmp / "pictures", files),
    "zip": lambda tmp, files: zipped(tmp / "pictures.zip", files),
    "tar": lambda tmp, files: tarred(tmp / "pictures.tar", files),
    "tar.gz": lambda tmp, files: tarred(tmp / "pictures.tar.gz", files),
    "tar.xz": lambda tmp, files: tarred(tmp / "pictures.tar.xz", files),
}


@pytest.mark.parametrize("prefix", ["", "all/of/it/"])
@pytest.mark.parametrize("form", FORMS)
def test_subfolders_are_classes_in_folders_and_archives(tmp_path, form, prefix):
    path = FORMS[form](tmp_path, {prefix + name: content for name, content in CLASSES.items()})
    dataset = data.load(str(path))
    assert dataset.shape == (1, 16, 16)
    assert values(dataset) == [*range(6), *range(100, 106)]
    assert dataset.classes == ("cats", "dogs")
    assert dataset.labels.tolist() == [0] * 6 + [1] * 6


def test_tar_members_that_begin_with_a_dot_and_nested_folders(tmp_path):
    files = {f"./{name}": content for name, content in CLASSES.items()}
    files["./cats/deep/er/9.png"] = png(9)
    dataset = data.load(str(tarred(tmp_path / "a.tgz", files)))
    assert dataset.classes == ("cats", "dogs")
    assert dataset.labels.tolist() == [0] * 7 + [1] * 6


def test_a_single_class_or_pictures_outside_classes_mean_no_labels(tmp_path):
    one = write(tmp_path / "one", {f"cats/{i}.png": png(i) for i in range(3)})
    assert data.load(str(one)).labels is None
    mixed = write(tmp_path / "mixed", CLASSES | {"top.png": png(1)})
    assert data.load(str(mixed)).labels is None


def test_names_of_any_script(tmp_path):
    names = ["кошка/а б.png", "猫/画像 1.png", "🐈/é.png"]
    files = {name: png(i) for i, name in enumerate(sorted(names))}
    for form in FORMS:
        folder = tmp_path / form
        folder.mkdir()
        dataset = data.load(str(FORMS[form](folder, files)))
        assert values(dataset) == [0, 1, 2]
        assert set(dataset.classes) == {"кошка", "猫", "🐈"}


@pytest.mark.skipif(sys.platform != "linux", reason="names that are no text")
def test_undecodable_names(tmp_path):
    folder = write(tmp_path / "a", {"one.png": png(1)})
    with open(os.fsencode(folder) + b"/caf\xe9.png", "wb") as file:
        file.write(b"no")
    (reject,) = load_pictures(folder, ImageSettings()).survey.rejects
    assert reject[0] == "caf\\udce9.png"
    reject[0].encode()


@pytest.mark.skipif(sys.platform != "linux", reason="names that are no text")
def test_an_undecodable_name_of_the_folder(tmp_path):
    folder = tmp_path / os.fsdecode(b"caf\xe9")
    folder.mkdir()
    dataset = data.load(str(write(folder, CLASSES)))
    assert dataset.name.encode() == b"caf\\udce9[train]"


def test_runs_in_the_folder_of_their_data_do_not_become_data(tmp_path, tiny, monkeypatch):
    folder = write(tmp_path / "photos", CLASSES)
    monkeypatch.chdir(folder)
    before = data.load(".")
    run = create(None, tiny, {"forgery": "0"})
    write(run.path, {"real.png": png(7), "samples/00000000.png": png(8)})
    write(folder, {"cats/config.json": b"{}"})  # of another program
    after = data.load(".")
    assert values(after) == values(before)
    assert after.classes == ("cats", "dogs")
    assert after.name == "photos[train]"


def test_splits_by_folder(tmp_path):
    files = {
        f"{split}/{name}": content
        for split in ("Train", "test", "val")
        for name, content in CLASSES.items()
    }
    path = write(tmp_path / "a", files)
    for split in ("train", "test", "valid"):
        dataset = data.load(str(path), split)
        assert len(dataset) == 12
        assert dataset.name == f"a[{split}]"
        assert dataset.classes == ("cats", "dogs")
    assert len(data.load(str(path), "all")) == 36
    with pytest.raises(ForgeryError, match="no split 'tets': did you mean 'test'"):
        data.load(str(path), "tets")


def test_without_split_folders_a_tenth_is_held_out_by_hash(tmp_path):
    files = {f"{i}.png": png(i % 250, (8, 8 + i // 250)) for i in range(400)}
    path = write(tmp_path / "a", files)
    train, test = data.load(str(path)), data.load(str(path), "test")
    assert len(train) + len(test) == len(data.load(str(path), "all")) == 400
    assert 20 <= len(test) <= 60  # 40 ± more than three standard deviations
    copied = write(tmp_path / "b", {f"{k}{n}": c for n, c in files.items() for k in "xy"})
    again = data.load(str(copied), "test")
    assert len(again) == 2 * len(test)  # equal files are in the same split
    survey = load_pictures(copied, ImageSettings()).survey
    assert survey.copies == 400
    assert len(survey.duplicates) == 100
    assert survey.duplicates[0] == ["x0.png", "y0.png"]


def test_few_pictures_are_all_in_train(tmp_path):
    path = write(tmp_path / "a", {f"{i}.png": png(i) for i in range(19)})
    assert len(data.load(str(path))) == 19
    with pytest.raises(ForgeryError, match="no split 'test': choose from all, train"):
        data.load(str(path), "test")


def test_mixed_sizes_and_modes(tmp_path):
    files = {f"{i}.png": png(i, (20 + 9 * i, 40)) for i in range(9)}
    path = write(tmp_path / "a", files)
    assert data.load(str(path)).shape == (1, 32, 32)  # the median of the shorter sides is 40
    (path / "red.png").write_bytes(png(200, mode="RGB"))
    assert data.load(str(path)).shape == (3, 32, 32)
    assert data.load(str(path), settings=ImageSettings(48, colour="grey")).shape == (1, 48, 48)
    survey = load_pictures(path, ImageSettings()).survey
    assert survey.modes == {"L": 9, "RGB": 1}
    assert "the median shorter side is 40" in survey.why


def test_pictures_are_made_rectangles(tmp_path, cache):
    files = {f"{i}.png": png(i, (20 + 9 * i, 40)) for i in range(9)}
    path = write(tmp_path / "a", files)
    wide = load_pictures(path, ImageSettings("12x20"))
    assert wide.pixels.shape == (9, 1, 12, 20)
    assert (wide.survey.height, wide.survey.width) == (12, 20)
    assert wide.survey.why.startswith("crop to 12 × 20 (height × width) as requested")
    assert wide.survey.sizes["40 × 29"] == 1  # height × width
    assert load_pictures(path, ImageSettings((12, 20))).pixels.shape == wide.pixels.shape
    assert len(list(cache.glob("*.npy"))) == 1
    assert load_pictures(path, ImageSettings("20x12")).pixels.shape == (9, 1, 20, 12)
    assert load_pictures(path, ImageSettings("12x12")).pixels.shape == (9, 1, 12, 12)
    assert load_pictures(path, ImageSettings(12)).pixels.shape == (9, 1, 12, 12)
    assert len(list(cache.glob("*.npy"))) == 3


@pytest.mark.parametrize("form", ["folder", "zip", "tar.gz"])
def test_pictures_of_one_size_can_be_kept_as_they_are(tmp_path, form, cache):
    files = {"0.png": b"no picture", **{f"{i}.png": png(i, (21, 13)) for i in range(1, 9)}}
    path = FORMS[form](tmp_path, files)
    kept = load_pictures(path, ImageSettings(fit="none"))
    assert kept.pixels.shape == (8, 1, 13, 21)
    assert sorted(kept.pixels[:, 0, 5, 5].tolist()) == list(range(1, 9))
    assert kept.survey.why.startswith("kept as they are, all 13 × 21 (height × width)")
    assert [name for name, _ in kept.survey.rejects] == ["0.png"]
    assert load_pictures(path, ImageSettings("13x21", "none")).pixels.shape == (8, 1, 13, 21)
    with pytest.raises(ForgeryError, match=r"1.png is 13 × 21 .*, unlike the 21 × 13 .*requested"):
        load_pictures(path, ImageSettings("21x13", "none"))
    assert len(list(cache.glob("*.npy"))) == 2


def test_pictures_that_differ_in_size_are_not_kept_as_they_are(tmp_path, cache):
    files = {f"{i:02}.png": png(i, (21, 13) if i < 30 else (13, 21)) for i in range(60)}
    path = write(tmp_path / "a", files)
    with pytest.raises(ForgeryError) as refused:
        load_pictures(path, ImageSettings(fit="none"))
    assert str(refused.value) == (
        f"{path}: --fit none keeps pictures as they are, but 30.png is 21 × 13 (height × width), "
        "unlike the 13 × 21 (height × width) of the pictures before it: give --fit crop, pad or "
        "stretch, or pictures of one size"
    )
    assert not [left for left in cache.iterdir() if left.suffix != ".lock"]
    nothing = write(tmp_path / "b", {"a.png": b"no picture"})
    with pytest.raises(ForgeryError, match="it contains no pictures"):
        load_pictures(nothing, ImageSettings(fit="none"))


def test_a_jpeg_is_kept_at_its_full_size(tmp_path):
    file = io.BytesIO()
    Image.new("L", (400, 300), 9).save(file, "JPEG")
    path = write(tmp_path / "a", {"a.jpg": file.getvalue()})
    with pytest.raises(ForgeryError, match=r"a\.jpg is 300 × 400"):
        load_pictures(path, ImageSettings("30x40", "none"))
    assert load_pictures(path, ImageSettings(fit="none")).pixels.shape == (1, 1, 300, 400)


def test_colour_missed_by_the_sampled_headers(tmp_path, monkeypatch):
    monkeypatch.setattr(pictures_module, "SAMPLED", 2)
    files = {f"{i}.png": png(i, mode="RGB" if i == 3 else "L") for i in range(8)}
    survey = load_pictures(write(tmp_path / "a", files), ImageSettings()).survey
    assert survey.channels == 3
    assert "RGB since 1 are not grey" in survey.why


def test_unusable_files_are_set_aside_and_listed(tmp_path):
    path = write(
        tmp_path / "a",
        {
            "good.png": png(7),
            "empty.png": b"",
            "notes.txt": b"hello",
            "cut.png": png(3)[:-26],
            ".DS_Store": b"litter",
            "__MACOSX/x.png": b"litter",
        },
    )
    (path / "huge.png").touch()
    os.truncate(path / "huge.png", MAX_BYTES + 1)
    write(tmp_path / "elsewhere", {"secret.png": png(9)})
    (path / "out.png").symlink_to(tmp_path / "elsewhere" / "secret.png")
    (path / "outside").symlink_to(tmp_path / "elsewhere")
    (path / "gone.png").symlink_to(path / "nothing.png")
    (path / "circle.png").symlink_to(path / "circle.png")
    (path / "in.png").symlink_to("good.png")
    if hasattr(os, "mkfifo"):
        os.mkfifo(path / "pipe.png")
    found = load_pictures(path, ImageSettings())
    assert values(found.split("train")) == [7]
    reasons = dict(found.survey.rejects)
    assert set(reasons) == {
        *("empty.png", "notes.txt", "cut.png", "huge.png", "out.png", "outside", "gone.png"),
        *("circle.png", "pipe.png", "in.png"),
    }
    assert reasons["empty.png"] == "empty"
    assert reasons["in.png"] == "a link to a file that is listed itself"
    assert "not a picture" in reasons["notes.txt"]
    assert "damaged PNG" in reasons["cut.png"]
    assert "bytes (more than" in reasons["huge.png"]
    assert "points outside" in reasons["out.png"]
    assert "points outside" in reasons["outside"]
    assert "not a regular file" in reasons["pipe.png"]
    with pytest.raises(ForgeryError, match=r"10 files set aside: .* \(strict\)"):
        load_pictures(path, ImageSettings(strict=True))


@pytest.mark.parametrize("content", [{}, {"a.txt": b"x"}, {"empty.png": b""}])
@pytest.mark.parametrize("form", FORMS)
def test_sources_without_pictures_are_refused(tmp_path, form, content, cache):
    (tmp_path / "pictures").mkdir()
    path = FORMS[form](tmp_path, content)
    with pytest.raises(ForgeryError, match="it contains no pictures"):
        data.load(str(path))
    assert not [left for left in cache.iterdir() if left.suffix != ".lock"]


def test_archive_members_that_point_outside_are_refused(tmp_path):
    bad = {"../up.png": png(1), "/root.png": png(2), "a/../../b.png": png(3), "C:\\x.png": png(4)}
    found = load_pictures(zipped(tmp_path / "a.zip", bad | {"good.png": png(5)}), ImageSettings())
    assert values(found.split("train")) == [5]
    assert {reason for _, reason in found.survey.rejects} == {"its name points outside the archive"}
    path = tarred(tmp_path / "a.tar", bad | {"good.png": png(5)})
    with tarfile.open(path, "a") as archive:
        for kind in (tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE):
            member = tarfile.TarInfo(f"special{kind.decode()}.png")
            member.type, member.linkname = kind, "/etc/passwd"
            archive.addfile(member)
    found = load_pictures(path, ImageSettings())
    assert values(found.split("train")) == [5]
    assert len(found.survey.rejects) == 7
    assert sorted(reason for name, reason in found.survey.rejects if "special" in name) == [
        *("a link", "a link", "not a regular file")
    ]
    assert {p.name for p in tmp_path.iterdir()} == {"a.zip", "a.tar"}


def test_a_link_in_a_zip(tmp_path):
    path = zipped(tmp_path / "a.zip", {"good.png": png(5)})
    with zipfile.ZipFile(path, "a") as archive:
        link = zipfile.ZipInfo("link.png")
        link.external_attr = 0o120777 << 16
        archive.writestr(link, "/etc/passwd")
    assert load_pictures(path, ImageSettings()).survey.rejects == [["link.png", "a link"]]


def test_damaged_archives(tmp_path):
    for name in ("a.zip", "a.tar", "a.tar.gz"):
        (tmp_path / name).write_bytes(b"not an archive")
        with pytest.raises(ForgeryError, match=f"{name} cannot be read as an archive"):
            data.load(str(tmp_path / name))
    whole = tarred(tmp_path / "b.tar.gz", CLASSES).read_bytes()
    (tmp_path / "b.tar.gz").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ForgeryError, match="cannot be read as an archive"):
        data.load(str(tmp_path / "b.tar.gz"))
    content = bytearray(zipped(tmp_path / "c.zip", {"a.png": png(1), "b.png": png(2)}).read_bytes())
    content[60] ^= 255  # within the first member: its checksum fails
    (tmp_path / "c.zip").write_bytes(content)
    (reject,) = load_pictures(tmp_path / "c.zip", ImageSettings()).survey.rejects
    assert reject[0] == "a.png"
    assert "damaged in the archive" in reject[1]


@pytest.mark.skipif(os.name == "nt", reason="libtiff is inside of Pillow there, out of reach")
@pytest.mark.parametrize("compression", ["tiff_lzw", "tiff_adobe_deflate", "jpeg", "group4"])
def test_damaged_tiffs_are_listed_and_nothing_is_printed(tmp_path, capfd, compression):
    # libtiff writes to file descriptor 2 from C, Pillow to its log.
    random = np.random.default_rng(0)
    image = Image.fromarray(random.integers(0, 256, (32, 32, 3), dtype=np.uint8))
    file = io.BytesIO()
    image.convert("1" if compression == "group4" else "RGB").save(
        file, "TIFF", compression=compression
    )
    whole = file.getvalue()
    write(tmp_path, {"whole.tif": whole})
    for i in range(60):
        damaged = bytearray(whole)
        for at in random.integers(8, len(whole), (1, 5, 50)[i % 3]):
            damaged[at] = random.integers(256)
        write(tmp_path, {f"{i}.tif": bytes(damaged)})
    pictures = load_pictures(tmp_path, ImageSettings(size=8))
    names = [name for name, _ in pictures.survey.rejects]
    assert names
    assert "whole.tif" not in names
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("form", FORMS)
def test_cached_pictures_are_not_opened_again(tmp_path, form, monkeypatch, cache):
    path = FORMS[form](tmp_path, CLASSES)
    first = data.load(str(path))
    fresh = Dataset(first.name, first.values, first.labels, first.classes)
    assert first.fingerprint == fresh.fingerprint  # the stored one equals the computed one

    def fail(*args, **kwargs):
        raise AssertionError("a picture was opened")

    monkeypatch.setattr(Image, "open", fail)
    second = data.load(str(path))
    assert second.fingerprint == first.fingerprint
    assert values(second) == values(first)
    with pytest.raises(ForgeryError, match="was opened"):  # other settings have another key
        data.load(str(path), settings=ImageSettings(size=8))
    monkeypatch.undo()


def test_settings_and_files_determine_the_cache_key(tmp_path, cache):
    path = write(tmp_path / "a", CLASSES)
    made = {data.load(str(path)).shape}
    made.add(data.load(str(path), settings=ImageSettings(size=8)).shape)
    assert made == {(1, 16, 16), (1, 8, 8)}
    assert len(list(cache.glob("*.npy"))) == 2
    (path / "cats" / "0.png").write_bytes(png(77))
    os.utime(path / "cats" / "0.png", ns=(1, 1))
    assert values(data.load(str(path)))[0] == 77
    assert len(list(cache.glob("*.npy"))) == 3
    data.load(str(path), settings=ImageSettings(strict=True))  # has the same pixels
    assert len(list(cache.glob("*.npy"))) == 3


def test_a_damaged_cache_is_rebuilt(tmp_path, cache):
    path = write(tmp_path / "a", CLASSES)
    expected = data.load(str(path)).fingerprint
    (pixels,), (record,) = cache.glob("*.npy"), cache.glob("*.json")
    whole = pixels.read_bytes()

    def cut():
        pixels.write_bytes(whole[:-1])

    def other_header():
        np.save(pixels, np.zeros((3, 1, 2, 2), np.uint8))

    def alter_record():
        sealed = json.loads(record.read_text())
        sealed["record"]["labels"][0] = 1
        record.write_text(json.dumps(sealed))

    for damage in (cut, other_header, alter_record, pixels.unlink, record.unlink,
                   lambda: record.write_text("{")):  # fmt: skip
        damage()
        dataset = data.load(str(path))
        assert dataset.fingerprint == expected
        assert pixels.read_bytes() == whole
        assert dataset.labels.tolist() == [0] * 6 + [1] * 6


def test_an_interrupted_build_leaves_no_files(tmp_path, cache):
    path = write(tmp_path / "a", CLASSES)

    def interrupt(task, done, of):
        if task == "decoding":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        load_pictures(path, ImageSettings(), interrupt)
    assert [left.suffix for left in cache.iterdir()] == [".lock"]
    slot = cache_module.Slot(cache, next(cache.iterdir()).stem)
    slot.temporary().write_bytes(b"left by a process that was killed")
    assert len(data.load(str(path))) == 12
    assert sorted(left.suffix for left in cache.iterdir()) == [".json", ".lock", ".npy"]


def test_a_full_disk_is_reported(tmp_path, monkeypatch, cache):
    def full(path, shape):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(cache_module, "new_pixels", full)
    with pytest.raises(ForgeryError, match="No space left on device; set FORGERY_CACHE"):
        data.load(str(write(tmp_path / "a", CLASSES)))
    assert [left.suffix for left in cache.iterdir()] == [".lock"]


def test_an_unwritable_cache_folder_is_reported(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("FORGERY_CACHE", str(tmp_path / "file"))
    with pytest.raises(ForgeryError, match=r"cannot write to .*set FORGERY_CACHE to another"):
        data.load(str(write(tmp_path / "a", CLASSES)))


def test_two_processes_at_once(tmp_path, cache):
    path = write(tmp_path / "a", CLASSES)
    code = f"from forgery import data; print(data.load({str(path)!r}).fingerprint)"
    both = [
        subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    said = [process.communicate(timeout=120)[0].strip() for process in both]
    assert [process.returncode for process in both] == [0, 0]
    assert said == [data.load(str(path)).fingerprint] * 2
    assert sorted(left.suffix for left in cache.iterdir()) == [".json", ".lock", ".npy"]


def test_large_data_stays_on_disk_and_gives_the_same_batches(tmp_path, monkeypatch, recwarn):
    from functools import partial

    import torch

    from forgery.data import Batches
    from forgery.randomness import permutation

    path = write(tmp_path / "a", CLASSES)
    small = data.load(str(path))
    monkeypatch.setattr(cache_module, "LARGE", 10)
    large = data.load(str(path))
    assert large.mapping
    assert not small.mapping
    cpu = torch.device("cpu")
    assert large.to(cpu) is large
    order = partial(permutation, 0)
    expected, batches = Batches(small, 4, order), Batches(large, 4, order, device=cpu)
    for i in range(6):
        assert torch.equal(batches[i], expected[i])
    assert torch.equal(large.mean, small.mean)
    large.values[0] = 255  # in memory only
    assert values(data.load(str(path))) == values(small)
    assert not [w for w in recwarn if "writ" in str(w.message)]


def test_decoding_does_not_depend_on_the_number_of_threads(tmp_path, monkeypatch, cache):
    path = write(tmp_path / "a", CLASSES)
    first = data.load(str(path)).fingerprint
    for left in cache.iterdir():
        left.unlink()
    monkeypatch.setattr(pictures_module, "_cores", lambda: 7)
    monkeypatch.setattr(pictures_module, "CHUNK", 1)
    assert data.load(str(path)).fingerprint == first


def test_the_mean_of_mapped_data_is_estimated_from_a_subset(tmp_path, monkeypatch):
    files = {f"{i}.png": png(shade) for i, shade in enumerate((0, 250, 100, 250))}
    path = write(tmp_path / "a", files)
    monkeypatch.setattr(cache_module, "LARGE", 10)
    monkeypatch.setattr(dataset_module, "MAPPED_MEAN", 2)
    assert data.load(str(path)).mean.unique().item() == pytest.approx(50 / 127.5 - 1)
    monkeypatch.setattr(cache_module, "LARGE", 1 << 30)
    assert data.load(str(path)).mean.unique().item() == pytest.approx(150 / 127.5 - 1)


def test_memory_of_mapped_data_is_released(tmp_path, monkeypatch):
    from functools import partial

    from forgery.data import Batches
    from forgery.randomness import permutation

    path = write(tmp_path / "a", CLASSES)
    monkeypatch.setattr(cache_module, "LARGE", 10)
    large = data.load(str(path))
    given_back = []
    monkeypatch.setattr(Dataset, "release", lambda self: given_back.append(self))
    batches = Batches(large, 4, partial(permutation, 0))
    for i in range(9):
        batches[i]
    assert given_back == [large] * 9


def test_least_recently_used_sets_are_deleted(tmp_path, monkeypatch, cache):
    paths = [write(tmp_path / name, CLASSES | {f"a/{name}.png": png(1)}) for name in "abc"]
    for at, path in enumerate(paths[:2]):
        data.load(str(path))
        for record in cache.glob("*.json"):
            os.utime(record, (at, at)) if record.stat().st_mtime > 100 else None
    data.load(str(paths[0]))  # used again: now b is the oldest
    pixels = [left.stat().st_size for left in cache.glob("*.npy")]
    monkeypatch.setattr(cache_module, "MAX_BYTES", 3 * max(pixels))  # two of them and their records
    data.load(str(paths[2]))
    decoded = []
    monkeypatch.setattr(pictures_module, "_build", lambda source, *_: decoded.append(source))
    for path in (paths[0], paths[2]):
        data.load(str(path))
    assert decoded == []
    with pytest.raises(ForgeryError):
        data.load(str(paths[1]))
    assert decoded == [str(paths[1])]


def test_the_newest_set_is_kept_whatever_its_size(tmp_path, monkeypatch, cache):
    monkeypatch.setattr(cache_module, "MAX_BYTES", 1)
    for name in "ab":
        data.load(str(write(tmp_path / name, CLASSES)))
    assert len(list(cache.glob("*.npy"))) == len(list(cache.glob("*.json"))) == 1


def test_the_cache_is_cleared(tmp_path, cache):
    path = write(tmp_path / "a", CLASSES)
    data.load(str(path))
    (cache / "other.0123.tmp").write_bytes(b"left by a killed process")
    (cache / "another.npy").write_bytes(b"before its record was written")
    size = sum(left.stat().st_size for left in cache.iterdir())
    assert data.clear_cache() == (1, size, cache)
    assert not list(cache.iterdir())
    assert data.clear_cache()[:2] == (0, 0)
    assert len(data.load(str(path))) == len(CLASSES)


def test_a_set_that_is_being_decoded_is_not_cleared(tmp_path, cache):
    path = write(tmp_path / "a", CLASSES)
    data.load(str(write(tmp_path / "b", CLASSES)))
    cleared = []

    def meanwhile(task, done, total):
        if task == "decoding" and not cleared:
            cleared.append(data.clear_cache()[0])

    pictures = data.load_pictures(str(path), ImageSettings(), meanwhile)
    assert cleared == [1]
    assert len(pictures.split("all")) == len(CLASSES)


def test_a_folder_that_cannot_be_read_is_an_error_and_one_below_is_set_aside(tmp_path, monkeypatch):
    for name in ("photos/a.png", "photos/private/b.png"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("L", (8, 8)).save(tmp_path / name)
    scandir, locked = os.scandir, []

    def refuse(path):
        if str(path) in locked:
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)
    locked.append(str(tmp_path / "photos" / "private"))
    pictures = load_pictures(str(tmp_path / "photos"), ImageSettings())
    assert len(pictures.pixels) == 1
    assert pictures.survey.rejects == [["private", "a folder that cannot be read"]]
    locked.append(str(tmp_path / "photos"))
    with pytest.raises(ForgeryError, match=r"cannot read .*photos: Permission denied"):
        load_pictures(str(tmp_path / "photos"), ImageSettings())


@pytest.mark.parametrize(("brightest", "factor"), [(4095, 16), (16_383, 4), (16_384, 0)])
def test_a_warning_of_dark_pictures_of_16_bits(tmp_path, brightest, factor):
    for name, level in (("a", 100), ("b", brightest)):
        Image.fromarray(np.array([[level] * 7 + [0]] * 8, np.uint16)).save(tmp_path / f"{name}.png")
    warnings = warnings_of(load_pictures(tmp_path, ImageSettings()).survey)
    assert [warning.endswith(f"by {factor}") for warning in warnings] == [True] * bool(factor)


def test_pictures_of_a_single_colour_are_warned_of(tmp_path):
    stroke = np.zeros((8, 8, 4), np.uint8)
    stroke[3:5] = 255  # white on transparent
    for i in range(4):
        Image.fromarray(np.roll(stroke, i, 0)).save(tmp_path / f"{i}.png")
    (warning,) = warnings_of(load_pictures(tmp_path, ImageSettings()).survey)
    assert warning.startswith("4 of the 4 pictures have a single colour: ")
    assert warning.endswith("choose another --background than white")
    assert not warnings_of(load_pictures(tmp_path, ImageSettings(background="black")).survey)


def test_letters_of_names_that_control_a_terminal_are_escaped(tmp_path):
    path = write(tmp_path / "a", {"a.png": png(1), "\x1b[31mred\n.png": b"no picture"})
    ((name, _),) = load_pictures(path, ImageSettings()).survey.rejects
    assert name == "\\x1b[31mred\\n.png"


def test_a_complete_cache_that_cannot_be_written_to_is_used(tmp_path, monkeypatch, cache):
    path = write(tmp_path / "a", CLASSES)
    data.load(str(path))

    def refuse(*args):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "utime", refuse)
    monkeypatch.setattr(pictures_module, "_build", refuse)
    assert len(data.load(str(path))) == len(CLASSES)


def test_files_of_the_cache_that_another_process_deletes(tmp_path, monkeypatch, cache):
    data.load(str(write(tmp_path / "a", CLASSES)))
    (slot,) = cache_module.slots(cache)
    gone = [cache / "gone.json"]
    monkeypatch.setattr(type(cache), "glob", lambda folder, pattern: [*gone, slot.record])
    assert cache_module.slots(cache) == [slot]
    slot.pixels.unlink()
    assert slot.size() == slot.record.stat().st_size


def test_mapped_files_are_closed_before_they_are_renamed(tmp_path, mapped_files):
    data.load(str(write(tmp_path / "a", CLASSES)))
    assert mapped_files == [False, False]


def test_a_zip_with_backslashes(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        for name, content in (CLASSES | {"__MACOSX/a.png": b"hidden", "empty/": b""}).items():
            member = zipfile.ZipInfo()
            member.filename = name.replace("/", "\\")
            archive.writestr(member, content)
    found = load_pictures(tmp_path / "a.zip", ImageSettings())
    assert found.split("train").classes == ("cats", "dogs")
    assert not found.survey.rejects


def test_a_zip_with_names_that_are_not_utf_8(tmp_path):
    content = zipped(tmp_path / "a.zip", {"é.png": png(1)}).read_bytes()
    (tmp_path / "a.zip").write_bytes(content.replace("é".encode(), b"\xff\xff"))
    with pytest.raises(ForgeryError, match="cannot be read as an archive"):
        data.load(str(tmp_path / "a.zip"))
