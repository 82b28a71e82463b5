"""Loggers: what they write, also for a run that was stopped or killed, and then resumed."""

import csv
import json
import re
import shutil
import sys
import time
from pathlib import Path
from typing import get_args

import pytest
import torch
from PIL import Image

import forgery
from forgery import ForgeryError, callbacks
from forgery.config.choices import LogName
from forgery.data import SOURCES
from forgery.evaluation.known_density import KnownDensity
from forgery.training import doctor
from forgery.training.doctor import Finding
from forgery.training.events import RunEnded, RunStarted, StepDone
from forgery.training.run import open_run


def rows(run: Path) -> list[dict[str, str]]:
    with open(run / "metrics.csv", newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def reports(run: Path) -> list[dict]:
    return [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]


def killed_at(step: int):
    """A callback after which the steps since the last checkpoint are lost, as after kill -9."""

    def kill(event):
        if isinstance(event, StepDone) and event.step == step:
            raise KeyboardInterrupt

    return kill


@pytest.fixture
def ill(monkeypatch):
    """The doctor finds one problem, in the second report."""
    found = Finding("D has won", 4, "D(x) 1.00, D(G(z)) 0.00", "G learns nothing.", "a penalty")
    monkeypatch.setattr(doctor, "CHECKS", [lambda reports: found if len(reports) == 2 else None])
    return found


@pytest.fixture
def short(tiny):
    return tiny.replace(steps=8, report_every=2, sample_every=4, checkpoint_every=4)


def test_the_choices_of_log_are_the_loggers():
    assert set(get_args(LogName)) == set(callbacks.LOGGERS)


def test_every_score_has_a_column():
    density = KnownDensity(SOURCES["ring8"]("train").density)
    assert {"frechet", *density.scores(torch.zeros(100, 2))} == set(callbacks.QUALITY)


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("csv", "csv"),
        ("csv, tensorboard", "csv,tensorboard"),
        (["tensorboard", "csv", "csv"], "tensorboard,csv"),
        ("none", "none"),
        ("none,csv", "csv"),
        ([], "none"),
    ],
)
def test_loggers_are_given_as_text_or_as_a_list(tiny, given, kept):
    assert tiny.replace(log=given).log == kept


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (
            "tensorbord",
            "unknown log 'tensorbord': did you mean 'tensorboard'. The choices are",
        ),
        ("csv,xyz", "unknown log 'xyz': the choices are none, csv, tensorboard"),
        (3, "log must be names separated by commas, not 3"),
        ([3], r"log must be names separated by commas, not \[3\]"),
    ],
)
def test_other_loggers_are_refused(tiny, given, message):
    with pytest.raises(ForgeryError, match=message):
        tiny.replace(log=given)


