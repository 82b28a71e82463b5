"""The measures of a score card."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache

import torch

from .. import metrics, plugins
from ..extractors.inception import SHA256 as INCEPTION
from .held_out import too_few_fresh
from .protocol import Card, Network, Protocol, joined_name, split_name
from .subject import Subject, renumbered

#: The reason why a measure is skipped, or None.
Requirement = Callable[[Subject], str | None]


@dataclass(frozen=True)
class Measure:
    """A measure, which gives one score of the card.

    Parameters
    ----------
    name:
        Key in card.json.
    title:
        Printed name.
    better:
        ``lower``, ``higher`` or an expected value; empty if no value is better.
    compute:
        Computes the score of a subject. Results shared by several measures are cached properties of
        :class:`Subject`.
    requires:
        Returns the reason to skip the measure for a subject, or None; the card reports it.
    applies:
        Whether the measure concerns a subject at all; if not, the card does not mention it.
    unit:
        Unit, printed after the title.
    form:
        Format specification of the score.
    has_floor:
        Whether real training data is scored as well.
    inception_title:
        Title for features of the original Inception network, if it differs: only these scores may
        be called FID and KID.
    """

    name: str
    title: str
    better: str
    compute: Callable[[Subject], float]
    requires: Requirement = lambda subject: None
    applies: Callable[[Subject], bool] = lambda subject: True
    unit: str = ""
    form: str = ".4g"
    has_floor: bool = True
    inception_title: str = ""

    @property
    def depends_on_extractor(self) -> bool:
        """Whether the score differs from extractor to extractor."""
        return self.requires in (features, classes, labels, requested)


def features(s: Subject) -> str | None:
    """Requires an extractor."""
    return s.reference.no_features()


def classes(s: Subject) -> str | None:
    """Requires an extractor that predicts classes."""
    return s.reference.no_classes()


def labels(s: Subject) -> str | None:
    """Requires an extractor that predicts the classes of the data's labels."""
    return s.reference.no_labels()


def requested(s: Subject) -> str | None:
    """Requires an extractor that predicts the classes of the training data."""
    return s.reference.no_requested()


def held_out_labels(s: Subject) -> str | None:
    """Requires labels."""
    return "the data has no labels" if s.reference.against.labels is None else None


def trained_labels(s: Subject) -> str | None:
    """Requires labels that the training data has, too."""
    return s.reference.no_trained_labels()


def fresh(s: Subject) -> str | None:
    """Requires held-out data that was not trained on."""
    return too_few_fresh(s.reference.against, s.reference.fresh)


def pixels(s: Subject) -> str | None:
    """Requires images to choose the Parzen window, and others to score."""
    if not are_images(s):
        return "its protocol needs pixels in [0, 1]"
    if not len(s.reference.parzen_images[1]):
        return f"{s.reference.against.name} holds one image, but at least two are needed"
    return None


def are_images(s: Subject) -> bool:
    return s.reference.against.kind == "images"


def has_density(s: Subject) -> bool:
    return s.reference.known is not None


def has_modes(s: Subject) -> bool:
    return s.reference.known is not None and s.reference.known.has_modes


def uniform_kl(s: Subject) -> float:
    return metrics.kl_divergence(s.histogram, torch.ones_like(s.histogram))


def class_kl(s: Subject) -> float:
    against, extractor = s.reference.against, s.reference.extractor
    assert against.labels is not None
    assert extractor is not None
    labels = renumbered(against.labels, against.classes, extractor.classes)
    return metrics.class_balance(s.class_labels, labels, s.reference.class_count).kl


