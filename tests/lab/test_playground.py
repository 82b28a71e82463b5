"""Live games of points: the game itself, what is seen of it, and what a page may ask for."""

import base64
import json
import math
import shlex
from functools import cache

import pytest
import torch

import forgery
from forgery.config import choices
from forgery.config.config import Config
from forgery.data import load
from forgery.data.densities import DENSITIES
from forgery.errors import ForgeryError
from forgery.lab import playground
from forgery.lab.live_game import CONTROLLED, RESTARTS, LiveGame, command, first_config, idle
from forgery.lab.live_process import Play, obey, options, points_for
from forgery.lab.live_view import Measured, Shown, View
from forgery.resolve import settings_from

SMALL = {"g_width": 8, "d_width": 8, "batch_size": 16}
#: A penalty-free game without an average, and one in which everything is on.
PLAIN = SMALL | {"objective": "non-saturating", "penalty": "none", "ema": 0.0}


@pytest.fixture(autouse=True)
def own_random_state():
    """Games seed torch's generator, which belongs to the caller."""
    with torch.random.fork_rng(devices=[]):
        yield


@cache
def points(name):
    """A known density with few points, so that games are made at once."""
    return load(name).limited(2_000)


@cache
def view_of(name):
    return View(points(name))


def game_of(data="ring8", **settings):
    return LiveGame(first_config(points(data), SMALL | settings), points(data))


def weights(game, player=None):
    """A copy of all weights of a game, or of one player's."""
    model = game.training.checkpoint().model
    return {k: v.clone() for k, v in model.items() if player is None or k.startswith(player)}


def same(a, b):
    return a.keys() == b.keys() and all(torch.equal(a[k], b[k]) for k in a)


def decoded(text, dtype=torch.int16):
    return torch.frombuffer(bytearray(base64.b64decode(text)), dtype=dtype)


# The game.


@pytest.mark.parametrize("objective", choices(Config, "objective"))
def test_every_objective_is_played(objective):
    game = game_of(objective=objective, penalty="wgan-gp", penalty_weight=10.0)
    before = weights(game)
    game.play()
    assert game.step == 1
    assert game.broken is None
    assert not same(before, weights(game))
    assert {"d_loss", "g_loss", "d_real", "d_fake"} <= game.numbers.keys()


@pytest.mark.parametrize("penalty", choices(Config, "penalty"))
def test_every_penalty_is_played(penalty):
    game = game_of(penalty=penalty, objective="non-saturating")
    game.play()
    assert game.broken is None


@pytest.mark.parametrize(
    "changes", [{"updates": "simultaneous", "noise": "uniform"}, {"pack": 3, "d_steps": 2}]
)
def test_a_game_is_the_run_that_forgery_train_makes(tmp_path, changes):
    game = game_of(**changes)
    for _ in range(3):
        game.play()
    model = forgery.train(game.config.replace(steps=3, limit=2_000), tmp_path / "run")
    trained = model.sampler.generator.state_dict()
    mine = game.training.sampler.state_dict()
    # The length of the run enters no setting of this recipe that three steps reach.
    assert all(torch.equal(trained[name], mine[name]) for name in trained)


def test_the_same_seed_gives_the_same_points():
    view = view_of("ring8")
    frames = []
    for seed in (1, 1, 2):
        game = game_of(seed=seed)
        for _ in range(3):
            game.play()
        frames.append(view.frame(game, Shown(), Measured())["fake"])
    assert frames[0] == frames[1] != frames[2]


def test_a_step_of_one_player_leaves_the_other_alone():
    game = game_of()
    g, d = weights(game, "generator"), weights(game, "discriminator")
    game.play_d()
    assert same(g, weights(game, "generator"))
    assert not same(d, weights(game, "discriminator"))
    game = game_of()
    game.play_g()
    assert same(d, weights(game, "discriminator"))
    assert not same(g, weights(game, "generator"))


@pytest.mark.parametrize("changes", [{}, {"d_steps": 2}, {"penalty": "wgan-gp"}, {"pack": 2}])
def test_d_and_then_g_is_one_step(changes):
    whole, halves, slow = (game_of(**changes) for _ in range(3))
    for _ in range(2):
        whole.play()
        halves.play_d()
        assert halves.halves.waits_for_g
        torch.rand(5)  # what happens in between does not matter
        halves.play_g()
        for _ in slow.moments:
            slow.next_moment()
            torch.rand(5)
    assert whole.step == halves.step == slow.step == 2
    assert same(weights(whole), weights(halves))
    assert same(weights(whole), weights(slow))
    assert whole.numbers == pytest.approx(halves.numbers)


