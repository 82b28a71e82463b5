"""Complete runs: trained, stopped, killed, damaged, resumed."""

import json
import os
import signal
import subprocess
import sys
from functools import partial
from itertools import count
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from PIL import Image

import forgery
from forgery import ForgeryError, session
from forgery.training import checkpoint
from forgery.training.events import CheckpointSaved, SamplesDrawn, StepDone
from forgery.training.parallel import Ranks
from forgery.training.report import Report


def last(run: Path) -> checkpoint.Checkpoint:
    return checkpoint.read_last(run / "checkpoints")[0]


def assert_same_state(a: Path, b: Path) -> None:
    """Compare all tensors, and all counters except the time."""
    one, other = last(a), last(b)
    assert one.step == other.step
    assert one.counters["totals"] == other.counters["totals"]
    for mine, theirs in ((one.model, other.model), (one.optimizers, other.optimizers)):
        assert mine.keys() == theirs.keys()
        assert all(torch.equal(mine[key], theirs[key]) for key in mine)


def all_of(run: Path) -> list[dict]:
    return [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]


def reports(run: Path) -> list[dict]:
    """The reports without times and speeds."""
    unlike = ("seconds", "examples_per_second", "core_wait")
    return [{k: v for k, v in line.items() if k not in unlike} for line in all_of(run)]


def test_the_contents_of_a_run_folder(tiny, tmp_path):
    model = forgery.train(tiny, tmp_path / "run")
    run = model.path
    assert model.step == 6
    assert {p.name for p in run.iterdir()} >= {
        "config.json", "metrics.jsonl", "real.png", "samples", "evolution.gif", "curves.png",
        "checkpoints",
    }  # fmt: skip
    record = json.loads((run / "config.json").read_text())
    assert record["config"]["Game"]["batch_size"] == 20
    assert record["data"]["images"] == 10_000
    assert len(record["data"]["fingerprint"]) == 64
    assert [line["step"] for line in reports(run)] == [2, 4, 6]
    assert [p.stem for p in sorted((run / "samples").iterdir())] == [
        f"{step:08d}" for step in (0, 1, 2, 3, 6)
    ]
    for picture in [run / "real.png", *(run / "samples").iterdir()]:
        with Image.open(picture) as opened:
            assert opened.size == (62, 62)  # two by two images of 28 pixels, with gaps of 2
    with Image.open(run / "evolution.gif") as animation:
        assert animation.n_frames == 5


def test_the_same_seed_gives_the_same_run_and_another_seed_another(tiny, tmp_path):
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        forgery.train(tiny.replace(seed=seed), tmp_path / name)
    assert_same_state(tmp_path / "a", tmp_path / "b")
    assert reports(tmp_path / "a") == reports(tmp_path / "b")
    a, c = last(tmp_path / "a").model, last(tmp_path / "c").model
    assert not torch.equal(a["generator.layers.0.weight"], c["generator.layers.0.weight"])


def test_a_run_extended_twice_equals_a_single_long_run(tiny, tmp_path):
    long = tiny.replace(steps=9, d_steps=2, objective="relativistic", penalty="r1+r2")
    forgery.train(long, tmp_path / "long")
    forgery.train(long.replace(steps=3), tmp_path / "short")
    forgery.resume(tmp_path / "short", steps=5)
    model = forgery.resume(tmp_path / "short", steps=9, report_every=4)
    assert model.config.report_every == 4
    assert_same_state_but_totals(tmp_path / "long", tmp_path / "short")


