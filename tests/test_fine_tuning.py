"""Runs that start from the weights and settings of another run."""

import json
import re
import shutil
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

import forgery
from forgery import ForgeryError, recipes
from forgery.build import classes_of, training_of
from forgery.cli import main
from forgery.config import Config
from forgery.data import Dataset
from forgery.fine_tuning import NOT_INHERITED, OF_THE_DATA, pretrained_of
from forgery.models import Spec
from forgery.models.freezing import lower_layers
from forgery.parts import networks
from forgery.resolve import config_of, settings_from
from forgery.training import checkpoint
from forgery.training.parallel import Ranks

CPU = torch.device("cpu")


SMALL = {
    "g_width": 8, "d_width": 8, "latent": 4, "batch_size": 10, "steps": 2, "grid": 4,
    "checkpoint_every": 1, "keep_checkpoints": 100, "threads": 1, "device": "cpu",
}  # fmt: skip


@pytest.fixture(scope="module")
def trained(tmp_path_factory) -> Path:
    """A run of six steps on digits, with a checkpoint of each, and an average."""
    path = tmp_path_factory.mktemp("trained") / "run"
    digits = {"split": "test", "recipe": "mlp", "d_learning_rate": 1e-3}
    return forgery.train("mnist", path, **SMALL | digits | {"steps": 6}).path


@pytest.fixture
def run(trained, tmp_path) -> Path:
    """A copy of it."""
    return shutil.copytree(trained, tmp_path / "run")


def at(run: Path, step: int) -> checkpoint.Checkpoint:
    return checkpoint.read(run / "checkpoints", step)


def labelled(classes: str, name: str = "letters", size: int = 8, channels: int = 1) -> Dataset:
    """Forty images of noise; each letter is a class."""
    random = torch.Generator().manual_seed(len(classes))
    shape = (40, channels, size, size)
    images = torch.randint(256, shape, generator=random, dtype=torch.uint8)
    return Dataset(name, images, torch.arange(40) % len(classes), tuple(classes))