def test_a_second_step_of_d_alone_begins_the_next_step():
    game = game_of()
    game.play_d()
    game.play_d()
    assert game.step == 1
    game.play()  # finishes the step under way
    assert game.step == 2
    assert not game.halves.waits_for_g


def test_the_moments_of_a_step_are_named_and_show_what_is_drawn():
    game = game_of()
    seen = []
    for _ in range(6):
        game.next_moment()
        name, content = game.moment
        seen.append(name)
        assert content["fake"].shape == (16, 2)
    assert seen == ["draw", "judge", "d", "fresh", "g", "draw"]
    assert not torch.equal(game.moment[1]["fake"], content["real"])
    simultaneous = game_of(updates="simultaneous")
    for _ in range(3):
        simultaneous.next_moment()
    assert simultaneous.moment[0] == "both"
    assert simultaneous.step == 1


# Changes.

CHANGES = {
    "objective": "minimax", "penalty": "r1", "penalty_weight": 0.5, "clip": 0.1,
    "spectral_norm": True, "d_steps": 2, "updates": "simultaneous", "batch_size": 12, "pack": 2,
    "ema": 0.5, "seed": 4, "optimizer": "rmsprop", "g_learning_rate": 1e-4,
    "d_learning_rate": 1e-4, "beta1": 0.1, "beta2": 0.9, "learning_rate_decay": 1.1,
    "generator": "mlp-softplus", "g_width": 9, "g_depth": 1, "discriminator": "mlp-maxout",
    "d_width": 9, "d_depth": 1, "latent": 3, "noise": "uniform",
}  # fmt: skip


@pytest.mark.parametrize("name", sorted(CONTROLLED))
def test_a_change_keeps_the_weights_or_says_that_it_starts_again(name):
    momentum = name in ("momentum", "momentum_final")
    game = game_of(**({"optimizer": "momentum"} if momentum else {}))
    game.play()
    before = weights(game)
    restarted = game.change({name: CHANGES.get(name, 0.3)})
    assert restarted == (name in RESTARTS)
    if restarted:
        assert game.step == 0
    else:
        assert game.step == 1
        now = weights(game)
        assert all(torch.equal(before[k], now[k]) for k in before if k in now)
        assert game.history[-1]["step"] == 1
    game.play()
    assert game.broken is None


@pytest.mark.parametrize("changes", [{}, {"batch_size": 16}, {"generator": "mlp", "seed": 0}])
def test_a_setting_that_keeps_its_value_keeps_the_game(changes):
    game = game_of()
    game.play()
    game.play_d()
    before = weights(game)
    assert not game.change(changes)
    assert same(before, weights(game))
    assert game.step == 1
    assert game.halves.waits_for_g
    assert game.history == []


def test_a_change_between_the_updates_of_d_and_g_keeps_the_step():
    changed, unchanged = game_of(), game_of()
    for game in (changed, unchanged):
        game.play()
        game.play_d()
    changed.change({"d_learning_rate": 0.5})  # does not matter for G
    for game in (changed, unchanged):
        game.play()
        assert game.step == 2
        assert not game.halves.waits_for_g
    assert same(weights(changed), weights(unchanged))


def test_slow_motion_ends_a_step_whose_d_was_updated_alone_if_updates_are_simultaneous():
    game = game_of(updates="simultaneous")
    game.play_d()
    for _ in game.moments:
        game.next_moment()
    assert game.moment[0] == "both"
    assert game.step == 1


def test_the_optimiser_keeps_its_state_over_a_change():
    changed, unchanged = game_of(), game_of()
    for game in (changed, unchanged):
        game.play()
    changed.change({"g_learning_rate": 0.5})
    changed.change({"g_learning_rate": unchanged.config.g_learning_rate})
    for game in (changed, unchanged):
        game.play()
    assert same(weights(changed), weights(unchanged))


