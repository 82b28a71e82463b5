import pytest
import torch

from forgery.errors import ForgeryError
from forgery.latent import combine, find_exemplars, parse, pixel_sums, score, successes

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


@pytest.fixture
def real(space):
    """Real images: those of the generator, of other z."""
    return space.pictures(space.z(500, 1))


def test_arithmetic_beats_chance_on_a_disentangled_generator(space, classifier, real):
    found = exemplars(space, classifier, draws=200, searched=5000)
    by_z, noisy, single, scaled, _, chance = score(space, classifier, found, real)
    assert chance.shown.share == pytest.approx(0.25, abs=0.03)  # two signs of independent z
    assert chance.shown.of == found.searched == 5000
    assert by_z.shown.share > 0.7
    assert by_z.shown.share >= single.shown.share
    assert noisy.shown.share > 0.6
    assert scaled.shown.share == single.shown.share  # a picture depends on z's direction alone
    assert by_z.realistic.share > 0.9
    assert by_z.both.share > 0.7
    assert by_z.shown.of == 200
    p = by_z.shown.share
    assert by_z.shown.standard_error == pytest.approx((p * (1 - p) / 200) ** 0.5)


def test_arithmetic_of_mean_images(space, classifier, real):
    found = exemplars(space, classifier, draws=50, searched=3000)
    pixels = score(space, classifier, found, real)[4]
    images = [space.pictures(z.flatten(0, 1)).unflatten(0, z.shape[:2]) for z in found.z]
    (a, b, c) = (these.mean(1) for these in images)
    sums = pixel_sums((1, -1, 1), images)
    assert torch.equal(sums, (a - b + c).clamp(-1, 1))
    p = classifier.probabilities(sums)
    assert pixels.shown.share == pytest.approx(((p > 0.5).all(1)).float().mean().item())


def halves(left, right):
    """Images 8 × 8 of the given halves, ``[N, 1, 8, 8]``."""
    values = torch.stack([torch.as_tensor(left), torch.as_tensor(right)], 1).float()
    return values[:, None, None, :].expand(-1, 1, 8, 2).repeat_interleave(4, 3)


def test_a_success_shows_the_target_and_is_realistic(classifier):
    """Real halves are black or white: grey ones may show the target, but are like no real image."""
    random = torch.Generator().manual_seed(0)
    bright = 1 - 0.05 * torch.rand(2, 200, generator=random)
    signs = torch.randint(0, 2, (2, 200), generator=random) * 2 - 1
    real = halves(*(signs * bright))
    target = parse(EXPRESSION, classifier.names).target  # both halves bright
    images = {
        "real": halves([0.97] * 4, [0.98] * 4),
        "ghost": halves([0.4] * 4, [0.5] * 4),
        "another": halves([0.97] * 4, [-0.98] * 4),
        "mixed": halves([0.97, 0.97, 0.4, 0.1], [0.98, -0.98, 0.4, -0.9]),
    }
    seen = {what: classifier.features_and_probabilities(x) for what, x in images.items()}
    rows = {row.what: row for row in successes(classifier, target, real, seen)}
    shares = {
        what: (row.shown.share, row.realistic.share, row.both.share) for what, row in rows.items()
    }
    assert shares == {
        "real": (1, 1, 1),
        "ghost": (1, 0, 0),
        "another": (0, 1, 0),
        "mixed": (0.5, 0.5, 0.25),
    }


def test_held_out_images_are_measured_too(space, classifier, real):
    found = exemplars(space, classifier, draws=5, searched=500)
    *_, held_out = score(space, classifier, found, real, held_out=space.pictures(space.z(300, 2)))
    assert held_out.what == "real images, held out"
    assert held_out.both.of == 300
    assert held_out.realistic.share > 0.9


def test_scores_need_a_target(space, classifier, real):
    found = exemplars(space, classifier, "woman - glasses", searched=500, draws=3)
    with pytest.raises(ForgeryError, match="woman − glasses cannot be scored"):
        score(space, classifier, found, real)


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