def assert_same_state_but_totals(a: Path, b: Path) -> None:
    one, other = last(a), last(b)
    assert all(torch.equal(one.model[key], other.model[key]) for key in one.model)
    assert all(torch.equal(one.optimizers[k], other.optimizers[k]) for k in one.optimizers)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"seed": 5}, "seed 0 → 5"),
        ({"batch_size": 7, "objective": "minimax"}, "batch-size 20 → 7, .*minimax|objective"),
        ({"momentum": 0.3}, r"momentum 0\.5 → 0\.3\): this would be a different run"),
        ({"sead": 5}, "unknown setting 'sead': did you mean 'seed'"),
        ({"steps": 6}, "has reached its length of 6 steps"),
        ({"steps": 2}, "length of 2 steps"),
        ({"minutes": 1e-6}, "length of 1e-06 minutes .*; extend"),
        ({}, "extend it with a larger .*, counted from the beginning of the run"),
    ],
)
def test_settings_that_a_resumed_run_refuses(tiny, tmp_path, changes, message):
    forgery.train(tiny, tmp_path / "run")
    before = (tmp_path / "run" / "config.json").read_text()
    with pytest.raises(ForgeryError, match=message):
        forgery.resume(tmp_path / "run", **changes)
    assert (tmp_path / "run" / "config.json").read_text() == before
    assert len(reports(tmp_path / "run")) == 3


def test_other_data_is_refused(tiny, tmp_path):
    forgery.train(tiny, tmp_path / "run")
    path = tmp_path / "run" / "config.json"
    path.write_text(path.read_text().replace('"fingerprint": "', '"fingerprint": "0'))
    with pytest.raises(ForgeryError, match="is not the data"):
        forgery.resume(tmp_path / "run", steps=9)


def test_a_damaged_checkpoint_loses_only_the_steps_since_the_previous_one(tiny, tmp_path, capsys):
    forgery.train(tiny.replace(steps=8), tmp_path / "straight")
    forgery.train(tiny, tmp_path / "run")
    path = tmp_path / "run" / "checkpoints" / "00000006" / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-1])
    assert forgery.load(tmp_path / "run").step == 5
    assert "00000006 is damaged" in capsys.readouterr().err
    forgery.resume(tmp_path / "run", steps=8)
    assert "00000006 is damaged" in capsys.readouterr().err
    assert_same_state(tmp_path / "straight", tmp_path / "run")


def test_damaged_checkpoints_do_not_displace_new_ones(tiny, tmp_path, capsys):
    """Two are kept, and the two newest are damaged: those written after rewinding stay."""
    path = tmp_path / "run"
    forgery.train(tiny.replace(steps=12, keep_checkpoints=3), path)
    for step in (11, 12):
        (path / "checkpoints" / f"{step:08d}" / "state.json").write_bytes(b"")
    forgery.resume(path, steps=11, keep_checkpoints=2)
    assert "00000012.damaged, 00000011.damaged" in capsys.readouterr().err
    assert list(checkpoint.steps(path / "checkpoints")) == [11, 10]
    assert last(path).step == 11


def test_a_damaged_file_of_reports_does_not_stop_a_run(tiny, tmp_path, capsys):
    forgery.train(tiny, tmp_path / "run")
    metrics = tmp_path / "run" / "metrics.jsonl"
    metrics.write_bytes(metrics.read_bytes().replace(b"diversity", b"\xff\xfe", 1))
    assert forgery.doctor(tmp_path / "run") == []
    forgery.resume(tmp_path / "run", steps=8)
    assert "kept 2 of 3 reports" in capsys.readouterr().err
    assert [line["step"] for line in reports(tmp_path / "run")] == [4, 6, 8]


def test_a_checkpoint_of_other_networks_is_refused(tiny, tmp_path):
    forgery.train(tiny, tmp_path / "run")
    path = tmp_path / "run" / "config.json"
    path.write_text(path.read_text().replace('"g_width": 8', '"g_width": 9'))
    for attempt in (
        lambda: forgery.load(tmp_path / "run"),
        lambda: forgery.resume(tmp_path / "run"),
    ):
        with pytest.raises(ForgeryError, match=r"does not fit the (average|generator)"):
            attempt()