def test_an_average_begins_at_the_present_weights():
    game = game_of(ema=0.0)
    game.play()
    game.change({"ema": 0.9})
    generator, average = weights(game, "generator"), weights(game, "average")
    assert [*generator.values()]
    assert all(torch.equal(a, b) for a, b in zip(generator.values(), average.values(), strict=True))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"objective": "wasserstein", "penalty": "none"}, "no lower bound"),
        ({"objektive": "hinge"}, "did you mean 'objective'"),
        ({"steps": 5}, "unknown setting 'steps'"),
        ({"g_width": 100_000}, "at most 512"),
        ({"batch_size": 0}, "at least 1"),
        ({"d_learning_rate": "fast"}, "must be a number"),
        ({"discriminator": "projected"}, "unknown discriminator"),
        ({"objective": "os:system"}, "os:system"),
        ({"penalty": "none", "penalty_weight": 2.0}, "no effect"),
    ],
)
def test_what_does_not_go_together_is_refused_and_the_game_goes_on(changes, words):
    game = game_of()
    game.play()
    before, config = weights(game), game.config
    with pytest.raises(ForgeryError, match=words):
        game.change(changes)
    assert game.config == config
    assert same(before, weights(game))
    game.play()
    assert game.step == 2


def test_a_broken_game_says_where_and_goes_back():
    game = game_of(**PLAIN)
    for _ in range(100):
        game.play()
    kept = weights(game)
    game.change({"d_learning_rate": 1e30})
    while game.broken is None:
        assert game.step < 130
        game.play()
    assert game.broken["step"] == game.step > 100
    assert set(game.broken["losses"]) <= {"d_loss", "g_loss"}
    with pytest.raises(ForgeryError, match="broken"):
        game.save("nowhere")
    frame = view_of("ring8").frame(game, Shown(), Measured())
    assert frame["broken"] == game.broken
    assert game.back() == 100
    assert game.broken is None
    assert same(kept, weights(game))
    assert game.back() == 0  # and again, to the one before


def test_a_change_is_recorded_at_a_step_that_exists(tmp_path):
    game = game_of(**PLAIN)
    for _ in range(130):
        game.play()
    game.change({"objective": "hinge"})
    step = game.back()
    assert step < 130
    game.play()
    path = game.save(tmp_path / "run")
    played = json.loads((path / "config.json").read_text())["played"]
    assert [change["step"] for change in played] == [step]


def test_two_games_go_back_to_the_same_step():
    play = Play("ring8", PLAIN)
    play.pair({"other": {"objective": "minimax"}})
    for _ in range(101):
        play.step({"who": "both"})
    play.games[1]._kept.popleft()  # as if more steps had been played
    assert play.back({})["step"] == 100
    assert [game.step for game in play.games] == [100, 100]
    for _ in range(3):
        play.back({})
        assert len({game.step for game in play.games}) == 1


def test_the_second_game_ends_and_the_first_goes_on():
    play = Play("ring8", PLAIN)
    play.pair({"other": {"objective": "minimax"}})
    play.step({"who": "both"})
    assert len(play.frame()["games"]) == 2
    play.pair({"other": None})
    play.step({"who": "both"})
    assert len(play.frame()["games"]) == 1


# The terminal.


@pytest.mark.parametrize(
    "settings",
    [
        {},
        PLAIN,
        {"objective": "wasserstein", "penalty": "wgan-gp", "penalty_weight": 10.0, "d_steps": 5},
        {"optimizer": "momentum", "momentum": 0.0, "pack": 2, "seed": 3, "spectral_norm": True},
        {"g_learning_rate": 1.2345678e-4, "noise": "uniform", "latent": 5, "penalty": "none"},
        {"generator": "mlp-batchnorm", "discriminator": "mlp-maxout", "g_width": 128},
    ],
)
def test_the_command_has_the_settings_of_the_game(settings):
    game = game_of("moons", **settings)
    words = shlex.split(command(game.config))
    assert words[:3] == ["forgery", "train", "moons"]
    given, flags = {}, words[3:]
    while flags:
        name = flags.pop(0).removeprefix("--").replace("-", "_")
        if name.removeprefix("no_") in ("spectral_norm",):
            given[name.removeprefix("no_")] = not name.startswith("no_")
            continue
        value = flags.pop(0)
        given[name] = value if name in _NAMES else json.loads(value)
    config = settings_from("moons", None, None, given)
    assert config.replace(device="cpu", threads=1) == game.config


_NAMES = {n for n in CONTROLLED if choices(Config, n)}


