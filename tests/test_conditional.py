"""Conditional runs: training, sampling of a class, evaluation, and errors."""

import dataclasses
import gzip
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import forgery
from forgery import ForgeryError, bench, build, gallery, parts, randomness, recipes, session
from forgery.cli import main
from forgery.data import Batches, Dataset, load
from forgery.evaluation import MEASURES, Evaluator, runs
from forgery.extractors import load_digit_classifier
from forgery.metrics import matched_accuracy
from forgery.models import CONDITIONS
from forgery.pixels import to_model
from forgery.sampler import Sampler
from forgery.training import checkpoint

CONDITIONAL = [name for name in CONDITIONS if name != "none"]
MNIST_FILES = Path(forgery.data.__file__).parent / "mnist"


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A short conditional run on the digits, and the model that training returned."""
    config = recipes.conditional(
        g_width=32, d_width=32, latent=8, steps=3, report_every=3, grid=25, split="test",
        device="cpu", threads=1,
    )  # fmt: skip
    path = tmp_path_factory.mktemp("conditional") / "run"
    return forgery.train(config, path)


def test_the_labels_of_a_minibatch_are_those_of_its_images():
    data = Dataset(
        "numbered", torch.arange(10, dtype=torch.uint8).view(10, 1, 1, 1), torch.arange(10)
    )
    batches = Batches(data, 3, lambda epoch, n: randomness.permutation(0, epoch, n), True)
    for i in (0, 2, 5, 1):
        pixels = ((batches[i].flatten() + 1) * 127.5).round().long()
        assert torch.equal(pixels, batches.labels(i))
    assert Batches(data, 3, lambda epoch, n: torch.arange(n)).labels(0) is None


def test_labels_are_drawn_in_the_proportions_of_the_data():
    counts = torch.tensor([100, 0, 300])
    y = randomness.fixed_labels(counts, 10_000, 0)
    # Three standard errors of a fraction of a quarter in 10,000 are .013.
    assert (y == 0).double().mean().item() == pytest.approx(0.25, abs=0.013)
    assert not (y == 1).any()
    assert torch.equal(randomness.fixed_labels(counts, 300, 0), y[:300])
    assert not torch.equal(randomness.fixed_labels(counts, 300, 1), y[:300])


def test_a_class_can_be_requested(trained):
    model = forgery.load(trained.path)
    assert list(model.classes) == [str(i) for i in range(10)]
    assert sum(model.classes.values()) == 10_000
    for requested in (3, "3", [3], ["3"]):
        assert torch.equal(model.sample(5, 1, requested), trained.sample(5, 1, "3"))
    assert not torch.equal(model.sample(5, 1, 3), model.sample(5, 1, 4))
    turns = model.sample(6, 1, [3, "4"])
    assert model.labels(6, 1, [3, "4"]).tolist() == [3, 4, 3, 4, 3, 4]
    torch.testing.assert_close(turns[::2], model.sample(6, 1, 3)[::2])
    torch.testing.assert_close(turns[1::2], model.sample(6, 1, 4)[1::2])
    # By default in the proportions of the data; sample i does not depend on n.
    torch.testing.assert_close(model.sample(600, 2)[:7], model.sample(7, 2))
    assert len(model.labels(600, 2).unique()) == 10


@pytest.mark.parametrize(
    ("requested", "message"),
    [
        (10, "has no class 10: its classes are 0 to 9"),
        (-1, "has no class -1: its classes are 0 to 9"),
        ([1, 12], "has no class 12"),
        ("ten", "has no class 'ten': choose from 0, 1"),
        ([], "no class was given"),
    ],
)
def test_an_unknown_class(trained, requested, message):
    with pytest.raises(ForgeryError, match=message):
        trained.sample(3, classes=requested)


def test_a_class_requested_of_an_unconditional_run(tiny, tmp_path):
    model = forgery.train(tiny.replace(steps=1), tmp_path / "run")
    assert model.labels(3) is None
    assert "classes" not in model.path.joinpath("config.json").read_text()
    for requested in (3, [3], []):
        with pytest.raises(ForgeryError, match="was not trained with classes"):
            model.sample(3, classes=requested)


def test_a_class_without_images(tmp_path):
    """A class without images in an IDX file has no column, and requesting it is an error."""
    images = np.random.default_rng(0).integers(0, 256, (30, 4, 4), dtype=np.uint8)
    labels = np.array([0, 2, 3] * 10, dtype=np.uint8)
    for name, kind, array in (("images-idx3", 3, images), ("labels-idx1", 1, labels)):
        header = bytes([0, 0, 8, kind]) + np.array(array.shape, ">u4").tobytes()
        (tmp_path / f"my-{name}-ubyte").write_bytes(header + array.tobytes())
    config = recipes.conditional(
        data=str(tmp_path / "my-images-idx3-ubyte"), g_width=4, d_width=4, batch_size=10,
        steps=1, grid=7, device="cpu", threads=1,
    )  # fmt: skip
    model = forgery.train(config, tmp_path / "run")
    assert model.classes == {"0": 10, "1": 0, "2": 10, "3": 10}
    assert model.sample(4, classes="2").shape == (4, 1, 4, 4)
    with pytest.raises(ForgeryError, match="trained on no sample of class '1'"):
        model.sample(4, classes=1)
    with Image.open(tmp_path / "run/real.png") as picture:
        # Three columns of 4 pixels and gaps of 2, enlarged by 16, below their names.
        assert picture.size == (16 * (3 * 6 + 2), 16 * (3 * 6 + 2) + 20)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"data": "ring8", "split": "train"}, r"ring8\[train\] has no labels"),
        ({"data": "unlabelled", "split": "train"}, "unlabelled has no labels, .* next to it"),
        (
            {"conditional": "semi-supervised", "data": "unlabelled", "split": "train"},
            "unlabelled has no labels",
        ),
        ({"conditional": "auxiliary", "data": "ring8", "split": "train"}, "ring8.* no labels"),
        ({"conditional": "semi-supervised", "labels": 10_001}, "more than the 10000 images"),
        ({"conditional": "semi-supervised", "labels": 9}, "less than the 10 classes"),
        ({"conditional": "semi-supervised", "labels": 9500}, "needs 950 of class '5'"),
    ],
)
def test_wrong_settings_are_refused_before_anything_is_written(tiny, tmp_path, changes, message):
    if changes.get("data") == "unlabelled":
        changes = changes | {"data": str(tmp_path / "unlabelled")}
        shutil.copy(MNIST_FILES / "t10k-images-idx3-ubyte.gz", tmp_path / "unlabelled")
    config = tiny.replace(**{"conditional": "concat"} | changes)
    with pytest.raises(ForgeryError, match=message):
        forgery.train(config, tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_packing_and_many_seeds_at_once_are_refused(tiny, tmp_path):
    for conditional in CONDITIONAL:
        with pytest.raises(ForgeryError, match=r"pack 2 joins samples of different .*--pack 1"):
            tiny.replace(conditional=conditional, pack=2)
    with pytest.raises(ForgeryError, match="which seeds trained at once do not provide"):
        build.check_ensemble(recipes.pacgan(objective="feature-matching"))
    config = recipes.pacgan(conditional="concat", steps=2)
    with pytest.raises(ForgeryError, match="seeds trained at once cannot be conditional"):
        bench.bench(config, ["minimax"], [1], [0, 1], tmp_path / "bench")
    assert not (tmp_path / "bench").exists()
    with pytest.raises(ForgeryError, match="seeds trained at once cannot be conditional"):
        build.ensemble_of(config, [0, 1], load("ring8"), torch.device("cpu"))


def test_real_pictures_without_columns_show_every_class(tiny, monkeypatch):
    drawn = []
    monkeypatch.setattr(gallery.plots, "grid", drawn.append)
    digits = load("mnist", "test")
    order = digits.labels.argsort(stable=True)  # by class, as in a folder
    data = dataclasses.replace(digits, values=digits.values[order], labels=digits.labels[order])
    gallery.real_picture(tiny.replace(grid=10), data, {})
    rows = data.stratified(10)
    assert sorted(data.labels[rows].tolist()) == list(range(10))
    assert torch.equal(drawn[0], data.to_model(data.values[rows]))


def test_pictures_have_one_class_per_column(trained, monkeypatch):
    drawn = []
    monkeypatch.setattr(gallery.plots, "by_class", lambda *given: drawn.append(given))
    data = load("mnist", "test")
    gallery.real_picture(trained.config, data, trained.classes)
    real, names = drawn[0]
    assert names == [str(i) for i in range(10)]
    assert len(real) == 25
    # Column 1 shows real digits 1.
    order = data.stratified(len(data))
    ones = data.to_model(data.values[order[data.labels[order] == 1][:3]])
    assert torch.equal(real[1::10], ones)
    training = build.training_of(trained.config, data, torch.device("cpu"))
    given = []
    monkeypatch.setattr(Sampler, "draw", lambda self, z, y: given.append((z, y)))
    gallery.artist(trained.config, data, training, trained.classes)(0)
    z, y = given[0]
    assert y.tolist() == [i % 10 for i in range(25)]
    assert torch.equal(z[0], z[9])
    assert not torch.equal(z[9], z[10])


def test_pictures_of_few_classes_are_no_tall_strip(trained, monkeypatch):
    drawn = []
    monkeypatch.setattr(gallery.plots, "by_class", lambda *given: drawn.append(given))
    data, few = load("mnist", "test"), {"0": 1, "1": 1}
    gallery.real_picture(trained.config.replace(grid=64), data, few)
    training = build.training_of(trained.config, data, torch.device("cpu"))
    gallery.artist(trained.config.replace(grid=64), data, training, few)(0)
    assert [(len(images), names) for images, names in drawn] == [(20, ["0", "1"])] * 2


def test_the_card_reports_how_often_the_requested_class_was_drawn():
    digits, fresh = load("mnist", "test"), load("mnist", "valid10k")
    few = Dataset("few", digits.values[:600], digits.labels[:600], digits.classes)
    held = Dataset("held", digits.values[600:900], digits.labels[600:900], digits.classes)
    evaluator = Evaluator(few, held, load_digit_classifier(), samples=300, seed=0)
    images, y = to_model(fresh.values[:300]), fresh.labels[:300].clone()
    y[:30] = (y[:30] + 1) % 10
    images[200:250, 0, 0, 0] = torch.nan  # left out
    card = evaluator.card("real", 0, images, y)
    assert card.scores["asked_right"] == pytest.approx(220 / 250, abs=0.02)
    assert card.floor["asked_right"] > 0.97
    assert "asked_right" not in evaluator.card("real", 0, images).scores
    unlabelled = Dataset("unlabelled", held.values)
    card = Evaluator(few, unlabelled, evaluator.reference.extractor, 300, 0).card(
        "real", 0, images, y
    )
    assert card.scores["asked_right"] == pytest.approx(220 / 250, abs=0.02)
    assert card.left_out["class_kl"] == "the data has no labels"


@pytest.mark.slow
def test_quality_is_tracked_in_a_conditional_run(tiny, tmp_path, monkeypatch):
    monkeypatch.setattr("forgery.evaluation.scorer.TRACKED", 200)
    config = tiny.replace(conditional="concat", steps=2, evaluate_every=2, split="valid10k")
    forgery.train(config, tmp_path / "run")
    (line,) = (tmp_path / "run/metrics.jsonl").read_text().splitlines()
    assert json.loads(line)["quality"]["frechet"] > 50


def test_labels_of_unlabelled_samples_have_no_effect(tiny, tmp_path, monkeypatch):
    """Changing the labels of all unlabelled images leaves the weights bit-identical."""
    config = tiny.replace(conditional="semi-supervised", labels=30)
    digits = load("mnist", "test")
    rows = build.labelled_rows(config, digits)
    assert len(rows.unique()) == 30
    assert digits.labels[rows].bincount().tolist() == [3] * 10
    others = digits.labels.roll(1)
    others[rows] = digits.labels[rows]
    assert (others != digits.labels).sum() > 8000
    wrong = others.clone()
    wrong[rows] = (wrong[rows] + 1) % 10
    monkeypatch.setattr(build, "labelled_rows", lambda *given: rows)
    weights = []
    for labels in (digits.labels, others, wrong):
        given = Dataset("digits", digits.values, labels, digits.classes)
        monkeypatch.setattr(parts, "load", lambda *source, given=given: given)
        path = forgery.train(config, tmp_path / str(len(weights))).path
        weights.append(checkpoint.read_last(path / "checkpoints")[0].model)
    assert all(torch.equal(weights[0][name], weights[1][name]) for name in weights[0])
    assert not all(torch.equal(weights[0][name], weights[2][name]) for name in weights[0])


def test_the_labelled_samples_are_a_function_of_the_seed(tiny):
    digits = load("mnist", "test")
    config = tiny.replace(conditional="semi-supervised", labels=100)
    rows = build.labelled_rows(config, digits)
    assert torch.equal(rows, build.labelled_rows(config, digits))
    assert not torch.equal(rows, build.labelled_rows(config.replace(seed=1), digits))
    assert len(build.labelled_rows(config.replace(labels=0), digits)) == 10_000


def test_infogan_does_not_use_labels(tiny, tmp_path):
    """The same digits in a file without labels, with 4 codes."""
    with gzip.open(MNIST_FILES / "t10k-images-idx3-ubyte.gz") as packed:
        (tmp_path / "unlabelled").write_bytes(packed.read())
    config = tiny.replace(conditional="infogan", codes=4, continuous=1)
    forgery.train(config, tmp_path / "labelled")
    forgery.train(
        config.replace(data=str(tmp_path / "unlabelled"), split="train"), tmp_path / "bare"
    )
    models = [forgery.load(tmp_path / name) for name in ("labelled", "bare")]
    one, other = (m.discriminator.state_dict() | m.generator.state_dict() for m in models)
    assert all(torch.equal(one[name], other[name]) for name in one)
    model = models[1]
    assert model.sampleable_classes == ["0", "1", "2", "3"]
    assert torch.equal(model.sample(3, 1, 2), model.sample(3, 1, "2"))
    assert not torch.equal(model.sample(3, 1, 2), model.sample(3, 1, 3))
    assert set(model.labels(400).tolist()) == {0, 1, 2, 3}
    assert set(model.classify(model.sample(50)).tolist()) <= {0, 1, 2, 3}
    with pytest.raises(ForgeryError, match="has no class 4: its classes are 0 to 3"):
        model.sample(3, classes=4)


def test_a_semi_supervised_run_classifies_and_takes_no_class(tiny, tmp_path, forgery_verb):
    config = tiny.replace(conditional="semi-supervised", labels=100, d_width=32, steps=30)
    model = forgery.train(config, tmp_path / "run")
    assert model.classes == {str(i): 10 for i in range(10)}
    digits = load("mnist", "test")
    predicted = model.classify(to_model(digits.values))
    assert predicted.shape == (10_000,)
    # 30 steps on 100 labels: better than chance.
    assert (predicted == digits.labels).double().mean() > 0.2
    # In evaluation mode, whatever mode training left the networks in; in any order.
    assert torch.equal(model.classify(to_model(digits.values[:9].flip(0))), predicted[:9].flip(0))
    assert torch.equal(
        forgery.load(model.path).classify(to_model(digits.values[:9])), predicted[:9]
    )
    assert model.sampleable_classes == []
    assert model.labels(5) is None
    assert model.sample(5).shape == (5, 1, 28, 28)
    with pytest.raises(
        ForgeryError,
        match="is semi-supervised: its generator takes no class, so you cannot request a class",
    ):
        model.sample(5, classes=3)
    out = forgery_verb("sample", str(model.path), "--out", str(tmp_path / "grid.png"))
    assert "64 samples" in out


@pytest.fixture
def forgery_verb(monkeypatch, capsys):
    """Run the program: arguments → its output."""

    def run(*arguments):
        monkeypatch.setattr("sys.argv", ["forgery", *arguments])
        with pytest.raises(SystemExit) as left:
            main()
        captured = capsys.readouterr()
        assert not left.value.code, captured.err
        return captured.out

    return run


@pytest.mark.parametrize("conditional", CONDITIONS)
def test_a_report_states_the_accuracy_of_d_on_the_samples_of_the_fixed_z(
    tiny, tmp_path, conditional
):
    config = tiny.replace(conditional=conditional, ema=0.0)
    model = forgery.train(config, tmp_path / "run")
    lines = (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()
    accuracy = json.loads(lines[-1])["class_accuracy"]
    if conditional not in ("auxiliary", "infogan"):
        assert accuracy is None
        return
    probe = session._probe(config, load("mnist", "test"), torch.device("cpu"))
    with torch.no_grad():
        predicted = model.classify(model.generator(probe.z, probe.y))
    assert accuracy == pytest.approx((predicted == probe.y).double().mean().item())


def test_a_run_whose_d_predicts_no_classes_cannot_classify(trained):
    with pytest.raises(ForgeryError, match=r"predicts no classes \(conditional projection\)"):
        trained.classify(torch.zeros(1, 1, 28, 28))


@pytest.mark.parametrize(
    ("conditional", "scores"),
    [
        ("auxiliary", {"asked_right", "classified_right"}),
        ("semi-supervised", {"classified_right"}),
        ("infogan", {"code_right", "clustered_right"}),
        ("projection", {"asked_right"}),
    ],
)
def test_evaluate_reports_the_accuracy_of_d(tiny, tmp_path, monkeypatch, conditional, scores):
    path = tmp_path / "run"
    model = forgery.train(tiny.replace(conditional=conditional, steps=3), path)
    digits = load("mnist", "test")
    few, held = (
        Dataset(name, digits.values[a : a + 300], digits.labels[a : a + 300], digits.classes)
        for name, a in (("few", 0), ("held", 300))
    )
    evaluator = Evaluator(few, held, load_digit_classifier(), samples=300, seed=0)
    monkeypatch.setattr(runs, "evaluators_of", lambda *given: [evaluator])
    card = forgery.evaluate(path, samples=300, device_name="cpu")
    of_classes = {"asked_right", "code_right", "classified_right", "clustered_right"}
    assert set(card.scores) & of_classes == scores
    assert scores <= set(MEASURES)
    if conditional == "projection":
        return
    predicted = model.classify(to_model(held.values))
    if "classified_right" in scores:
        right = (predicted == held.labels).double().mean().item()
        assert card.scores["classified_right"] == pytest.approx(right)
    else:
        right = matched_accuracy(predicted, held.labels)
        assert card.scores["clustered_right"] == pytest.approx(right)
        assert card.floor["code_right"] > 0.95