@pytest.fixture
def photos(tmp_path) -> Path:
    """Thirty coloured pictures of 16 × 12 pixels."""
    random = np.random.default_rng(0)
    (tmp_path / "photos").mkdir()
    for i in range(30):
        pixels = random.integers(0, 256, (12, 16, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(tmp_path / "photos" / f"{i}.png")
    return tmp_path / "photos"


# Weights.


@pytest.mark.parametrize(("which", "step"), [("", 6), ("@3", 3)])
def test_the_weights_are_those_of_the_pretrained_run(run, tmp_path, which, step):
    tuned = forgery.train("mnist", tmp_path / "tuned", start_from=f"{run}{which}", steps=2)
    first, pretrained = at(tuned.path, 0), at(run, step)
    assert {name.split(".")[0] for name in first.model} == {"generator", "discriminator", "average"}
    assert first.model.keys() == pretrained.model.keys()
    assert all(torch.equal(first.model[k], pretrained.model[k]) for k in first.model)
    assert not first.optimizers
    assert not torch.equal(*(at(run, s).model["average.layers.0.weight"] for s in (step, 0)))
    record = json.loads((tuned.path / "config.json").read_text())
    assert record["config"]["Networks"]["start_from"] == f"{run}{which}"
    state = json.loads((run / "checkpoints" / f"{step:08d}" / "state.json").read_text())
    expected = {"step": step, "fingerprint": state["state"]["sha256"]["model"]}
    assert record["pretrained"] == expected


def test_without_an_average_it_starts_as_the_generator(tiny, tmp_path):
    forgery.train(tiny.replace(ema=0.0), tmp_path / "run")
    forgery.train("mnist", tmp_path / "tuned", start_from=tmp_path / "run", ema=0.9)
    first, pretrained = at(tmp_path / "tuned", 0).model, at(tmp_path / "run", 6).model
    for key in pretrained:
        assert torch.equal(first[key], pretrained[key])
        if key.startswith("generator."):
            assert torch.equal(first[key.replace("generator", "average")], pretrained[key])


def test_a_vae_starts_from_a_vae(tiny, tmp_path):
    forgery.train(tiny.replace(model="vae"), tmp_path / "run")
    forgery.train("mnist", tmp_path / "tuned", start_from=tmp_path / "run", steps=1)
    first, pretrained = at(tmp_path / "tuned", 0).model, at(tmp_path / "run", 6).model
    assert "encoder.log_sigma" in first
    assert all(torch.equal(first[key], pretrained[key]) for key in pretrained)


def test_points_start_from_points(tmp_path):
    small = recipes.points(g_width=8, d_width=8, steps=2, device="cpu", threads=1)
    forgery.train(small, tmp_path / "run")
    tuned = forgery.train("moons", tmp_path / "tuned", start_from=tmp_path / "run")
    assert (tuned.step, tuned.config.data) == (2, "moons")
    first, pretrained = at(tmp_path / "tuned", 0).model, at(tmp_path / "run", 2).model
    assert all(torch.equal(first[key], pretrained[key]) for key in pretrained)


# Settings.


def test_the_settings_are_those_of_the_pretrained_run(run, tiny):
    settings = settings_from("mnist", None, None, {"start_from": str(run), "beta2": 0.9})
    recorded = forgery.load(run).config
    assert (recorded.batch_size, recorded.d_learning_rate, recorded.split) == (10, 1e-3, "test")
    others = {name: getattr(Config(), name) for name in (*NOT_INHERITED, *OF_THE_DATA)}
    given = {"start_from": str(run), "beta2": 0.9, "data": "mnist"}
    assert settings.to_dict() == recorded.to_dict() | others | given
    again = settings_from(None, None, None, {"start_from": str(run), "steps": 3})
    assert (again.data, again.split, again.length) == ("mnist", "test", "3 steps")


def test_a_file_of_settings_can_name_the_run(run, tmp_path):
    (tmp_path / "mine.toml").write_text(f'start_from = "{run}"\nsteps = 3\nfreeze_d = 1\n')
    settings = settings_from("mnist", None, tmp_path / "mine.toml", {"steps": 4})
    assert (settings.batch_size, settings.freeze_d, settings.steps) == (10, 1, 4)


def test_the_batch_size_is_reduced_unless_it_is_given(run, photos):
    for picture in sorted(photos.iterdir())[8:]:
        picture.unlink()
    assert config_of(photos, {"start_from": run}).batch_size == 8
    with pytest.raises(ForgeryError, match="a batch of 9 is larger than the data"):
        forgery.train(photos, photos.parent / "no", start_from=run, batch_size=9)


def test_pictures_take_the_size_and_colour_of_the_pretrained_run(run, photos, tmp_path):
    tuned = forgery.train(photos, tmp_path / "tuned", start_from=run, steps=1)
    assert (tuned.shape, tuned.config.image_size, tuned.config.colour) == ((1, 28, 28), 28, "grey")
    assert tuned.dataset().shape == (1, 28, 28)


def test_pictures_of_other_sizes_follow_a_run_on_pictures_of_one_size(photos, tmp_path):
    small = SMALL | {"fit": "none", "recipe": "mlp"}
    forgery.train(photos, tmp_path / "run", **small)
    (tmp_path / "others").mkdir()
    for i in range(12):
        Image.new("RGB", (20 + i, 20), (i, 0, 0)).save(tmp_path / "others" / f"{i}.png")
    config = config_of(tmp_path / "others", {"start_from": tmp_path / "run"})
    assert (config.fit, config.image_size) == ("crop", "12x16")


def test_a_start_in_the_home_folder(run, monkeypatch):
    """A settings file or a form may hold a ~ that no shell has expanded."""
    monkeypatch.setenv("HOME", str(run.parent))
    monkeypatch.setenv("USERPROFILE", str(run.parent))
    assert config_of("mnist", {"start_from": "~/run@2"}).batch_size == 10
    tuned = forgery.train("mnist", run.parent / "tuned", start_from="~/run@2", steps=1)
    assert tuned.config.start_from == f"{run}@2"


def test_held_out_data_that_the_weights_were_trained_on_are_noted(tmp_path):
    random = torch.Generator().manual_seed(3)
    images = torch.randint(256, (300, 1, 8, 8), generator=random, dtype=torch.uint8)
    np.savez(tmp_path / "all.npz", images=images[:200, 0].numpy())
    forgery.train(tmp_path / "all.npz", tmp_path / "run", recipe="mlp", **SMALL)
    mine, held = Dataset("mine", images[200:]), Dataset("held", images[100:200])
    tuned = forgery.train(mine, tmp_path / "tuned", start_from=tmp_path / "run").path
    measure = {"extractor": "none", "data": mine, "device_name": "cpu", "progress": False}
    start = r"the weights that the run started from \(run\)"
    (note,) = forgery.evaluate(tuned, 50, held, **measure).notes
    assert re.fullmatch(f"{start} were trained on 100 of the 100 images of held", note)
    (tmp_path / "all.npz").unlink()
    (note,) = forgery.evaluate(tuned, 50, held, **measure).notes
    assert re.match(f"not checked whether {start} were trained on some of held: ", note)


def test_the_command_line_starts_from_a_run_and_shows_it(run, monkeypatch, capsys):
    monkeypatch.chdir(run.parent)
    monkeypatch.setenv("COLUMNS", "300")  # long paths are not wrapped
    for arguments in (
        ["train", "mnist", "--start-from", "run@2", "--steps", "1", "--out", "tuned"],
        ["show", "tuned"],
    ):
        monkeypatch.setattr(sys, "argv", ["forgery", *arguments])
        with pytest.raises(SystemExit) as left:
            main()
        assert not left.value.code
    printed = capsys.readouterr().out
    assert f"starting from {run}, step 2\n" in printed
    assert re.search(r"^started from +.*run@2, step 2, weights", printed, re.M)
    assert at(run, 2).fingerprint[:12] in printed


def test_a_run_of_a_fine_tuned_run_has_its_own_start(run, tmp_path):
    tuned = forgery.train("mnist", tmp_path / "tuned", start_from=run, freeze_d=1, steps=1).path
    third = config_of("mnist", {"start_from": tuned})
    assert (third.start_from, third.freeze_d) == (str(tuned), 0)


def test_the_path_is_recorded_as_an_absolute_one(run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    tuned = forgery.train("mnist", "tuned", start_from="run@2", steps=1)
    assert tuned.config.start_from == f"{run}@2"


def test_a_run_is_resumed_with_its_settings_as_they_were_given(run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    forgery.train("mnist", "tuned", start_from="run@2", steps=1)
    tuned = forgery.resume("tuned", data="mnist", start_from=Path("run@2"), steps=2)
    assert (tuned.step, tuned.config.start_from) == (2, f"{run}@2")
    with pytest.raises(ForgeryError, match=r"other settings .*run@2 → .*run@4"):
        forgery.resume("tuned", start_from="run@4", steps=3)


# Classes.


@pytest.mark.parametrize(
    "changes",
    [
        {"conditional": "concat"},
        {"conditional": "concat", "generator": "dcgan", "discriminator": "resnet"},
        {"conditional": "concat", "discriminator": "modern-patched"},
        {"conditional": "projection", "generator": "modern"},
        {"conditional": "auxiliary", "discriminator": "dcgan"},
        {"conditional": "semi-supervised"},
    ],
    ids=lambda changes: ", ".join(changes.values()),
)
def test_weights_of_classes_are_assigned_by_name(tmp_path, changes):
    """The classes are A to C, then C, A and two new ones: G and D treat C and A as before."""
    old, new = labelled("ABC"), labelled("CxAy")
    forgery.train(old, tmp_path / "run", recipe="mlp", **SMALL, **changes)
    config = config_of(new, {"start_from": tmp_path / "run"}, dataset=new)
    random = training_of(config, new, CPU)
    training = training_of(config, new, CPU)
    pretrained_of(config, new).hand_over(training, config, new)
    assert list(classes_of(config, new)) == ["C", "x", "A", "y"]
    model = forgery.load(tmp_path / "run")
    discriminator = training.game.players["discriminator"].network.eval()
    z, x = torch.randn(6, 4), torch.rand(6, 1, 8, 8)
    before, now = torch.tensor([2, 0] * 3), torch.tensor([0, 2] * 3)  # C and A
    with torch.no_grad():
        if model.takes_class:
            torch.testing.assert_close(training.average.network(z, now), model.generator(z, before))
        if changes["conditional"] in ("auxiliary", "semi-supervised"):
            h = discriminator.look(x)[1]
            logits = discriminator.class_logits(h)[:, [0, 2]]
            expected = model.discriminator.class_logits(model.discriminator.look(x)[1])[:, [2, 0]]
            torch.testing.assert_close(logits, expected)
        else:
            torch.testing.assert_close(discriminator(x, now), model.discriminator(x, before))
    # What belongs to the new classes is as random as in a run without a start.
    fresh = random.game.players["discriminator"].network.state_dict()
    weights = discriminator.state_dict()
    wider = networks(config, new.mean, 5)[1].state_dict()
    grown = [key for key in weights if wider[key].shape != weights[key].shape]
    assert grown
    for key in grown:
        same = weights[key] == fresh[key]
        assert 0 < same.sum() < same.numel()


def test_the_same_classes_keep_all_weights_in_any_order(tmp_path):
    changes = {"conditional": "concat", "spectral_norm": True}
    forgery.train(labelled("ABC"), tmp_path / "run", recipe="mlp", **SMALL, **changes)
    new = labelled("CAB")
    config = config_of(new, {"start_from": tmp_path / "run"}, dataset=new)
    training = training_of(config, new, CPU)
    pretrained_of(config, new).hand_over(training, config, new)
    old = at(tmp_path / "run", 2).model
    for name, network in training.game.players.items():
        for key, value in network.network.state_dict().items():
            before = old[f"{name}.{key}"]
            assert torch.equal(value.flatten().sort()[0], before.flatten().sort()[0])
    weight = training.game.players["generator"].network.network.layers[0].weight
    before = old["generator.network.layers.0.weight"]
    assert torch.equal(weight, before[:, [0, 1, 2, 3, 6, 4, 5]])


def test_weights_in_float16_are_assigned_by_class():
    """A model of the zoo, which has ten classes, on other ones."""
    new = labelled("103", size=28)
    config = config_of(new, {"start_from": "zoo:mnist"}, dataset=new)
    training = training_of(config, new, CPU)
    pretrained_of(config, new).hand_over(training, config, new)
    z, one, zero = torch.randn(4, config.latent), *torch.zeros(2, 4, dtype=torch.long)
    before = forgery.load("zoo:mnist").generator
    with torch.no_grad():
        drawn = training.average.network(z, one)
        torch.testing.assert_close(drawn, before(z, zero + 1), rtol=1e-3, atol=1e-3)


def test_an_infogan_may_have_more_codes(tiny, tmp_path):
    """The two means come before the codes of the classes, and keep their weights."""
    forgery.train(tiny.replace(conditional="infogan", codes=3), tmp_path / "run")
    tuned = forgery.train("mnist", tmp_path / "tuned", start_from=tmp_path / "run", codes=5)
    first, old = at(tuned.path, 0).model, at(tmp_path / "run", 6).model
    assert torch.equal(first["discriminator.classify.weight"][:5],
                       old["discriminator.classify.weight"])  # fmt: skip
    assert first["discriminator.classify.weight"].shape[0] == 2 + 5


def test_new_classes_are_reported(tmp_path, capsys):
    forgery.train(
        labelled("ABC"), tmp_path / "run", recipe="mlp", conditional="projection", **SMALL
    )
    forgery.train(labelled("CxAy"), tmp_path / "a", start_from=tmp_path / "run", progress=True)
    line = f"starting from {tmp_path / 'run'}, step 2"
    assert f"{line}; classes with new weights: x, y\n" in capsys.readouterr().out
    forgery.train(labelled("AB"), tmp_path / "b", start_from=tmp_path / "run", progress=True)
    assert f"{line}\n" in capsys.readouterr().out


# Frozen layers.


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"spectral_norm": True, "objective": "hinge"},
        {"precision": "bfloat16", "accumulate": 2},
        {"penalty": "r1", "d_steps": 2},
        {"updates": "simultaneous", "optimizer": "momentum", "pack": 2},
        {"optimizer": "rmsprop", "clip": 0.1, "objective": "wasserstein"},
        {"discriminator": "dcgan", "augment": "diffaugment"},
        {"conditional": "projection"},
    ],
    ids=lambda changes: ", ".join(changes) or "mlp",
)
def test_frozen_layers_and_no_others_keep_their_weights(tiny, tmp_path, changes):
    forgery.train(tiny.replace(**changes), tmp_path / "run", steps=2)
    config = config_of("mnist", {"start_from": tmp_path / "run", "split": "test"})
    tuned = forgery.train(config.replace(freeze_d=1), tmp_path / "tuned", steps=3)
    discriminator = tuned.discriminator
    frozen = {p for m in lower_layers(discriminator)[0] for p in m.parameters()}
    names = {name for name, p in discriminator.named_parameters() if p in frozen}
    before, after = at(tmp_path / "run", 2).model, at(tuned.path, 3)
    assert names
    trained = [name for name, p in discriminator.named_parameters() if p not in frozen]
    for name in [*names, *trained]:
        key = f"discriminator.{name}"
        assert torch.equal(before[key], after.model[key]) == (name in names), name
    slots = [key for key in after.optimizers if key.startswith("discriminator.")]
    assert {int(key.split(".")[1]) for key in slots} == set(range(len(trained)))


def test_a_fine_tuned_run_resumes_to_the_bit_without_the_pretrained_one(tiny, tmp_path):
    run = forgery.train(tiny.replace(spectral_norm=True, objective="hinge"), tmp_path / "run").path
    changes = {"start_from": run, "freeze_d": 1, "split": "test", "ema": 0.9}
    straight = forgery.train("mnist", tmp_path / "straight", steps=6, **changes).path
    short = forgery.train("mnist", tmp_path / "short", steps=3, **changes).path
    run.rename(tmp_path / "moved")
    forgery.resume(short, steps=6)
    one, other = at(straight, 6), at(short, 6)
    for mine, theirs in ((one.model, other.model), (one.optimizers, other.optimizers)):
        assert mine.keys() == theirs.keys()
        assert all(torch.equal(mine[key], theirs[key]) for key in mine)
    assert forgery.load(short).sample(3).shape == (3, 1, 28, 28)
    with pytest.raises(ForgeryError, match="freeze-d 1 → 2"):
        forgery.resume(short, freeze_d=2)


def test_more_layers_than_there_are_cannot_be_frozen(run, tmp_path):
    with pytest.raises(ForgeryError, match="freeze-d 3 is more than the 2 layers that discriminat"):
        forgery.train("mnist", tmp_path / "no", start_from=run, freeze_d=3)
    assert forgery.train("mnist", tmp_path / "all", start_from=run, freeze_d=2, steps=1).step == 1


def test_random_weights_are_not_frozen(tmp_path):
    changes = {"conditional": "concat"}
    run = forgery.train(labelled("ABC"), tmp_path / "run", recipe="mlp", **SMALL, **changes).path
    with pytest.raises(ForgeryError, match="freeze-d 1 would keep random weights of the classes x"):
        forgery.train(labelled("ABx"), tmp_path / "no", start_from=run, freeze_d=1)
    forgery.train(labelled("CA"), tmp_path / "fewer", start_from=run, freeze_d=1)


# Parts from Python.


class Sines(nn.Module):
    def __init__(self, spec):
        super().__init__()
        self.shape = spec.shape
        self.layer = nn.Linear(spec.latent, spec.size)

    def forward(self, z):
        return self.layer(z).sin().view(-1, *self.shape)


def test_parts_given_from_python_are_given_again(tmp_path):
    data = labelled("AB")
    run = forgery.train(data, tmp_path / "run", recipe="mlp", **SMALL, generator=Sines).path
    with pytest.raises(ForgeryError, match=r"Sines was given from Python.*start_from=run, generat"):
        forgery.train(data, tmp_path / "no", start_from=run)
    assert not (tmp_path / "no").exists()
    forgery.train(data, tmp_path / "tuned", start_from=run, generator=Sines)
    first, pretrained = at(tmp_path / "tuned", 0).model, at(run, 2).model
    assert torch.equal(first["generator.layer.weight"], pretrained["generator.layer.weight"])
    with pytest.raises(ForgeryError, match=r"the data of .*, letters, was given from Python: give"):
        settings_from(None, None, None, {"start_from": str(run)})


def test_a_module_s_classes_are_those_of_the_pretrained_run(tmp_path):
    class Given(Sines):
        def forward(self, z, y=None):
            return super().forward(z)

    given = Given(Spec((1, 8, 8), 6, 8, 2, torch.zeros(1, 8, 8)))  # 4 dimensions of z, 2 classes
    part = {"generator": given, "conditional": "projection"}
    run = forgery.train(labelled("AB"), tmp_path / "run", recipe="mlp", **SMALL, **part).path
    forgery.train(labelled("AB", "others"), tmp_path / "same", start_from=run, **part)
    with pytest.raises(ForgeryError, match=r"no weight of the generator .* the same classes in"):
        forgery.train(labelled("BA"), tmp_path / "no", start_from=run, **part)


# Refusals.


@pytest.mark.parametrize(
    ("what", "changes", "message"),
    [
        ("mnist", {"start_from": "nowhere"}, "nowhere is not a run folder: there is no such"),
        ("mnist", {"start_from": "run@best"}, "run has no best step"),
        ("mnist", {"start_from": "run@9"}, r"run has no checkpoint of step 9: it has \[6, 5"),
        ("mnist", {"start_from": "run@x"}, "run@x is not a run folder"),
        ("mnist", {"start_from": 5}, "start-from must be the folder of a run, not 5"),
        ("mnist", {"g_width": 9}, "g-width 9 does not fit .* run, which has g-width 8: leave it"),
        ("mnist", {"latent": 5, "pack": 2}, "(?s)latent 5 .* has latent 4: .*pack 2 .* pack 1: "),
        ("mnist", {"discriminator": "dcgan"}, "discriminator dcgan .* has discriminator mlp"),
        ("mnist", {"spectral_norm": True}, "spectral-norm .* which has no spectral-norm"),
        ("mnist", {"conditional": "concat"}, "conditional concat .* has conditional none"),
        ("mnist", {"model": "vae"}, "model vae does not fit .* has model gan"),
        (
            "mnist",
            {"image_size": 32},
            "image-size 32 .* draws images of 1 × 28 × 28: give --im",
        ),
        ("mnist", {"colour": "rgb"}, "colour rgb .* draws images .*: give --colour grey"),
        ("mnist", {"recipe": "dcgan"}, "recipe dcgan cannot be combined with start-from"),
        ("dcgan", {}, "recipe dcgan cannot be combined with start-from"),
        ("stacked-mnist", {}, r"but stacked-mnist.* 3 × 28 × 28: give --image-size 28 --colour gr"),
        ("ring8", {}, r"draws images of .*, but ring8\[train\] holds points of 2: choose data of"),
        (labelled("AB"), {}, "letters holds images of 1 × 8 × 8: convert them first"),
        (recipes.mlp(), {}, "g-width 512 does not fit the weights of .* which has g-width 8"),
        ("mnist", {"objective": "wasserstein"}, "no lower bound"),
    ],
)
def test_what_does_not_fit_is_refused_before_anything_is_written(
    run, tmp_path, monkeypatch, what, changes, message
):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ForgeryError, match=message):
        forgery.train(what, "no", **{"start_from": "run"} | changes)
    assert not Path("no").exists()


