"""The list of runs, one run while it grows, and several beside each other."""

import dataclasses
import io
import json
import math
import os
import shutil
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import anyio
import httpx
import numpy as np
import pytest
from PIL import Image

import forgery
from forgery import strict_json
from forgery.evaluation import Card, Protocol
from forgery.lab.folder import RunsFolder
from forgery.lab.reports import ReportFile, curves_of, thinned
from forgery.lab.run_facts import planned_steps
from forgery.lab.runs import LOOK, Watched
from forgery.lab.trainings import Trainings
from forgery.training.report import Report, Vitals
from forgery.training.run import open_run, training_process


def report(step, **changes):
    """A line of metrics.jsonl."""
    numbers = {"d_loss": 1.3, "g_loss": 0.7, "d_real": 0.5, "d_fake": 0.5}
    vitals = {"examples_per_second": 100.0, "g_gradient": 0.1, "diversity": 1.0}
    rest = {"energy_distance": 0.1, "quality": {}, "findings": []}
    place = {"step": step, "epoch": step / 10, "seconds": float(step)}
    return strict_json.dumps({**place, **numbers, **vitals, **rest, **changes})


def card(run, **changes):
    """A card of a run, as forgery evaluate writes it."""
    protocol = {
        "train": "mnist[train]", "train_fingerprint": "a", "against": "mnist[test]",
        "against_fingerprint": "b", "samples": 1000, "seed": 0, "extractor": "mnist-digits",
        "extractor_sha256": "c",
    }  # fmt: skip
    scores = {"frechet": 20.0, "kernel": 3.0}
    measured = Card(
        str(run), 30, Protocol(**protocol | changes), scores, {"frechet": 4.0}, 0, [], {}
    )
    measured.write(run / "card.json")


def by_name(client):
    return {run["name"]: run for run in client.get("/api/runs").json()["runs"]}


@pytest.fixture
def watched_of(runs):
    """name → what a page of that run is told, without a server."""

    def make(name, pixels=400):
        folder = RunsFolder(runs)
        return Watched(folder, Trainings(folder), name, pixels)

    return make


# The list


def test_all_runs_are_listed_with_what_they_are_and_how_far(client):
    listed = by_name(client)
    assert set(listed) == {"digits", "classes/conditional", "ring"}
    digits = listed["digits"]
    assert digits["state"] == "finished"
    assert digits["step"] == 30
    assert (digits["recipe"], digits["length"]) == ("mlp", "30 steps")
    assert digits["best"]["name"] == "energy_distance"
    assert listed["ring"]["best"]["name"] == "jsd"
    assert digits["grid"] == 30


def test_the_run_that_changed_last_comes_first(client, runs):
    with open(runs / "ring" / "metrics.jsonl", "a") as file:
        file.write("\n")
    assert client.get("/api/runs").json()["runs"][0]["name"] == "ring"


def test_a_folder_whose_name_is_no_text_does_not_hide_the_others(client, runs):
    before = set(by_name(client))
    try:
        shutil.copytree(runs / "digits", os.fsdecode(os.fsencode(runs) + b"/caf\xe9"))
    except OSError:  # a file system of Unicode names
        return
    assert set(by_name(client)) == before


def test_a_thumbnail_is_a_small_picture(client):
    answer = client.get("/api/runs/thumbnail", params={"run": "ring", "step": 30})
    picture = Image.open(io.BytesIO(answer.content))
    assert picture.format == "PNG"
    assert max(picture.size) <= 144


def test_a_folder_without_runs_is_an_empty_list(client_of, tmp_path):
    assert client_of(tmp_path / "not there").get("/api/runs").json() == {"runs": []}


def test_a_run_whose_lock_is_held_is_running(client, runs):
    run = open_run(runs / "digits")
    assert training_process(run.path) is None
    with run.lock():
        assert training_process(run.path) is not None
        assert by_name(client)["digits"]["state"] == "running"
    assert training_process(run.path) is None


def test_looking_whether_a_run_trains_does_not_keep_it_from_training(runs):
    run = open_run(runs / "digits")
    ended = threading.Event()

    def look():
        while not ended.is_set():
            training_process(run.path)

    looking = threading.Thread(target=look)
    looking.start()
    try:
        for _ in range(20):
            with run.lock():
                pass
    finally:
        ended.set()
        looking.join()


