import copy

import pytest
import torch
from torch import nn

from forgery.models import DISCRIMINATORS, GENERATORS, Spec
from forgery.objectives import OBJECTIVES
from forgery.penalties import PENALTIES
from forgery.training.algorithm1 import UPDATES
from forgery.training.minibatch import Judged, Minibatch
from forgery.training.parallel import Ranks
from forgery.training.player import Player
from forgery.training.surface import belief_and_directions
from forgery.training.terms import GradientPenalty

M, Z = 6, 3


class Noise:
    """Draws z and remembers every draw."""

    def __init__(self):
        self.drawn = []
        self.generator = torch.Generator().manual_seed(1)

    def __call__(self, m):
        self.drawn.append(torch.randn(m, Z, generator=self.generator, dtype=torch.float64))
        return self.drawn[-1]


def spec(width, pack=1):
    mean = torch.zeros(pack, 2, 2)
    return Spec(shape=(pack, 2, 2), latent=Z, width=width, depth=2, mean=mean)


@pytest.fixture
def make(game_of):
    def make_game(objective="non-saturating", pack=1, **options):
        torch.manual_seed(0)
        g = GENERATORS["mlp"](spec(5)).double()
        d = DISCRIMINATORS["mlp"](spec(7, pack)).double()
        game = game_of((g, d), noise := Noise(), objective, pack=pack, **options)
        game.noise = noise
        return game

    return make_game


def batches(real):
    return [Minibatch(x) for x in real]


@pytest.fixture
def real():
    generator = torch.Generator().manual_seed(2)
    return torch.rand(9, M, 1, 2, 2, generator=generator, dtype=torch.float64) * 2 - 1


def weights(player):
    return copy.deepcopy(player.network.state_dict())


def same(before, player):
    return all(torch.equal(before[k], v) for k, v in player.network.state_dict().items())


def moved_by(before, player):
    """The gradient of the last update by plain SGD with lr .1."""
    after = player.network.state_dict()
    return [(before[k] - after[k]) / 0.1 for k in before]


def test_ds_update_leaves_g_unchanged(make, real):
    game = make()
    g, d = weights(game.generator), weights(game.discriminator)
    game.discriminator_step(Minibatch(real[0]))
    assert same(g, game.generator)
    assert not same(d, game.discriminator)
    assert all(p.grad is None for p in game.generator.parameters)


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_gs_update_leaves_d_unchanged(make, real, objective):
    game = make(objective)
    g, d = weights(game.generator), weights(game.discriminator)
    game.generator_step(Minibatch(real[0]))
    assert same(d, game.discriminator)
    assert not same(g, game.generator)
    assert all(p.grad is None for p in game.discriminator.parameters)


@pytest.mark.parametrize("k", [1, 2, 5])
def test_k_updates_of_d_on_fresh_noise_then_one_of_g(make, real, k):
    game = make(d_steps=k)
    moves = []
    for name in ("discriminator_step", "generator_step"):
        original = getattr(game, name)

        def recording(*arguments, original=original, name=name):
            moves.append(name)
            return original(*arguments)

        setattr(game, name, recording)
    assert game.batches_per_step == k
    game.step(batches(real[:k]))
    assert moves == ["discriminator_step"] * k + ["generator_step"]
    drawn = game.noise.drawn
    assert len(drawn) == k + 1
    assert all(not torch.equal(a, b) for i, a in enumerate(drawn) for b in drawn[:i])


def test_simultaneous_updates_use_one_draw_and_one_pass(make, real):
    game = make(updates="simultaneous")
    passes = []
    game.discriminator.network.register_forward_hook(lambda *_: passes.append(1))
    game.step(batches(real[:1]))
    assert len(game.noise.drawn) == 1
    assert len(passes) == 1