def test_data_without_classes_are_refused_by_a_run_with_classes(tmp_path, photos):
    run = forgery.train(
        labelled("AB", size=28), tmp_path / "run", recipe="conditional", **SMALL
    ).path
    with pytest.raises(ForgeryError, match=r"was trained with classes .*photos.* has none: choose"):
        forgery.train(photos, tmp_path / "no", start_from=run)
    with pytest.raises(ForgeryError, match=r"conditional none does not fit .* has condi"):
        forgery.train(photos, tmp_path / "no", start_from=run, conditional="none")


def test_damaged_weights_are_not_started_from(run, tmp_path):
    last = at(run, 6)
    broken = last.model | {"generator.layers.0.bias": torch.full((8,), torch.nan)}
    checkpoint.write(run / "checkpoints", replace(last, model=broken), keep=100)
    with pytest.raises(ForgeryError, match=r"run at step 6 are not finite: .*run@STEP"):
        forgery.train("mnist", tmp_path / "no", start_from=run)
    (run / "checkpoints" / "00000006" / "model.safetensors").write_bytes(b"")
    tuned = forgery.train("mnist", tmp_path / "tuned", start_from=run, steps=1)  # from step 5
    assert torch.equal(at(tuned.path, 0).model["generator.layers.0.bias"],
                       at(run, 5).model["generator.layers.0.bias"])  # fmt: skip
    shutil.rmtree(run / "checkpoints")
    with pytest.raises(ForgeryError, match="run/checkpoints holds no checkpoint yet"):
        forgery.train("mnist", tmp_path / "no", start_from=run)
    assert not (tmp_path / "no").exists()


def test_processes_that_read_different_weights_are_refused(run):
    class Unequal(Ranks):
        def largest(self, *numbers):
            return [number + 1 for number in numbers]

    config = config_of("mnist", {"start_from": run})
    with pytest.raises(ForgeryError, match=r"read different checkpoints .*run@6"):
        pretrained_of(config, labelled("AB", size=28), Unequal(0, 2))
