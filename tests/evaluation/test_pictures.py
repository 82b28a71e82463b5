"""Scores of pictures of any kind, by networks that were trained on others."""

import dataclasses
import json

import pytest
import torch

import forgery
from forgery import ForgeryError
from forgery.cli import main
from forgery.data import Dataset
from forgery.evaluation import (
    Evaluator,
    Network,
    Protocol,
    read_card,
    real_features,
    require_like,
    scorer,
)
from forgery.evaluation.evaluator import default_samples
from forgery.evaluation.measures import ratio, title
from forgery.extractors import Classifier, load_efficientnet, save_classifier
from forgery.extractors.efficientnet import VARIANTS
from forgery.pixels import to_model

LITE = "efficientnet-lite2"


def pictures(name, seed, n=70):
    """Squares of random colour and place on white, 16 × 16."""
    random = torch.Generator().manual_seed(seed)
    values = torch.full((n, 3, 16, 16), 255, dtype=torch.uint8)
    colours = torch.randint(256, (n, 3, 1, 1), generator=random).byte()
    for image, colour, place in zip(
        values, colours, torch.randint(9, (n, 2), generator=random).tolist(), strict=True
    ):
        image[:, place[0] : place[0] + 7, place[1] : place[1] + 7] = colour
    return Dataset(name, values)


TRAIN, HELD = pictures("train", 0), pictures("held", 1, 66)


@pytest.fixture(scope="module")
def evaluator():
    return Evaluator(TRAIN, HELD, load_efficientnet("efficientnet-lite0"), 70, 0)


def test_real_pictures_are_at_the_floor_and_noise_is_far_from_it(evaluator):
    real = evaluator.card("real", 0, to_model(pictures("new", 2).values))
    noise = torch.rand(70, 3, 16, 16, generator=torch.Generator().manual_seed(0)) * 2 - 1
    noisy = evaluator.card("noise", 0, noise, features_only=True)
    assert real.protocol.axes == 64
    assert real.scores["frechet"] < 2 * real.floor["frechet"]
    assert real.scores["coverage"] > 0.8
    assert real.scores["energy"] < 2 * real.floor["energy"]
    assert noisy.scores["frechet"] > 3 * noisy.floor["frechet"]
    assert noisy.scores["recall"] == 0
    assert noisy.scores["coverage"] < 0.1
    assert "energy" not in noisy.scores
    assert not {"classes", "uniform_kl"} & set(real.scores)
    assert "does not predict the classes" in real.left_out["classes"]
    assert real.histogram == []


@pytest.mark.parametrize(("train", "held", "n"), [(64, 66, 70), (70, 64, 70), (70, 66, 64)])
def test_at_least_65_pictures_of_each_kind_are_needed(evaluator, train, held, n):
    with pytest.raises(ForgeryError, match=r"64 images are too few for the 64 axes of .*lite0"):
        Evaluator(
            Dataset("train", TRAIN.values[:train]),
            Dataset("held", HELD.values[:held]),
            evaluator.reference.extractor,
            n,
            0,
        )


@pytest.fixture
def run(tiny, tmp_path):
    """A run on pictures that were given from Python."""
    forgery.train(tiny.replace(steps=1), tmp_path / "run", data=TRAIN)
    return tmp_path / "run"


def measured(run, extractor=None, **given):
    return forgery.evaluate(
        run, 70, HELD, extractor=extractor, device_name="cpu", data=TRAIN, **given
    )


def test_several_extractors_measure_the_same_samples(run, tmp_path, monkeypatch, capsys):
    """Beside the default network, one of the user's own: one card, whose rows are side by side."""
    torch.manual_seed(0)
    mine = tmp_path / "mine.safetensors"
    save_classifier(Classifier((3, 16, 16), ("a", "b")), mine, "mine")
    alone = measured(run)
    assert (alone.protocol.extractor, alone.protocol.axes) == (LITE, 64)
    card = measured(run, [LITE, mine])
    assert [str(network) for network in card.protocol.networks] == [f"{LITE}, 64 axes", "mine"]
    # A second network leaves the scores by the first one, and those of pixels, as they are.
    assert {n: v for n, v in card.scores.items() if "@" not in n} == pytest.approx(alone.scores)
    assert {"frechet@mine", "coverage@mine", "classes@mine"} <= set(card.scores)
    assert "energy@mine" not in card.scores
    assert title("frechet@mine", card.protocol) == "Fréchet distance (mine)"
    assert read_card(run / "card.json") == card
    require_like([card, card])
    with pytest.raises(ForgeryError, match=r"different protocols \(also: mine against none\)"):
        require_like([card, alone])
    monkeypatch.setattr("sys.argv", ["forgery", "compare", str(run), str(run)])
    with pytest.raises(SystemExit) as left:
        main()
    assert not left.value.code
    out = capsys.readouterr().out
    assert f"features of {LITE}, 64 axes (sha256 9656183e" in out
    rows = [line.strip().split("  ")[0] for line in out.splitlines()]
    at = rows.index("Fréchet distance")
    assert rows[at : at + 3] == ["Fréchet distance", LITE, "mine"]
    with pytest.raises(ForgeryError, match="two extractors are called mine"):
        measured(run, f"{mine},{mine}")
    none = measured(run, "none")
    assert "energy" in none.scores
    assert none.left_out["frechet"] == "--extractor none was given"


def test_a_run_is_not_scored_by_the_network_that_d_used(run):
    path = run / "config.json"
    used = {"name": LITE, "sha256": VARIANTS[LITE].sha256}
    path.write_text(json.dumps(json.loads(path.read_text()) | {"features": used}))
    card = measured(run)
    assert card.protocol.extractor == "efficientnet-lite1"
    assert any("same family as efficientnet-lite1" in note for note in card.notes)
    card = measured(run, LITE, keep=False)
    assert f"D was trained on the features of this network: {LITE}" in card.notes[0]


