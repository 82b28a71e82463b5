import errno
import fcntl
import json
import math
from pathlib import Path
from unittest.mock import Mock

import pytest

from forgery import strict_json
from forgery.errors import ForgeryError
from forgery.training.run import create, open_run, training_process

FACTS = {"forgery": "0", "torch": "0", "data": {}}


def report(step, **changes):
    """A line of metrics.jsonl."""
    numbers = {"d_loss": 1.0, "g_loss": 1.0, "d_real": 0.6, "d_fake": 0.4}
    times = {"epoch": 0.1 * step, "seconds": 0.01 * step, "examples_per_second": 1e4}
    health = {"g_gradient": 0.5, "diversity": 0.9, "energy_distance": 0.1}
    return {"step": step, "quality": {}, "findings": []} | numbers | times | health | changes


def test_a_created_run_can_be_opened(tmp_path, tiny):
    run = create(tmp_path / "a", tiny, FACTS)
    assert open_run(run.path).config == tiny
    run.append_metrics(report(2))
    run.append_metrics(report(4))
    with open(run.metrics, "a") as file:
        file.write('{"step": 6, "d_lo')  # the process was killed while writing
    assert [line["step"] for line in run.read_metrics()] == [2, 4]


def test_rewinding_removes_later_reports_and_pictures(tmp_path, tiny):
    run = create(tmp_path / "a", tiny, FACTS)
    run.samples.mkdir()
    for step in (2, 4, 6):
        run.append_metrics(report(step))
        (run.samples / f"{step:08d}.png").touch()
    (run.samples / "mine.png").touch()
    run.rewind(4)
    assert [line["step"] for line in run.read_metrics()] == [2, 4]
    names = sorted(path.name for path in run.samples.iterdir())
    assert names == ["00000002.png", "00000004.png", "mine.png"]


@pytest.mark.parametrize(
    "damage",
    [
        lambda line: line.replace(b"d_loss", b"d_lo\xff\xfe"),
        lambda line: line.replace(b"d_loss", b"d_lozs"),
        lambda line: line.replace(b'"step"', b'"stfp"'),
        lambda line: line.replace(b'"diversity"', b'"diversitx"'),
        lambda line: line.replace(b"[]", b'["x"]'),
        lambda line: line[:20],
        lambda line: b"",
        lambda line: b"\x00" * len(line),
        lambda line: b"17",
        lambda line: b"[]",
    ],
)
def test_a_damaged_report_leaves_the_others_intact(tmp_path, tiny, damage, capsys):
    run = create(tmp_path / "a", tiny, FACTS)
    for step in (2, 4, 6):
        run.append_metrics(report(step))
    lines = run.metrics.read_bytes().splitlines()
    lines[1] = damage(lines[1])
    run.metrics.write_bytes(b"\n".join(lines))
    assert [line["step"] for line in run.read_metrics()] == [2, 6]
    run.rewind(6)
    assert "kept 2 of 3 reports" in capsys.readouterr().err
    assert (run.path / "metrics.damaged.jsonl").read_bytes() == b"\n".join(lines)
    assert [line["step"] for line in run.read_metrics()] == [2, 6]
    run.rewind(2)
    assert [line["step"] for line in run.read_metrics()] == [2]
    assert not capsys.readouterr().err  # the file has been repaired


def test_reports_with_nonfinite_numbers_are_strict_json(tmp_path, tiny):
    run = create(tmp_path / "a", tiny, FACTS)
    written = report(2, quality={"kl": math.inf, "jsd": 0.5}, g_gradient=math.nan)
    run.append_metrics(written)

    def refuse(constant):
        raise ValueError(f"{constant} is not JSON")

    line = json.loads(run.metrics.read_text(), parse_constant=refuse)
    assert line["quality"] == {"kl": None, "jsd": 0.5}
    assert line["null_means"] == {"/quality/kl": "Infinity", "/g_gradient": "NaN"}
    (read,) = run.read_metrics()
    assert math.isnan(read.pop("g_gradient"))
    assert math.isnan(written.pop("g_gradient"))
    assert read == written
    run.metrics.write_text(
        json.dumps(report(2, quality={"kl": math.inf})) + "\n"
    )  # earlier versions
    assert run.read_metrics()[0]["quality"]["kl"] == math.inf


