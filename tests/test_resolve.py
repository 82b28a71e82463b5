"""Resolution of settings from data, recipe, file and flags, and of the batch size."""

import json
import struct
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import forgery
from forgery import ForgeryError, preflight, resolve
from forgery.build import batches_of, on_this_machine
from forgery.cli.train import train
from forgery.config import Config
from forgery.data import SOURCES
from forgery.data.pictures import silent
from forgery.models import DISCRIMINATORS, GENERATORS
from forgery.network_sizes import SIZES
from forgery.parts import data_of
from forgery.projected import is_available
from forgery.recipes import find_recipe, recipe_for_images
from forgery.resolve import config_of, read_toml, settings_from
from forgery.training import parallel

random = np.random.default_rng(0)


def folder(path: Path, n: int) -> str:
    path.mkdir()
    for i in range(n):
        Image.fromarray(random.integers(0, 256, (28, 28, 3), dtype=np.uint8)).save(
            path / f"{i}.png"
        )
    return str(path)


def images_npy(path: Path, n: int) -> str:
    np.save(path.with_suffix(".npy"), random.integers(0, 256, (n, 28, 28), dtype=np.uint8))
    return str(path.with_suffix(".npy"))


def images_npz(path: Path, n: int) -> str:
    images = random.integers(0, 256, (n, 3, 12, 12), dtype=np.uint8)
    np.savez(path.with_suffix(".npz"), images=images)
    return str(path.with_suffix(".npz"))


def images_idx(path: Path, n: int) -> str:
    pixels = random.integers(0, 256, (n, 28, 28), dtype=np.uint8)
    path.write_bytes(struct.pack(">IIII", 0x803, n, 28, 28) + pixels.tobytes())
    return str(path)


def points_csv(path: Path, n: int) -> str:
    np.savetxt(path.with_suffix(".csv"), random.normal(size=(n, 2)), delimiter=",")
    return str(path.with_suffix(".csv"))


KINDS = [folder, images_npy, images_npz, images_idx, points_csv]


def of(data: str, recipe=None, **given):
    return settings_from(data, recipe, None, given)


def assert_fills(config) -> None:
    """The batch size is the largest that the data allows."""
    config, where = on_this_machine(config.replace(device="cpu"))
    dataset = data_of(config)
    assert batches_of(config, dataset, where).per_epoch >= config.d_steps
    parts = config.accumulate * parallel.process_count()
    assert config.batch_size % parts == 0
    with pytest.raises(ForgeryError):
        batches_of(config.replace(batch_size=config.batch_size + parts), dataset, where)


@pytest.mark.parametrize("make", KINDS)
@pytest.mark.parametrize(
    "given", [{}, {"pack": 2}, {"d_steps": 3}, {"accumulate": 4}, {"limit": 11, "d_steps": 2}]
)
def test_the_default_batch_size_is_the_largest_that_the_data_allows(make, given, tmp_path):
    source = make(tmp_path / "shapes", 19)
    config = of(source, "dcgan" if make is folder else None, **given)
    assert config.batch_size <= 19
    assert_fills(config)


def test_arrays_have_the_recipe_of_pictures_of_their_size(tmp_path):
    colour = random.integers(0, 256, (70, 32, 32, 3), dtype=np.uint8)
    for name, values in (("a.npy", colour), ("b.npy", colour[:, :8, :8]), ("c.NPY", colour[0, 0])):
        with open(tmp_path / name, "wb") as file:
            np.save(file, values)
    expected = recipe_for_images((3, 32, 32), is_available())[0]
    recipes = {p.name: settings_from(str(p), None, None, {}).recipe for p in tmp_path.iterdir()}
    assert recipes == {"a.npy": expected, "b.npy": "mlp", "c.NPY": "points"}


def test_a_recipe_on_other_data_has_their_split(tmp_path):
    """The 2014 paper's recipes train on the first 50,000 digits, a split that others lack."""
    np.save(tmp_path / "a.npy", np.zeros((200, 28, 28), np.uint8))
    config = settings_from(str(tmp_path / "a.npy"), "goodfellow2014", None, {})
    assert config.split == "train"
    assert settings_from("mnist", "goodfellow2014", None, {}).split == "train50k"
    given = {"split": "test"}
    assert settings_from("stacked-mnist", "goodfellow2014", None, given).split == "test"


