"""The game between G(z | y) and D(x | y)."""

import copy

import pytest
import torch
from torch.nn import functional

from forgery.models import CONDITIONS, DISCRIMINATORS, GENERATORS, Spec
from forgery.objectives import OBJECTIVES
from forgery.penalties import PENALTIES
from forgery.training.algorithm1 import UPDATES
from forgery.training.minibatch import Minibatch

M, Z, K = 6, 3, 4
CONDITIONAL = [name for name in CONDITIONS if name != "none"]


@pytest.fixture
def make(game_of):
    def make_game(conditional, objective="non-saturating", discriminator="mlp", **options):
        torch.manual_seed(0)
        condition, shape = CONDITIONS[conditional], (1, 8, 8)
        spec = Spec(shape, Z, 5, 2, torch.zeros(shape), continuous=2)
        g = condition.generator(GENERATORS["mlp"], spec, K).double()
        d = condition.discriminator(DISCRIMINATORS[discriminator], spec, K).double()
        noise = torch.Generator().manual_seed(1)
        cpu = torch.device("cpu")
        labelled = None
        if condition.labels == "some":
            known = torch.rand(3, *shape, generator=noise, dtype=torch.float64)
            labelled = lambda: (known, torch.tensor([0, 2, 3]))  # noqa: E731
        game = game_of(
            (g, d),
            lambda m: torch.randn(m, Z, generator=noise, dtype=torch.float64),
            objective,
            classes=lambda n, y: (
                condition.choose_classes(n, y, K, cpu) if condition.choose_classes else None
            ),
            labelled=labelled,
            predicts=condition.predicts_classes and condition.choose_classes is not None,
            **options,
        )
        game.labelled = labelled
        return game

    return make_game


@pytest.fixture
def batches():
    generator = torch.Generator().manual_seed(2)
    real = torch.rand(3, M, 1, 8, 8, generator=generator, dtype=torch.float64) * 2 - 1
    return real, torch.randint(K, (3, M), generator=generator)


def minibatches(real, labels=None):
    labels = [None] * len(real) if labels is None else labels
    return [Minibatch(x, y) for x, y in zip(real, labels, strict=True)]


def weights(player):
    return copy.deepcopy(player.network.state_dict())


def changed(before, player):
    return any(not torch.equal(before[k], v) for k, v in player.network.state_dict().items())


@pytest.mark.parametrize("discriminator", ["mlp", "dcgan"])  # one pass, and two
@pytest.mark.parametrize("updates", UPDATES)
@pytest.mark.parametrize("objective", OBJECTIVES)
@pytest.mark.parametrize("conditional", CONDITIONAL)
def test_every_condition_works_with_every_objective(
    make, batches, conditional, objective, updates, discriminator
):
    game = make(conditional, objective, discriminator, d_steps=2, updates=updates)
    g, d = weights(game.generator), weights(game.discriminator)
    real, labels = batches
    n = game.batches_per_step
    given = labels[:n] if CONDITIONS[conditional].labels == "every" else None
    assert game.step(minibatches(real[:n], given)).isfinite().all()
    assert changed(g, game.generator)
    assert changed(d, game.discriminator)


@pytest.mark.parametrize("penalty", [name for name, p in PENALTIES.items() if p])
@pytest.mark.parametrize("conditional", CONDITIONAL)
def test_every_condition_works_with_every_penalty(make, batches, conditional, penalty):
    game = make(conditional, penalty=PENALTIES[penalty])
    real, labels = batches
    given = labels[:1] if CONDITIONS[conditional].labels == "every" else None
    assert game.step(minibatches(real[:1], given)).isfinite().all()


@pytest.mark.parametrize("updates", UPDATES)
def test_both_players_are_conditioned_on_the_classes_of_the_real_minibatch(make, batches, updates):
    game = make("projection", updates=updates)
    requested, judged = [], []
    game.generator.network.register_forward_hook(lambda _, inputs, out: requested.append(inputs[1]))
    game.discriminator.network.register_forward_hook(lambda _, inputs, o: judged.append(inputs[1]))
    real, labels = batches
    game.step(minibatches(real[:1], labels[:1]))
    assert all(torch.equal(y, labels[0]) for y in requested)
    assert torch.equal(judged[0], labels[0].repeat(2))  # real and fake in one pass
    assert len(requested) == len(judged) == (2 if updates == "alternating" else 1)


@pytest.mark.parametrize("discriminator", ["mlp", "dcgan"])
@pytest.mark.parametrize("updates", UPDATES)
def test_acgan_adds_class_losses_to_both_players_losses(make, batches, updates, discriminator):
    game = make("auxiliary", discriminator=discriminator, updates=updates)
    twin = copy.deepcopy(game.discriminator.network)
    g_before = copy.deepcopy(game.generator.network)
    noise = torch.Generator().manual_seed(1)
    z = torch.randn(M, Z, generator=noise, dtype=torch.float64)
    (real, *_), (y, *_) = batches
    d = weights(game.discriminator)
    game.step(minibatches([real], [y]))
    fake = g_before(z, y)
    loss = (functional.softplus(-twin(real)) + functional.softplus(twin(fake))).mean()
    for x in (real, fake):
        loss = loss + functional.cross_entropy(twin.classify(twin.network.features(x)), y)
    expected = torch.autograd.grad(loss, list(twin.parameters()))
    after = dict(game.discriminator.network.named_parameters())
    moved = [(d[name] - after[name]) / 0.1 for name, _ in twin.named_parameters()]
    torch.testing.assert_close(moved, list(expected))


