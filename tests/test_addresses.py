"""Models at an address: exported folders, the zoo, the hub."""

import shutil
import sys
from pathlib import Path

import pytest
import torch

import forgery
from forgery import ForgeryError, addresses, recipes
from forgery.addresses import folder_of, is_path, name_of
from forgery.cli import main
from forgery.data import SOURCES
from forgery.evaluation import runs
from forgery.export import model_files, write_folder


@pytest.fixture(scope="module", autouse=True)
def _few_digits():
    digits = SOURCES["mnist"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(SOURCES, "mnist", lambda split: digits(split).subset(300))
        yield


@pytest.fixture(scope="module")
def run(tmp_path_factory, _few_digits):
    """A run of two steps; tests do not change it."""
    config = recipes.mlp(g_width=8, d_width=8, latent=4, ema=0.5, batch_size=20)
    length = {"steps": 2, "checkpoint_every": 1, "keep_checkpoints": 9}
    path = tmp_path_factory.mktemp("addresses") / "runs" / "digits"
    forgery.train(config.replace(**length, device="cpu", threads=1), path)
    return path


@pytest.fixture(scope="module")
def exported(run):
    """The run without D, in float16."""
    write_folder(run.parent / "exported", model_files(forgery.load(run), "float16"))
    return run.parent / "exported"


@pytest.fixture(scope="module")
def whole(run):
    """The run with D."""
    write_folder(run.parent / "whole", model_files(forgery.load(run), all_networks=True))
    return run.parent / "whole"


@pytest.fixture
def zoo(exported, monkeypatch):
    """A zoo of one model, whose folder may not be written to."""
    monkeypatch.setattr(addresses, "zoo", lambda: {"mnist": exported})
    before = {file.name: file.read_bytes() for file in exported.iterdir()}
    yield "zoo:mnist"
    assert {file.name: file.read_bytes() for file in exported.iterdir()} == before


@pytest.fixture
def hub_cache(monkeypatch, tmp_path):
    """An empty cache of the hub, which cannot be reached."""
    constants = pytest.importorskip("huggingface_hub.constants")
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    return tmp_path / "hub"


def cached(cache: Path, name: str, folder: Path, revision: str = "main") -> Path:
    """Put a folder into the hub's cache, as a download does."""
    commit = "0123456789abcdef0123456789abcdef01234567"
    repository = cache / f"models--{name.replace('/', '--')}"
    (repository / "refs").mkdir(parents=True, exist_ok=True)
    (repository / "refs" / revision).write_text(commit)
    snapshot = repository / "snapshots" / commit
    (repository / "blobs").mkdir()
    snapshot.mkdir(parents=True)
    for i, file in enumerate(sorted(folder.iterdir())):
        blob = repository / "blobs" / f"{i:040x}"
        shutil.copyfile(file, blob)
        (snapshot / file.name).symlink_to(blob)
    return snapshot


def test_an_address_has_a_name_and_may_be_a_path():
    for address, name, path in (
        ("runs/digits", "digits", True),
        (Path("digits"), "digits", True),
        ("zoo:mnist", "mnist", False),
        (Path("hub:owner/faces"), "faces", False),
        ("hub:owner/faces@v1.0", "faces", False),
    ):
        assert (name_of(address), is_path(address)) == (name, path)
    assert name_of(".") == Path.cwd().name


def test_an_exported_model_draws_the_samples_of_its_run(run, exported, zoo):
    original = forgery.load(run)
    for address in (exported, str(exported), zoo, Path(zoo)):
        model = forgery.load(address)
        assert model.step == 2
        assert model.discriminator is None
        # float16 keeps 11 bits of each weight.
        assert (model.sample(50, seed=1) - original.sample(50, seed=1)).abs().max() < 1e-2
    assert torch.equal(forgery.load(exported, step=2).sample(3), forgery.load(zoo).sample(3))


def test_an_exported_model_has_one_step_and_no_other_network(exported):
    with pytest.raises(ForgeryError, match="an exported model, of step 2 only: it has no step 1"):
        forgery.load(exported, step=1)
    with pytest.raises(ForgeryError, match="has no discriminator: it was exported without"):
        forgery.load(exported).logits(torch.zeros(1, 1, 28, 28))


def test_an_exported_model_cannot_be_resumed(zoo, exported):
    for address in (zoo, exported):
        with pytest.raises(ForgeryError, match=r"cannot be resumed: .*--start-from"):
            forgery.resume(address, steps=10)


def test_evaluation_does_not_write_into_the_zoo(zoo, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    before = sorted(tmp_path.rglob("*"))
    monkeypatch.setattr(runs.device, "choose", lambda name: torch.device("cpu"))
    card = forgery.evaluate(zoo, samples=100, extractor="none")
    assert card.run == zoo
    monkeypatch.setattr(
        sys, "argv", ["forgery", "evaluate", zoo, "--samples=100", "--extractor=none"]
    )
    with pytest.raises(SystemExit) as left:
        main()
    printed = capsys.readouterr()
    assert not left.value.code, printed
    assert "energy distance of pixels" in printed.out
    assert "saved in" not in printed.out
    assert sorted(tmp_path.rglob("*")) == before


def test_a_card_of_the_step_is_exported_and_that_of_another_is_not(run, tmp_path):
    run = shutil.copytree(run, tmp_path / "runs" / "digits")
    card = forgery.evaluate(run, samples=100, extractor="none", device_name="cpu")
    files = model_files(forgery.load(run))
    assert b'"run": "digits"' in files["card.json"]  # without the path of this machine
    assert str(tmp_path).encode() not in files["card.json"]
    write_folder(tmp_path / "measured", files)
    again = forgery.evaluate(tmp_path / "measured", 100, extractor="none", device_name="cpu")
    assert again.scores == pytest.approx(card.scores)
    assert "card.json" not in model_files(forgery.load(run, step=1))


def test_fine_tuning_starts_from_an_exported_model_with_its_discriminator(
    run, exported, whole, tmp_path
):
    with pytest.raises(ForgeryError, match=r"without its discriminator.*--all-networks"):
        forgery.train("mnist", tmp_path / "a", start_from=str(exported), steps=1)
    assert not (tmp_path / "a").exists()
    short = {"steps": 1, "report_every": 1, "checkpoint_every": 1, "keep_checkpoints": 9}
    tuned = forgery.train("mnist", tmp_path / "b", start_from=str(whole), split="test", **short)
    assert tuned.step == 1
    shown = forgery.training.run.open_run(tmp_path / "b").record["pretrained"]
    assert shown["step"] == 2


def test_an_unknown_model_of_the_zoo_is_refused_with_the_nearest(zoo):
    for verb in (forgery.load, forgery.resume, forgery.evaluate):
        with pytest.raises(ForgeryError, match="unknown model of the zoo 'mnits': did you mean"):
            verb("zoo:mnits")
    with pytest.raises(ForgeryError, match="unknown model of the zoo 'mnits'"):
        forgery.train("mnist", start_from="zoo:mnits")


def test_the_zoo_of_the_package_can_be_opened():
    for name, folder in addresses.zoo().items():
        assert folder_of(f"zoo:{name}") == folder
        assert forgery.load(f"zoo:{name}").sample(1).isfinite().all()


def test_a_model_on_the_hub_is_opened_from_the_cache(hub_cache, exported):
    snapshot = cached(hub_cache, "owner/digits", exported)
    model = forgery.load("hub:owner/digits")
    assert torch.equal(model.sample(5), forgery.load(exported).sample(5))
    assert folder_of("hub:owner/digits@main") == snapshot
    with pytest.raises(ForgeryError, match=r"digits@v2 is not in the cache, and the hub cannot be"):
        forgery.load("hub:owner/digits@v2")


def test_a_model_that_is_not_in_the_cache_or_is_damaged_is_named(hub_cache, exported):
    with pytest.raises(ForgeryError, match=r"hub:owner/other is not in the cache"):
        forgery.load("hub:owner/other")
    snapshot = cached(hub_cache, "owner/digits", exported)
    weights = (snapshot / "model.safetensors").resolve()
    weights.write_bytes(weights.read_bytes()[:-1])
    with pytest.raises(ForgeryError, match=r"model\.safetensors is damaged"):
        forgery.load("hub:owner/digits")
    (snapshot / "config.json").unlink()
    with pytest.raises(ForgeryError, match=r"is not a run folder: it has no config\.json"):
        forgery.load("hub:owner/digits")


@pytest.mark.parametrize("address", ["hub:digits", "hub:a/b/c", "hub:", "hub:a/b@", "hub:a b/c"])
def test_an_invalid_name_on_the_hub_is_refused(address):
    with pytest.raises(ForgeryError, match=r"is not a model on the hub: expected hub:OWNER/NAME"):
        forgery.load(address)


def test_the_hub_needs_its_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(ForgeryError, match=r"pip install 'forgery\[hub\]'"):
        forgery.load("hub:owner/digits")


def test_an_existing_folder_is_never_overwritten(run, exported, tmp_path):
    files = model_files(forgery.load(run))
    with pytest.raises(ForgeryError, match="already exists and is never overwritten"):
        write_folder(exported, files)
    (tmp_path / "empty").mkdir()
    write_folder(tmp_path / "empty", files)
    assert forgery.load(tmp_path / "empty").step == 2


def test_a_folder_that_cannot_be_written_leaves_nothing(run, tmp_path):
    (tmp_path / "file").write_text("")
    files = model_files(forgery.load(run))
    with pytest.raises(ForgeryError, match="cannot write"):
        write_folder(tmp_path / "file" / "out", files)
    with pytest.raises(ForgeryError, match="cannot write"):
        write_folder(tmp_path / "out", {**files, "no/such": b""})
    assert {path.name for path in tmp_path.iterdir()} == {"file"}
