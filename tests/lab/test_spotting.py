"""Spot the forgery: whole sessions by requests."""

import io
import json
import shutil

import numpy as np
import pytest
from PIL import Image

import forgery
from forgery import recipes
from forgery.evaluation import human
from forgery.evaluation.human import Rate


@pytest.fixture
def few(monkeypatch):
    """Ten images are enough."""
    monkeypatch.setattr(human, "NEEDED", 10)
    monkeypatch.setattr(human, "FIRST", 4)
    monkeypatch.setattr(human, "LENGTHS", (10, 20))


def start(client, **content):
    return client.post("/api/spotting/start", json={"run": "digits"} | content)


def picture(client, session, image):
    return client.get("/api/spotting/image", params={"session": session, "image": image})


def guess(client, session, trial, says):
    return client.post(
        "/api/spotting/guess", json={"session": session, "trial": trial, "says": says}
    )


def play(client, says="real", **content):
    """A whole session with the same guess each time: the start, and the answers."""
    begun = start(client, **content).json()
    answers, following = [], begun["next"]
    while following:
        answers.append(guess(client, begun["session"], following["trial"], says).json())
        following = answers[-1]["next"]
    return begun, answers


def test_the_runs_of_images_are_listed(client, runs):
    (runs / "digits" / "human.json").write_text("broken")
    (runs / "classes" / "conditional" / "config.json").write_text("broken")
    answer = client.get("/api/spotting/runs").json()
    assert [run["name"] for run in answer["runs"]] == ["classes/conditional", "digits"]
    assert "damaged" in answer["runs"][0]["problem"]
    assert "damaged" in answer["runs"][1]["people"][0]
    assert answer["points"] == 1


def test_a_whole_session_is_judged_and_recorded(client, runs, few):
    begun, answers = play(client, says="real", name=" Ada ")
    assert begun["shape"] == [1, 28, 28]
    assert (begun["real"], begun["held_out"]) == ("mnist[test]", False)
    assert len(answers) == 10
    assert all(a["right"] is (a["answer"] == "real") for a in answers)
    errors = sum(a["answer"] == "drawn" for a in answers)
    assert answers[-1]["total"]["errors"] == errors
    assert answers[-1]["ended"]
    assert answers[-1]["next"] is None

    result = client.post("/api/spotting/end", json={"session": begun["session"]}).json()
    assert result["total"] | {"low": 0, "high": 0} == {
        "errors": errors, "guesses": 10, "rate": errors / 10, "low": 0, "high": 0,
    }  # fmt: skip
    assert result["fakes"]["errors"] == result["fakes"]["guesses"] == errors
    assert result["reals"]["errors"] == 0
    assert result["recorded"]
    assert len(result["fooled"]) == errors
    assert sum(kind["guesses"] for kind in result["kinds"]) == errors

    (played,) = human.read(runs / "digits").sessions
    assert played.total == Rate(errors, 10)
    assert (played.name, played.step, played.exposure) == ("Ada", 30, None)
    text = (runs / "digits" / "human.json").read_text()
    json.loads(text, parse_constant=pytest.fail)
    again = client.get("/api/spotting/run", params={"run": "digits"}).json()
    assert "of 10 guesses, no time limit, step 30" in again["people"][0]


def test_nobody_is_named_who_gave_no_name(client, runs, few):
    play(client)
    (played,) = human.read(runs / "digits").sessions
    assert played.name is None


def test_a_session_that_is_ended_early_is_not_recorded(client, runs, few):
    begun = start(client).json()
    guess(client, begun["session"], begun["next"]["trial"], "real")
    result = client.post("/api/spotting/end", json={"session": begun["session"]}).json()
    assert result["total"]["guesses"] == 1
    assert not result["recorded"]
    assert not (runs / "digits" / "human.json").exists()


def test_nothing_tells_real_from_drawn_before_the_guess(client, few):
    begun = start(client).json()
    seen, following = {}, begun["next"]
    while following:
        assert set(following) == {"trial", "number", "of", "images", "exposure"}
        (image,) = following["images"]
        answer = picture(client, begun["session"], image)
        decoded = Image.open(io.BytesIO(answer.content))
        headers = {k: v for k, v in answer.headers.items() if k != "content-length"}
        told = guess(client, begun["session"], following["trial"], "real").json()
        names = (len(image), len(following["trial"]), set(decoded.info), decoded.mode, decoded.size)
        seen.setdefault(told["answer"], []).append((headers, names))
        following = told["next"]
    both = [each for some in seen.values() for each in some]
    assert all(each == both[0] for each in both)


def test_images_of_another_session_are_not_served(client, few):
    begun = start(client).json()
    other = start(client).json()
    (image,) = other["next"]["images"]
    assert picture(client, begun["session"], image).status_code == 404
    assert picture(client, begun["session"], "../../config.json").status_code == 404
    assert picture(client, "unknown", image).status_code == 404


def test_pixels_are_those_of_the_data_or_of_the_generator(client, few):
    real = forgery.data.load("mnist", "test").values.numpy().reshape(-1, 784)
    begun = start(client).json()
    following = begun["next"]
    while following:
        content = picture(client, begun["session"], following["images"][0]).content
        pixels = np.asarray(Image.open(io.BytesIO(content))).reshape(-1)
        told = guess(client, begun["session"], following["trial"], "real").json()
        assert (real == pixels).all(1).any() == (told["answer"] == "real")
        following = told["next"]


