"""Error rates of people, the staircase, and their record in a run folder."""

import json

import pytest
import torch

import forgery
from forgery import ForgeryError, recipes
from forgery.cli.show import show
from forgery.evaluation import human
from forgery.evaluation.deck import CannotJudge, deal, guesses_of_d, verdicts
from forgery.evaluation.human import Guess, Played, Rate, Staircase


@pytest.mark.parametrize(
    ("errors", "guesses", "low", "high"),
    [
        # Newcombe 1998, table I, method 3
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_wilsons_interval_has_its_published_values(errors, guesses, low, high):
    assert human.wilson(errors, guesses) == pytest.approx((low, high), abs=5e-5)


def test_an_interval_without_guesses_is_everything():
    assert human.wilson(0, 0) == (0, 1)
    assert human.wilson(7, 7)[1] == 1


def test_a_rate_is_written_with_its_interval():
    assert str(Rate(31, 100)) == "31 % [23, 41] of 100 guesses"
    assert str(Rate(0, 1)) == "0 % [0, 79] of 1 guess"


def test_errors_are_counted_on_drawn_and_on_real_images_apart():
    guesses = [Guess(True, drawn=True), Guess(False, drawn=True), Guess(False, drawn=True)]
    guesses += [Guess(True, drawn=False), Guess(False, drawn=False)]
    assert human.error_rate(guesses) == Rate(3, 5)
    assert human.error_rate(guesses, drawn=True) == Rate(2, 3)
    assert human.error_rate(guesses, drawn=False) == Rate(1, 2)
    assert human.error_rate([Guess(False)], drawn=True) == Rate(0, 0)  # a pair


def test_the_kind_that_fools_most_comes_first():
    guesses = [Guess(False, True, "3"), Guess(True, True, "3"), Guess(True, True, "1")]
    guesses += [Guess(False, True, "8"), Guess(False, False, None), Guess(True, True, "1")]
    assert list(human.by_kind(guesses).items()) == [
        ("8", Rate(1, 1)),
        ("3", Rate(1, 2)),
        ("1", Rate(0, 2)),
    ]


def test_the_staircase_stays_where_three_of_four_answers_are_right():
    stairs = Staircase()
    assert stairs.exposure == 500
    for right in (True, True, True, False):
        stairs.answer(right)
    assert stairs.exposure == 500
    stairs.answer(True)
    assert stairs.exposure == 490


def test_the_staircase_stays_in_its_range():
    stairs = Staircase()
    for _ in range(100):
        stairs.answer(True)
    assert stairs.exposure == 100
    for _ in range(100):
        stairs.answer(False)
    assert stairs.exposure == 1000


def test_the_threshold_is_the_most_frequent_exposure():
    assert human.threshold([500, 490, 480, 490]) == 490
    assert human.threshold([500, 490]) == 490
    assert human.threshold([None]) is None


def played(errors=10, guesses=50, **changes):
    half = Rate(errors // 2, guesses // 2)
    facts = {"step": 3000, "mode": "one", "exposure": None, "real": "mnist[test]", "held_out": True}
    return Played(
        "2026-01-02T03:04:05+00:00", total=Rate(errors, guesses), fakes=half, reals=half,
        **facts | changes,
    )  # fmt: skip


def test_sessions_are_appended_and_read_back(tmp_path):
    assert human.lines(tmp_path) == []
    first = played(10, discriminator=Rate(3, 50), name="Ada")
    second = played(21, exposure="staircase", threshold=310)
    assert human.add(tmp_path, first) == ""
    human.add(tmp_path, second)
    record = human.read(tmp_path)
    assert record.sessions == [first, second]
    assert not record.problem
    content = json.loads((tmp_path / "human.json").read_text(), parse_constant=pytest.fail)
    assert content["sessions"][0]["total"] == {"errors": 10, "guesses": 50}
    assert [path.name for path in tmp_path.iterdir()] == ["human.json"]


def test_sessions_of_the_same_kind_are_one_line_the_newest_kind_first(tmp_path):
    for one in (played(10), played(21), played(5, step=4000), played(9, mode="pair", exposure=250)):
        human.add(tmp_path, one)
    human.add(tmp_path, played(40, 150, exposure="staircase", threshold=300))
    human.add(tmp_path, played(38, 150, exposure="staircase", threshold=320))
    assert human.lines(tmp_path) == [
        "threshold 310 ms of 300 guesses, staircase, step 3,000",
        "error rate 18 % [10, 31] of 50 guesses, pairs, 250 ms, step 3,000",
        "error rate 10 % [4, 21] of 50 guesses, no time limit, step 4,000",
        "error rate 31 % [23, 41] of 100 guesses, no time limit, step 3,000",
    ]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff\xfe",
        b"[]",
        b'{"sessions": 3}',
        b'{"sessions": [{"date": "x"}]}',
        b'{"sessions": [null]}',
    ],
)
def test_a_damaged_record_is_reported_and_set_aside(tmp_path, content):
    (tmp_path / "human.json").write_bytes(content)
    (line,) = human.lines(tmp_path)
    assert "human.json is damaged" in line
    assert "human.damaged.json" in human.add(tmp_path, played())
    assert (tmp_path / "human.damaged.json").read_bytes() == content
    assert human.read(tmp_path).sessions == [played()]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("mode", "three"),
        ("exposure", "long"),
        ("exposure", -5),
        ("exposure", True),
        ("step", "3"),
        ("total", {"errors": 9, "guesses": 5}),
        ("total", None),
        ("threshold", "fast"),
    ],
)
def test_impossible_values_are_damage(tmp_path, name, value):
    human.add(tmp_path, played())
    content = json.loads((tmp_path / "human.json").read_text())
    content["sessions"][0][name] = value
    (tmp_path / "human.json").write_text(json.dumps(content))
    assert human.read(tmp_path).problem