def reference(game, objective, real, z_d, z_g, simultaneous):
    """Algorithm 1 on sigmoid probabilities with autograd, as in the paper."""
    g, d = copy.deepcopy(game.generator.network), copy.deepcopy(game.discriminator.network)
    value = (torch.log(d(real).sigmoid()) + torch.log(1 - d(g(z_d)).sigmoid())).mean()
    ascent = torch.autograd.grad(value, list(d.parameters()))
    if not simultaneous:
        with torch.no_grad():
            for parameter, gradient in zip(d.parameters(), ascent, strict=True):
                parameter += 0.1 * gradient
    d_fake = d(g(z_g)).sigmoid()
    loss = torch.log(1 - d_fake) if objective == "minimax" else -torch.log(d_fake)
    return [-a for a in ascent], torch.autograd.grad(loss.mean(), list(g.parameters()))


@pytest.mark.parametrize("updates", UPDATES)
@pytest.mark.parametrize("objective", ["minimax", "non-saturating"])
def test_gradients_are_those_of_the_paper(make, real, objective, updates):
    game, copy_of = make(objective, updates=updates), make(objective, updates=updates)
    g, d = weights(game.generator), weights(game.discriminator)
    game.step(batches(real[:1]))
    drawn = game.noise.drawn
    expected_d, expected_g = reference(
        copy_of, objective, real[0], drawn[0], drawn[-1], updates == "simultaneous"
    )
    torch.testing.assert_close(moved_by(d, game.discriminator), list(expected_d))
    torch.testing.assert_close(moved_by(g, game.generator), list(expected_g))


@pytest.mark.parametrize("updates", UPDATES)
def test_a_penalty_is_added_to_ds_loss(make, real, updates):
    def half_r1(d, x, fake):
        return 0.5 * PENALTIES["r1"](d, x, fake)

    plain, penalised = make(updates=updates), make(updates=updates, penalty=half_r1)
    d, g = weights(plain.discriminator), weights(plain.generator)
    extra = half_r1(plain.discriminator, real[0], real[0]).mean()
    gradients = torch.autograd.grad(extra, plain.discriminator.parameters, allow_unused=True)
    plain.step(batches(real[:1]))
    penalised.step(batches(real[:1]))
    difference = [
        b - a
        for a, b in zip(
            moved_by(d, plain.discriminator), moved_by(d, penalised.discriminator), strict=True
        )
    ]
    expected = [
        torch.zeros_like(a) if e is None else e  # ∇D does not depend on the output bias
        for a, e in zip(difference, gradients, strict=True)
    ]
    torch.testing.assert_close(difference, expected)
    if updates == "simultaneous":  # G was updated against the same D in both
        torch.testing.assert_close(moved_by(g, plain.generator), moved_by(g, penalised.generator))


def test_an_objective_that_compares_uses_a_real_minibatch_for_g(make, real):
    game = make("relativistic", d_steps=2)
    assert game.batches_per_step == 3
    seen = []
    game.discriminator.network.register_forward_hook(lambda _, x, y: seen.append(x[0][:M]))
    game.step(batches(real[:3]))
    assert all(torch.equal(a, b) for a, b in zip(seen, real[:3], strict=True))


def test_one_pass_for_real_and_fake_unless_a_layer_couples_the_batch(make, game_of, real):
    game = make()
    passes = []
    game.discriminator.network.register_forward_hook(lambda *_: passes.append(1))
    joined = game.judge(*batches(real[:2]))
    assert len(passes) == 1
    coupled = nn.Sequential(game.discriminator.network, nn.Unflatten(0, (-1, 1)))
    coupled.append(nn.BatchNorm1d(1, dtype=torch.float64)).append(nn.Flatten(0))
    apart = game_of((game.generator.network, coupled), game.noise).judge(*batches(real[:2]))
    assert len(passes) == 3
    torch.testing.assert_close(joined[0].logits, game.discriminator(real[0]))
    torch.testing.assert_close(joined[1].logits, game.discriminator(real[1]))
    assert abs(apart[0].logits.mean()) < 1e-9  # normalised over its half only
    assert abs(apart[1].logits.mean()) < 1e-9


def test_a_step_returns_losses_and_mean_probabilities(make, real):
    game = make()
    d_loss, g_loss, d_real, d_fake = game.step(batches(real[:1]))
    assert d_loss > 0
    assert g_loss > 0
    assert 0 < d_real < 1
    assert 0 < d_fake < 1