def test_an_image_is_judged_once_and_only_in_its_session(client, few):
    begun, other = start(client).json(), start(client).json()
    trial = begun["next"]["trial"]
    assert guess(client, other["session"], trial, "real").status_code == 409
    assert guess(client, begun["session"], trial, "real").status_code == 200
    again = guess(client, begun["session"], trial, "drawn")
    assert again.status_code == 409
    assert "already" in again.json()["error"]
    assert guess(client, "unknown", trial, "real").status_code == 404


def test_a_guess_is_one_of_two(client, few):
    begun = start(client).json()
    answer = guess(client, begun["session"], begun["next"]["trial"], "left")
    assert answer.status_code == 400
    assert "real or drawn" in answer.json()["error"]
    assert guess(client, begun["session"], begun["next"]["trial"], "real").status_code == 200


def test_of_a_pair_one_is_real(client, runs, few):
    begun, answers = play(client, says="left", mode="pair")
    assert len(begun["next"]["images"]) == 2
    assert {a["answer"] for a in answers} <= {"left", "right"}
    result = client.post("/api/spotting/end", json={"session": begun["session"]}).json()
    assert result["fakes"]["guesses"] == 0
    assert result["d"]["guesses"] == 10
    (played,) = human.read(runs / "digits").sessions
    assert played.mode == "pair"


def test_d_judges_the_same_images(client, few):
    begun, answers = play(client)
    assert begun["without_d"] == ""
    assert answers[-1]["d_total"]["guesses"] == 10
    assert answers[-1]["d_total"]["errors"] == sum(not a["d"]["right"] for a in answers)


def test_a_conditional_run_is_divided_by_class(client, few):
    begun, _ = play(client, run="classes/conditional")
    result = client.post("/api/spotting/end", json={"session": begun["session"]}).json()
    assert result["divided_by"] == ("class" if result["kinds"] else "")
    assert result["d"]["guesses"] == 10


def test_d_that_cannot_judge_says_why(client, runs, few):
    small = {"g_width": 8, "d_width": 8, "batch_size": 20, "threads": 1, "device": "cpu"}
    settings = small | {"steps": 2, "split": "test", "pack": 2, "grid": 4}
    forgery.train(recipes.mlp(**settings), runs / "packed")
    begun, answers = play(client, run="packed")
    assert "--pack 2" in begun["without_d"]
    assert answers[-1]["d"] is None
    assert answers[-1]["d_total"] is None


def test_the_exposure_of_a_staircase_follows_the_answers(client, runs, few, monkeypatch):
    monkeypatch.setattr(human.Staircase, "LENGTH", 12)
    begun, answers = play(client, exposure="staircase")
    exposure = begun["next"]["exposure"]
    assert exposure == 500
    for answer in answers[:-1]:
        exposure += -10 if answer["right"] else 30
        assert answer["next"]["exposure"] == exposure
    result = client.post("/api/spotting/end", json={"session": begun["session"]}).json()
    assert len(result["exposures"]) == 12
    assert result["threshold"] in result["exposures"]
    (played,) = human.read(runs / "digits").sessions
    assert played.threshold == result["threshold"]


def test_the_time_on_screen_is_reported(client, few):
    begun = start(client, exposure=250).json()
    following, session = begun["next"], begun["session"]
    assert following["exposure"] == 250
    for shown in (260.0, "long", -1, None):
        content = {"session": session, "trial": following["trial"], "says": "real", "shown": shown}
        following = client.post("/api/spotting/guess", json=content).json()["next"]
    assert client.post("/api/spotting/end", json={"session": session}).json()["shown"] == 260


@pytest.mark.parametrize(
    ("content", "field"),
    [
        ({"mode": "three"}, "mode"),
        ({"exposure": 251}, "exposure"),
        ({"exposure": True}, "exposure"),
        ({"exposure": 250.0}, "exposure"),
        ({"length": 1_000_000}, "length"),
        ({"length": 10.0}, "length"),
        ({"length": []}, "length"),
        ({"name": "x" * 41}, "name"),
        ({"name": "a\nb"}, "name"),
    ],
)
def test_impossible_choices_are_refused_beside_their_field(client, few, content, field):
    answer = start(client, **content)
    assert answer.status_code == 400
    assert field in answer.json()["fields"]


def test_runs_that_cannot_be_played_say_why(client, runs):
    answer = client.get("/api/spotting/run", params={"run": "ring"})
    assert "points" in answer.json()["error"]
    assert "points" in start(client, run="ring").json()["error"]
    assert start(client, run="nothing").status_code == 404
    assert start(client, run="../elsewhere").status_code == 403
    shutil.rmtree(runs / "digits" / "checkpoints")
    assert "no checkpoint" in start(client).json()["error"]
    answer = client.get("/api/spotting/run", params={"run": "digits"}).json()
    assert "no checkpoint" in answer["error"]


def test_moved_data_is_named_and_real_png_is_no_substitute(client, runs):
    path = runs / "digits" / "config.json"
    content = json.loads(path.read_text())
    content["config"]["Data"]["data"] = str(runs / "gone.npy")
    path.write_text(json.dumps(content))
    assert (runs / "digits" / "real.png").exists()
    error = start(client).json()["error"]
    assert "gone.npy" in error
    assert "--data" in error


def test_a_record_that_cannot_be_written_does_not_lose_the_result(client, runs, few, monkeypatch):
    def full(path, content):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(human, "write_file", full)
    begun, _ = play(client)
    result = client.post("/api/spotting/end", json={"session": begun["session"]}).json()
    assert not result["recorded"]
    assert "No space left" in result["note"]