@pytest.mark.parametrize("logger", ["TensorBoard", "WandB", "Trackio", "MLflow"])
def test_a_missing_package_is_named_before_anything_is_written(logger, monkeypatch):
    for name in ("torch.utils.tensorboard", "wandb", "trackio", "mlflow"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(ForgeryError, match=r"pip install '(forgery\[)?(tensorboard|wandb|tr|mlf)"):
        getattr(callbacks, logger)()


def test_log_tensorboard_without_the_package_makes_no_run_folder(short, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    with pytest.raises(ForgeryError, match=r"pip install 'forgery\[tensorboard\]'"):
        forgery.train(short, tmp_path / "run", log="tensorboard")
    assert not (tmp_path / "run").exists()
    forgery.train(short, tmp_path / "run", steps=2)
    with pytest.raises(ForgeryError, match="TensorBoard"):
        forgery.resume(tmp_path / "run", steps=4, log="tensorboard")
    assert forgery.resume(tmp_path / "run", steps=4).config.log == "none"


def test_a_run_starts_and_ends_with_an_event(short, tmp_path):
    events = []

    def note(event):
        events.append(event)
        if isinstance(event, RunEnded):  # the summary is complete
            assert (tmp_path / "run" / "curves.png").exists()

    forgery.train(short, tmp_path / "run", callbacks=[note])
    first, last = events[0], events[-1]
    assert isinstance(first, RunStarted)
    assert (first.step, first.run.path, first.run.config.steps) == (0, tmp_path / "run", 8)
    assert last == RunEnded(8, "finished")
    events.clear()
    forgery.resume(tmp_path / "run", steps=9, callbacks=[note])
    assert (events[0].step, events[-1].step) == (8, 9)


def test_every_callback_learns_of_the_end_even_after_an_error(short, tmp_path):
    ends = []

    def fail(event):
        if isinstance(event, StepDone | RunEnded):
            raise RuntimeError("a fault of the caller's")

    def note(event):
        if isinstance(event, RunEnded):
            ends.append(event)

    with pytest.raises(RuntimeError, match="of the caller's"):
        forgery.train(short, tmp_path / "run", callbacks=[note, fail, note])
    assert ends == [RunEnded(1, "failed")] * 2

    def stop(event):
        raise forgery.StopTraining

    ends.clear()
    assert forgery.train(short, tmp_path / "stopped", callbacks=[stop, note]).step == 0
    assert ends == [RunEnded(0, "stopped")]


def test_a_logger_that_was_not_started_is_not_ended(short, tmp_path):
    def fail(event):
        raise RuntimeError("a fault of the caller's")

    with pytest.raises(RuntimeError, match="of the caller's"):
        forgery.train(short, tmp_path / "run", callbacks=[fail, callbacks.CSV()])
    assert not (tmp_path / "run/metrics.csv").exists()


def test_the_table_repeats_the_reports(short, tmp_path, ill):
    forgery.train(short, tmp_path / "run", log="csv")
    table, lines = rows(tmp_path / "run"), reports(tmp_path / "run")
    assert [row["step"] for row in table] == ["2", "4", "6", "8"]
    for row, line in zip(table, lines, strict=True):
        for name in ("seconds", "d_loss", "d_fake", "g_gradient", "diversity"):
            assert float(row[name]) == line[name]
        assert row["augment_p"] == row["quality.frechet"] == ""
    assert [row["findings"] for row in table] == ["", f"D has won: {ill.seen}", "", ""]
    drawn = [f"samples/0000000{step}.png" if step != 6 else "" for step in (2, 4, 6, 8)]
    assert [row["samples"] for row in table] == drawn


def test_the_example_of_a_logger_runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    digits = SOURCES["mnist"]
    monkeypatch.setitem(SOURCES, "mnist", lambda split: digits(split).subset(500))
    page = (Path(__file__).parents[1] / "docs/logging.md").read_text(encoding="utf-8")
    example = re.findall(r"```python\n(.*?)```", page, re.S)[-1]
    exec(example.replace("epochs=5", "steps=2, report_every=1, threads=1"), {})
    first, *_, last = Path("runs/diary/diary.txt").read_text().splitlines()
    assert (first, last) == ("mlp on mnist, from step 0", "finished")


@pytest.mark.parametrize("model", ["gan", "vae"])
def test_the_table_of_a_known_density_holds_its_scores(tmp_path, model):
    changes = {"model": "vae"} if model == "vae" else {}
    forgery.train(
        "ring8", tmp_path / "run", log="csv", steps=2, report_every=1, g_width=8, d_width=8,
        threads=1, device="cpu", **changes,
    )  # fmt: skip
    _, last = rows(tmp_path / "run")
    expected = reports(tmp_path / "run")[1]["quality"]
    assert {name: float(last[f"quality.{name}"]) for name in expected} == expected
    assert ("reconstruction" in last) == (model == "vae")
    assert ("d_loss" in last) == (model == "gan")


def test_the_table_of_a_resumed_run_has_a_row_for_each_report(short, tmp_path):
    run = tmp_path / "run"
    with pytest.raises(KeyboardInterrupt):
        forgery.train(short, run, log="csv", callbacks=[killed_at(7)])
    assert [row["step"] for row in rows(run)] == ["2", "4", "6"]
    header = (run / "metrics.csv").read_text().splitlines()[0]
    forgery.resume(run)  # from step 4
    forgery.resume(run, steps=9, report_every=3, log="none")
    assert [row["step"] for row in rows(run)] == ["2", "4", "6", "8"]
    forgery.resume(run, steps=12, log="csv")  # also those that were not logged
    assert [row["step"] for row in rows(run)] == ["2", "4", "6", "8", "9", "12"]
    assert (run / "metrics.csv").read_text().splitlines()[0] == header


def test_reports_of_an_earlier_version_have_rows(tmp_path):
    shutil.copytree(Path(__file__).parent / "earlier_run", tmp_path / "run")
    logger = callbacks.CSV()
    logger(RunStarted(0, open_run(tmp_path / "run")))
    assert [int(row["step"]) for row in rows(tmp_path / "run")] == [
        line["step"] for line in reports(tmp_path / "run")
    ]


def test_tensorboard_reads_scalars_pictures_and_findings_once(short, tmp_path, ill):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    run = tmp_path / "run"
    with pytest.raises(KeyboardInterrupt):
        forgery.train(short, run, log="tensorboard", callbacks=[killed_at(7)])
    forgery.resume(run)  # from step 4: the events of step 6 are written again
    read = EventAccumulator(str(run / "tensorboard"), size_guidance={"images": 0, "tensors": 0})
    read.Reload()
    lines = reports(run)
    for name in ("training/d_loss", "training/d_fake", "vitals/g_gradient", "vitals/diversity"):
        logged = read.Scalars(name)
        assert [event.step for event in logged] == [2, 4, 6, 8]
        expected = [line[name.split("/")[1]] for line in lines]
        assert [event.value for event in logged] == pytest.approx(expected, rel=1e-6)
    pictures = read.Images("samples")
    assert [picture.step for picture in pictures] == [0, 1, 2, 4, 8]
    assert (pictures[0].width, pictures[0].height) == Image.open(run / "samples/00000000.png").size
    findings = read.Tensors("findings/text_summary")
    assert [event.step for event in findings] == [4]
    assert str(ill) in findings[0].tensor_proto.string_val[0].decode()
    assert "| batch_size | 20 |" in str(read.Tensors("settings/text_summary")[0].tensor_proto)


def wandb_records(run: Path) -> list:
    """The records of the offline runs of W&B in a run folder, in the order of their times.

    A file has a header of 7 bytes and then LevelDB's log format: blocks of 32 KiB, in which a part
    of a record has a header of 7 bytes, with its length and whether it is the last part.
    """
    from wandb.proto import wandb_internal_pb2

    found = []
    for path in sorted(run.glob("wandb/offline-run-*/*.wandb")):
        content, at, parts = path.read_bytes(), 7, b""
        while at + 7 <= len(content):
            if (room := 32_768 - at % 32_768) < 7:
                at += room
                continue
            length, kind = int.from_bytes(content[at + 4 : at + 6], "little"), content[at + 6]
            parts += content[at + 7 : at + 7 + length]
            at += 7 + length
            if kind in (1, 4):  # whole, or the last part
                record = wandb_internal_pb2.Record()
                record.ParseFromString(parts)
                found.append(record)
                parts = b""
    return found


@pytest.mark.slow
def test_an_offline_run_of_wandb_holds_what_was_logged(short, tmp_path, ill, monkeypatch):
    pytest.importorskip("wandb")
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.setenv("WANDB_SILENT", "true")
    run = tmp_path / "run"
    with pytest.raises(KeyboardInterrupt):
        forgery.train(short, run, callbacks=[callbacks.WandB("digits"), killed_at(7)])
    time.sleep(1)  # W&B names its folders by the second
    forgery.resume(run, callbacks=[callbacks.WandB("digits")])
    for _ in range(100):  # W&B's own process writes the last records after the run has ended
        records = wandb_records(run)
        exits = [record.exit.exit_code for record in records if record.HasField("exit")]
        if len(exits) == 2:
            break
        time.sleep(0.1)
    assert exits == [1, 0]
    runs = [record.run for record in records if record.HasField("run")]
    history = [
        {i.key or "/".join(i.nested_key): json.loads(i.value_json) for i in record.history.item}
        for record in records
        if record.HasField("history")
    ]
    losses = [(h["_step"], h["training/d_loss"]) for h in history if "training/d_loss" in h]
    assert losses == [(line["step"], line["d_loss"]) for line in reports(run)]  # step 6 once
    drawn = [h["_step"] for h in history if h.get("samples/_type") == "image-file"]
    assert drawn == [0, 1, 2, 4, 8]
    assert len(list(run.glob("wandb/offline-run-*/files/media/images/samples_*.png"))) == 5
    (identifier,) = {one.run_id for one in runs}
    assert identifier == json.loads((run / "trackers.json").read_text())["wandb"]["id"]
    assert {one.project for one in runs} == {"digits"}
    configs = {update.key: update.value_json for one in runs for update in one.config.update}
    assert json.loads(configs["batch_size"]) == 20
    alerts = [record.alert for record in records if record.HasField("alert")]
    assert [(alert.title, alert.text) for alert in alerts] == [(ill.name, ill.text)]


@pytest.mark.slow
def test_an_mlflow_store_holds_what_was_logged(short, tmp_path, ill, monkeypatch):
    pytest.importorskip("mlflow")
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")  # the small package has no database
    uri, run = (tmp_path / "store").as_uri(), tmp_path / "run"

    def logger():
        return callbacks.MLflow("digits", tracking_uri=uri)

    with pytest.raises(KeyboardInterrupt):
        forgery.train(short, run, callbacks=[logger(), killed_at(7)])
    forgery.resume(run, steps=10, callbacks=[logger()])
    from mlflow import MlflowClient

    client = MlflowClient(uri)
    (found,) = client.search_runs([client.get_experiment_by_name("digits").experiment_id])
    assert (found.info.status, found.info.run_name) == ("FINISHED", "run")
    history = client.get_metric_history(found.info.run_id, "training/d_loss")
    assert [(m.step, m.value) for m in history] == [(r["step"], r["d_loss"]) for r in reports(run)]
    assert (found.data.params["batch_size"], found.data.params["steps"]) == ("20", "8")
    assert found.data.tags["resumed with steps"] == "10"
    assert found.data.tags["findings/D has won"] == str(ill)
    images = [file.path for file in client.list_artifacts(found.info.run_id, "images")]
    pictures = [path for path in images if path.endswith(".png")]
    assert sorted(int(path.split("+")[2]) for path in pictures) == [0, 1, 2, 4, 8, 10]
    (last,) = [path for path in pictures if "+step+10+" in path]
    with (
        Image.open(client.download_artifacts(found.info.run_id, last, str(tmp_path))) as image,
        Image.open(run / "samples/00000010.png") as drawn,
    ):
        assert image.convert("L").tobytes() == drawn.tobytes()


@pytest.mark.slow
def test_a_trackio_database_holds_what_was_logged(short, tmp_path, ill, monkeypatch):
    monkeypatch.setenv("TRACKIO_DIR", str(tmp_path / "trackio"))  # read when trackio is imported
    pytest.importorskip("trackio")
    run = tmp_path / "run"
    with pytest.raises(KeyboardInterrupt):
        forgery.train(short, run, callbacks=[callbacks.Trackio("digits"), killed_at(7)])
    forgery.resume(run, callbacks=[callbacks.Trackio("digits")])
    from trackio import Api
    from trackio.sqlite_storage import SQLiteStorage

    (found,) = Api().runs("digits")
    assert (found.name, found.config["batch_size"]) == ("run", 20)
    lines = SQLiteStorage.get_logs("digits", "run")
    losses = {line["step"]: line["training/d_loss"] for line in lines if "training/d_loss" in line}
    assert losses == {line["step"]: line["d_loss"] for line in reports(run)}
    assert sum("training/d_loss" in line for line in lines) == 4  # step 6 once
    drawn = [(line["step"], line["samples"]["_type"]) for line in lines if "samples" in line]
    assert drawn == [(step, "trackio.image") for step in (0, 1, 2, 4, 8)]
    assert [alert["text"] for alert in SQLiteStorage.get_alerts("digits")] == [ill.text]
