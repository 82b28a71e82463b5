"""Uploads to the hub: what would be sent, and what is refused before anything is done."""

import sys
import tempfile
from pathlib import Path

import pytest

import forgery
from forgery import ForgeryError
from forgery.cli.push import push

from .made_runs import KINDS, make_run

hub = pytest.importorskip("huggingface_hub")
constants = pytest.importorskip("huggingface_constants")


@pytest.fixture
def digits(tmp_path):
    """A run of three classes."""
    return make_run(tmp_path / "runs" / "digits", **KINDS["conditional"])


@pytest.fixture
def sent(monkeypatch, tmp_path):
    """What an upload sends, recorded in the place of the hub."""
    calls = []

    def create_repo(self, repo_id, **options):
        calls.append(("create", repo_id, options))
        return hub.RepoUrl(f"https://huggingface.co/{repo_id}")

    def upload_folder(self, *, folder_path, **options):
        files = {file.name: file.read_bytes() for file in Path(folder_path).iterdir()}
        calls.append(("upload", files, options))

    monkeypatch.setattr(hub.HfApi, "create_repo", create_repo)
    monkeypatch.setattr(hub.HfApi, "upload_folder", upload_folder)
    monkeypatch.setattr(hub, "get_token", lambda: "hf_a_token")
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    (tmp_path / "temporary").mkdir()
    return calls


def test_a_push_sends_the_hub_folder(digits, sent, tmp_path, capsys):
    push(digits, "owner/three-classes", license="mit", private=True, precision="float16")
    (_, name, options), (_, files, upload) = sent
    assert name == upload["repo_id"] == "owner/three-classes"
    assert options == {"private": True, "exist_ok": True}
    # Files of an earlier upload that this one has not would describe other weights.
    assert upload["delete_patterns"] == ["card.json", "metrics.jsonl", "model.onnx", "index.html"]
    assert set(files) == {"README.md", "config.json", "model.safetensors", "samples.png"}
    card = files["README.md"].decode()
    assert "\n# three-classes\n" in card
    assert 'forgery.load("hub:owner/three-classes")' in card
    assert "license: mit\n" in card
    assert not any((tmp_path / "temporary").iterdir())
    printed = capsys.readouterr().out
    assert "uploaded to https://huggingface.co/owner/three-classes" in printed
    # What was sent is a model that can be opened.
    for file, content in files.items():
        (tmp_path / file).write_bytes(content)
    assert forgery.load(tmp_path).sample(3).shape == (3, 1, 16, 16)


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("owner/name", {}, "states its licence: give --license"),
        ("owner/name", {"license": "mitt"}, "knows no licence 'mitt': did you mean 'mit'"),
        ("name", {"license": "mit"}, "'name' is not a name on the hub: expected OWNER/NAME"),
        ("a/b/c", {"license": "mit"}, "'a/b/c' is not a name on the hub"),
        ("owner/two--dashes", {"license": "mit"}, "is not a name on the hub"),
        ("owner/name", {"license": "mit", "also": "html"}, "no form 'html'"),
    ],
)
def test_what_cannot_be_sent_is_refused_before_anything_is_done(
    digits, sent, tmp_path, monkeypatch, name, options, message
):
    monkeypatch.setattr("forgery.model.load", lambda *a, **k: pytest.fail("loaded"))
    with pytest.raises(ForgeryError, match=message):
        push(digits, name, **options)
    assert not sent
    assert not any((tmp_path / "temporary").iterdir())


def test_without_a_token_a_network_or_the_package_nothing_is_done(digits, sent, monkeypatch):
    monkeypatch.setattr("forgery.model.load", lambda *a, **k: pytest.fail("loaded"))
    with monkeypatch.context() as patch:
        patch.setattr(hub, "get_token", lambda: None)
        with pytest.raises(ForgeryError, match=r"no Hugging Face token was found: log in with hf"):
            push(digits, "owner/name", license="mit")
    with monkeypatch.context() as patch:
        patch.setattr(constants, "HF_HUB_OFFLINE", True)
        with pytest.raises(ForgeryError, match=r"while HF_HUB_OFFLINE is set"):
            push(digits, "owner/name", license="mit")
    with monkeypatch.context() as patch:
        patch.setitem(sys.modules, "huggingface_hub", None)
        with pytest.raises(ForgeryError, match=r"pip install 'forgery\[hub\]'"):
            push(digits, "owner/name", license="mit")
    assert not sent


def test_a_failed_upload_is_one_message(tmp_path, sent, monkeypatch):
    run = make_run(tmp_path / "ring", **KINDS["points"])
    monkeypatch.setattr("forgery.export.hub_folder.model_card", lambda *arguments: "")

    def upload_folder(self, **options):
        raise OSError("the connection was reset\nby a peer")

    monkeypatch.setattr(hub.HfApi, "upload_folder", upload_folder)
    with pytest.raises(ForgeryError, match=r"upload to owner/ring failed: the connection was re"):
        push(run, "owner/ring", license="mit")
    assert not any((tmp_path / "temporary").iterdir())