def test_a_run_is_not_tracked_by_the_network_that_d_sees(tiny, tmp_path, monkeypatch):
    given = []

    def chosen(train, held_out, used_by_d):
        given.append(used_by_d)
        return None, "none was chosen"

    monkeypatch.setattr(scorer, "load_held_out", lambda *given: HELD)
    monkeypatch.setattr(scorer, "default_extractor", chosen)
    changes = {"generator": "skip", "discriminator": "projected", "evaluate_every": 2}
    for config in (tiny.replace(report_every=2, evaluate_every=2), tiny.replace(**changes)):
        with pytest.raises(ForgeryError, match="but none was chosen"):
            forgery.train(config.replace(report_every=2), tmp_path / "run", data=TRAIN)
    assert given == [None, VARIANTS["efficientnet-lite0"].sha256]


def test_a_small_set_has_a_kernel_distance_with_noise(evaluator):
    """Subsets of few pictures differ, too: their standard deviation shows the noise."""
    card = evaluator.card("new", 0, to_model(pictures("new", 2).values))
    assert card.floor["kernel_std"] > 0.1 * abs(card.floor["kernel"])


def test_the_features_of_real_pictures_are_kept(monkeypatch, cache):
    """A second evaluation passes only the samples through a large network."""
    shown = []
    network = load_efficientnet("efficientnet-lite0")

    def scores(train=TRAIN, held=HELD):
        told = lambda task, done, total: shown.append(task.partition(",")[0])  # noqa: E731
        evaluator = Evaluator(train, held, network, 70, 0, report=told)
        card = evaluator.card("run", 0, to_model(pictures("new", 2).values))
        kinds, shown[:] = {task for task in shown if task != "measuring"}, []
        return card.scores | card.floor, kinds

    first, kinds = scores()
    assert kinds == {
        f"features of {kind}" for kind in ("samples", "training images", "held-out images")
    }
    again, kinds = scores()
    assert kinds == {"features of samples"}
    assert again == first
    other = Dataset("other", TRAIN.values.flip(3))
    assert scores(train=other)[1] == {"features of samples", "features of training images"}
    for path in (cache.parent / "features").iterdir():
        path.write_bytes(path.read_bytes()[:-9])  # damaged
    again, kinds = scores()
    assert len(kinds) == 3
    assert again == first
    monkeypatch.setattr(real_features, "MAX_BYTES", 0)
    scores(held=Dataset("other", HELD.values.flip(3)))
    assert len(list((cache.parent / "features").iterdir())) == 1


def test_few_held_out_pictures_are_measured_by_their_pixels(run):
    few = Dataset("few", HELD.values[:64])
    card = forgery.evaluate(run, 70, few, device_name="cpu", data=TRAIN)
    assert "too few for the 64 axes of efficientnet-lite2" in card.left_out["frechet"]
    assert card.scores["energy"] > card.floor["energy"]
    with pytest.raises(ForgeryError, match="64 images are too few"):
        forgery.evaluate(run, 70, few, extractor=LITE, device_name="cpu", data=TRAIN)


def test_the_default_number_of_samples():
    numbers = {n: default_samples(Dataset("some", torch.zeros(n, 2))) for n in (70, 2345, 60_000)}
    assert numbers == {70: 1_000, 2345: 2345, 60_000: 10_000}


def test_axes_of_other_training_data_are_not_compared():
    protocol = Protocol("a", "1", "held", "2", 70, 0, LITE, "3", 64)
    empty = dataclasses.make_dataclass("C", ["run", "protocol"])
    other = dataclasses.replace(protocol, train="b", train_fingerprint="4")
    with pytest.raises(ForgeryError, match=r"trained on different data .*axes of efficientnet"):
        require_like([empty("x", protocol), empty("y", other)])
    without = [dataclasses.replace(p, axes=0) for p in (protocol, other)]
    require_like([empty("x", without[0]), empty("y", without[1])])
    also = [dataclasses.replace(p, also=(Network("m", "5", 64),)) for p in without]
    with pytest.raises(ForgeryError, match="the axes of m are those of the training data"):
        require_like([empty("x", also[0]), empty("y", also[1])])


def test_a_ratio_says_how_far_a_distance_is_from_that_of_real_pictures():
    scores = {"frechet": 6.0, "frechet@m": 8.0, "recall": 0.5, "kernel": 9.0, "near_train": 0.1}
    floor = {"frechet": 3.0, "frechet@m": 2.0, "recall": 0.9, "kernel": 3.0, "kernel_std": 1.0}
    found = {name: ratio(name, scores, floor) for name in scores}
    assert found == {
        "frechet": 2, "frechet@m": 4, "recall": None, "kernel": 3, "near_train": None
    }  # fmt: skip
    for noise in ({"kernel": -0.1}, {"kernel": 0.5}, {"kernel": 0.0, "kernel_std": 0.0}):
        assert ratio("kernel", scores, floor | noise) is None
    assert ratio("of another package", scores, floor) is None


def test_quality_of_pictures_is_tracked_by_few_of_them(tiny, tmp_path, monkeypatch):
    monkeypatch.setattr(scorer, "FEW", (70, 68))
    data = dataclasses.replace(TRAIN, values=torch.cat((TRAIN.values, pictures("x", 5).values)))
    monkeypatch.setattr(scorer, "load_held_out", lambda *given: HELD)
    config = tiny.replace(steps=4, report_every=2, evaluate_every=2)
    forgery.train(config, tmp_path / "run", data=data)
    lines = (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()
    assert [json.loads(line)["quality"]["frechet"] > 10 for line in lines] == [True, True]
