"""The game between G(z | y) and D(x | y)."""

import copy

import pytest
import torch
from torch.nn import functional

from forgery.models import CONDITIONS, DISCRIMINATORS, GENERATORS, Spec
from forgery.objectives import OBJECTIVES
from forgery.penalties import PENALTIES
from forgery.training.game import UPDATES, Game, Player

M, Z, K = 6, 3, 4
TOLD = [name for name in CONDITIONS if name != "none"]


@pytest.fixture
def make():
    def make_game(told, objective="non-saturating", discriminator="mlp", **options):
        torch.manual_seed(0)
        condition, shape = CONDITIONS[told], (1, 8, 8)
        spec = Spec(shape, Z, 5, 2, torch.zeros(shape))
        g = condition.generator(GENERATORS["mlp"], spec, K).double()
        d = condition.discriminator(DISCRIMINATORS[discriminator], spec, K).double()
        noise = torch.Generator().manual_seed(1)
        players = [Player(n, torch.optim.SGD(n.parameters(), lr=0.1)) for n in (g, d)]
        return Game(
            *players,
            OBJECTIVES[objective],
            lambda m: torch.randn(m, Z, generator=noise, dtype=torch.float64),
            **options,
        )

    return make_game


@pytest.fixture
def batches():
    generator = torch.Generator().manual_seed(2)
    real = torch.rand(3, M, 1, 8, 8, generator=generator, dtype=torch.float64) * 2 - 1
    return real, torch.randint(K, (3, M), generator=generator)


def weights(player):
    return copy.deepcopy(player.network.state_dict())


def changed(before, player):
    return any(not torch.equal(before[k], v) for k, v in player.network.state_dict().items())


@pytest.mark.parametrize("discriminator", ["mlp", "dcgan"])  # one pass, and two
@pytest.mark.parametrize("updates", UPDATES)
@pytest.mark.parametrize("objective", OBJECTIVES)
@pytest.mark.parametrize("told", TOLD)
def test_every_way_plays_with_every_objective(
    make, batches, told, objective, updates, discriminator
):
    game = make(told, objective, discriminator, d_steps=2, updates=updates)
    g, d = weights(game.generator), weights(game.discriminator)
    real, labels = batches
    n = game.batches_per_step
    assert game.step(real[:n], labels[:n]).isfinite().all()
    assert changed(g, game.generator)
    assert changed(d, game.discriminator)


@pytest.mark.parametrize("penalty", [name for name, p in PENALTIES.items() if p])
@pytest.mark.parametrize("told", TOLD)
def test_every_penalty_plays_too(make, batches, told, penalty):
    game = make(told, penalty=PENALTIES[penalty])
    real, labels = batches
    assert game.step(real[:1], labels[:1]).isfinite().all()


@pytest.mark.parametrize("updates", UPDATES)
def test_both_players_are_told_the_classes_of_the_real_minibatch(make, batches, updates):
    game = make("projection", updates=updates)
    asked, judged = [], []
    game.generator.network.register_forward_hook(lambda _, inputs, out: asked.append(inputs[1]))
    game.discriminator.network.register_forward_hook(lambda _, inputs, o: judged.append(inputs[1]))
    real, labels = batches
    game.step(real[:1], labels[:1])
    assert all(torch.equal(y, labels[0]) for y in asked)
    assert torch.equal(judged[0], labels[0].repeat(2))  # real and fake in one pass
    assert len(asked) == len(judged) == (2 if updates == "alternating" else 1)


@pytest.mark.parametrize("discriminator", ["mlp", "dcgan"])
@pytest.mark.parametrize("updates", UPDATES)
def test_acgans_class_losses_join_both_players_losses(make, batches, updates, discriminator):
    game = make("auxiliary", discriminator=discriminator, updates=updates)
    twin = copy.deepcopy(game.discriminator.network)
    g_before = copy.deepcopy(game.generator.network)
    noise = torch.Generator().manual_seed(1)
    z = torch.randn(M, Z, generator=noise, dtype=torch.float64)
    (real, *_), (y, *_) = batches
    d = weights(game.discriminator)
    game.step([real], [y])
    fake = g_before(z, y)
    loss = (functional.softplus(-twin(real)) + functional.softplus(twin(fake))).mean()
    for x in (real, fake):
        loss = loss + functional.cross_entropy(twin.classify(twin.network.features(x)), y)
    expected = torch.autograd.grad(loss, list(twin.parameters()))
    after = dict(game.discriminator.network.named_parameters())
    moved = [(d[name] - after[name]) / 0.1 for name, _ in twin.named_parameters()]
    torch.testing.assert_close(moved, list(expected))


def test_acgans_generator_wants_the_class_that_it_was_asked_for(make, batches):
    game = make("auxiliary")
    (real, *_), (y, *_) = batches
    d, before = game.discriminator.network, weights(game.generator)
    twin = copy.deepcopy(game.generator.network)
    z = torch.randn(M, Z, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    game.update_generator(real, y)
    logits, losses = d.logits_and_class_losses(twin(z, y), y)
    loss = functional.softplus(-logits).mean() + losses.mean()
    expected = torch.autograd.grad(loss, list(twin.parameters()))
    after = dict(game.generator.network.named_parameters())
    moved = [(before[name] - after[name]) / 0.1 for name in after]
    torch.testing.assert_close(moved, list(expected))