def test_nan_stops_the_run_at_the_next_report_and_is_never_saved(tiny, tmp_path):
    config = tiny.replace(
        optimizer="momentum", g_learning_rate=1e30, d_learning_rate=1e30, steps=50
    )
    with pytest.raises(ForgeryError, match=r"NaN or infinite between steps \d+ and") as caught:
        forgery.train(config.replace(checkpoint_every=50, report_every=5), tmp_path / "run")
    assert "Try lower learning rates" in str(caught.value)
    saved = last(tmp_path / "run")
    assert f"the checkpoint of step {saved.step} is intact" in str(caught.value)
    assert all(tensor.isfinite().all() for tensor in saved.model.values())


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"objective": "minmax"}, "did you mean 'minimax'"),
        ({"generator": "mpl"}, "unknown generator 'mpl': did you mean 'mlp'"),
        ({"discriminator": "max-out"}, "did you mean 'maxout'"),
        ({"updates": "alternate"}, "did you mean 'alternating'"),
        ({"optimizer": "adm"}, "did you mean 'adam'"),
        ({"penalty": "r3"}, "unknown penalty 'r3'"),
        ({"noise": "pink"}, "unknown noise"),
        ({"split": "tset"}, "did you mean 'test'"),
        ({"burn_in": 0.5, "burn_in_shape": "sine"}, "unknown burn-in-shape 'sine'"),
        ({"model": "vae", "objective": "minmax"}, "did you mean 'minimax'"),
        ({"model": "vae", "updates": "at once"}, "unknown updates 'at once'"),
        ({"device": "gpu"}, "unknown device 'gpu': cpu, cuda, cuda:N, mps or auto"),
        ({"batch_size": 10_001}, "larger than the data"),
    ],
)
def test_an_unknown_name_is_refused_before_anything_is_written(tiny, tmp_path, changes, message):
    with pytest.raises(ForgeryError, match=message):
        forgery.train(tiny.replace(**changes), tmp_path / "run")
    assert not (tmp_path / "run").exists()


