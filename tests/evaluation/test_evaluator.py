import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
import torch

import forgery
from forgery import ForgeryError
from forgery.cli._tables import print_cards
from forgery.data import Dataset, ImageSettings, load
from forgery.data.mnist import mnist
from forgery.evaluation import Evaluator, evaluate, read_card, require_like
from forgery.evaluation.held_out import load_held_out
from forgery.extractors import choose, load_digit_classifier
from forgery.metrics import occurs_in
from forgery.pixels import to_model


@pytest.fixture(scope="module")
def evaluator():
    """A tenth of the real digits, which is large enough for every measure."""
    train, test = mnist("train50k"), mnist("test")
    few = Dataset("few", train.values[:3000], train.labels[:3000], train.classes)
    held = Dataset("held", test.values[:1000], test.labels[:1000], test.classes)
    return Evaluator(few, held, load_digit_classifier(), samples=1000, seed=0)


def test_held_out_digits_score_like_the_floor(evaluator):
    card = evaluator.card("real", 0, to_model(mnist("valid10k").values[:1000]))
    assert card.scores["frechet"] < 3 * card.floor["frechet"]
    assert card.scores["precision"] > 0.8
    assert card.scores["recall"] > 0.8
    assert card.scores["class_kl"] < 0.05
    assert card.scores["near_train"] < 0.05
    assert card.nonfinite == 0
    assert sum(card.histogram) == 1000


@pytest.mark.slow
def test_noise_one_repeated_digit_and_copies_are_distinguished(evaluator):
    noise = torch.rand(1000, 1, 28, 28, generator=torch.Generator().manual_seed(0)) * 2 - 1
    one = to_model(evaluator.reference.against.values[:1]).expand(1000, -1, -1, -1)
    one = (one + 0.02 * noise).clamp(-1, 1)
    copies = to_model(evaluator.reference.train.values[:1000])
    cards = {
        name: evaluator.card(name, 0, images)
        for name, images in {"noise": noise, "one": one, "copies": copies}.items()
    }
    for name in ("noise", "one"):
        assert cards[name].scores["frechet"] > 20 * cards[name].floor["frechet"]
        assert cards[name].scores["recall"] < 0.1
        assert cards[name].scores["class_kl"] > 1
    assert cards["noise"].scores["precision"] < 0.3
    assert cards["copies"].scores["near_train"] > 0.95


def test_nonfinite_samples_are_counted(evaluator):
    images = to_model(mnist("valid10k").values[:1000])
    images[::10, 0, 3, 3] = torch.nan
    card = evaluator.card("some", 0, images)
    assert card.nonfinite == 100
    assert sum(card.histogram) == 900
    with pytest.raises(ForgeryError, match="too few are left"):
        evaluator.card("none", 0, torch.full_like(images, torch.inf))


def test_cards_are_read_as_written_and_different_protocols_are_refused(evaluator, tmp_path):
    card = evaluator.card("real", 7, to_model(mnist("valid10k").values[:1000]))
    card.write(tmp_path / "card.json")
    assert read_card(tmp_path / "card.json") == card
    require_like([card, read_card(tmp_path / "card.json")])
    content = json.loads((tmp_path / "card.json").read_text())
    content["protocol"]["samples"] = 5000
    (tmp_path / "card.json").write_text(json.dumps(content))
    with pytest.raises(ForgeryError, match=r"different protocols \(samples: 1000 against 5000\)"):
        require_like([card, read_card(tmp_path / "card.json")])
    (tmp_path / "card.json").write_text("{}")
    with pytest.raises(ForgeryError, match="not a card"):
        read_card(tmp_path / "card.json")
    with pytest.raises(ForgeryError, match="forgery evaluate"):
        read_card(tmp_path / "none" / "card.json")


def test_too_few_samples_and_data_without_labels(evaluator):
    with pytest.raises(ForgeryError, match="too few for the 64 features"):
        Evaluator(
            evaluator.reference.train,
            evaluator.reference.against,
            evaluator.reference.extractor,
            64,
            0,
        )
    unlabelled = Dataset("unlabelled", evaluator.reference.against.values)
    card = Evaluator(
        evaluator.reference.train, unlabelled, evaluator.reference.extractor, 500, 0
    ).card("real", 0, to_model(mnist("valid10k").values[:500]))
    assert "class_kl" not in card.scores
    assert "no labels" in card.left_out["class_kl"]