#: Name → measure, in the order in which they are printed.
MEASURES: dict[str, Measure] = {
    measure.name: measure
    for measure in (
        Measure(
            "frechet",
            "Fréchet distance",
            "lower",
            lambda s: metrics.frechet_distance(s.statistics, s.reference.statistics),
            features,
            inception_title="FID",
        ),
        Measure(
            "kernel",
            "kernel distance × 1000",
            "lower",
            lambda s: 1000 * s.kernel.mean,
            features,
            inception_title="KID × 1000",
        ),
        Measure(
            "kernel_std",
            "kernel distance × 1000, std of subsets",
            "",
            lambda s: 1000 * s.kernel.std,
            features,
            inception_title="KID × 1000, std of subsets",
        ),
        Measure(
            "precision", "precision (k = 3)", "higher", lambda s: s.manifold.precision, features
        ),
        Measure("recall", "recall (k = 3)", "higher", lambda s: s.manifold.recall, features),
        Measure(
            "density", "density (k = 5)", "higher", lambda s: s.neighbourhood.density, features
        ),
        Measure(
            "coverage", "coverage (k = 5)", "higher", lambda s: s.neighbourhood.coverage, features
        ),
        Measure("class_kl", "KL of classes", "lower", class_kl, labels, are_images, unit="nats"),
        Measure(
            "classes",
            "classes drawn",
            "higher",
            lambda s: int((s.histogram > 0).sum()),
            classes,
            are_images,
        ),
        Measure(
            "asked_right",
            "requested class drawn",
            "higher",
            lambda s: s.requested_share(),
            requested,
            lambda s: s.requested is not None and not s.codes,
        ),
        Measure(
            "code_right",
            "class predicted by the code, best match",
            "higher",
            lambda s: s.requested_share(),
            labels,
            lambda s: s.requested is not None and s.codes,
        ),
        Measure(
            "classified_right",
            "accuracy of D on held-out data",
            "higher",
            lambda s: s.classified_share(),
            trained_labels,
            lambda s: s.classify is not None and not s.codes,
            has_floor=False,
        ),
        Measure(
            "clustered_right",
            "held-out class by D's code, best match",
            "higher",
            lambda s: s.classified_share(),
            held_out_labels,
            lambda s: s.classify is not None and s.codes,
            has_floor=False,
        ),
        Measure(
            "uniform_kl",
            "KL of classes to uniform",
            "lower",
            uniform_kl,
            classes,
            are_images,
            unit="nats",
        ),
        Measure(
            "energy",
            "energy distance of pixels",
            "lower",
            lambda s: s.energy,
            applies=are_images,
        ),
        Measure(
            "parzen",
            "Parzen log-likelihood",
            "see note",
            lambda s: s.parzen.mean,
            pixels,
            unit="nats",
        ),
        Measure(
            "parzen_se",
            "Parzen log-likelihood, standard error",
            "",
            lambda s: s.parzen.standard_error,
            pixels,
        ),
        Measure("parzen_sigma", "Parzen window's σ", "", lambda s: s.parzen.sigma, pixels),
        Measure(
            "jsd",
            "JSD to the density by grid",
            "lower",
            lambda s: s.divergence.jsd,
            applies=has_density,
            unit="nats",
        ),
        Measure(
            "kl",
            "KL(data‖samples) by grid",
            "lower",
            lambda s: s.divergence.kl,
            applies=has_density,
            unit="nats",
        ),
        Measure("modes", "modes covered", "higher", lambda s: s.modes.covered, applies=has_modes),
        Measure(
            "high_quality",
            "share within 3 σ of a mode",
            "higher",
            lambda s: s.modes.high_quality,
            applies=has_modes,
        ),
        Measure(
            "near_train",
            "suspected copies of training {kind}",
            "about 1%",
            lambda s: s.memorisation.near,
            fresh,
            form=".2%",
            has_floor=False,
        ),
    )
}


def title(name: str, protocol: Protocol, with_unit: bool = True) -> str:
    """The printed name of a score; that of an unknown measure, of another package, is its name."""
    measure = measure_of(name)
    if measure is None:
        return name
    _, extractor = split_name(name)
    text = (inception_title(name, protocol) or measure.title).format(kind=protocol.kind)
    text += f" ({extractor})" if extractor else ""
    return f"{text}, {measure.unit}" if with_unit and measure.unit else text


def network_of(name: str, protocol: Protocol) -> Network | None:
    """The network whose features a score compares; None without features."""
    extractor = split_name(name)[1] or protocol.extractor
    return next((n for n in protocol.networks if n.name == extractor), None)


def inception_title(name: str, protocol: Protocol) -> str:
    """FID or KID, if the score is that of the original Inception, known by its SHA-256; else empty.

    A classifier in a file of this name is another network.
    """
    measure, network = measure_of(name), network_of(name, protocol)
    by_inception = network is not None and network.sha256 == INCEPTION and not network.axes
    return measure.inception_title if measure and by_inception else ""


def measure_of(name: str) -> Measure | None:
    """The measure of a score; None if it is that of a package which is not installed."""
    return all_measures().get(split_name(name)[0])


def score_names(cards: Sequence[Card]) -> list[str]:
    """The names of the cards' scores, by measure; those by further extractors follow the first's.

    Measures of another package, which may not be installed, come last.
    """
    found = dict.fromkeys(name for card in cards for name in card.scores)
    order = {name: i for i, name in enumerate(all_measures())}
    return sorted(found, key=lambda name: order.get(split_name(name)[0], len(order)))


def ratio(name: str, scores: Mapping[str, float], floor: Mapping[str, float]) -> float | None:
    """The score divided by the floor, or None if the ratio has no meaning.

    Lower must be better for the measure, and the floor must be above 0. The kernel distance of real
    data is 0 except for noise, so its floor must exceed the standard deviation over subsets.
    """
    measure = measure_of(name)
    if measure is None or measure.better != "lower" or name not in scores:
        return None
    noise = floor.get(joined_name("kernel_std", split_name(name)[1]), 0.0)
    least = noise if measure.name == "kernel" else 0.0
    return scores[name] / floor[name] if floor.get(name, 0.0) > least else None


def formatted(name: str, value: float | None) -> str:
    """Format a score; None gives ``–``."""
    measure = measure_of(name)
    form = measure.form if measure else ".4g"
    if value is None:
        return "–"
    return f"{value:,.0f}" if form == ".4g" and abs(value) >= 1000 else f"{value:{form}}"


#: The entry-point group by which packages add measures.
PLUGINS = "forgery.measures"


def all_measures() -> dict[str, Measure]:
    """All measures by name, including those added by installed packages."""
    return {**MEASURES, **{name: m for name, m in _added().items() if name not in MEASURES}}


@cache
def _added() -> dict[str, Measure]:
    """The measures of installed packages, found once: a table asks for each of its cells."""
    return {name: plugins.load(PLUGINS, name) for name in plugins.names(PLUGINS)}
