"""Vector arithmetic in z (man with glasses − man + woman), and its success rate.

After Radford et al. 2015, section 6.3.2: for each concept the z of three exemplars are averaged,
since single ones were unstable; the means are added and subtracted; G generates an image from the
result, and from the result with noise. There, people chose the exemplars and inspected one result.
Here a classifier does both, so that success can be measured over many results: a result must show
the attributes, and be as close to a real image as real images are to one another.
"""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from ..errors import ForgeryError
from ..metrics import inside_manifold
from ..sampler import PART
from .attributes import AttributeClassifier
from .concepts import Concept, Expression
from .space import Space

#: Probability of every attribute that an exemplar must exceed, according to the classifier.
SURE = 0.9
#: The paper's z is uniform on [-1, 1]; here z has variance 1, and is √3 times as wide.
UNIT = math.sqrt(3)
NEIGHBOURS = 8


@dataclass(frozen=True)
class Figure:
    """One result of vector arithmetic, as in the paper's figure 7.

    Images are float32 ``[..., C, H, W]`` in [-1, 1].

    Parameters
    ----------
    texts:
        Sign and name of each concept, ``("", "man+glasses"), ("−", "man")`` …
    exemplars, means:
        For each concept, images of its exemplars ``[n, …]``, and of their mean z ``[…]``.
    result, neighbours:
        Images of the sum, and of the sum plus noise ``[8, …]``.
    """

    texts: tuple[tuple[str, str], ...]
    exemplars: tuple[Tensor, ...]
    means: tuple[Tensor, ...]
    result: Tensor
    neighbours: Tensor


def combine(
    space: Space, terms: Sequence[tuple[int, str, Tensor]], noise: float = 0.25, seed: int = 0
) -> Figure:
    """Add and subtract the means of exemplars, and generate images from the sum.

    Parameters
    ----------
    space:
        The latent space.
    terms:
        For each concept its sign, its name, and the z of its exemplars ``[n, Z]``.
    noise:
        Neighbours are the sum plus U(-noise, noise), in units of √3 standard deviations of z: the
        half-width of the paper's uniform z.
    seed:
        Random seed for that noise.
    """
    means = [z.mean(0) for _, _, z in terms]
    total = _signed_sum([sign for sign, _, _ in terms], means)
    around = moves(space.size, noise, seed)
    signs = ["−" if sign < 0 else "+" if i else "" for i, (sign, _, _) in enumerate(terms)]
    return Figure(
        tuple((sign, name) for sign, (_, name, _) in zip(signs, terms, strict=True)),
        tuple(space.pictures(z) for _, _, z in terms),
        tuple(space.pictures(torch.stack(means))),
        space.pictures(total[None])[0],
        space.pictures(total + around),
    )


def moves(size: int, noise: float = 0.25, seed: int = 0) -> Tensor:
    """The noise that leads from a sum to its neighbours: float32 ``[8, size]``.

    ``noise`` and ``seed`` are as in :func:`combine`.
    """
    generator = torch.Generator().manual_seed(seed)
    return (2 * torch.rand(NEIGHBOURS, size, generator=generator) - 1) * noise * UNIT


@dataclass(frozen=True)
class Exemplars:
    """Samples that show the concepts of an expression.

    Parameters
    ----------
    expression:
        The expression.
    z:
        For each term ``[draws, n, Z]``. No sample is used twice for a concept.
    found:
        Concept → number of samples that show it.
    features, probabilities:
        What the classifier found in the samples that were searched, ``[searched, d]`` and
        ``[searched, K]``.
    """

    expression: Expression
    z: tuple[Tensor, ...]
    found: dict[str, int]
    features: Tensor
    probabilities: Tensor

    @property
    def draws(self) -> int:
        return len(self.z[0])

    @property
    def searched(self) -> int:
        return len(self.features)

    def terms(self, draw: int) -> list[tuple[int, str, Tensor]]:
        """Return the terms of one draw as an argument of :func:`combine`."""
        terms = zip(self.expression.terms, self.z, strict=True)
        return [(sign, concept.text, z[draw]) for (sign, concept), z in terms]