@pytest.mark.parametrize(("epochs", "steps"), [(25, 112), (25.1, 113)])
def test_the_last_step_of_a_run_in_epochs_is_that_of_training(tmp_path, epochs, steps):
    """25 epochs of 9 minibatches, two a step: 112.5 steps, which training rounds to 112."""
    np.save(tmp_path / "p.npy", np.random.default_rng(0).normal(size=(90, 2)))
    small = {"batch_size": 10, "g_width": 4, "d_width": 4, "device": "cpu", "threads": 1}
    path = tmp_path / "runs" / "p"
    model = forgery.train(tmp_path / "p.npy", path, recipe="points", epochs=epochs, **small)
    last = open_run(path).read_metrics()[-1]
    assert planned_steps(open_run(path), last) == model.step == steps


def test_a_run_short_of_its_length_was_interrupted(client, runs):
    change_config(runs / "digits", {"Length": {"steps": 1000}})
    digits = by_name(client)["digits"]
    assert digits["state"] == "interrupted"
    assert digits["share"] == pytest.approx(0.03)


@pytest.mark.parametrize("length", [{"epochs": 0.06}, {"images": 600}, {"minutes": 1e-6}])
def test_every_kind_of_length_is_recognised_as_reached(client, runs, length):
    change_config(runs / "digits", {"Length": length})
    assert by_name(client)["digits"]["state"] == "finished"


@pytest.mark.parametrize("length", [{"epochs": 50.0}, {"images": 60_000}, {"minutes": 60.0}])
def test_every_kind_of_length_is_recognised_as_not_reached(client, runs, length):
    change_config(runs / "digits", {"Length": length})
    assert by_name(client)["digits"]["state"] == "interrupted"


def change_config(run, changes):
    path = run / "config.json"
    record = json.loads(path.read_text())
    record["config"] |= changes
    path.write_text(json.dumps(record))


@pytest.mark.parametrize("content", ["", "{", "[]", "{}", '{"config": {}, "forgery": "0.1.0"}\0'])
def test_a_damaged_run_is_listed_with_the_reason_and_the_others_stay(client, runs, content):
    (runs / "digits" / "config.json").write_text(content)
    listed = by_name(client)
    assert listed["digits"]["state"] == "damaged"
    assert "config.json" in listed["digits"]["reason"]
    assert listed["ring"]["state"] == "finished"
    answer = client.get("/api/run", params={"run": "digits"})
    assert answer.status_code == 400
    assert "config.json" in answer.json()["error"]


def test_a_run_of_a_newer_version_is_named_as_such(client, runs):
    change_config(runs / "digits", {"Hyperspace": {"dimensions": 11}})
    digits = by_name(client)["digits"]
    assert digits["state"] == "damaged"
    assert "another version" in digits["reason"]
    assert "dimensions" in digits["reason"]


def test_findings_are_counted_by_their_names(client, runs):
    finding = {"name": "collapsed", "step": 40, "seen": "s", "means": "m", "remedy": "r"}
    with open(runs / "digits" / "metrics.jsonl", "a") as file:
        file.write(report(40, findings=[finding]) + "\n")
        file.write(report(50, findings=[finding]) + "\n")
    assert by_name(client)["digits"]["findings"] == 1


# Curves


