import pytest
import torch

from forgery.errors import ForgeryError
from forgery.latent import combine, find_exemplars, parse, score

EXPRESSION = "man+glasses - man + woman"


def exemplars(space, classifier, text=EXPRESSION, **kwargs):
    return find_exemplars(space, classifier, parse(text, classifier.names), **kwargs)


def test_exemplars_show_their_concept_and_are_used_once(space, classifier):
    found = exemplars(space, classifier, n=3, draws=20, searched=2000)
    assert found.draws == 20
    for (_, concept), z in zip(found.expression.terms, found.z, strict=True):
        assert z.shape == (20, 3, 4)
        p = classifier.probabilities(space.pictures(z.flatten(0, 1)))
        assert concept.shown(p, classifier.names, 0.9).all()
    every = torch.cat([z.flatten(0, 1) for z in found.z])
    assert len(every.unique(dim=0)) == len(every)


def test_a_repeated_concept_gets_two_sets(space, classifier):
    found = exemplars(space, classifier, "glasses - glasses + woman", n=2, draws=5, searched=1000)
    assert not torch.equal(found.z[0], found.z[1])
    assert len(torch.cat(found.z[:2]).flatten(0, 1).unique(dim=0)) == 20


def test_draws_are_limited_by_the_exemplars(space, classifier):
    found = exemplars(space, classifier, n=3, draws=10_000, searched=1000)
    assert found.draws == min(found.found.values()) // 3


def test_too_few_exemplars_are_refused(space, classifier):
    with pytest.raises(
        ForgeryError, match=r"of 'man\+glasses' among 20 samples, but 30 are needed"
    ):
        exemplars(space, classifier, n=30, draws=1, searched=20)


def test_arithmetic_beats_chance_on_a_disentangled_generator(space, classifier):
    found = exemplars(space, classifier, draws=200, searched=5000)
    by_z, noisy, single, scaled, _, chance = score(space, classifier, found)
    assert chance.share == pytest.approx(0.25, abs=0.03)  # two signs of independent z
    assert chance.share == found.chance
    assert by_z.share > 0.7
    assert by_z.share >= single.share
    assert noisy.share > 0.6
    assert scaled.share == single.share  # here a picture depends on z's direction alone
    assert by_z.of == 200
    assert by_z.standard_error == pytest.approx((by_z.share * (1 - by_z.share) / 200) ** 0.5)


def test_arithmetic_of_mean_images(space, classifier):
    found = exemplars(space, classifier, draws=50, searched=3000)
    pixels = score(space, classifier, found)[4]
    (a, b, c) = (space.pictures(z.flatten(0, 1)).unflatten(0, z.shape[:2]).mean(1) for z in found.z)
    sums = (a - b + c).clamp(-1, 1)
    p = classifier.probabilities(sums)
    assert pixels.share == pytest.approx(((p > 0.5).all(1)).float().mean().item())


def test_scores_need_a_target(space, classifier):
    found = exemplars(space, classifier, "woman - glasses", searched=500, draws=3)
    assert found.chance is None
    with pytest.raises(ForgeryError, match="woman − glasses cannot be scored"):
        score(space, classifier, found)


def test_combine_generates_from_the_sum_of_the_means(space):
    a, b = space.z(6, 0).chunk(2)
    figure = combine(space, [(1, "a", a), (-1, "b", b)], noise=0)
    assert figure.texts == (("", "a"), ("−", "b"))
    expected = space.pictures((a.mean(0) - b.mean(0))[None])[0]
    assert torch.allclose(figure.result, expected)
    assert torch.allclose(figure.neighbours, expected.expand(8, -1, -1, -1))
    assert torch.allclose(figure.means[1], space.pictures(b.mean(0)[None])[0])


def test_noise_is_in_units_of_a_uniform_z(space):
    class Shows(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.p = torch.nn.Parameter(torch.zeros(()))

        def forward(self, z):
            return z[:, None, None, :]

    from forgery.latent import Space
    from forgery.sampler import Sampler

    space = Space(Sampler(Shows(), "uniform", 2000, (1, 1, 2000)))
    shown = combine(space, [(1, "zero", torch.zeros(1, 2000))], 0.25)
    assert shown.neighbours.abs().max().item() == pytest.approx(0.25 * 3**0.5, abs=1e-3)