def test_an_existing_run_is_never_overwritten(tmp_path, tiny, monkeypatch):
    create(tmp_path / "a", tiny, FACTS)
    with pytest.raises(ForgeryError, match=r"never overwritten.*forgery resume"):
        create(tmp_path / "a", tiny, FACTS)
    monkeypatch.chdir(tmp_path)
    names = {create(None, tiny, FACTS).path for _ in range(3)}
    assert len(names) == 3
    (tmp_path / "file").touch()
    with pytest.raises(ForgeryError, match=r"already exists .* choose another --out$"):
        create(tmp_path / "file", tiny, FACTS)
    with pytest.raises(ForgeryError, match="cannot create the run folder"):
        create(tmp_path / "file" / "below", tiny, FACTS)


def test_of_two_processes_that_start_at_once_one_gets_the_folder(tmp_path, tiny, monkeypatch):
    def other_too(path, *given, **options):
        make_folder(path, *given, **options)
        (path / "config.json").touch()

    make_folder = Path.mkdir
    monkeypatch.setattr(Path, "mkdir", other_too)
    with pytest.raises(ForgeryError, match="already exists"):
        create(tmp_path / "a", tiny, FACTS)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "has no config.json"),
        ("{", "damaged or from another version"),
        ("[]", "that of another program"),
        ('{"model": "gpt"}', "that of another program"),
        ('{"forgery": "9", "config": {"warp": 9}}', "another version .*unknown setting 'warp'"),
        ('{"forgery": "9", "config": [1]}', "damaged or from another version"),
    ],
)
def test_a_folder_that_is_not_a_run(tmp_path, content, message):
    if content is not None:
        (tmp_path / "config.json").write_text(content)
    with pytest.raises(ForgeryError, match=message):
        open_run(tmp_path)


def test_a_path_that_is_not_a_folder(tmp_path):
    with pytest.raises(ForgeryError, match="there is no such folder"):
        open_run(tmp_path / "absent")


def test_two_processes_cannot_train_one_run(tmp_path, tiny):
    run = create(tmp_path / "a", tiny, FACTS)
    with (
        run.lock(),
        pytest.raises(ForgeryError, match="another process"),
        open_run(run.path).lock(),
    ):
        pass
    with open_run(run.path).lock():  # released
        pass


def test_a_file_system_without_locks(tmp_path, tiny, monkeypatch, capsys):
    """Such as some NFS and Lustre mounts: training goes on, with a warning."""
    run = create(tmp_path / "a", tiny, FACTS)
    monkeypatch.setattr(fcntl, "flock", Mock(side_effect=OSError(errno.ENOSYS, "not implemented")))
    with run.lock():
        assert "cannot be locked (not implemented)" in capsys.readouterr().err
        assert training_process(run.path) is None


def test_config_json_holds_every_setting_that_has_an_effect(tmp_path, tiny):
    run = create(tmp_path / "a", tiny, FACTS)
    record = json.loads((run.path / "config.json").read_text())
    assert record["config"] == tiny.effective()
    assert record["torch"] == "0"


def test_repeated_damage_does_not_overwrite_earlier_backups(tmp_path, tiny):
    run = create(tmp_path / "a", tiny, FACTS)
    for number in (1, 2):
        run.metrics.write_text(f"damage {number}\n{json.dumps(report(2))}\n")
        run.rewind(2)
    kept = [(run.path / f"metrics.damaged{n}.jsonl").read_text() for n in ("", "-2")]
    assert [text.splitlines()[0] for text in kept] == ["damage 1", "damage 2"]
    assert [line["step"] for line in run.read_metrics()] == [2]


def test_invalid_constants_are_not_read_as_json():
    with pytest.raises(ValueError, match="values that do not exist"):
        strict_json.loads('{"scores": [], "null_means": {"/scores/5": "NaN"}}')
    odd = {"a/b": {"~": math.inf, "c": [1.0, -math.inf]}}
    assert strict_json.loads(strict_json.dumps(odd)) == odd
