import json
from pathlib import Path

import pytest
import torch

import forgery
from forgery import ForgeryError, studio
from forgery.card import Evaluator, read_card, require_like
from forgery.data import Dataset
from forgery.data.mnist import mnist
from forgery.extractors import load_digit_classifier
from forgery.pixels import to_model


@pytest.fixture(scope="module")
def evaluator():
    """Real digits, a tenth of them: large enough for every measure, quick enough for a test."""
    train, test = mnist("train50k"), mnist("test")
    few = Dataset("few", train.values[:3000], train.labels[:3000], train.classes)
    held = Dataset("held", test.values[:1000], test.labels[:1000], test.classes)
    return Evaluator(few, held, load_digit_classifier(), samples=1000, seed=0)


def test_fresh_real_digits_score_like_the_floor(evaluator):
    card = evaluator.card("real", 0, to_model(mnist("valid10k").values[:1000]))
    assert card.scores["frechet"] < 3 * card.floor["frechet"]
    assert card.scores["precision"] > 0.8
    assert card.scores["recall"] > 0.8
    assert card.scores["class_kl"] < 0.05
    assert card.scores["near_train"] < 0.05
    assert card.nonfinite == 0
    assert sum(card.histogram) == 1000


def test_noise_one_repeated_digit_and_copies_are_told_apart(evaluator):
    noise = torch.rand(1000, 1, 28, 28, generator=torch.Generator().manual_seed(0)) * 2 - 1
    one = to_model(evaluator.against.values[:1]).expand(1000, -1, -1, -1)
    one = (one + 0.02 * noise).clamp(-1, 1)
    copies = to_model(evaluator.train.values[:1000])
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


def test_samples_that_are_no_numbers_are_counted(evaluator):
    images = to_model(mnist("valid10k").values[:1000])
    images[::10, 0, 3, 3] = torch.nan
    card = evaluator.card("some", 0, images)
    assert card.nonfinite == 100
    assert sum(card.histogram) == 900
    with pytest.raises(ForgeryError, match="too few are left"):
        evaluator.card("none", 0, torch.full_like(images, torch.inf))


def test_cards_survive_the_disk_and_unlike_ones_are_refused(evaluator, tmp_path):
    card = evaluator.card("real", 7, to_model(mnist("valid10k").values[:1000]))
    card.write(tmp_path / "card.json")
    assert read_card(tmp_path / "card.json") == card
    require_like([card, read_card(tmp_path / "card.json")])
    content = json.loads((tmp_path / "card.json").read_text())
    content["protocol"]["samples"] = 5000
    (tmp_path / "card.json").write_text(json.dumps(content))
    with pytest.raises(ForgeryError, match=r"unlike protocols \(samples: 1000 against 5000\)"):
        require_like([card, read_card(tmp_path / "card.json")])
    (tmp_path / "card.json").write_text("{}")
    with pytest.raises(ForgeryError, match="not a card"):
        read_card(tmp_path / "card.json")
    with pytest.raises(ForgeryError, match="forgery evaluate"):
        read_card(tmp_path / "none" / "card.json")


def test_too_few_samples_and_data_without_labels(evaluator):
    with pytest.raises(ForgeryError, match="too few for the 64 features"):
        Evaluator(evaluator.train, evaluator.against, evaluator.extractor, 64, 0)
    unlabelled = Dataset("unlabelled", evaluator.against.values)
    card = Evaluator(evaluator.train, unlabelled, evaluator.extractor, 500, 0).card(
        "real", 0, to_model(mnist("valid10k").values[:500])
    )
    assert "class_kl" not in card.scores
    assert "no labels" in card.left_out["class_kl"]


def test_a_run_is_evaluated_by_its_path(tiny, tmp_path):
    forgery.train(tiny, tmp_path / "run")
    with pytest.raises(ForgeryError, match="did you mean 'test'"):
        studio.evaluate(tmp_path / "run", against="tset")
    with pytest.raises(ForgeryError, match="is the data that the run was trained on"):
        studio.evaluate(tmp_path / "run", against="train")
    wrong = tmp_path / "wrong.safetensors"
    wrong.write_bytes(Path(__file__).read_bytes())
    with pytest.raises(ForgeryError, match="not a classifier"):
        studio.evaluate(tmp_path / "run", extractor=wrong)
    assert not (tmp_path / "run" / "card.json").exists()