def test_the_default_batch_size_can_be_split_among_processes(tmp_path, monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "3")
    config = of(images_npy(tmp_path / "shapes", 19), accumulate=2)
    assert config.batch_size == 18
    assert_fills(config)


def test_a_reduced_batch_size_is_reported(tmp_path, capsys):
    source = folder(tmp_path / "shapes", 19)
    settings_from(source, "sngan", None, {}, shown=True)
    line = "batch size reduced from 64 to 3: shapes[train] has 19 images"
    assert line in capsys.readouterr().out.splitlines()
    settings_from(source, "sngan", None, {"batch_size": 3}, shown=True)
    settings_from(source, "sngan", None, {})
    assert "batch size" not in capsys.readouterr().out


def test_an_explicit_batch_size_is_kept_and_refused(tmp_path):
    source = images_npy(tmp_path / "shapes", 19)
    (tmp_path / "mine.toml").write_text("batch_size = 20\n")
    for config in (
        of(source, batch_size=20),
        settings_from(source, None, tmp_path / "mine.toml", {}),
    ):
        assert config.batch_size == 20
        config, where = on_this_machine(config)
        with pytest.raises(ForgeryError, match="a batch of 20 is larger than the data"):
            batches_of(config, data_of(config), where)


def test_data_too_small_for_any_batch_is_refused(tmp_path):
    assert of(folder(tmp_path / "one", 1)).batch_size == 32  # batch norm needs two
    source = images_npy(tmp_path / "shapes", 19)
    assert of(source, pack=20).batch_size == 100
    assert of(source, accumulate=10).batch_size == 100


def test_large_data_keeps_the_batch_size_of_the_recipe(tmp_path):
    assert of(images_npy(tmp_path / "many", 300)).batch_size == 100
    assert of(images_npy(tmp_path / "as_many", 100)).batch_size == 100


def test_bundled_data_is_loaded_only_if_a_subset_may_be_too_small(monkeypatch):
    assert of("mnist", limit=30).batch_size == 30
    assert of("ring8", limit=100, d_steps=3).batch_size == 33
    assert of("mnist", pack=700).batch_size == 85
    monkeypatch.setattr(resolve, "data_of", lambda config: pytest.fail("loaded"))
    for source in SOURCES:
        of(source)
    of("mnist", limit=200)


