import json
import os
import shutil

import pytest
import torch

from forgery.errors import ForgeryError
from forgery.training import checkpoint
from forgery.training.checkpoint import Checkpoint


def at(step):
    return Checkpoint(
        step,
        {"generator.w": torch.full((50, 2), float(step))},
        {"generator.0.m": torch.ones(3)},
        {"seconds": step / 3, "totals": [0.1, 2.0]},
    )


@pytest.fixture
def folder(tmp_path):
    for step in (10, 20, 30):
        checkpoint.write(tmp_path, at(step), keep=3)
    return tmp_path


def test_a_checkpoint_is_read_as_written(folder):
    for step in (10, 20, 30):
        found = checkpoint.read(folder, step)
        assert found.step == step
        assert torch.equal(found.model["generator.w"], at(step).model["generator.w"])
        assert torch.equal(found.optimizers["generator.0.m"], torch.ones(3))
        assert found.counters == at(step).counters


def test_tied_weights_are_written_one_by_one(tmp_path):
    tied = torch.randn(3, 2)
    tensors = {"generator.a": tied, "generator.b": tied, "generator.c": tied[1:]}
    checkpoint.write(tmp_path, Checkpoint(1, tensors, {}, {}), keep=1)
    for name, found in checkpoint.read(tmp_path, 1).model.items():
        assert torch.equal(found, tensors[name])


def test_the_newest_are_kept(folder):
    checkpoint.write(folder, at(40), keep=2)
    assert list(checkpoint.steps(folder)) == [40, 30]
    assert sorted(os.listdir(folder)) == ["00000030", "00000040"]


def test_the_best_is_kept_beside_the_newest(folder):
    checkpoint.write(folder, at(40), keep=2, best=10)
    assert list(checkpoint.steps(folder)) == [40, 30, 10]


def damage(path, how):
    content = bytearray(path.read_bytes())
    if how == "truncated":
        path.write_bytes(content[: len(content) // 2])
    elif how == "bit-flipped":
        content[len(content) * 2 // 3] ^= 4
        path.write_bytes(content)
    elif how == "emptied":
        path.write_bytes(b"")
    else:
        path.unlink()


@pytest.mark.parametrize("how", ["truncated", "bit-flipped", "emptied", "missing"])
@pytest.mark.parametrize("name", ["model.safetensors", "optimizers.safetensors", "state.json"])
def test_a_damaged_checkpoint_is_detected_and_the_previous_one_used(folder, name, how):
    damage(folder / "00000030" / name, how)
    with pytest.raises(ForgeryError, match="00000030 is damaged"):
        checkpoint.read(folder, 30)
    last, problems = checkpoint.read_last(folder)
    assert last.step == 20
    assert len(problems) == 1


def test_the_checksum_covers_every_bit_of_the_state(folder):
    path = folder / "00000030" / "state.json"
    sealed = json.loads(path.read_text())
    sealed["state"]["counters"]["seconds"] += 1
    path.write_text(json.dumps(sealed))
    with pytest.raises(ForgeryError, match="does not match its checksum"):
        checkpoint.read(folder, 30)


def test_another_format_is_refused(folder, monkeypatch):
    monkeypatch.setattr(checkpoint, "FORMAT", 99)
    with pytest.raises(ForgeryError, match=r"has checkpoint format 1, .* reads format 99"):
        checkpoint.read_last(folder)


def test_no_checkpoint_left(tmp_path, folder):
    for step in (10, 20, 30):
        damage(folder / f"{step:08d}" / "model.safetensors", "truncated")
    with pytest.raises(ForgeryError, match="00000030 is damaged"):
        checkpoint.read_last(folder)
    with pytest.raises(ForgeryError, match="holds no checkpoint"):
        checkpoint.read_last(tmp_path / "empty")


def test_a_full_disk_leaves_the_old_checkpoint_intact(folder, monkeypatch):
    def full(path, content):
        path.write_bytes(content[: len(content) // 2])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(checkpoint, "write_synced", full)
    with pytest.raises(ForgeryError, match="No space left on device; that of step 30 is intact"):
        checkpoint.write(folder, at(40), keep=2)
    monkeypatch.undo()
    assert checkpoint.read_last(folder)[0].step == 30
    assert sorted(os.listdir(folder)) == ["00000010", "00000020", "00000030"]


def test_leftovers_of_a_killed_process_are_removed(folder):
    (folder / ".00000040.123").mkdir()
    (folder / ".00000040.123" / "model.safetensors").write_bytes(b"half")
    assert checkpoint.read_last(folder)[0].step == 30
    checkpoint.write(folder, at(50), keep=3)
    assert sorted(os.listdir(folder)) == ["00000020", "00000030", "00000050"]


def test_a_leftover_old_version_of_a_step_is_ignored(folder):
    """The process was killed after the replacement, before the old version was removed."""
    shutil.copytree(folder / "00000030", folder / "00000030.old")
    checkpoint.write(folder, at(30), keep=3)
    assert sorted(os.listdir(folder)) == ["00000010", "00000020", "00000030"]
    shutil.copytree(folder / "00000030", folder / "00000030.old")
    checkpoint.set_aside_after(folder, 20)
    assert list(checkpoint.steps(folder)) == [20, 10]


@pytest.mark.parametrize("moment", [1, 2])
def test_a_step_that_is_written_again_is_never_lost(folder, monkeypatch, moment):
    """The process is killed before or after the old version is renamed."""
    renamed, replace = [], os.replace

    def killed(source, target):
        renamed.append(target)
        if len(renamed) == moment:
            raise KeyboardInterrupt
        replace(source, target)

    monkeypatch.setattr(checkpoint.os, "replace", killed)
    with pytest.raises(KeyboardInterrupt):
        checkpoint.write(folder, at(30), keep=3)
    monkeypatch.undo()
    assert list(checkpoint.steps(folder)) == [30, 20, 10]
    assert checkpoint.read_last(folder)[0].step == 30
    checkpoint.write(folder, at(30), keep=3)
    checkpoint.write(folder, at(40), keep=3)
    assert sorted(os.listdir(folder)) == ["00000020", "00000030", "00000040"]


def test_later_checkpoints_are_renamed_and_neither_read_nor_deleted(folder):
    assert checkpoint.set_aside_after(folder, 10) == ["00000030.damaged", "00000020.damaged"]
    assert list(checkpoint.steps(folder)) == [10]
    for step in (20, 30, 40):
        checkpoint.write(folder, at(step), keep=3)
    assert checkpoint.set_aside_after(folder, 30) == ["00000040.damaged"]
    assert checkpoint.set_aside_after(folder, 20) == ["00000030.damaged-2"]
    assert list(checkpoint.steps(folder)) == [20]
    assert len([name for name in os.listdir(folder) if "damaged" in name]) == 4