@pytest.mark.parametrize(
    ("trained", "against"),
    [
        ({"split": "test"}, "test"),
        ({"split": "test", "limit": 6000}, "test"),
        ({"split": "valid10k"}, "valid10k"),
        ({"split": "train"}, "valid10k"),
        ({"split": "train50k"}, "train"),
    ],
)
def test_training_data_is_refused_as_held_out_data(tiny, tmp_path, trained, against):
    """The images decide, whatever the name of the split."""
    forgery.train(tiny.replace(**trained, steps=1), tmp_path / "run")
    with pytest.raises(ForgeryError, match=r"images of mnist\[.*\] are in mnist\[.*--against"):
        evaluate(tmp_path / "run", against=against, device_name="cpu")
    assert not (tmp_path / "run" / "card.json").exists()


def test_quality_is_not_tracked_on_training_data(tiny, tmp_path):
    config = tiny.replace(split="test", evaluate_every=2)
    with pytest.raises(ForgeryError, match=r"--split, or give --evaluate-every 0") as caught:
        forgery.train(config, tmp_path / "run")
    assert "--against" not in str(caught.value)
    assert not (tmp_path / "run").exists()


def test_data_that_has_changed_since_training_is_refused(tiny, tmp_path):
    path = tmp_path / "some.npy"
    np.save(path, mnist("test").values[:100, 0])
    model = forgery.train(tiny.replace(data=str(path), split="train"), tmp_path / "run")
    np.save(path, mnist("test").values[100:200, 0])
    for attempt in (model.dataset, lambda: evaluate(model.path, against="test")):
        with pytest.raises(ForgeryError, match=r"is not the data that .* was trained on"):
            attempt()


def digits(name, rows):
    test = mnist("test")
    return Dataset(name, test.values[rows], test.labels[rows], test.classes)


def test_a_small_overlap_is_noted_and_excluded_from_the_threshold():
    """30 of 150 held-out digits were trained on: the other 120 set the threshold for copies."""
    train, held = digits("train", slice(0, 400)), digits("held", slice(370, 520))
    evaluator = Evaluator(train, held, load_digit_classifier(), samples=100, seed=0)
    card = evaluator.card("copier", 0, to_model(train.values[:100]))
    assert any("30 of the 150 images of held are also in train" in note for note in card.notes)
    assert card.scores["near_train"] == 1
    alone = digits("held", slice(400, 520))
    assert Evaluator(train, alone, evaluator.reference.extractor, 100, 0).notes() == []


def test_a_run_on_little_data_is_checked_for_copies_of_that_data(tiny, tmp_path):
    """Real digits that the run has not seen are no copies, though they are in the full split."""
    forgery.train(tiny.replace(split="train", limit=500, steps=1), tmp_path / "run")
    model = forgery.load(tmp_path / "run")
    train, held = model.dataset(), digits("held", slice(0, 300))
    assert len(train) == 500
    evaluator = Evaluator(train, held, load_digit_classifier(), samples=600, seed=0)
    others = mnist("train").values
    others = others[~occurs_in(others, train.values)][:600]
    card = evaluator.card("others", 0, to_model(others))
    assert card.scores["near_train"] < 0.1
    assert any("the floor is measured on all 500 training images" in note for note in card.notes)


def test_few_held_out_images_skip_the_check_for_copies(evaluator):
    held = digits("held", slice(0, 80))
    card = Evaluator(evaluator.reference.train, held, evaluator.reference.extractor, 100, 0).card(
        "real", 0, to_model(mnist("valid10k").values[:100])
    )
    assert "near_train" not in card.scores
    assert (
        "100 held-out images that were not trained on are needed, and held has 80"
        in (card.left_out["near_train"])
    )
    assert card.scores["frechet"] > 0


def test_a_floor_that_cannot_be_measured_is_left_out(evaluator):
    few, held = digits("few", slice(0, 64)), digits("held", slice(100, 300))
    card = Evaluator(few, held, evaluator.reference.extractor, 100, 0).card(
        "real", 0, to_model(mnist("valid10k").values[:100])
    )
    assert card.scores["frechet"] > 0
    assert "frechet" not in card.floor
    assert "kernel" in card.floor
    assert any("needs more samples than feature dimensions" in note for note in card.notes)


def test_the_name_of_a_split_is_not_taken_for_a_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "test").write_text("notes")
    held = load_held_out("ring8", "test", load("ring8"), ImageSettings())
    assert held.name == "ring8[test]"
    np.save(tmp_path / "held.npy", np.arange(10.0).reshape(5, 2))
    assert len(load_held_out("ring8", "held.npy", load("ring8"), ImageSettings())) == 5


def test_scores_do_not_depend_on_the_order_of_the_data():
    """Digits sorted by class, as in folders, have the scores of shuffled digits."""
    cards = []
    for order in (torch.arange(1200), mnist("test").labels[:1200].argsort()):
        parts = [digits("train", order[::2]), digits("held", order[1::2])]
        images = to_model(mnist("valid10k").values[:300])
        cards.append(Evaluator(*parts, load_digit_classifier(), 300, 0).card("real", 0, images))
    shuffled, in_order = (card.scores for card in cards)
    # Digits of a single class would choose a window half as wide, and lose a hundred nats.
    assert in_order["parzen"] == pytest.approx(shuffled["parzen"], abs=40)
    assert in_order["near_train"] < 0.06