def test_a_saved_game_opens_resumes_and_samples(tmp_path):
    data = load("ring8")
    game = LiveGame(first_config(data, PLAIN), data)
    with pytest.raises(ForgeryError, match="at least one whole step"):
        game.save(tmp_path / "run")
    for _ in range(4):
        game.play()
    game.change({"d_steps": 2})
    game.play()
    path = game.save(tmp_path / "run")
    model = forgery.load(path)
    assert model.step == 5
    assert model.sample(7, seed=0).shape == (7, 2)
    record = json.loads((path / "config.json").read_text())
    assert record["played"] == [{"step": 4, "changes": {"d_steps": 2}}]
    resumed = forgery.resume(path, steps=7)
    game.play()
    game.play()
    trained = resumed.sampler.generator.state_dict()
    mine = game.game.generator.network.state_dict()
    assert all(torch.equal(trained[k], mine[k]) for k in mine)
    with pytest.raises(ForgeryError, match="never overwritten"):
        game.save(path)


@pytest.mark.slow
def test_points_that_are_nowhere_else_are_saved_with_the_game(tmp_path):
    drawn = [[i / 100, (i * 37 % 100) / 50] for i in range(100)]
    play = Play()
    play.begin({"data": {"kind": "drawn", "points": drawn}, "settings": PLAIN})
    play.step({"who": "both"})
    play.save({"path": str(tmp_path / "mine"), "game": 0})
    assert (tmp_path / "mine" / "points.csv").read_text().count("\n") == 100
    assert forgery.resume(tmp_path / "mine", steps=2).step == 2


# What is seen.


@pytest.mark.parametrize("name", DENSITIES)
def test_every_density_is_shown(name):
    view, game = view_of(name), game_of(name)
    game.play()
    measured = view.measure(game, average=False)
    shown = Shown("difference", grid=True, arrows=True, average=True)
    frame = view.frame(game, shown, measured)
    assert json.loads(json.dumps(frame))["step"] == 1
    assert len(json.dumps(frame)) < 25_000
    assert measured.scores["c"] == pytest.approx(2 * measured.scores["jsd"] - math.log(4))
    assert len(decoded(frame["fake"])) == 500 * view.dimensions
    setup = view.setup()
    assert setup["dimensions"] == view.dimensions
    assert decoded(setup["real"]).abs().float().quantile(0.95) <= 8000  # in the picture


def test_the_best_discriminator_is_half_where_both_densities_are_equal():
    view = view_of("moons")
    density = view.dataset.density
    points = density.sample(200_000, torch.Generator().manual_seed(0))
    equal = view.best(view._smoothed(view._counted(points)))
    seen = equal[~equal.isnan()]
    assert len(seen) > 300
    assert seen.mean().item() == pytest.approx(0.5, abs=0.02)
    # Nothing of the data far away, all of the samples: surely generated.
    elsewhere = view.best(view._smoothed(view._counted(torch.full((1000, 2), -1.6))))
    assert elsewhere[~elsewhere.isnan()].min() < 0.01


def test_a_packed_discriminator_has_no_surface_and_the_page_is_not_lied_to():
    view, game = view_of("ring8"), game_of(pack=2)
    frame = view.frame(game, Shown("d", arrows=True), Measured())
    assert "surface" not in frame
    assert "arrows" not in frame


# What a page may ask for.


def test_two_games_are_played_step_for_step_and_refused_together():
    play = Play("ring8", PLAIN)
    state = play.pair({"other": {"objective": "minimax"}})
    assert state["games"][1]["differs"] == {"objective": "minimax"}
    first, second = play.games
    assert same(weights(first), weights(second))  # the same seed
    play.step({"who": "both"})
    assert first.step == second.step == 1
    with pytest.raises(ForgeryError, match="no lower bound"):
        play.set({"game": None, "settings": {"objective": "wasserstein"}})
    assert [game.config.objective for game in play.games] == ["non-saturating", "minimax"]
    play.set({"game": 1, "settings": {"d_learning_rate": 1e-4}})
    assert first.step == second.step == 1
    state = play.set({"game": 1, "settings": {"g_width": 9}})
    assert state["restarted"]
    assert [game.step for game in play.games] == [0, 0]  # both, to stay together
    with pytest.raises(ForgeryError, match="the same seed"):
        play.pair({"other": {"seed": 3}})
    play.reset({"seed": 5})
    assert {game.config.seed for game in play.games} == {5}
    assert len(play.pair({"other": None})["games"]) == 1


def test_two_games_take_other_data_if_the_second_has_something_off_that_the_first_has_on():
    play = Play("ring8", SMALL | {"penalty": "r1", "penalty_weight": 5.0})
    state = play.pair({"other": {"penalty": "none"}})
    assert state["games"][1]["differs"] == {"penalty": "none"}
    effective = {
        name: value
        for name, value in state["games"][0]["settings"].items()
        if name not in state["games"][0]["idle"]
    }
    play.begin({"settings": effective, "other": state["games"][1]["differs"]})
    assert [game.config.penalty for game in play.games] == ["r1", "none"]


