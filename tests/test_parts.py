"""Parts of one's own: given from Python, or added by an installed package."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch import nn
from torch.nn import functional

import forgery
from forgery import ForgeryError, parts
from forgery.data import Dataset
from forgery.models import layers
from forgery.objectives import OBJECTIVES, Objective
from forgery.training.events import StepDone

EXAMPLE = Path(__file__).parent.parent / "examples" / "forgery-extras"


def quadratic(real, fake):
    return (real - 1).square() + fake.square()


MINE = Objective(d=quadratic, g=lambda fake, real: (fake - 1).square())


def half_r1(discriminator, real, fake):
    x = real.detach().requires_grad_()
    (gradient,) = torch.autograd.grad(discriminator(x).sum(), x, create_graph=True)
    return gradient.square().flatten(1).sum(1) / 2


class Generator(nn.Module):
    def __init__(self, spec):
        super().__init__()
        self.shape = spec.shape
        self.layer = nn.Linear(spec.latent, spec.size)

    def forward(self, z):
        return self.layer(z).tanh().view(-1, *self.shape)


class Discriminator(nn.Module):
    def __init__(self, spec):
        super().__init__()
        self.layer = nn.Linear(spec.size, 1)

    def forward(self, x):
        return self.layer(x.flatten(1)).squeeze(1)


def data(n=60, name="stripes"):
    generator = torch.Generator().manual_seed(0)
    return Dataset(name, torch.randint(0, 256, (n, 1, 6, 6), generator=generator).byte())


OWN = {
    "objective": MINE,
    "penalty": half_r1,
    "generator": Generator,
    "discriminator": Discriminator,
}


def test_a_run_of_own_parts_on_own_data_is_trained_loaded_and_resumed(tiny, tmp_path):
    steps = []

    def note(event):
        if isinstance(event, StepDone):
            steps.append(event.step)

    own = OWN | {"data": data()}
    model = forgery.train(tiny, tmp_path / "run", callbacks=[note], **own)
    assert steps == [1, 2, 3, 4, 5, 6]
    assert isinstance(model.generator, Generator)
    networks = {name: OWN[name] for name in ("generator", "discriminator")}
    loaded = forgery.load(tmp_path / "run", **networks)
    assert torch.equal(loaded.sample(5), model.sample(5))
    forgery.resume(tmp_path / "run", steps=8, **own)
    straight = forgery.train(tiny, tmp_path / "straight", steps=8, **own)
    resumed = forgery.load(tmp_path / "run", **networks)
    assert torch.equal(resumed.sample(5), straight.sample(5))


def test_parameters_that_take_no_gradient_are_not_trained(tiny, tmp_path):
    network = nn.Sequential(nn.Flatten(), nn.Linear(784, 8), nn.LeakyReLU(), nn.Linear(8, 1))
    network.append(nn.Flatten(0))[1].requires_grad_(False)
    model = forgery.train(tiny, tmp_path / "run", discriminator=network)
    assert torch.equal(model.discriminator[1].weight, network[1].weight)
    assert not torch.equal(model.discriminator[3].weight, network[3].weight)


def test_a_run_records_where_its_parts_come_from(tiny, tmp_path):
    forgery.train(tiny, tmp_path / "run", objective=MINE, generator=Generator)
    record = json.loads((tmp_path / "run" / "config.json").read_text())
    assert record["parts"].keys() == {"objective", "generator"}
    assert record["parts"]["generator"]["name"] == parts.name_of(Generator)
    assert record["parts"]["generator"]["from"] == __file__


def test_what_is_missing_is_said_when_a_run_is_opened_without_it(tiny, tmp_path):
    own = OWN | {"data": data()}
    forgery.train(tiny, tmp_path / "run", **own)
    missing = (
        r"the generator .*:Generator was given from Python .* forgery.load\(run, generator=…\)"
    )
    with pytest.raises(ForgeryError, match=missing):
        forgery.load(tmp_path / "run")
    for name in own:
        with pytest.raises(ForgeryError, match=rf"{name}.* was given from Python"):
            forgery.resume(tmp_path / "run", steps=8, **{k: v for k, v in own.items() if k != name})
    with pytest.raises(ForgeryError, match="not the data that"):
        forgery.resume(tmp_path / "run", steps=8, **own | {"data": data(61)})


def test_a_run_of_own_networks_and_data_is_measured_and_examined(tiny, tmp_path):
    networks = {name: OWN[name] for name in ("generator", "discriminator")}
    forgery.train(tiny, tmp_path / "run", data=data(), **networks)
    generator = torch.Generator().manual_seed(1)
    held_out = Dataset("fresh", torch.randint(0, 256, (40, 1, 6, 6), generator=generator).byte())
    card = forgery.evaluate(
        tmp_path / "run", samples=50, against=held_out, data=data(), device_name="cpu", **networks
    )
    assert card.protocol.against == "fresh"
    assert "parzen" in card.scores
    assert (tmp_path / "run" / "card.json").exists()
    forgery.doctor(tmp_path / "run", data=data(), **networks)
    with pytest.raises(ForgeryError, match=r"generator .* was given from Python"):
        forgery.evaluate(tmp_path / "run", samples=50, against=held_out, data=data())


def test_a_module_is_copied_and_begins_with_its_own_weights(tiny, tmp_path):
    module = nn.Sequential(nn.Linear(4, 784), nn.Tanh(), nn.Unflatten(1, (1, 28, 28)))
    before = module[0].weight.detach().clone()
    model = forgery.train(tiny, tmp_path / "run", generator=module, ema=0.0)
    assert torch.equal(module[0].weight, before)
    at_first = forgery.load(tmp_path / "run", step=0, generator=module)
    assert torch.equal(at_first.generator[0].weight, before)
    assert not torch.equal(model.generator[0].weight, before)


def test_a_module_given_in_evaluation_mode_is_trained(tiny, tmp_path):
    layers = nn.Linear(4, 784), nn.BatchNorm1d(784), nn.Tanh(), nn.Unflatten(1, (1, 28, 28))
    module = nn.Sequential(*layers).eval()
    model = forgery.train(tiny, tmp_path / "run", generator=module, ema=0.0)
    assert model.generator[1].num_batches_tracked > 0
    assert not module.training


def test_data_alone_is_trained_on_by_the_recipe_that_suits_it(tmp_path):
    small = {"g_width": 8, "d_width": 8, "steps": 2, "threads": 1, "device": "cpu"}
    images = forgery.train(data(), tmp_path / "images", **small)
    assert images.shape == (1, 6, 6)
    assert images.config.recipe == "mlp"
    assert images.config.batch_size == 60  # what the data can fill
    points = forgery.train(Dataset("plane", torch.randn(300, 2)), tmp_path / "points", **small)
    assert points.config.recipe == "points"
    with pytest.raises(ForgeryError, match="data is given twice: 'mnist' and 'stripes'"):
        forgery.train("mnist", data=data())


class Flat(Generator):
    def forward(self, z):
        return self.layer(z)


WRONG = [
    ("generator", Flat, r"maps z \[4, 4\] to samples \[4, 784\]: expected \[4, 1, 28, 28\]"),
    ("generator", lambda spec: 3, r"makes a int: expected a torch.nn.Module"),
    ("discriminator", lambda spec: nn.Flatten(), r"to logits \[4, 784\]: expected \[4\]"),
    ("objective", quadratic, r"must be a forgery.objectives.Objective or a name"),
    (
        "objective",
        Objective(d=lambda real, fake: (real + fake).sum(), g=MINE.g),
        r"maps logits by d \[4\] to losses \[\]: expected \[4\]",
    ),
    (
        "objective",
        Objective(d=MINE.d, g=lambda fake, real: fake.detach()),
        r"to losses that carry no gradient",
    ),
    ("penalty", lambda d, real, fake: d(real).mean(), r"to penalties \[\]: expected \[4\]"),
    ("penalty", lambda d, real: d(real), r"fails on 4 samples: TypeError"),
    ("penalty", lambda d, real, fake: 1 / 0, r"fails on 4 samples: ZeroDivisionError"),
]


@pytest.mark.parametrize(("setting", "part", "problem"), WRONG)
def test_a_part_that_does_not_do_its_work_is_refused_at_once(
    tiny, tmp_path, setting, part, problem
):
    with pytest.raises(ForgeryError, match=rf"the {setting} (.*)?{problem}"):
        forgery.train(tiny, tmp_path / "run", **{setting: part})
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("changes", [{"conditional": "projection"}, {"pack": 2}])
def test_own_parts_play_with_classes_and_packs(tiny, tmp_path, changes):
    own = {"objective": MINE, "penalty": half_r1}
    forgery.train(tiny.replace(**changes), tmp_path / "run", **own)


def test_own_objectives_that_compare_samples_play_too(tiny, tmp_path):
    paired = Objective(
        d=lambda real, fake: functional.softplus(fake - real),
        g=lambda fake, real: functional.softplus(real - fake),
        g_needs_real=True,
        undecided=None,
    )
    forgery.train(tiny, tmp_path / "run", objective=paired)
    unbounded = OBJECTIVES["wasserstein"]
    with pytest.raises(ForgeryError, match="D's loss"):
        forgery.train(
            tiny, tmp_path / "no", objective=Objective(unbounded.d, unbounded.g, d_bounded=False)
        )


class Inputs(layers.Discriminator):
    """A discriminator of one's own that takes inputs, not maps."""

    flattens = True

    def __init__(self, spec):
        super().__init__()
        self.shape = spec.shape
        self.layers = nn.Sequential(nn.Flatten(), nn.Linear(spec.size, 4), nn.Linear(4, 1))

    def look(self, x, y=None):
        h = self.layers[:2](x)
        return self.layers[2](h).squeeze(1), h