class Counted(torch.nn.Module):
    """A network that counts the images that it is shown."""

    def __init__(self, network):
        super().__init__()
        self.network, self.shown = network, 0

    def forward(self, images):
        self.shown += len(images)
        return self.network(images)


@pytest.mark.parametrize("samples", [120, 300])
def test_the_features_of_a_training_image_are_computed_once(samples):
    """The principal axes and the floor need the same images; the scores are those of both alone."""
    train, held = digits("train", slice(0, 200)), digits("held", slice(200, 320))
    known = load_digit_classifier()
    counted = Counted(known.network)
    extractor = dataclasses.replace(known, network=counted, axes=8)
    evaluator = Evaluator(train, held, extractor, samples=samples, seed=0)
    card = evaluator.card("real", 0, to_model(mnist("valid10k").values[:samples]))
    assert counted.shown == len(train) + len(held) + samples
    reference = evaluator.reference
    rows = torch.tensor([150, 3, 77])
    alone, _ = reference.extract(train.values[rows])
    torch.testing.assert_close(reference.extract_training(rows)[0], alone, rtol=1e-3, atol=1e-3)
    assert counted.shown == len(train) + len(held) + samples + len(rows)
    assert card.floor["frechet"] > 0


def test_the_features_of_each_kind_of_images_are_reported():
    train, held = digits("train", slice(0, 200)), digits("held", slice(200, 320))
    extractor = dataclasses.replace(load_digit_classifier(), batch_size=60, axes=8)
    told = []
    evaluator = Evaluator(
        train, held, extractor, samples=100, seed=0, report=lambda *progress: told.append(progress)
    )
    evaluator.card("real", 0, to_model(mnist("valid10k").values[:100]))
    features = [progress for progress in told if progress[0] != "measuring"]
    assert features == [
        *(("features of held-out images, mnist-digits", n, 120) for n in (60, 120)),
        *(("features of training images, mnist-digits", n, 200) for n in (60, 120, 180, 200)),
        *(("features of samples, mnist-digits", n, 100) for n in (60, 100)),
    ]
    assert told[: len(features)] == features
    assert told[-1][1] == told[-1][2]


def test_colour_pictures_are_measured_as_far_as_possible(tmp_path):
    random = torch.Generator().manual_seed(0)
    pixels = torch.randint(256, (3, 150, 3, 8, 8), generator=random, dtype=torch.uint8)
    train, held, drawn = (Dataset(f"pictures{i}", values) for i, values in enumerate(pixels))
    evaluator = Evaluator(train, held, None, samples=150, seed=0)
    card = evaluator.card("run", 0, to_model(drawn.values))
    assert set(card.scores) == {"energy", "parzen", "parzen_se", "parzen_sigma", "near_train"}
    assert "by forgery classifier" in card.left_out["frechet"]
    card.write(tmp_path / "card.json")
    assert read_card(tmp_path / "card.json") == card


def test_quality_of_pictures_is_not_tracked_without_a_network(tiny, tmp_path, monkeypatch):
    monkeypatch.setattr(choose, "is_installed", lambda name: False)
    config = tiny.replace(colour="rgb", evaluate_every=2, split="train")
    with pytest.raises(ForgeryError, match=r"evaluate-every .* pip install 'forgery\[features\]'"):
        forgery.train(config, tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_runs_on_subsets_of_the_data_have_separate_floors(evaluator, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "120")
    images = to_model(mnist("valid10k").values[:200])
    few = digits("few", slice(0, 300))
    cards = [
        Evaluator(train, evaluator.reference.against, evaluator.reference.extractor, 200, 0).card(
            train.name, 0, images
        )
        for train in (evaluator.reference.train, few)
    ]
    cards[0] = dataclasses.replace(cards[0], run="whole")
    require_like(cards)
    print_cards(cards)
    out = capsys.readouterr().out
    assert "floor 1: real few" in out
    assert "floor 2: real few" in out


def test_a_run_is_evaluated_by_its_path(tiny, tmp_path):
    forgery.train(tiny, tmp_path / "run")
    with pytest.raises(ForgeryError, match="did you mean 'test'"):
        evaluate(tmp_path / "run", against="tset")
    wrong = tmp_path / "wrong.safetensors"
    wrong.write_bytes(Path(__file__).read_bytes())
    with pytest.raises(ForgeryError, match="not a classifier"):
        evaluate(tmp_path / "run", against="train", extractor=wrong)
    assert not (tmp_path / "run" / "card.json").exists()