@pytest.mark.parametrize("updates", UPDATES)
@pytest.mark.parametrize("objective", ["non-saturating", "relativistic"])
def test_packed_samples_are_judged_together(make, real, objective, updates):
    game = make(objective, updates=updates, pack=3)
    seen = []
    game.discriminator.network.register_forward_hook(lambda _, x, y: seen.append((x[0], y)))
    game.step(batches(real[:2]))
    joined, logits = seen[0]
    # A minibatch of M images gives M / 3 logits, real first; an image is one channel of three.
    assert joined.shape == (2 * M // 3, 3, 2, 2)
    assert logits.shape == (2 * M // 3,)
    assert torch.equal(joined[0], real[0, :3, 0])
    assert torch.equal(joined[1], real[0, 3:, 0])
    assert all(len(z) == M for z in game.noise.drawn)


def test_ds_output_and_the_directions_of_samples(make, real):
    game = make()
    fake = game.generator(game.noise(M)).detach()
    belief, directions = belief_and_directions(game, real[1], fake, real[0])
    assert torch.equal(belief, game.discriminator(real[1]).sigmoid())
    assert directions.shape == fake.shape
    moved = fake + 1e-3 * directions
    loss = game.objective.g
    assert (loss(game.discriminator(moved)) < loss(game.discriminator(fake))).all()


@pytest.mark.parametrize("objective", ["non-saturating", "feature-matching"])
def test_ds_output_is_computed_by_one_process_alone(make, real, objective):
    game = make(objective)
    fake = game.generator(game.noise(M)).detach()
    alone = belief_and_directions(game, real[1], fake, real[0])
    game.discriminator.ranks = Ranks(0, 2)  # of two processes, the other of which does not answer
    for one, other in zip(alone, belief_and_directions(game, real[1], fake, real[0]), strict=True):
        assert torch.equal(one, other)


def test_a_penalty_of_a_d_that_judges_places_is_that_of_the_sum_of_its_logits(real):
    class Places(torch.nn.Module):
        def __init__(self, total):
            super().__init__()
            self.weight = torch.nn.Parameter(torch.randn(5, 12, dtype=torch.float64))
            self.total = total

        def forward(self, x):
            logits = (x.flatten(1)[:, None] * self.weight).square().sum(2)  # [n, 5]
            return logits.sum(1) if self.total else logits

    x = real[0].flatten(1).repeat(1, 12)[:, :12]
    penalties = []
    for total in (True, False):
        torch.manual_seed(0)
        d = Player(Places(total), torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], 0.1))
        seen = Judged(x, None, None, d(x).flatten())
        penalties.append(GradientPenalty(d, PENALTIES["r1"], 2.0).d(seen, seen))
    torch.testing.assert_close(*penalties)


def test_an_objective_of_differences_is_undecided_midway(make, real):
    game = make("relativistic")
    fake = game.generator(game.noise(M)).detach()
    places = torch.cat([real[0], fake])
    belief, _ = belief_and_directions(game, places, fake, real[0])
    assert belief.logit().view(2, -1).mean(1).sum().item() == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize("updates", UPDATES)
def test_clipping_bounds_ds_weights_and_not_gs(make, real, updates):
    game = make("wasserstein", d_steps=2, updates=updates, clip=0.01)
    game.step(batches(real[:2]))
    assert all(p.abs().max() <= 0.01 for p in game.discriminator.parameters)
    assert any(p.abs().max() > 0.01 for p in game.generator.parameters)


@pytest.mark.parametrize("pack", [1, 2])
@pytest.mark.parametrize("penalty", [n for n, p in PENALTIES.items() if p])
@pytest.mark.parametrize("objective", OBJECTIVES)
def test_every_objective_plays_with_every_penalty(make, real, objective, penalty, pack):
    game = make(objective, penalty=PENALTIES[penalty], pack=pack)
    d, g = weights(game.discriminator), weights(game.generator)
    for _ in range(3):
        numbers = game.step(batches(real[: game.batches_per_step]))
    assert numbers.isfinite().all()
    assert not same(d, game.discriminator)
    assert not same(g, game.generator)
