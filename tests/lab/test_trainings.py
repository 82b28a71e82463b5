"""Trainings that the page starts: settings checked by field, processes, stop and resume."""

import json
import signal
import subprocess
import sys
import time

import pytest

from forgery.lab.folder import RunsFolder
from forgery.lab.trainings import Command, Trainings, by_field, given_settings, shown

SMALL = {
    "g_width": "16", "d_width": "16", "batch_size": "20", "limit": "200", "threads": "1",
    "device": "cpu", "report_every": "5", "sample_every": "50", "latent": "8",
}  # fmt: skip


def form(**changes):
    """What the page sends."""
    settings = SMALL | {"steps": "10"} | changes.pop("settings", {})
    return {"data": "mnist", "recipe": "", "name": "new", "settings": settings} | changes


def until(true, seconds=60):
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end
        time.sleep(0.05)


# The form


def test_the_form_offers_the_data_the_recipes_and_every_setting_with_its_help(client):
    found = client.get("/api/train/form").json()
    assert "mnist" in found["images"]
    assert "ring8" in found["points"]
    recipes = {recipe["name"]: recipe for recipe in found["recipes"]}
    assert recipes["points"]["kind"] == "points"
    assert recipes["dcgan"]["kind"] == "images"
    settings = {one["name"]: one for group in found["groups"] for one in group["settings"]}
    assert "hinge" in settings["objective"]["choices"]
    assert settings["batch_size"]["common"]
    assert all(one["help"] for one in settings.values())
    assert "steps" not in settings  # the length has fields of its own


def test_a_check_answers_with_the_command_and_what_the_settings_become(client, runs):
    found = client.post("/api/train/check", json=form()).json()
    assert found["command"].startswith("forgery train mnist ")
    assert "--batch-size=20" in found["command"]
    assert found["recipe"] == "mlp"
    assert found["settings"]["batch_size"] == 20
    assert "penalty_weight" in found["without_effect"]
    assert "start_from" not in found["without_effect"]
    assert not (runs / "new").exists()


@pytest.mark.parametrize(
    ("changes", "field", "message"),
    [
        ({"settings": {"batch_size": "0"}}, "batch_size", "at least 1"),
        ({"settings": {"batch_size": "many"}}, "batch_size", "whole number"),
        ({"settings": {"penalty_weight": "2"}}, "penalty_weight", "no effect"),
        ({"settings": {"objective": "hinj"}}, "objective", "did you mean 'hinge'"),
        ({"settings": {"pack": "2", "conditional": "concat"}}, "conditional", "--pack 1"),
        ({"settings": {"steps": "nan"}}, "steps", "whole number"),
        ({"recipe": "mlq"}, "recipe", "did you mean 'mlp'"),
        ({"data": "no/such/pictures"}, "data", "no/such/pictures"),
        ({"data": ""}, "data", "choose"),
        ({"name": "ring"}, "name", "never overwritten|no run is overwritten"),
        ({"name": "ring/inside"}, "name", "is a run"),
        ({"name": "../out"}, "name", "not below"),
        ({"name": ""}, "name", "not below"),
        ({"name": ".hidden"}, "name", "cannot name a run"),
        ({"name": "a/b/c/d"}, "name", "at most 3"),
        ({"name": "a\nb"}, "name", "cannot name a run"),
        ({"name": "zoo:mine"}, "name", "begin the addresses"),
        ({"name": "hub:me/mine"}, "name", "begin the addresses"),
        ({"data": "x" * 300}, "data", "no such file"),
    ],
)
def test_problems_stand_beside_their_fields_before_anything_is_written(
    client, runs, changes, field, message
):
    before = sorted(runs.rglob("*"))
    for path in ("/api/train/check", "/api/train"):
        answer = client.post(path, json=form(**changes))
        assert answer.status_code == 400
        found = answer.json()
        assert field in found["fields"], found
        assert any(part in found["fields"][field] for part in message.split("|")), found
    assert sorted(runs.rglob("*")) == before


def test_every_line_of_a_message_goes_to_its_field_and_the_rest_above_the_form():
    message = (
        "batch-size must be at least 1, not 0\n"
        "unknown objective 'hinj': did you mean 'hinge'?\n"
        "this cannot be: give --latent 8\n"
        "photos/ holds no pictures\n"
        "the moon is full"
    )
    found = by_field(message, "photos/")
    assert set(found.fields) == {"batch_size", "objective", "latent", "data"}
    assert str(found) == "the moon is full"


def test_numbers_are_read_as_numbers_and_empty_fields_are_not_given():
    given = given_settings(
        {"batch_size": "1e2", "ema": "0.5", "latent": " ", "flip": "true", "seed": 3, "fit": "pad"}
    )
    assert given == {"batch_size": 100, "ema": 0.5, "flip": True, "seed": 3, "fit": "pad"}


@pytest.mark.parametrize("content", [[], {"settings": []}, {"data": 1}, {"settings": {"x": 1}}])
def test_a_form_of_another_shape_is_refused(client, content):
    answer = client.post("/api/train/check", json=content)
    assert answer.status_code == 400


# Processes


@pytest.mark.slow
@pytest.mark.parametrize("value", [10**400, -(10**400)])
@pytest.mark.parametrize("name", ["steps", "minutes"])
def test_numbers_beyond_all_bounds_are_refused(client, name, value):
    content = json.dumps({"data": "mnist", "settings": {name: value}})
    answer = client.post("/api/train/check", content=content)
    assert answer.status_code == 400
    assert "too large" in answer.text or "must be" in answer.text