def find_exemplars(
    space: Space,
    classifier: AttributeClassifier,
    expression: Expression,
    n: int = 3,
    draws: int = 200,
    searched: int = 10_000,
    seed: int = 0,
) -> Exemplars:
    """Find exemplars of every concept of an expression among the samples 0 to ``searched`` - 1.

    In an exemplar, every attribute is as wanted with a probability above :data:`SURE`. There are
    ``draws`` sets of n exemplars, or as many as were found. Sets share no samples, so that their
    results are independent, given G and the classifier.

    Raises
    ------
    ForgeryError
        There are fewer exemplars of a concept than one draw needs.
    """
    z = space.z(searched, seed)
    parts = [classifier.features_and_probabilities(space.pictures(p)) for p in z.split(PART)]
    features, probabilities = (torch.cat(part) for part in zip(*parts, strict=True))
    uses = Counter(concept.text for _, concept in expression.terms)
    pools, found = {}, {}
    for _, concept in expression.terms:
        rows = concept.shown(probabilities, classifier.names, SURE).nonzero().flatten()
        pools[concept.text], found[concept.text] = rows, len(rows)
        needed = n * uses[concept.text]
        if len(rows) < needed:
            raise ForgeryError(
                f"found {len(rows)} exemplar{'' if len(rows) == 1 else 's'} of {concept.text!r} "
                f"among {searched:,} samples, but {needed} are needed: search more samples "
                "(--samples), or average fewer exemplars (--exemplars)"
            )
    draws = min(draws, *(found[text] // (n * used) for text, used in uses.items()))
    taken: Counter[str] = Counter()
    sets = []
    for _, concept in expression.terms:
        start = taken[concept.text]
        taken[concept.text] += n * draws
        rows = pools[concept.text][start : start + n * draws]
        sets.append(z[rows].view(draws, n, space.size))
    return Exemplars(expression, tuple(sets), found, features, probabilities)


@dataclass(frozen=True)
class Share:
    """The fraction ``share`` of ``of`` independent results."""

    share: float
    of: int

    @property
    def standard_error(self) -> float:
        """√(p(1 - p)/n)."""
        return math.sqrt(self.share * (1 - self.share) / self.of)


@dataclass(frozen=True)
class Success:
    """How often a method gives images that show the target and are realistic.

    Parameters
    ----------
    what:
        The method.
    shown:
        Images that show the target, according to the classifier.
    realistic:
        Images whose features are inside the manifold of the features of real images
        (:func:`forgery.metrics.inside_manifold`). Attributes can be found in images that are no
        faces, such as two faces drawn over each other; the manifold does not hold those.
    both:
        Images that show the target and are realistic.
    """

    what: str
    shown: Share
    realistic: Share
    both: Share


def score(
    space: Space,
    classifier: AttributeClassifier,
    exemplars: Exemplars,
    real: Tensor,
    held_out: Tensor | None = None,
    noise: float = 0.25,
    seed: int = 0,
) -> list[Success]:
    """Measure how often vector arithmetic gives the target, compared with other methods.

    The methods, applied to the exemplars of each draw, are: means of n exemplars in z; the same
    with the neighbours' noise; single exemplars in z; the same, scaled to the typical length of z;
    means of n images, added and subtracted as pixels (:func:`pixel_sums`); and, for chance, random
    samples. For comparison, ``held_out`` images are measured as well.

    A sum of three means of three has the variance of z, a sum of three single z has three times as
    much: scaling shows how much of the benefit of averaging is due to that.

    Parameters
    ----------
    space, classifier, exemplars:
        The latent space, the classifier, and what :func:`find_exemplars` found in them.
    real, held_out:
        Images of the training data ``[R, C, H, W]``, whose manifold decides what is realistic, and
        images from the same source that are not among them: uint8, or in [-1, 1].
    noise, seed:
        As in :func:`combine`.

    Raises
    ------
    ForgeryError
        The expression has no target, or there are fewer than four real images.
    """
    target = exemplars.expression.target
    if target is None:
        raise ForgeryError(f"{exemplars.expression} cannot be scored: it matches no known class")
    signs = [sign for sign, _ in exemplars.expression.terms]
    n = exemplars.z[0].shape[1]
    averaged = _signed_sum(signs, [z.mean(1) for z in exemplars.z])
    single = _signed_sum(signs, [z[:, 0] for z in exemplars.z])
    generator = torch.Generator().manual_seed(seed)
    moves = (2 * torch.rand(averaged.shape, generator=generator) - 1) * noise * UNIT
    length = single.norm(dim=1, keepdim=True)
    pictures = [space.pictures(z.flatten(0, 1)).unflatten(0, z.shape[:2]) for z in exemplars.z]
    means = "single exemplars" if n == 1 else f"means of {n}"
    images = {
        f"{means} in z": space.pictures(averaged),
        f"  the same, noise ±{noise:g}": space.pictures(averaged + moves),
        "single exemplars in z": space.pictures(single),
        "  scaled to z's length": space.pictures(single / length * space.size**0.5),
        f"{means} in pixels": pixel_sums(signs, pictures),
    }
    seen = {way: classifier.features_and_probabilities(these) for way, these in images.items()}
    seen["chance: any sample"] = exemplars.features, exemplars.probabilities
    if held_out is not None:
        seen["real images, held out"] = classifier.features_and_probabilities(held_out)
    return successes(classifier, target, real, seen)


def pixel_sums(signs: Sequence[int], exemplars: Sequence[Tensor]) -> Tensor:
    """Add and subtract mean images, the baseline without a generator: ``[draws, C, H, W]``.

    Sums are clamped to [-1, 1]. ``exemplars`` are for each term ``[draws, n, C, H, W]``.
    """
    return _signed_sum(signs, [images.mean(1) for images in exemplars]).clamp(-1, 1)


def successes(
    classifier: AttributeClassifier,
    target: Concept,
    real: Tensor,
    seen: Mapping[str, tuple[Tensor, Tensor]],
    k: int = 3,
) -> list[Success]:
    """Measure how many images of each method show the target, are realistic, and both.

    Parameters
    ----------
    classifier:
        The classifier.
    target:
        What the images should show.
    real:
        Images ``[R, C, H, W]``, more than k.
    seen:
        Method → features and probabilities of its images
        (:meth:`AttributeClassifier.features_and_probabilities`).
    k:
        The manifold's number of neighbours; the larger, the more it accepts.
    """
    of_real, _ = classifier.features_and_probabilities(real)
    features = [features for features, _ in seen.values()]
    inside = inside_manifold(of_real, torch.cat(features), k).split([len(f) for f in features])
    results = []
    for (what, (_, probabilities)), realistic in zip(seen.items(), inside, strict=True):
        shown = target.shown(probabilities, classifier.names)
        both = shown & realistic
        results.append(Success(what, _share(shown), _share(realistic), _share(both)))
    return results


def _share(true: Tensor) -> Share:
    return Share(true.double().mean().item(), len(true))


def _signed_sum(signs: Sequence[int], parts: Sequence[Tensor]) -> Tensor:
    return torch.stack([s * part for s, part in zip(signs, parts, strict=True)]).sum(0)
