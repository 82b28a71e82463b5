import json

import pytest

from forgery.errors import ForgeryError
from forgery.training.run import create, open_run

FACTS = {"forgery": "0", "torch": "0", "data": {}}


def test_a_run_is_what_was_created(tmp_path, tiny):
    run = create(tmp_path / "a", tiny, FACTS)
    assert open_run(run.path).config == tiny
    run.append_metrics({"step": 2, "d_loss": 1.0})
    run.append_metrics({"step": 4, "d_loss": 2.0})
    with open(run.metrics, "a") as file:
        file.write('{"step": 6, "d_lo')  # a process killed while it wrote
    assert [line["step"] for line in run.read_metrics()] == [2, 4]


def test_rewinding_forgets_what_came_later(tmp_path, tiny):
    run = create(tmp_path / "a", tiny, FACTS)
    run.samples.mkdir()
    for step in (2, 4, 6):
        run.append_metrics({"step": step})
        (run.samples / f"{step:08d}.png").touch()
    (run.samples / "mine.png").touch()
    run.rewind(4)
    assert [line["step"] for line in run.read_metrics()] == [2, 4]
    names = sorted(path.name for path in run.samples.iterdir())
    assert names == ["00000002.png", "00000004.png", "mine.png"]


def test_an_existing_run_is_never_overwritten(tmp_path, tiny, monkeypatch):
    create(tmp_path / "a", tiny, FACTS)
    with pytest.raises(ForgeryError, match=r"never overwritten.*forgery resume"):
        create(tmp_path / "a", tiny, FACTS)
    monkeypatch.chdir(tmp_path)
    names = {create(None, tiny, FACTS).path for _ in range(3)}
    assert len(names) == 3
    (tmp_path / "file").touch()
    with pytest.raises(ForgeryError, match="is there already"):
        create(tmp_path / "file", tiny, FACTS)
    with pytest.raises(ForgeryError, match="cannot make the run folder"):
        create(tmp_path / "file" / "below", tiny, FACTS)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "has no config.json"),
        ("{", "damaged or from another version"),
        ("[]", "another program's"),
        ('{"model": "gpt"}', "another program's"),
        ('{"forgery": "9", "config": {"warp": 9}}', "damaged or from another version"),
    ],
)
def test_a_folder_that_is_no_run(tmp_path, content, message):
    if content is not None:
        (tmp_path / "config.json").write_text(content)
    with pytest.raises(ForgeryError, match=message):
        open_run(tmp_path)


def test_a_path_that_is_no_folder(tmp_path):
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
    with open_run(run.path).lock():  # given back
        pass


def test_config_json_holds_every_default(tmp_path, tiny):
    run = create(tmp_path / "a", tiny, FACTS)
    record = json.loads((run.path / "config.json").read_text())
    assert record["config"] == tiny.to_dict()
    assert record["torch"] == "0"