def test_a_long_curve_keeps_the_extremes_of_every_pixel():
    steps = list(range(0, 100_000, 10))
    values = [math.sin(step / 1000) for step in steps]
    values[5003], values[7001] = 50.0, -50.0
    curve = {"d_loss": (steps, values)}
    kept_steps, kept = thinned(curve, 300)["d_loss"]
    assert len(kept) <= 2 * 301 + 2
    assert max(kept) == 50.0
    assert min(kept) == -50.0
    assert (kept_steps[0], kept_steps[-1]) == (steps[0], steps[-1])
    assert kept_steps == sorted(kept_steps)
    assert all(values[step // 10] == value for step, value in zip(kept_steps, kept, strict=True))


def test_a_short_curve_keeps_every_point():
    curve = {"d_loss": ([1, 2, 3], [0.1, None, 0.3])}
    assert thinned(curve, 100) == curve


def test_a_thinned_curve_keeps_its_gaps():
    values = [1.0] * 5000 + [None] * 100 + [2.0] * 5000
    _, kept = thinned({"a": (list(range(len(values))), values)}, 100)["a"]
    assert None in kept


def test_numbers_that_are_not_finite_become_gaps(tmp_path):
    path = tmp_path / "metrics.jsonl"
    path.write_text(report(1, d_loss=math.inf) + "\n")
    _, reports = ReportFile(path).read()
    assert curves_of(reports)["d_loss"] == ([1], [None])


def test_whatever_training_reports_has_a_curve():
    names = [field.name for field in dataclasses.fields(Vitals)]
    vitals = Vitals(**dict.fromkeys(names, 0.5))
    line = Report(3, 0.1, 1.0, {"d_loss": 1.0}, vitals, {"frechet": 2.0}).line()
    curves = curves_of([line])
    assert set(curves) == {"d_loss", *names, "quality.frechet"}
    assert curves["class_accuracy"] == ([3], [0.5])


# Following


def test_a_half_written_line_is_read_when_it_is_complete(tmp_path):
    path = tmp_path / "metrics.jsonl"
    file = ReportFile(path)
    assert file.read() == (False, [])
    line = report(1) + "\n"
    path.write_text(line + line[:40])
    assert [r["step"] for r in file.read()[1]] == [1]
    assert file.read() == (False, [])
    with open(path, "a") as more:
        more.write(line[40:] + report(3) + "\n")
    assert [r["step"] for r in file.read()[1]] == [1, 3]
    assert (file.count, file.damaged) == (3, 0)


def test_damaged_lines_are_counted_and_left_out(tmp_path):
    path = tmp_path / "metrics.jsonl"
    path.write_bytes(report(1).encode() + b"\n\xff\xfe\0\n{}\n" + report(2).encode() + b"\n")
    file = ReportFile(path)
    assert [r["step"] for r in file.read()[1]] == [1, 2]
    assert file.damaged == 2


def test_a_last_line_without_its_end_counts_once(tmp_path):
    path = tmp_path / "metrics.jsonl"
    path.write_text(report(1))
    file = ReportFile(path)
    assert len(file.read()[1]) == 1
    with open(path, "a") as more:
        more.write("\n" + report(2) + "\n")
    assert [r["step"] for r in file.read()[1]] == [2]


def test_a_file_that_was_rewound_is_read_again(tmp_path):
    path, other = tmp_path / "metrics.jsonl", tmp_path / "new"
    path.write_text("".join(report(step) + "\n" for step in (1, 2, 3)))
    file = ReportFile(path)
    file.read()
    other.write_text(report(1) + "\n")
    other.replace(path)
    again, reports = file.read()
    assert again
    assert [r["step"] for r in reports] == [1]
    assert file.count == 1


def test_a_page_is_told_what_is_new_and_nothing_twice(watched_of, runs):
    watched = watched_of("digits")
    first = dict(watched.events())
    assert set(first) == {"status", "curves", "grids"}
    assert first["curves"]["again"]
    assert first["status"]["state"] == "finished"
    assert first["grids"]["steps"][-1] == 30
    assert dict(watched.events()) == {}

    line = report(40) + "\n"
    with open(runs / "digits" / "metrics.jsonl", "a") as file:
        file.write(line[:30])
    assert "curves" not in dict(watched.events())
    with open(runs / "digits" / "metrics.jsonl", "a") as file:
        file.write(line[30:])
    shutil.copy(
        runs / "digits" / "samples" / "00000030.png", runs / "digits" / "samples" / "00000040.png"
    )
    found = dict(watched.events())
    assert not found["curves"]["again"]
    assert found["curves"]["curves"]["d_loss"][0] == [40]
    assert found["grids"]["steps"][-1] == 40
    assert found["status"]["step"] == 40


def test_a_deleted_run_is_gone_and_is_shown_again_when_it_is_back(watched_of, runs):
    watched = watched_of("digits")
    list(watched.events())
    (runs / "digits").rename(runs / "elsewhere")
    found = dict(watched.events())
    assert found["status"]["state"] == "gone"
    assert found["grids"] == {"steps": []}
    assert found["curves"] == {"again": True, "curves": {}}
    assert dict(watched.events()) == {}
    (runs / "elsewhere").rename(runs / "digits")
    found = dict(watched.events())
    assert found["status"]["state"] == "finished"
    assert found["curves"]["again"]
    assert len(found["curves"]["curves"]["d_loss"][0]) > 0


def test_a_run_that_gets_damaged_says_so_and_recovers(watched_of, runs):
    watched = watched_of("digits")
    list(watched.events())
    path = runs / "digits" / "config.json"
    content = path.read_text()
    path.write_text(content[:50])
    status = dict(watched.events())["status"]
    assert status["state"] == "damaged"
    assert "config.json" in status["reason"]
    path.write_text(content)
    assert dict(watched.events())["status"]["state"] == "finished"


def test_a_run_that_is_replaced_has_another_version(watched_of, runs):
    watched = watched_of("digits")
    before = dict(watched.events())["status"]["versions"]
    path = runs / "digits" / "config.json"
    os.utime(path, ns=(0, path.stat().st_mtime_ns + 1))
    assert dict(watched.events())["status"]["versions"] != before


# One run


def test_one_run_shows_its_settings_and_those_that_differ(client):
    run = client.get("/api/run", params={"run": "digits"}).json()
    settings = {one["name"]: one for group in run["settings"] for one in group["settings"]}
    assert settings["g_width"]["value"] == 16
    assert settings["g_width"]["differs"]
    assert settings["g_width"]["of_recipe"] == 512
    assert not settings["objective"]["differs"]
    assert not settings["threads"]["differs"]  # a run records what it chose
    assert "penalty_weight" not in settings  # has no effect without a penalty
    assert run["commands"]["resume"].startswith("forgery resume ")
    assert run["equilibrium"]["d_loss"] == pytest.approx(math.log(4))
    assert run["equilibrium"]["output"] == pytest.approx(0.5)


def test_the_card_stands_beside_its_floor(client, runs):
    assert client.get("/api/run", params={"run": "digits"}).json()["card"] is None
    card(runs / "digits")
    shown = client.get("/api/run", params={"run": "digits"}).json()["card"]
    frechet = shown["rows"][0]
    assert frechet["scores"] == ["20"]
    assert frechet["floors"] == ["4"]
    assert frechet["ratios"] == [5.0]


def test_a_damaged_card_does_not_hide_the_run(client, runs):
    (runs / "digits" / "card.json").write_text("{}")
    run = client.get("/api/run", params={"run": "digits"})
    assert run.status_code == 200
    assert "is not a card" in run.json()["card"]


def test_the_grids_are_answered_as_they_were_drawn(client, runs):
    answer = client.get("/api/run/grid", params={"run": "digits", "step": 30})
    assert answer.content == (runs / "digits" / "samples" / "00000030.png").read_bytes()
    assert client.get("/api/run/real", params={"run": "digits"}).status_code == 200
    missing = client.get("/api/run/grid", params={"run": "digits", "step": 31})
    assert missing.status_code == 404
    assert "00000031" in missing.json()["error"]


def test_the_doctor_of_a_run_answers_with_findings(client, runs):
    lines = "".join(report(10 * i, diversity=0.5) + "\n" for i in range(1, 6))
    (runs / "ring" / "metrics.jsonl").write_text(lines)
    answer = client.post("/api/run/doctor", json={"run": "ring"})
    assert "stalled" in [finding["name"] for finding in answer.json()["findings"]]


@pytest.mark.parametrize(
    ("name", "status"),
    [
        ("nothing", 404),
        ("../runs", 403),
        ("/etc", 403),
        (".", 403),
        ("", 403),
        ("a\0b", 400),
        ("a" * 300, 400),
    ],
)
def test_names_that_are_no_run_are_refused(client, name, status):
    for path in ("/api/run", "/api/run/real", "/api/run/grid", "/api/runs/thumbnail"):
        answer = client.get(path, params={"run": name, "step": 0})
        assert answer.status_code == status, path
        assert answer.json()["error"]


def test_links_out_of_the_folder_are_refused(client, runs, tmp_path):
    shutil.copytree(runs / "digits", tmp_path / "outside")
    (runs / "link").symlink_to(tmp_path / "outside")
    assert client.get("/api/run", params={"run": "link"}).status_code == 403
    assert "link" not in by_name(client)
    for file in ("samples/00000030.png", "real.png"):
        inside = runs / "digits" / file
        inside.unlink()
        inside.symlink_to(tmp_path / "outside" / file)
    assert client.get("/api/run/real", params={"run": "digits"}).status_code == 403
    assert client.get("/api/run/grid", params={"run": "digits", "step": 30}).status_code == 403
    metrics = runs / "digits" / "metrics.jsonl"
    metrics.unlink()
    metrics.symlink_to(tmp_path / "outside" / "metrics.jsonl")
    assert client.get("/api/run", params={"run": "digits"}).status_code == 403


# Several runs


def compared(client, *names):
    return client.get("/api/compare", params=[("run", name) for name in names])


def test_runs_are_compared_by_curves_settings_and_grids(client):
    found = compared(client, "digits", "classes/conditional").json()
    flags = {one["flag"]: one["values"] for one in found["settings"]}
    assert flags["conditional"] == ["none", "projection"]
    assert "g-width" not in flags
    assert [len(run["curves"]["d_loss"][0]) for run in found["runs"]] == [6, 6]
    assert found["cards"] is None
    assert {run["name"] for run in found["without_card"]} == {"digits", "classes/conditional"}


def test_cards_of_one_protocol_stand_side_by_side(client, runs):
    card(runs / "digits")
    card(runs / "classes" / "conditional")
    cards = compared(client, "digits", "classes/conditional").json()["cards"]
    assert cards["names"] == ["digits", "classes/conditional"]
    assert cards["rows"][0]["scores"] == ["20", "20"]


def test_cards_of_different_protocols_are_refused_with_the_reason(client, runs):
    card(runs / "digits")
    card(runs / "classes" / "conditional", seed=1)
    found = compared(client, "digits", "classes/conditional").json()
    assert "different protocols (seed: 0 against 1)" in found["cards"]["problem"]
    assert len(found["runs"]) == 2  # the curves are compared nevertheless


def test_one_run_is_not_compared_with_itself(client):
    answer = compared(client, "digits", "digits")
    assert answer.status_code == 400
    assert "2 to 8" in answer.json()["error"]


# A real server


@pytest.mark.slow
def test_a_hundred_clients_are_answered_beside_one_that_never_reads(server_of, runs):
    server = server_of(runs)
    cookie = f"forgery_lab={server.address.partition('token=')[2]}"
    host = f"127.0.0.1:{server.port}"
    with socket.create_connection(("127.0.0.1", server.port)) as silent:
        head = (
            f"GET /api/run/follow?run=digits HTTP/1.1\r\nHost: {host}\r\nCookie: {cookie}\r\n\r\n"
        )
        silent.sendall(head.encode())

        async def ask():
            limits = httpx.Limits(max_connections=200)
            async with httpx.AsyncClient(
                base_url=f"http://{host}", headers={"Cookie": cookie}, limits=limits, timeout=60
            ) as client:
                statuses = []

                async def one(i):
                    path = ("/api/runs", "/api/run?run=digits", "/api/run/real?run=ring")[i % 3]
                    statuses.append((await client.get(path)).status_code)

                async with anyio.create_task_group() as group:
                    for i in range(100):
                        group.start_soon(one, i)
                return statuses

        # In a thread of its own, since playwright has an event loop in this one.
        with ThreadPoolExecutor(1) as pool:
            assert pool.submit(anyio.run, ask).result() == [200] * 100


@pytest.mark.slow
def test_a_stream_tells_of_a_report_that_another_program_writes(server_of, runs):
    server = server_of(runs)
    cookie = f"forgery_lab={server.address.partition('token=')[2]}"
    address = f"http://127.0.0.1:{server.port}/api/run/follow?run=digits"
    assert LOOK <= 1.0  # seconds between two looks, so that two are enough for everybody
    with httpx.stream("GET", address, headers={"Cookie": cookie}, timeout=30) as answer:
        lines = answer.iter_lines()
        wait_for(lines, "event: grids")
        with open(runs / "digits" / "metrics.jsonl", "a") as file:
            file.write(report(40) + "\n")
        wait_for(lines, "event: curves")
        assert '"d_loss": [[40], [1.3]]' in next(lines)


def wait_for(lines, text):
    end = time.monotonic() + 30
    for line in lines:
        if line == text:
            return
        assert time.monotonic() < end
    raise AssertionError(f"the stream ended without {text}")