def test_an_own_discriminator_takes_the_class_as_inputs(tiny, tmp_path):
    config = tiny.replace(conditional="concat", steps=1)
    model = forgery.train(config, tmp_path / "run", discriminator=Inputs)
    assert model.discriminator.network.shape == (28 * 28 + 10,)


@pytest.mark.parametrize("conditional", ["none", "concat"])
def test_features_are_missed_before_the_folder_is_made(tiny, tmp_path, conditional):
    config = tiny.replace(conditional=conditional, objective="feature-matching")
    with pytest.raises(ForgeryError, match=r"compares features of D, but .* provides none"):
        forgery.train(config, tmp_path / "run", discriminator=Discriminator)
    assert not (tmp_path / "run").exists()


class Volume(nn.Module):
    """A generator of one's own with a convolution of volumes."""

    def __init__(self, spec):
        super().__init__()
        self.layer = nn.Linear(spec.latent, 28 * 28)
        self.volume = nn.Conv3d(1, 1, 3, padding=1)

    def forward(self, z):
        return torch.tanh(self.volume(self.layer(z).view(-1, 1, 1, 28, 28))[:, 0])


def test_a_generator_with_volumes_trains(tiny, tmp_path):
    assert forgery.train(tiny, tmp_path / "run", generator=Volume).step == tiny.steps