ZYGOTE = """
import os, random, signal, sys, time
from pathlib import Path

import torch

torch.set_num_threads(1)
from forgery import recipes, session
from forgery.training import checkpoint

folder, rounds = Path(sys.argv[1]), int(sys.argv[2])
config = recipes.mlp(
    g_width=8, d_width=8, latent=4, batch_size=20, steps=25, report_every=2, sample_every=9,
    checkpoint_every=1, keep_checkpoints=2, grid=4, threads=1, device="cpu", split="test",
)
session.train(config, folder / "straight")
expected = checkpoint.read_last(folder / "straight" / "checkpoints")[0]
random.seed(0)
kills = 0
while kills < rounds:
    path = folder / f"run{kills}"
    child = os.fork()
    if child == 0:
        if path.exists():
            session.resume(path)
        else:
            session.train(config, path)
        os._exit(0)
    while next(checkpoint.steps(path / "checkpoints"), None) is None:
        time.sleep(0.0005)
    time.sleep(random.random() * 0.3)
    os.kill(child, signal.SIGKILL)
    if os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0:
        continue  # it had finished before the kill; the next one starts again
    kills += 1
    step = checkpoint.read_last(path / "checkpoints")[0].step
    if step < 25:
        session.resume(path)
    ended = checkpoint.read_last(path / "checkpoints")[0]
    assert ended.step == 25
    assert all(torch.equal(expected.model[k], ended.model[k]) for k in expected.model)
    for key in expected.optimizers:
        assert torch.equal(expected.optimizers[key], ended.optimizers[key])
    print("killed after step", step, flush=True)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="kills forked processes")
@pytest.mark.parametrize("kills", [5, pytest.param(50, marks=pytest.mark.slow)])
def test_a_run_killed_at_random_resumes_exactly(tmp_path, kills):
    result = subprocess.run(
        [sys.executable, "-c", ZYGOTE, str(tmp_path), str(kills)],
        capture_output=True,
        text=True,
        timeout=400,
    )
    assert result.returncode == 0, result.stderr[-2000:]
    steps = [int(line.split()[-1]) for line in result.stdout.splitlines() if "killed" in line]
    assert len(steps) == kills
    assert len(set(steps)) > kills // 10  # the kills were spread over the run


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_finishes_the_step_saves_and_exits(tiny, tmp_path, number):
    path = tmp_path / "run"

    def interrupt(event):
        if isinstance(event, StepDone) and event.step == 4:
            os.kill(os.getpid(), number)

    before = signal.getsignal(signal.SIGINT)
    config = tiny.replace(steps=10, checkpoint_every=100)
    model = forgery.train(config, path, callbacks=[interrupt])
    assert model.interrupted_by == number
    assert model.step == last(path).step == 4
    assert signal.getsignal(signal.SIGINT) is before  # restored
    forgery.train(config, tmp_path / "straight")
    assert forgery.resume(path).interrupted_by is None
    assert_same_state(tmp_path / "straight", path)


def test_a_signal_that_arrives_while_the_ranks_agree_is_not_lost(tiny, tmp_path, monkeypatch):
    rounds = []

    def largest(self, *numbers):
        rounds.append(numbers)
        if len(rounds) == 4:  # already sent: the signal is not seen in this round
            os.kill(os.getpid(), signal.SIGINT)
        return list(numbers)

    monkeypatch.setattr(Ranks, "largest", largest)
    model = forgery.train(tiny, tmp_path / "run")
    assert (model.step, model.interrupted_by) == (4, signal.SIGINT)


def test_the_speed_counts_all_images_of_a_pack(tiny, tmp_path, monkeypatch):
    speeds = []
    for pack in (1, 2):
        clock = SimpleNamespace(perf_counter=partial(next, count()))  # each call takes a second
        monkeypatch.setattr("forgery.training.report.time", clock)
        forgery.train(tiny.replace(pack=pack), tmp_path / f"pack{pack}")
        speeds.append([line["examples_per_second"] for line in all_of(tmp_path / f"pack{pack}")])
    assert speeds[1] == [2 * speed for speed in speeds[0]]


@pytest.mark.parametrize("seconds", [0.5, 2.0])
def test_a_second_signal_exits_at_once_unless_it_repeats_the_first(
    tiny, tmp_path, monkeypatch, capsys, seconds
):
    moments = iter([100.0, 100.0 + seconds])
    monkeypatch.setattr("forgery.training.interrupt.time.monotonic", lambda: next(moments))

    def interrupt(event):
        if isinstance(event, StepDone) and event.step == 4:
            os.kill(os.getpid(), signal.SIGINT)
            os.kill(os.getpid(), signal.SIGINT)

    arguments = tiny.replace(checkpoint_every=3), tmp_path / "run"
    if seconds > 1:
        with pytest.raises(KeyboardInterrupt):
            forgery.train(*arguments, callbacks=[interrupt])
        assert last(tmp_path / "run").step == 3
    else:
        assert forgery.train(*arguments, callbacks=[interrupt]).interrupted_by == signal.SIGINT
        assert last(tmp_path / "run").step == 4
    assert "saving … (interrupt again to exit without saving)" in capsys.readouterr().err


@pytest.mark.parametrize("callbacks", [print, [3], None])
def test_callbacks_that_cannot_be_called_are_refused(tiny, tmp_path, callbacks):
    with pytest.raises(ForgeryError, match="callbacks must be a list of functions"):
        forgery.train(tiny, tmp_path / "run", callbacks=callbacks)
    assert not (tmp_path / "run").exists()


def test_a_callback_can_stop_a_run(tiny, tmp_path):
    def stop(event):
        if isinstance(event, StepDone) and event.step == 3:
            raise forgery.StopTraining

    model = forgery.train(tiny, tmp_path / "run", callbacks=[stop])
    assert (model.step, last(tmp_path / "run").step, model.interrupted_by) == (3, 3, None)
    forgery.train(tiny, tmp_path / "straight")
    forgery.resume(tmp_path / "run")
    assert_same_state(tmp_path / "straight", tmp_path / "run")


def test_a_run_is_saved_before_an_error_of_a_callback_ends_it(tiny, tmp_path):
    def fail(event):
        if isinstance(event, StepDone) and event.step == 3:
            raise RuntimeError("a fault of the caller's")

    with pytest.raises(RuntimeError, match="of the caller's"):
        forgery.train(tiny.replace(checkpoint_every=100), tmp_path / "run", callbacks=[fail])
    assert last(tmp_path / "run").step == 3


def test_an_os_error_of_a_callback_is_not_taken_for_a_full_disk(tiny, tmp_path):
    def fail(event):
        if isinstance(event, StepDone) and event.step == 3:
            raise ConnectionError("the caller's server is down")

    with pytest.raises(ConnectionError, match="server is down"):
        forgery.train(tiny.replace(checkpoint_every=100), tmp_path / "run", callbacks=[fail])
    assert last(tmp_path / "run").step == 3


def test_events_report_what_is_written(tiny, tmp_path):
    events = []
    forgery.train(
        tiny.replace(steps=4, report_every=2, checkpoint_every=4, sample_every=100),
        tmp_path / "run",
        callbacks=[events.append],
    )
    steps = {kind: [e.step for e in events if isinstance(e, kind)]
             for kind in (StepDone, Report, SamplesDrawn, CheckpointSaved)}  # fmt: skip
    assert steps == {
        StepDone: [1, 2, 3, 4],
        Report: [2, 4],
        SamplesDrawn: [0, 1, 2, 4],
        CheckpointSaved: [0, 4],
    }
    assert events[-2] == StepDone(4, 1.0)
    assert all(e.path.exists() for e in events if isinstance(e, SamplesDrawn | CheckpointSaved))


def test_a_run_that_is_shorter_than_a_report_is_reported_once_it_ends(tiny, tmp_path):
    config = tiny.replace(steps=3, report_every=100, checkpoint_every=100)
    forgery.train(config, tmp_path / "run")
    assert [line["step"] for line in all_of(tmp_path / "run")] == [3]
    assert (tmp_path / "run" / "curves.png").exists()
    forgery.train(config, tmp_path / "straight", steps=5)
    forgery.resume(tmp_path / "run", steps=5)
    assert_same_state(tmp_path / "straight", tmp_path / "run")


def test_slow_steps_are_reported_and_saved_by_time(tiny, tmp_path, monkeypatch):
    """Each reading of the clock takes 4 s: reports after 10 and 60 s, a checkpoint after 120 s."""
    clock = SimpleNamespace(perf_counter=partial(next, count(step=4)))
    monkeypatch.setattr("forgery.training.loop.time", clock)
    monkeypatch.setattr("forgery.training.loop.FIRST_REPORT", 10.0)
    monkeypatch.setattr("forgery.training.loop.NEXT_REPORT", 60.0)
    monkeypatch.setattr("forgery.training.loop.NEXT_CHECKPOINT", 120.0)
    events = []
    config = tiny.replace(steps=40, report_every=100, checkpoint_every=100, sample_every=100)
    forgery.train(config, tmp_path / "run", callbacks=[events.append])
    reports = [e.step for e in events if isinstance(e, Report)]
    saved = [e.step for e in events if isinstance(e, CheckpointSaved)]
    assert reports == [2, 18, 33]
    assert saved == [0, 29, 40]


def test_tracked_quality_keeps_the_best_checkpoint(tiny, tmp_path, monkeypatch):
    """With distances 5, 3, 4, 6, the second is the best and is kept beside newer ones."""
    distances = iter([5.0, 3.0, 4.0, 6.0])
    monkeypatch.setattr(session, "scorer", lambda *_: lambda step: {"frechet": next(distances)})
    config = tiny.replace(
        steps=8, report_every=2, evaluate_every=2, checkpoint_every=2, keep_checkpoints=2
    )
    forgery.train(config, tmp_path / "run")
    assert [line["quality"]["frechet"] for line in reports(tmp_path / "run")] == [5, 3, 4, 6]
    assert list(checkpoint.steps(tmp_path / "run" / "checkpoints")) == [8, 6, 4]
    assert forgery.load(tmp_path / "run", step="best").step == 4
    assert forgery.load(tmp_path / "run").step == 8
    assert forgery.load(tmp_path / "run", step=6).step == 6
    with pytest.raises(ForgeryError, match=r"no checkpoint of step 5: it has \[8, 6, 4\]"):
        forgery.load(tmp_path / "run", step=5)


def test_nan_is_reported_as_such_and_never_measured(tiny, tmp_path, monkeypatch):
    def measured(step):
        pytest.fail("a state without numbers was measured")

    monkeypatch.setattr(session, "scorer", lambda *_: measured)
    config = tiny.replace(optimizer="momentum", g_learning_rate=1e30, d_learning_rate=1e30)
    config = config.replace(steps=50, report_every=5, evaluate_every=5, checkpoint_every=50)
    with pytest.raises(ForgeryError, match="NaN or infinite"):
        forgery.train(config, tmp_path / "run")