def test_deeply_nested_json_is_refused(client):
    answer = client.post("/api/train/check", content="[" * 100_000)
    assert answer.status_code == 400
    assert "not JSON" in answer.text


def test_a_training_is_started_and_its_run_is_there(client, runs):
    name = "odd; touch gone $(touch gone) '\" & | >x"
    answer = client.post("/api/train", json=form(name=name))
    assert answer.json()["run"] == name
    until(lambda: state(client, name) == "finished")
    record = json.loads((runs / name / "config.json").read_text())
    assert record["config"]["Networks"]["g_width"] == 16
    assert not list(runs.rglob("gone"))
    assert not list(runs.glob("x"))


def state(client, name):
    runs = client.get("/api/runs").json()["runs"]
    return next((run["state"] for run in runs if run["name"] == name), None)


def test_shell_characters_stay_within_one_argument(tmp_path, monkeypatch):
    started = []

    def popen(arguments, **options):
        started.append((arguments, options))
        return subprocess.Popen([sys.executable, "-c", ""], **options)

    data = "a b; rm -rf / #$(x)`y`\n"
    monkeypatch.setattr("forgery.lab.trainings.subprocess", Recorded(popen))
    Command(["train", data, "--out", "b'\"c"]).wait(30)
    ((arguments, options),) = started
    assert arguments == [sys.executable, "-m", "forgery", "train", data, "--out", "b'\"c"]
    assert not options.get("shell")
    assert options["start_new_session"]
    assert shown(["train", data]).startswith("forgery train 'a b; rm -rf / #$(x)`y`")


class Recorded:
    """subprocess with another Popen."""

    DEVNULL, TimeoutExpired = subprocess.DEVNULL, subprocess.TimeoutExpired

    def __init__(self, popen):
        self.Popen = popen


def test_the_command_of_a_run_is_found_by_the_name_that_the_run_gets(client, monkeypatch):
    class Started(Command):
        is_running, failed = False, False

        def __init__(self, arguments):
            self.arguments = arguments

        wait = stop = lambda *given: None

    monkeypatch.setattr("forgery.lab.trainings.Command", Started)
    answer = client.post("/api/train", json=form(name=" a//b/ ")).json()
    assert answer["run"] == "a/b"
    assert answer["command"].endswith("/a/b")


def test_data_that_begin_with_a_dash_are_a_path_and_no_flag(client):
    answer = client.post("/api/train/check", json=form(data="--help"))
    assert "./--help" in answer.json()["fields"]["data"]


@pytest.mark.slow
def test_a_training_is_stopped_saved_and_resumed(client, runs):
    client.post("/api/train", json=form(settings={"steps": "100000"}))
    until(lambda: (runs / "new" / "metrics.jsonl").exists())
    twice = client.post("/api/run/resume", json={"run": "new"})
    assert twice.status_code == 409
    assert client.post("/api/run/stop", json={"run": "new"}).status_code == 200
    until(lambda: state(client, "new") == "interrupted")
    saved = max(int(path.name) for path in (runs / "new" / "checkpoints").iterdir())
    assert saved > 0
    length = {"steps": str(saved + 10)}
    answer = client.post("/api/run/resume", json={"run": "new", "settings": length})
    assert answer.json()["command"].endswith(f"--steps={saved + 10}")
    until(lambda: state(client, "new") == "finished")
    # Its process ends a moment after the run is finished; then there is nothing to stop.
    until(lambda: client.post("/api/run/stop", json={"run": "new"}).status_code == 409)
    answers = []

    def is_refused():
        """The answer is 200 if the process held the run's lock before it refused."""
        request = {"run": "new", "settings": length}
        answers.append(client.post("/api/run/resume", json=request))
        return answers[-1].status_code == 400

    until(is_refused)
    said = answers[-1].json()  # it names the length, and so stands beside its field
    assert "has reached its length" in " ".join([said["error"], *said["fields"].values()])


def test_a_run_of_another_program_is_not_stopped_but_named(client, runs):
    from forgery.training.run import open_run

    with open_run(runs / "digits").lock():
        answer = client.post("/api/run/stop", json={"run": "digits"})
    assert answer.status_code == 409
    assert "kill -INT" in answer.json()["error"]


@pytest.mark.slow
def test_all_trainings_are_saved_when_the_lab_ends(runs):
    trainings = Trainings(RunsFolder(runs))
    _, arguments = trainings.resolved(form(settings={"steps": "100000"}))
    command = trainings.start("new", arguments)
    until(lambda: (runs / "new" / "metrics.jsonl").exists())
    trainings.close()
    assert not command.is_running
    assert not command.failed
    assert max(int(path.name) for path in (runs / "new" / "checkpoints").iterdir()) > 0


def test_the_problem_of_a_command_is_what_it_said(tmp_path):
    (tmp_path / "file").write_text("")
    command = Command(["lab", str(tmp_path / "file")])
    command.wait(60)
    assert command.failed
    assert command.problem() == f"{tmp_path / 'file'} is a file: give a folder of runs, or a run"
    assert command.state()["problem"] == command.problem()


def test_a_command_is_stopped_once_since_a_second_signal_would_not_save(monkeypatch):
    command = Command(["--version"])
    sent = []
    monkeypatch.setattr(command._process, "send_signal", sent.append)
    monkeypatch.setattr(type(command), "is_running", True)
    command.stop()
    command.stop()
    monkeypatch.undo()
    command.wait(60)
    assert sent == [signal.SIGINT]