def test_a_later_versions_additions_are_survived(tmp_path):
    human.add(tmp_path, played())
    content = json.loads((tmp_path / "human.json").read_text())
    content["sessions"][0]["mood"] = "good"
    (tmp_path / "human.json").write_text(json.dumps(content))
    assert human.read(tmp_path).sessions == [played()]


def test_a_folder_that_cannot_be_written_is_an_error(tmp_path):
    with pytest.raises(ForgeryError, match="cannot write"):
        human.add(tmp_path / "missing", played())


SMALL = {
    "steps": 4, "report_every": 4, "sample_every": 4, "checkpoint_every": 4, "split": "test",
    "g_width": 8, "d_width": 8, "latent": 4, "batch_size": 20, "grid": 4, "threads": 1,
    "device": "cpu",
}  # fmt: skip


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    path = tmp_path_factory.mktemp("human") / "run"
    forgery.train(recipes.mlp(**SMALL), path)
    return path


def test_the_run_is_shown_with_what_people_found(run, capsys, tmp_path):
    human.add(run, played(31, 100))
    show(run)
    assert "error rate 31 % [23, 41] of 100 guesses, no time limit" in capsys.readouterr().out
    (run / "human.json").unlink()


def test_cards_are_dealt_in_the_order_that_was_asked_for(run):
    drawn = [True, False, False, True, True] * 6
    deck = deal(run, drawn, seed=3)
    assert [picture.drawn for picture in deck.pictures] == drawn
    assert {(p.pixels.dtype, tuple(p.pixels.shape)) for p in deck.pictures} == {
        (torch.uint8, (1, 28, 28))
    }
    assert deck.step == 4
    assert (deck.real, deck.held_out) == ("mnist[test]", False)
    assert deck.divided_by == "class, as mnist-digits sees it"
    assert all((p.kind is not None) is p.drawn for p in deck.pictures)
    model = forgery.load(run)
    expected = forgery.pixels.to_pixels(model.sample(18, seed=3))
    dealt = torch.stack([p.pixels for p in deck.pictures if p.drawn])
    assert torch.equal(dealt, expected)
    real = model.dataset().values
    for picture in deck.pictures:
        if not picture.drawn:
            assert (real == picture.pixels).flatten(1).all(1).any()


def test_held_out_images_are_preferred(run, tmp_path):
    content = json.loads((run / "config.json").read_text())
    content["config"]["Data"]["split"] = "train"
    (tmp_path / "config.json").write_text(json.dumps(content))
    (tmp_path / "checkpoints").symlink_to(run / "checkpoints")
    deck = deal(tmp_path, [True, False], seed=0)
    assert (deck.real, deck.held_out) == ("mnist[test]", True)


def test_d_guesses_by_its_logit_above_the_undecided_one(run):
    deck = deal(run, [True, False] * 10, seed=1)
    model = forgery.load(run)
    images = torch.stack([forgery.pixels.to_model(p.pixels) for p in deck.pictures])
    logits = model.discriminator(images)
    assert [p.margin for p in deck.pictures] == pytest.approx(logits.tolist(), abs=1e-4)
    for picture in deck.pictures:
        assert guesses_of_d([picture]) is ((picture.margin > 0) is not picture.drawn)
    drawn, real = deck.pictures[:2]
    assert guesses_of_d([drawn, real]) is (real.margin > drawn.margin)
    assert guesses_of_d([real, drawn]) is (real.margin > drawn.margin)


def test_a_critics_level_is_midway_between_its_means(tmp_path):
    path = tmp_path / "critic"
    forgery.train(recipes.mlp(**SMALL | {"objective": "wasserstein", "clip": 0.1}), path)
    margins = torch.tensor([p.margin for p in deal(path, [True, False] * 10, seed=0).pictures])
    assert margins[::2].mean().item() == pytest.approx(-margins[1::2].mean().item(), abs=1e-5)


@pytest.mark.parametrize("conditional", ["concat", "projection", "auxiliary"])
def test_a_conditional_d_is_told_the_class(tmp_path, conditional):
    path = tmp_path / conditional
    forgery.train(recipes.conditional(**SMALL | {"conditional": conditional}), path)
    deck = deal(path, [True, False] * 10, seed=0)
    assert not deck.without_d
    assert deck.divided_by == "class"
    assert all(p.margin is not None for p in deck.pictures)


@pytest.mark.slow
def test_a_d_that_cannot_judge_one_image_says_why(run, tmp_path):
    forgery.train(recipes.mlp(**SMALL | {"pack": 2}), tmp_path / "packed")
    deck = deal(tmp_path / "packed", [True, False] * 10, seed=0)
    assert "2 images together" in deck.without_d
    assert guesses_of_d(deck.pictures[:1]) is None
    model = forgery.load(run)
    object.__setattr__(model, "discriminator", None)
    with pytest.raises(CannotJudge, match="no discriminator"):
        verdicts(model, torch.zeros(2, 1, 28, 28, dtype=torch.uint8), torch.tensor([True, False]))


def test_too_few_real_images_are_refused(run):
    with pytest.raises(ForgeryError, match=r"10001 real images .* mnist\[test\] has 10000"):
        deal(run, [False] * 10_001, seed=0)
