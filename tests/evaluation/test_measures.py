"""The table of measures, and reasons for skipping them."""

import dataclasses

import pytest
import torch
from torch import nn

from forgery.cli._tables import print_cards, remarks
from forgery.data import Dataset
from forgery.evaluation import MEASURES, Evaluator, Measure, Protocol
from forgery.evaluation.measures import formatted, title
from forgery.extractors import Extractor
from forgery.extractors.inception import NAME as INCEPTION
from forgery.extractors.inception import SHA256

PROTOCOL = Protocol("train", "a", "test", "b", 100, 0, "mnist-digits", "c")


class Means(nn.Module):
    """Features are the means of the channels; there is one logit for each of two names."""

    def __init__(self):
        super().__init__()
        self.p = nn.Parameter(torch.zeros(()))

    def forward(self, x):
        means = x.mean((2, 3))
        return means, means[:, :2]


NAMES = ("glasses", "beard")
EYES = Extractor("eyes", "0" * 64, Means(), (3, 8, 8), NAMES)


def pictures(name, seed, **given):
    random = torch.Generator().manual_seed(seed)
    values = torch.randint(256, (120, 3, 8, 8), generator=random, dtype=torch.uint8)
    return Dataset(name, values, **given)


def card_of(train, held, extractor=EYES, **given):
    evaluator = Evaluator(train, held, extractor, samples=60, seed=0)
    random = torch.Generator().manual_seed(9)
    return evaluator.card("run", 3, torch.rand(60, 3, 8, 8, generator=random) * 2 - 1, **given)


def test_a_measure_of_another_package_is_a_single_entry(monkeypatch, capsys):
    brightness = Measure(
        "brightness",
        "mean pixel of {kind}",
        "equal to the floor",
        lambda s: s.values.float().mean().item(),
        form=".1f",
    )
    never = Measure("never", "never", "", lambda s: 1.0, lambda s: "it is only a test")
    silent = Measure("silent", "silent", "", lambda s: 1.0, applies=lambda s: False)
    for measure in (brightness, never, silent):
        monkeypatch.setitem(MEASURES, measure.name, measure)
    card = card_of(pictures("train", 0), pictures("held", 1))
    assert card.scores["brightness"] == pytest.approx(127.5, abs=5)
    assert card.floor["brightness"] == pytest.approx(127.5, abs=5)
    assert card.left_out["never"] == "it is only a test"
    assert 'Skipped "never": it is only a test' in remarks(card)
    assert not {"silent"} & {*card.scores, *card.floor, *card.left_out}
    monkeypatch.undo()  # its card can be printed without the package
    print_cards([card])
    assert "brightness" in capsys.readouterr().out


def test_a_classifier_of_attributes_counts_no_classes():
    attributes = torch.arange(240).view(120, 2) % 3 == 0
    given = {"attributes": attributes, "attribute_names": NAMES}
    card = card_of(pictures("train", 0, **given), pictures("held", 1, **given))
    assert card.scores["frechet"] > 0
    for name in ("classes", "uniform_kl", "class_kl"):
        assert name not in card.scores
        assert card.left_out[name] == "eyes predicts attributes, not classes"
    assert card.histogram == []
    # The same network on data with classes of these names.
    labels = {"labels": torch.arange(120) % 2, "classes": NAMES}
    card = card_of(pictures("train", 0, **labels), pictures("held", 1, **labels))
    assert card.scores["classes"] == 2
    assert sum(card.histogram) == 60


def test_predicted_classes_are_compared_by_name():
    labels, asked = torch.arange(120) // 80, torch.arange(60) // 20 % 2
    cards = []
    for names, numbers, requested in (
        (NAMES, labels, asked),
        (NAMES[::-1], 1 - labels, 1 - asked),
    ):
        data = [pictures(n, i, labels=numbers, classes=names) for i, n in enumerate(("t", "h"))]
        cards.append(card_of(*data, requested=requested))
    for name in ("class_kl", "asked_right"):
        assert cards[0].scores[name] == cards[1].scores[name]
        assert cards[0].floor[name] == cards[1].floor[name]
    others = [pictures(n, i, labels=labels, classes=("a", "b")) for i, n in enumerate(("t", "h"))]
    card = card_of(*others, requested=asked)
    assert card.left_out["class_kl"] == "eyes does not predict class 'a' of h"
    assert card.left_out["asked_right"] == "eyes does not predict class 'a' of t"


def test_held_out_labels_are_compared_with_the_class_of_d_by_name():
    labels = torch.arange(120) % 2
    train = pictures("train", 0, labels=labels, classes=("beard", "cap", "glasses"))
    held = pictures("held", 1, labels=labels, classes=("cap", "glasses"))
    assert card_of(train, held, classify=lambda x: 1 + labels).scores["classified_right"] == 1
    card = card_of(held, train, classify=lambda x: labels)
    assert card.left_out["classified_right"] == "held does not have class 'beard' of train"
    codes = card_of(held, train, classify=lambda x: labels, codes=True)
    assert codes.scores["clustered_right"] == 1


def test_the_reason_for_skipping_a_measure():
    card = card_of(pictures("train", 0), pictures("held", 1))
    assert 'Skipped "KL of classes": the data has no labels' in remarks(card)
    card = dataclasses.replace(card, nonfinite=3)
    assert "3 samples with NaN or infinity were left out" in remarks(card)


def test_related_measures_are_skipped_together():
    train = pictures("train", 0)
    card = card_of(train, dataclasses.replace(pictures("held", 1), values=pictures("h", 2).values))
    assert {"kernel", "kernel_std"} <= set(card.scores)
    assert {"parzen", "parzen_se", "parzen_sigma"} <= set(card.scores)
    card = card_of(train, pictures("held", 1), extractor=None)
    for name in ("frechet", "kernel", "kernel_std", "precision", "coverage", "class_kl", "classes"):
        assert "by forgery classifier" in card.left_out[name]


def test_only_inception_scores_are_called_fid_and_kid():
    inception = dataclasses.replace(PROTOCOL, extractor=INCEPTION, extractor_sha256=SHA256)
    namesake = dataclasses.replace(PROTOCOL, extractor=INCEPTION, extractor_sha256="ab")
    assert title("frechet", namesake) == "Fréchet distance"
    assert title("frechet", PROTOCOL) == "Fréchet distance"
    assert title("frechet", inception) == "FID"
    assert title("kernel", PROTOCOL) == "kernel distance × 1000"
    assert title("kernel", inception) == "KID × 1000"
    assert title("class_kl", PROTOCOL) == "KL of classes, nats"
    points = dataclasses.replace(PROTOCOL, extractor="coordinates")
    assert title("near_train", points) == "suspected copies of training points"


def test_formatting_of_scores():
    assert formatted("near_train", 0.0123) == "1.23%"
    assert formatted("parzen", -1234.5) == "-1,234"
    assert formatted("frechet", 0.0123456) == "0.01235"
    assert formatted("frechet", None) == "–"
    assert formatted("of another package", 2.0) == "2"


def test_every_entry_has_its_name_as_key():
    assert all(measure.name == name for name, measure in MEASURES.items())
