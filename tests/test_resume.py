"""A resumed run is bit-identical to an uninterrupted one.

Every kind of state is resumed by ``forgery.resume`` at three steps. In the full matrix, every
recipe and every network, each checkpoint is restored and trained for one step to the next.
"""

import json
import shutil
from pathlib import Path

import pytest
import torch

import forgery
from forgery.augmentations import AUGMENTATIONS
from forgery.build import batches_of, training_of
from forgery.config import Config
from forgery.models import CONDITIONS
from forgery.parts import data_of
from forgery.recipes import RECIPES
from forgery.training import checkpoint
from forgery.training.end import End
from forgery.training.loop import iterate

CPU = torch.device("cpu")
STEPS = 10
#: 200 images in minibatches of 50: ten steps are 2½ epochs.
SMALL = {
    "g_width": 8, "d_width": 8, "latent": 4, "limit": 200, "batch_size": 50, "d_steps": 1,
    "report_every": 3, "sample_every": 4, "checkpoint_every": 1, "keep_checkpoints": 100,
    "device": "cpu", "threads": 1,
}  # fmt: skip
OF_IMAGES = {"grid": 4, "split": "test"}
ADAPTIVE = {"augment": "adaptive", "augment_ramp": 400, "augment_target": 0.01}
FEW_LABELS = {"conditional": "semi-supervised", "labels": 30}

#: Kind of state → (recipe, changes).
KINDS = {
    "Adam and an average": ("mlp", {}),
    "momentum, dropout, both players at once": ("goodfellow2014", {}),
    "RMSProp, clipping, two D steps": ("wgan", {"d_steps": 2}),
    "singular vectors": ("mlp", {"objective": "hinge", "spectral_norm": True}),
    "batch statistics": ("dcgan", {}),
    "schedules, G's own real batch": ("modern", {"generator": "mlp", "discriminator": "mlp"}),
    "a penalty that draws random numbers": ("dragan", {}),
    "adaptive augmentation": ("mlp", ADAPTIVE),
    "mirrored and augmented images": ("mlp", {"flip": True, "augment": "diffaugment"}),
    "classes that G is told": ("conditional", {}),
    "classes that D learns": ("mlp", FEW_LABELS),
    "codes": ("mlp", {"conditional": "infogan", "noise": "uniform"}),
    "packs, in parts": ("mlp", {"pack": 2, "batch_size": 20}),
    "gradients accumulated over parts": ("mlp", {"accumulate": 2}),
    "an encoder": ("vae", {}),
    "points": ("points", {"limit": 200}),
    "frozen features": ("mlp", {"discriminator": "projected", "objective": "hinge"}),
}

NETWORKS = [
    ("dcgan", "dcgan", {}),
    ("deconv2014", "maxout-conv2014", {}),
    ("relu-sigmoid-linear2014", "maxout", {}),
    ("resnet", "resnet", {"objective": "hinge"}),
    ("modern", "modern", {"objective": "relativistic", "penalty": "r1+r2"}),
    ("modern-patched", "modern-patched", {"objective": "relativistic", "penalty": "r1+r2"}),
    ("dcgan", "resnet", {"pack": 2, "batch_size": 20}),
]
#: All other table entries → (recipe, changes).
MATRIX = (
    {recipe: (recipe, {}) for recipe in RECIPES}
    | {f"{g} against {d}": ("mlp", {"generator": g, "discriminator": d} | more)
       for g, d, more in NETWORKS}
    | {f"augment {name}": ("mlp", (ADAPTIVE if augmentation.adaptive else {}) | {"augment": name})
       for name, augmentation in AUGMENTATIONS.items() if augmentation}
    | {f"conditional {told}, {objective}": ("mlp", {"conditional": told, "objective": objective})
       for told in CONDITIONS if told not in ("none", "semi-supervised")
       for objective in ("non-saturating", "feature-matching")}
    | {"feature matching on few labels": ("mlp", FEW_LABELS | {"objective": "feature-matching"}),
       "a convolutional VAE": ("vae", {"generator": "dcgan", "discriminator": "dcgan"}),
       "all at once": ("mlp", ADAPTIVE | {
           "conditional": "projection", "updates": "simultaneous", "flip": True})}
)  # fmt: skip