def test_play_makes_steps_and_slow_motion_makes_moments():
    play = Play("ring8", PLAIN)
    play.run(0.05)
    assert play.games[0].step == 0  # not yet played
    play.play({"playing": True})
    play.run(0.0)
    steps = play.games[0].step
    assert steps == 1  # a step that is due is made in any case
    play.play({"slow": True})
    play.run(0.05)
    assert play.games[0].step == steps
    assert play.frame()["games"][0]["moment"]["name"] == "draw"


def test_a_page_that_asks_for_nonsense_is_answered():
    play = Play("ring8", PLAIN)
    for message, words in [
        ({"do": "explode"}, "unknown request"),
        ({"do": "_deal"}, "unknown request"),
        ({"do": "step", "who": "everyone"}, "unknown step"),
        ({"do": "set", "settings": [1]}, "must be an object"),
        ({"do": "set", "settings": {}, "game": 7}, "there is no game 7"),
        ({"do": "play", "speed": "fast"}, "speed must be"),
        ({"do": "show", "surface": "moon"}, "unknown surface"),
        ({"do": "begin", "data": {"kind": "density", "name": "rings"}}, "unknown density"),
        ({"do": "begin", "data": {"kind": "csv", "text": "1,2,3\n4,5,6"}}, "one or two"),
    ]:
        answer = obey(play, message)
        assert words in answer["error"], message
    answer = obey(play, {"do": "set", "settings": {"g_width": 0, "d_depth": 99}})
    assert set(answer["fields"]) <= {"g_width", "d_depth"}
    assert answer["fields"]


@pytest.mark.parametrize(
    ("sent", "words"),
    [
        ({"kind": "csv", "name": "p.csv", "text": ""}, "no points"),
        ({"kind": "csv", "name": "p.csv", "text": "x,y\n1,2\n3,oh"}, "p.csv, line 3"),
        ({"kind": "csv", "name": "p.csv", "text": "1,2\n3,4\n5"}, "expected 2 numbers"),
        ({"kind": "csv", "name": "p.csv", "text": "1,2\n1,3"}, "same value in every row"),
        ({"kind": "csv", "name": "p.csv", "text": "1,nan\n1,3"}, "NaN or infinity"),
        ({"kind": "drawn", "points": "abc"}, "list of pairs"),
        ({"kind": "drawn", "points": [[1, 2], [3]]}, "list of pairs"),
        ({"kind": "drawn", "points": []}, "points"),
        ({"kind": "moon"}, "unknown kind"),
        (None, "must be an object"),
    ],
)
def test_bad_points_are_refused(sent, words):
    with pytest.raises(ForgeryError, match=words):
        points_for(sent)


def test_a_small_file_of_points_is_played():
    text = "height\n" + "\n".join(str(i % 7 + i / 100) for i in range(60))
    play = Play()
    state = play.begin({"data": {"kind": "csv", "name": "heights.csv", "text": text}})
    assert state["view"]["dimensions"] == 1
    assert state["games"][0]["settings"]["batch_size"] == 60  # reduced to what the data can fill
    play.step({"who": "both"})
    assert play.frame()["games"][0]["measures"] == {}  # no known density


def test_the_controls_are_the_settings_of_forgery():
    groups = options()["groups"]
    listed = {control["name"]: control for group in groups.values() for control in group}
    assert listed.keys() == CONTROLLED
    assert listed["objective"]["choices"] == choices(Config, "objective")
    assert listed["g_width"]["restarts"]
    assert not listed["penalty"]["restarts"]
    assert "penalty_weight" in idle(game_of(**PLAIN).config)


def test_a_page_whose_game_has_ended_is_told(client):
    assert "event: gone" in client.get("/api/playground/stream?session=nothing").text
    answer = client.post("/api/playground/do", json={"session": "nothing", "do": "play"})
    assert answer.status_code == 410
    assert "open the page again" in answer.json()["error"]
    assert client.get("/api/playground/stream").status_code == 400


def test_only_a_handful_of_games_are_open(client, monkeypatch):
    monkeypatch.setattr(playground, "MOST_SESSIONS", 0)
    answer = client.post("/api/playground/open")
    assert answer.status_code == 429
    assert "close one of their pages" in answer.json()["error"]