@pytest.mark.filterwarnings("ignore:.*weight_norm.*is deprecated")
def test_a_network_that_cannot_be_copied_is_refused(tiny, tmp_path):
    def make(spec):
        layer = nn.utils.weight_norm(nn.Linear(spec.latent, 28 * 28))
        return nn.Sequential(layer, nn.Tanh(), nn.Unflatten(1, (1, 28, 28)))

    with pytest.raises(ForgeryError, match=r"cannot be copied .*torch.nn.utils.parametrizations"):
        forgery.train(tiny, tmp_path / "run", generator=make)
    assert not (tmp_path / "run").exists()


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """The example package, installed into a folder of its own, without the network."""
    folder, source = tmp_path_factory.mktemp("packages"), tmp_path_factory.mktemp("source")
    shutil.copytree(EXAMPLE, source / "example")  # pip builds beside the source
    subprocess.run(
        [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check",
         "--no-index", "--no-deps", "--no-build-isolation", "--target", folder, source / "example"],
        check=True,
    )  # fmt: skip
    return folder


@pytest.fixture
def command(installed, tmp_path):
    """Runs forgery where the example package is installed, or not."""

    def run(*arguments, with_package=True):
        path = os.pathsep.join(
            filter(None, [str(installed) if with_package else "", os.environ.get("PYTHONPATH", "")])
        )
        return subprocess.run(
            [sys.executable, "-m", "forgery", *map(str, arguments)],
            cwd=tmp_path, env=os.environ | {"PYTHONPATH": path}, capture_output=True, text=True,
        )  # fmt: skip

    return run


QUICK = ["--steps=4", "--report-every=2", "--threads=1", "--device=cpu", "--out=run"]


@pytest.mark.slow
def test_an_installed_package_adds_data_a_recipe_networks_and_a_measure(command, tmp_path):
    trained = command(
        "train", "stripes", "--recipe=stripes", "--objective=smoothed", "--penalty=logit-drift",
        "--generator=sine", "--discriminator=logistic", *QUICK,
    )  # fmt: skip
    assert trained.returncode == 0, trained.stderr
    record = json.loads((tmp_path / "run" / "config.json").read_text())
    assert record["parts"]["generator"] == {"name": "sine", "from": "forgery-extras 0.1"}
    assert record["data"]["name"] == "stripes[train]"
    measured = command("evaluate", "run", "--samples=200", "--extractor=none")
    assert measured.returncode == 0, measured.stderr
    assert "difference of the mean brightness" in measured.stdout
    drawn = command("sample", "run", "-n", "4", with_package=False)
    assert drawn.returncode == 2
    assert "of the package forgery-extras 0.1, which is not installed" in drawn.stderr


def test_the_names_of_an_installed_package_are_choices(command):
    page = command("train", "--help-all").stdout
    assert all(name in page for name in ("smoothed", "logit-drift", "sine", "logistic"))
    assert "stripes" in command("recipes").stdout
    wrong = command("train", "stripes", "--generator=sin", *QUICK)
    assert wrong.returncode == 2
    assert "did you mean 'sine'" in wrong.stderr.lower() or "sine" in wrong.stderr