def config_of(recipe: str, changes: dict) -> Config:
    small = SMALL | ({} if recipe in ("points", "pacgan") else OF_IMAGES)
    labels = {"labels": 30} if recipe == "semi-supervised" else {}
    return RECIPES[recipe](steps=STEPS).replace(**small | labels | changes)


def reports(run: Path) -> list[dict]:
    lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    return [
        {k: v for k, v in line.items() if "second" not in k and k != "core_wait"} for line in lines
    ]


def assert_same(one: checkpoint.Checkpoint, other: checkpoint.Checkpoint) -> None:
    assert one.step == other.step
    for mine, theirs in ((one.model, other.model), (one.optimizers, other.optimizers)):
        assert mine.keys() == theirs.keys()
        assert all(torch.equal(mine[key], theirs[key]) for key in mine)


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_state_is_resumed_to_the_bit(tmp_path, kind):
    straight = tmp_path / "straight"
    forgery.train(config_of(*KINDS[kind]), straight)
    for step in (1, 4, 6):  # within an epoch, between epochs, at a report
        resumed = tmp_path / f"from{step}"
        shutil.copytree(straight, resumed)
        for later in range(step + 1, STEPS + 1):
            shutil.rmtree(resumed / "checkpoints" / f"{later:08d}")
        forgery.resume(resumed)
        ends = [checkpoint.read_last(run / "checkpoints")[0] for run in (straight, resumed)]
        assert_same(*ends)
        assert ends[0].counters["totals"] == ends[1].counters["totals"]
        assert reports(straight) == reports(resumed)
        names = [sorted(p.name for p in (run / "samples").iterdir()) for run in (straight, resumed)]
        assert names[0] == names[1]


@pytest.mark.slow
@pytest.mark.parametrize("name", MATRIX)
def test_a_step_from_every_checkpoint_gives_the_next(tmp_path, name):
    config = config_of(*MATRIX[name])
    forgery.train(config, tmp_path / "run")
    dataset = data_of(config)
    folder = tmp_path / "run" / "checkpoints"
    for step in range(STEPS):
        training = training_of(config, dataset, CPU)
        training.restore(checkpoint.read(folder, step))
        batches = batches_of(config, dataset, CPU, project=training.project)
        with torch.random.fork_rng(devices=[]):
            iterate(training, batches, End(config.steps or 100))
        assert_same(training.checkpoint(), checkpoint.read(folder, step + 1))


def test_every_kind_of_state_changes_during_training():
    """The compared state changes from step to step, including p of adaptive augmentation."""
    config = config_of(*KINDS["adaptive augmentation"])
    dataset = data_of(config)
    training = training_of(config, dataset, CPU)
    batches = batches_of(config, dataset, CPU, project=training.project)
    with torch.random.fork_rng(devices=[]):
        for _ in range(5):
            iterate(training, batches, End(config.steps or 100))
    assert training.networks()["augment"].p > 0


def test_a_run_of_an_earlier_version_opens_and_resumes(tmp_path):
    # Its config.json lists all settings, including those without effect (momentum .9 under Adam),
    # and has no length in images.
    run = tmp_path / "run"
    shutil.copytree(Path(__file__).parent / "earlier_run", run)
    before = json.loads((run / "config.json").read_text())["config"]
    assert (before["momentum"], "images" in before) == (0.9, False)
    model = forgery.load(run)
    assert (model.step, model.config.steps, model.config.g_width) == (2, 2, 1)
    assert model.config.momentum == Config().momentum
    assert model.sample(3).shape == (3, 1, 28, 28)
    longer = forgery.resume(run, steps=4)
    assert longer.step == 4
    after = json.loads((run / "config.json").read_text())["config"]
    assert after == longer.config.effective()
    assert after["Length"] == {"steps": 4}
    assert len((run / "metrics.jsonl").read_text().splitlines()) == 4


def test_a_longer_run_with_a_schedule_is_warned_of(tiny, tmp_path, capsys):
    moving = tiny.replace(burn_in=1.0, learning_rate_final=0.0, steps=2)
    forgery.train(moving, tmp_path / "run")
    forgery.resume(tmp_path / "run", steps=3)
    warning = "settings move over a fraction of 3 steps (burn-in 1), no longer of 2 steps"
    assert warning in capsys.readouterr().err
    forgery.train(tiny, tmp_path / "plain")
    forgery.resume(tmp_path / "plain", steps=7)
    assert "burn-in" not in capsys.readouterr().err