def test_a_small_folder_is_trained_on_by_command(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    folder(tmp_path / "shapes", 12)
    flags = train.__globals__["Flags"](steps=1, g_width=4, d_width=4, device="cpu", threads=1)
    assert train("shapes", out=Path("run"), flags=flags) == 0
    out = capsys.readouterr().out
    assert "batch size reduced from 32 to 12: shapes[train] has 12 images" in out
    assert "1 step, saved in run" in out


def test_preflight_suggests_a_smaller_batch_size(tmp_path, monkeypatch):
    monkeypatch.setattr(preflight, "SECONDS", 0.01)
    source = images_npy(tmp_path / "shapes", 19)
    small = {"g_width": 4, "d_width": 4, "device": "cpu"}
    found = preflight.preflight(of(source, batch_size=50, d_steps=2, **small), silent)
    assert "use --batch-size 9, as timed here, or less" in dict(found.facts())["too few"]
    assert found.config.batch_size == 50
    assert "too few" not in dict(preflight.preflight(of(source, **small), silent).facts())


def test_a_path_is_never_mistaken_for_bundled_data(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    np.save("mnist", np.zeros((60, 8, 8), np.uint8))
    Path("mnist.npy").rename("mnist")
    assert config_of("mnist", {}).data == "mnist"
    assert config_of(Path("mnist"), {"recipe": "mlp", "batch_size": 5}).data == "./mnist"


@pytest.mark.parametrize(
    ("what", "changes", "message"),
    [
        ("mnist", {"data": "ring8"}, "data is given twice: 'mnist' and 'ring8'"),
        ("x" * 300, {}, "unknown data or recipe"),
    ],
)
def test_ambiguous_calls_from_python(what, changes, message):
    with pytest.raises(ForgeryError, match=message):
        config_of(what, changes)


def test_a_run_is_not_data(tiny, tmp_path):
    run = forgery.train(tiny.replace(steps=1), tmp_path / "a run").path
    said = rf"is a run, not data: resume it with forgery resume '{run}', .* --start-from '{run}'"
    for attempt in (
        lambda: of(str(run)),
        lambda: forgery.train(run, out=tmp_path / "other"),
        lambda: forgery.train(tiny.replace(data=str(run)), tmp_path / "other"),
    ):
        with pytest.raises(ForgeryError, match=said):
            attempt()
    assert not (tmp_path / "other").exists()


def test_toml(tmp_path):
    path = tmp_path / "settings.toml"
    path.write_text('objective = "minimax"\nepochs = 3\n')
    assert Config().replace(**read_toml(path)).epochs == 3.0
    path.write_text("objectiv = 3")
    with pytest.raises(ForgeryError, match=r"settings.toml: unknown setting .* 'objective'"):
        read_toml(path)
    path.write_text("= nonsense")
    with pytest.raises(ForgeryError, match="is not valid TOML"):
        read_toml(path)
    for recipe in ("5", '["mlp"]'):
        path.write_text(f"recipe = {recipe}")
        with pytest.raises(ForgeryError, match="recipe must be a name, not"):
            read_toml(path)
    with pytest.raises(ForgeryError, match="cannot read"):
        read_toml(tmp_path / "absent.toml")


def test_a_file_may_list_defaults_without_effect_and_flags_may_not(tmp_path):
    path = tmp_path / "settings.toml"
    path.write_text("momentum = 0.5\nlimit = 500\n")  # as printed by an earlier version
    assert settings_from("mnist", None, path, {}).limit == 500
    path.write_text("momentum = 0.9\n")
    for file, flags in ((path, {}), (None, {"momentum": 0.5})):
        with pytest.raises(ForgeryError, match=r"momentum has no effect .* --optimizer momentum"):
            settings_from("mnist", None, file, flags)
    assert settings_from("mnist", None, path, {"optimizer": "momentum"}).momentum == 0.9


@pytest.mark.parametrize(
    ("recipe", "flags", "reset"),
    [
        ("mlp", {"optimizer": "rmsprop"}, "beta2"),
        ("modern", {"penalty": "none"}, "penalty_weight"),
        ("sngan", {"burn_in": 0.0}, "learning_rate_final"),
        ("semi-supervised", {"conditional": "none"}, "labels"),
        ("modern", {"generator": "dcgan", "discriminator": "dcgan", "penalty": "none"}, "g_depth"),
    ],
)
def test_flags_override_a_file_that_lists_every_setting(tmp_path, recipe, flags, reset):
    """As written by ``forgery recipes NAME``: the result is that of the recipe and the flags."""
    path = tmp_path / "mine.toml"
    lines = find_recipe(recipe)().effective()
    listed = [(name, value) for group in lines.values() for name, value in group.items()]
    path.write_text("".join(f"{name} = {json.dumps(value)}\n" for name, value in listed))
    assert reset in path.read_text()
    flags = flags | {"batch_size": 16}
    expected = settings_from(None, recipe, None, flags)
    assert settings_from(None, None, path, flags).to_dict() == expected.to_dict()


def test_a_length_by_flag_replaces_that_of_the_file(tmp_path):
    path = tmp_path / "settings.toml"
    path.write_text("steps = 2\n")
    assert settings_from("mnist", None, path, {"minutes": 1.0}).length == "1 minutes"


def test_picture_settings_determine_the_recipe_whatever_else_is_given():
    assert of("mnist", conditional="semi-supervised", labels=50).labels == 50


@pytest.mark.parametrize(
    ("given", "sizes"),
    [
        ({}, (512, 256)),
        ({"generator": "dcgan", "discriminator": "dcgan"}, (32, 32)),
        ({"generator": "dcgan", "g_width": 48}, (48, 256)),
        ({"discriminator": "modern"}, (512, 16)),
        ({"generator": "mlp"}, (512, 256)),
    ],
)
def test_a_network_that_is_not_the_recipes_own_has_a_size_that_suits_a_cpu(given, sizes):
    config = settings_from("mnist", "mlp", None, given)
    assert (config.g_width, config.d_width) == sizes


def test_a_network_named_in_a_file_has_its_size_too(tmp_path):
    (tmp_path / "run.toml").write_text('generator = "modern"\ng_depth = 2\n')
    config = settings_from("mnist", "mlp", tmp_path / "run.toml", {})
    assert (config.g_width, config.g_depth) == (16, 2)


def test_every_built_in_network_has_a_size():
    built_in = {"generator": GENERATORS, "discriminator": {*DISCRIMINATORS, "projected"}}
    assert {player: set(sizes) for player, sizes in SIZES.items()} == {
        player: set(networks) for player, networks in built_in.items()
    }