def test_acgans_generator_minimises_the_loss_of_the_requested_class(make, batches):
    game = make("auxiliary")
    (real, *_), (y, *_) = batches
    d, before = game.discriminator.network, weights(game.generator)
    twin = copy.deepcopy(game.generator.network)
    z = torch.randn(M, Z, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    game.generator_step(Minibatch(real, y))
    logits, h = d.look(twin(z, y))
    loss = functional.softplus(-logits).mean() + functional.cross_entropy(d.classify(h), y)
    expected = torch.autograd.grad(loss, list(twin.parameters()))
    after = dict(game.generator.network.named_parameters())
    moved = [(before[name] - after[name]) / 0.1 for name in after]
    torch.testing.assert_close(moved, list(expected))


def followed(before, network):
    """The gradient of the last update by plain SGD with lr .1."""
    return [(before[name] - after) / 0.1 for name, after in network.named_parameters()]


@pytest.mark.parametrize("updates", UPDATES)
def test_semi_supervised_d_learns_k_plus_1_classes(make, batches, updates):
    """The loss of the source, on logits l ``[n, K]`` and a logit of 0 for the class of fakes."""
    game = make("semi-supervised", updates=updates, class_weight=3.0)
    d, before = copy.deepcopy(game.discriminator.network), weights(game.discriminator)
    g = copy.deepcopy(game.generator.network)
    (real, *_), _ = batches
    noise = torch.Generator().manual_seed(1)
    torch.rand(3, 1, 8, 8, generator=noise, dtype=torch.float64)  # the labelled samples
    z = torch.randn(M, Z, generator=noise, dtype=torch.float64)
    game.step(minibatches([real]))
    labelled, y = game.labelled()

    def probabilities(x):
        class_logits = d.class_logits(d.look(x)[1])
        return torch.cat([class_logits, torch.zeros(len(x), 1, dtype=x.dtype)], 1).softmax(1)

    loss = -torch.log(1 - probabilities(real)[:, K]).mean()
    loss = loss - torch.log(probabilities(g(z))[:, K]).mean()
    # The class probability of a labelled sample, given that it is real.
    p = probabilities(labelled)
    loss = loss - 3 * torch.log(p[range(3), y] / (1 - p[:, K])).mean()
    expected = torch.autograd.grad(loss, list(d.parameters()))
    torch.testing.assert_close(followed(before, game.discriminator.network), list(expected))


def test_feature_matching_moves_g_to_the_means_of_ds_features(make, batches):
    game = make("semi-supervised", "feature-matching")
    assert game.batches_per_step == 2  # one for D, one for G
    twin, before = copy.deepcopy(game.generator.network), weights(game.generator)
    (real, *_), _ = batches
    noise = torch.Generator().manual_seed(1)
    torch.rand(3, 1, 8, 8, generator=noise, dtype=torch.float64)
    z = torch.randn(M, Z, generator=noise, dtype=torch.float64)
    game.generator_step(Minibatch(real))
    features = game.discriminator.network.network.features
    loss = (features(twin(z)).mean(0) - features(real).mean(0)).square().sum()
    expected = torch.autograd.grad(loss, list(twin.parameters()))
    torch.testing.assert_close(followed(before, game.generator.network), list(expected))


@pytest.mark.parametrize("discriminator", ["mlp", "dcgan"])  # one pass, and two
@pytest.mark.parametrize("updates", UPDATES)
def test_infogans_players_both_minimise_the_loss_of_the_code(make, batches, updates, discriminator):
    game = make("infogan", updates=updates, discriminator=discriminator, class_weight=0.5)
    d, g = (copy.deepcopy(p.network) for p in (game.discriminator, game.generator))
    d_before, g_before = weights(game.discriminator), weights(game.generator)
    (real, *_), _ = batches
    noise = torch.Generator().manual_seed(1)
    torch.manual_seed(5)
    game.step(minibatches([real]))
    torch.manual_seed(5)

    def draw():
        z = torch.randn(M, Z, generator=noise, dtype=torch.float64)
        y = torch.randint(K, (M,))
        return g(z, y), z, y

    def information(fake, z, y):
        h = d.network.features(fake)
        mean, logits = d.classify(h).split([2, K], 1)
        gap = (mean - z[:, :2]).square().sum(1) / 6  # two of z's three dimensions
        return 0.5 * (functional.cross_entropy(logits, y) + gap.mean())

    fake, z, y = draw()
    loss = (functional.softplus(-d(real)) + functional.softplus(d(fake))).mean()
    loss = loss + information(fake, z, y)
    expected = torch.autograd.grad(loss, list(d.parameters()))
    torch.testing.assert_close(followed(d_before, game.discriminator.network), list(expected))
    if updates == "alternating":  # G is updated against the new D, with fresh z
        d = game.discriminator.network
        fake, z, y = draw()
    else:
        fake = g(z, y)
    loss = functional.softplus(-d(fake)).mean() + information(fake, z, y)
    expected = torch.autograd.grad(loss, list(g.parameters()))
    torch.testing.assert_close(followed(g_before, game.generator.network), list(expected))
