"""The game with augmentation of D's inputs."""

import pytest
import torch

from forgery.augmentations import AUGMENTATIONS, Augment
from forgery.models import DISCRIMINATORS, GENERATORS, Spec
from forgery.objectives import OBJECTIVES
from forgery.penalties import PENALTIES
from forgery.training.algorithm1 import UPDATES
from forgery.training.minibatch import Minibatch
from forgery.training.surface import belief_and_directions

M, Z = 6, 3
NAMES = [name for name, augmentation in AUGMENTATIONS.items() if augmentation]


class Negative:
    """Negate images, and record all inputs."""

    def __init__(self, factor=-1.0):
        self.factor, self.given, self.adjusted = factor, [], []

    def __call__(self, x):
        self.given.append(x.detach())
        return x * self.factor

    def adjust(self, margins, images):
        self.adjusted.append((margins.detach(), images))


@pytest.fixture
def make(game_of):
    def make_game(augment, objective="non-saturating", pack=1, **options):
        torch.manual_seed(0)
        g, d = (Spec((c, 4, 4), Z, 5, 2, torch.zeros(c, 4, 4)) for c in (1, pack))
        networks = GENERATORS["mlp"](g).double(), DISCRIMINATORS["mlp"](d).double()
        noise = torch.Generator().manual_seed(1)
        return game_of(
            networks,
            lambda m: torch.randn(m, Z, generator=noise, dtype=torch.float64),
            objective,
            pack=pack,
            augment=augment,
            **options,
        )

    return make_game


@pytest.fixture
def real():
    generator = torch.Generator().manual_seed(2)
    return torch.rand(3, M, 1, 4, 4, generator=generator, dtype=torch.float64) * 2 - 1


def batches(real):
    return [Minibatch(x) for x in real]


def seen_by_d(game):
    seen = []
    game.discriminator.network.register_forward_hook(lambda _, x, y: seen.append(x[0].detach()))
    return seen


@pytest.mark.parametrize("updates", UPDATES)
@pytest.mark.parametrize("objective", ["non-saturating", "relativistic"])
def test_d_sees_only_augmented_images_in_both_players_steps(make, real, objective, updates):
    augment = Negative()
    game = make(augment, objective, updates=updates, penalty=PENALTIES["r1+r2"])
    seen = seen_by_d(game)
    game.step(batches(real[: game.batches_per_step]))
    for batch in real[: game.batches_per_step]:
        assert any(torch.equal(x, batch) for x in augment.given)
    changed = torch.cat([-x for x in augment.given])
    for image in torch.cat(seen):
        assert (image == changed).flatten(1).all(1).any()
    # Each image is augmented once: penalties use the images that D judged.
    judged = 2 + (0 if updates == "simultaneous" else 1 + (objective == "relativistic"))
    assert len(augment.given) == judged


@pytest.mark.parametrize("updates", UPDATES)
def test_gs_gradient_passes_through_the_augmentation(make, real, updates):
    """G has no gradient if the augmentation erases images, and its full gradient if it negates."""
    moved = {}
    for factor in (0.0, -1.0):
        game = make(Negative(factor), updates=updates)
        before = [p.detach().clone() for p in game.generator.parameters]
        game.step(batches(real[:1]))
        moved[factor] = [
            not torch.equal(a, b) for a, b in zip(before, game.generator.parameters, strict=True)
        ]
    assert not any(moved[0.0])
    assert all(moved[-1.0])


def test_images_are_augmented_before_they_are_packed(make, real):
    augment = Negative()
    game = make(augment, pack=3)
    seen = seen_by_d(game)
    game.step(batches(real[:1]))
    assert all(x.shape == (M, 1, 4, 4) for x in augment.given)
    assert torch.equal(seen[0][0], -real[0, :3, 0])
    assert [images for _, images in augment.adjusted] == [M]


@pytest.mark.parametrize("updates", UPDATES)
@pytest.mark.parametrize("objective", OBJECTIVES)
def test_the_augmentation_receives_ds_margins_on_real_images(make, real, objective, updates):
    augment = Negative()
    game = make(augment, objective, updates=updates, d_steps=2)
    logits = []
    game.discriminator.network.register_forward_hook(lambda _, x, y: logits.append(y.detach()))
    game.step(batches(real[: game.batches_per_step]))
    assert len(augment.adjusted) == 2  # once per update of D
    for (margins, images), of_both in zip(augment.adjusted, logits, strict=False):
        of_real, of_fake = of_both.chunk(2)
        level = game.objective.undecided
        if level is None:  # only differences count: midway between the means
            level = (of_real.mean() + of_fake.mean()) / 2
        torch.testing.assert_close(margins, of_real - level)
        assert images == M


def test_ds_output_at_places_is_without_augmentation(make, real):
    augment = Negative()
    game = make(augment)
    belief, _ = belief_and_directions(game, real[0], real[1], real[2])
    assert torch.equal(belief, game.discriminator(real[0]).sigmoid())
    assert not augment.given


@pytest.mark.parametrize("pack", [1, 2])
@pytest.mark.parametrize("penalty", PENALTIES)
@pytest.mark.parametrize("name", NAMES)
def test_every_augmentation_works_with_every_penalty(make, real, name, penalty, pack):
    augment = Augment(AUGMENTATIONS[name])
    augment.p.fill_(0.7)
    game = make(augment, penalty=PENALTIES[penalty], pack=pack)
    before = [p.detach().clone() for player in (game.generator, game.discriminator)
              for p in player.parameters]  # fmt: skip
    assert game.step(batches(real[:1])).isfinite().all()
    after = game.generator.parameters + game.discriminator.parameters
    assert not any(torch.equal(a, b) for a, b in zip(before, after, strict=True))
