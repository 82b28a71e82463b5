"""Runs on little data: limits, mirroring, augmentation, resuming and errors."""

import json

import pytest
import torch

import forgery
from forgery import ForgeryError, bench, build, recipes
from forgery.augmentations import AUGMENTATIONS
from forgery.data import Batches, Dataset, load
from forgery.training import checkpoint

NAMES = [name for name, augmentation in AUGMENTATIONS.items() if augmentation]
#: p changes every four steps, by a quarter.
QUICKLY = {"augment_target": 0.01, "augment_ramp": 320}


@pytest.fixture
def small(tiny):
    # D memorises 20 digits at once.
    return tiny.replace(limit=40, steps=10, report_every=4)


def reports(run):
    return [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]


def test_p_is_reported_and_saved(small, tmp_path):
    config = small.replace(augment="adaptive", **QUICKLY, d_learning_rate=1e-2)
    forgery.train(config.replace(steps=40), tmp_path / "run")
    kept = checkpoint.read_last(tmp_path / "run" / "checkpoints")[0].model["augment.p"]
    assert 0 < kept <= 1
    assert reports(tmp_path / "run")[-1]["augment_p"] == kept
    forgery.train(small, tmp_path / "plain")
    assert reports(tmp_path / "plain")[-1]["augment_p"] is None


@pytest.mark.parametrize("name", [*NAMES, "flip"])
def test_augmentation_changes_the_weights(small, tmp_path, name):
    changes = {"flip": True} if name == "flip" else {"augment": name}
    changes |= QUICKLY if name.startswith("adaptive") else {}
    for run, config in (("plain", small), ("changed", small.replace(**changes))):
        forgery.train(config.replace(steps=20), tmp_path / run)
    plain, changed = (
        checkpoint.read_last(tmp_path / run / "checkpoints")[0].model
        for run in ("plain", "changed")
    )
    key = "generator.layers.0.weight"
    assert not torch.equal(plain[key], changed[key])


def test_a_mirrored_minibatch_is_the_mirror_of_its_images(tiny):
    data = load("mnist", "test", limit=100)
    plain = build.batches_of(tiny, data, torch.device("cpu"))
    flipped = build.batches_of(tiny.replace(flip=True), data, torch.device("cpu"))
    mirrored = []
    for i in range(10):
        for before, after in zip(plain[i], flipped[i], strict=True):
            is_mirrored = torch.equal(after, before.flip(-1))
            assert is_mirrored != torch.equal(after, before)  # no digit is symmetric
            mirrored.append(is_mirrored)
    # 200 coin flips: three standard errors of their sum are 21.
    assert 79 <= sum(mirrored) <= 121
    assert torch.equal(flipped[3], flipped[3])
    other = build.batches_of(tiny.replace(flip=True, seed=1), data, torch.device("cpu"))
    assert not torch.equal(other[3], flipped[3])
    again = [mirrored[n * 100 : (n + 1) * 100] for n in (0, 1)]
    assert again[0] != again[1]  # a different choice in each epoch


def test_labels_stay_with_mirrored_images():
    data = Dataset(
        "pairs", torch.arange(10, dtype=torch.uint8).view(5, 1, 1, 2), torch.arange(5), ()
    )
    batches = Batches(
        data, 5, lambda epoch, n: torch.arange(n).flip(0), True, lambda i, n: torch.arange(n) < 2
    )
    pixels = ((batches[0] + 1) * 127.5).round().long().flatten(1).tolist()
    assert pixels == [[9, 8], [7, 6], [4, 5], [2, 3], [0, 1]]
    assert batches.labels(0).tolist() == [4, 3, 2, 1, 0]


def test_a_limit_chooses_from_every_class_with_labels():
    whole, some = load("mnist", "test"), load("mnist", "test", limit=30)
    rows = whole.stratified(30)
    assert some.name == "mnist[test, 30 of 10000]"
    assert torch.equal(some.values, whole.values[rows])
    assert torch.equal(some.labels, whole.labels[rows])
    assert some.class_counts.min() >= 2
    assert some.fingerprint != whole.fingerprint
    assert load("mnist", "test", limit=0).fingerprint == whole.fingerprint


def test_a_limited_run_records_its_data(small, tmp_path):
    model = forgery.train(small.replace(conditional="projection"), tmp_path / "run")
    data = json.loads((tmp_path / "run" / "config.json").read_text())["data"]
    assert (data["name"], data["images"]) == ("mnist[test, 40 of 10000]", 40)
    assert sum(model.classes.values()) == 40


def test_a_run_with_a_limit_of_an_earlier_version_is_refused(small, tmp_path):
    forgery.train(small, tmp_path / "run")
    path = tmp_path / "run" / "config.json"
    record = json.loads(path.read_text())
    record["data"] |= {"name": "mnist[test][:40]", "fingerprint": "0" * 64}
    path.write_text(json.dumps(record))
    for use in (
        lambda: forgery.resume(tmp_path / "run", steps=20),
        lambda: forgery.load(tmp_path / "run").dataset(),
    ):
        with pytest.raises(ForgeryError, match=r"that was mnist\[test\]\[:40\].* the first 40"):
            use()
    assert forgery.load(tmp_path / "run").sample(2).shape == (2, 1, 28, 28)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"augment": "adaptiv"}, "unknown augment 'adaptiv': did you mean 'adaptive'"),
        ({"limit": 10_001}, r"mnist\[test\] has 10000 images, fewer than 10001"),
        ({"limit": 19}, "a batch of 20 is larger than the data"),
        ({"data": "ring8", "split": "train", "flip": True}, r"flip is for images, .* points"),
        ({"data": "ring8", "split": "train", "augment": "adaptive"}, "adaptive is for images"),
    ],
)
def test_incompatible_settings_leave_nothing_on_disk(tiny, tmp_path, changes, message):
    with pytest.raises(ForgeryError, match=message):
        forgery.train(tiny.replace(**changes), tmp_path / "run")
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("changes", [{"flip": True}, {"augment": "diffaugment"}])
def test_ensembles_refuse_random_transforms(tmp_path, changes):
    config = recipes.pacgan(steps=2, device="cpu", **changes)
    with pytest.raises(ForgeryError, match=r"draws random numbers, which seeds trained at once"):
        bench.bench(config, ["non-saturating"], [1], [0, 1], tmp_path / "bench")
    assert not (tmp_path / "bench").exists()
