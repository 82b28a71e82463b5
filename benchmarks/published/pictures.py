"""Pictures of one's own: sets, how samples are scored, and the recipes for equal processor time."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import forgery
from forgery import latent, recipes
from forgery.config import Config
from forgery.evaluation import evaluate

from .declaration import Column, Scores, Table, made_by, package
from .rows import Trained

FOLDER = Path("runs/pictures")
#: The network that scores all samples; D sees a smaller one of its family.
JUDGE = "efficientnet-lite2"
#: Vector arithmetic on faces; how many z are averaged for each concept, and how many real faces
#: decide what is realistic.
SUM, AVERAGED, REAL = "man+glasses - man + woman", (3, 10), 1_000


@dataclass(frozen=True)
class Pictures:
    """A set of pictures.

    Parameters
    ----------
    source:
        Its data source.
    missing:
        As :attr:`Row.missing`.
    classifier:
        The file of a classifier of its classes, which scores samples beside :data:`JUDGE`.
    """

    source: str
    missing: Callable[[], str]
    classifier: str = ""


def made(name: str, *arguments: str) -> Pictures:
    """A set that benchmarks/picture_sets.py makes, and last of all its classifier."""
    classifier = FOLDER / f"{name}-classes.safetensors"
    command = " ".join(("python benchmarks/picture_sets.py", name, *arguments))
    return Pictures(str(FOLDER / name), made_by(classifier, command), str(classifier))


EMOJI, SHAPES = made("emoji", "PACKAGE"), made("shapes")
FACES, LOOSE = (Pictures(name, package("dicebear", "faces")) for name in ("faces", "faces-loose"))


def score(pictures: Pictures, model: forgery.Model, **parts: Any) -> Scores:
    """Score as many samples as there are training pictures, by networks that D has not seen.

    ``parts`` are networks of this benchmark, as in :class:`Arm`.
    """
    card = evaluate(
        model.path,
        extractor=[JUDGE, *filter(None, [pictures.classifier])],
        step=model.step,
        device_name="cpu",
        keep=False,
        progress=False,
        **parts,
    )
    kept = ("frechet", "precision", "recall", "coverage", "near_train")
    found = {name: card.scores[name] for name in kept if name in card.scores}
    found["ratio"] = card.scores["frechet"] / card.floor["frechet"]
    if pictures.classifier:
        by = Path(pictures.classifier).stem
        found["classes"] = card.scores[f"frechet@{by}"] / card.floor[f"frechet@{by}"]
        if f"asked_right@{by}" in card.scores:
            found["asked_right"] = card.scores[f"asked_right@{by}"]
    return found


def score_faces(pictures: Pictures, model: forgery.Model, **parts: Any) -> Scores:
    """The same, and the share of sums of means of z that are as wanted."""
    found = dict(score(pictures, model, **parts))
    for n in AVERAGED:
        share = sums_as_wanted(model, n)
        if share is not None:
            found[f"sums{n}"] = share
    return found


def sums_as_wanted(model: forgery.Model, n: int) -> float | None:
    """The share of :data:`SUM`, of means of n, that is as wanted; None without exemplars."""
    train = model.dataset()
    classifier = latent.attribute_classifier(train)
    try:
        found = latent.find_exemplars(
            model.space(), classifier, latent.parse(SUM, classifier.names), n
        )
    except forgery.ForgeryError:
        return None
    real = train.limited(REAL).values
    return latent.score(model.space(), classifier, found, real)[0].shown.share


FRECHET = Column("frechet", "Fréchet distance", ".1f")
RATIO = Column("ratio", "Fréchet distance ÷ floor", ".2f")
MANIFOLDS = tuple(Column(name, name, ".2f") for name in ("precision", "recall", "coverage"))
CLASSES = Column("classes", "÷ floor, by the classifier", ".2f")
ASKED = Column("asked_right", "class as requested", ".1f", percent=True)
COPIES = Column("near_train", "suspected copies", ".1f", percent=True)
SUMS = tuple(Column(f"sums{n}", f"sums of means of {n}", ".1f", percent=True) for n in AVERAGED)


@dataclass(frozen=True)
class Arm:
    """What is trained in a row.

    Parameters
    ----------
    recipe, changes:
        A recipe and changes of its settings.
    ms:
        The processor's milliseconds per step, by ``tables.py --time`` on a quiet machine.
    parts:
        Networks of this benchmark in the place of the settings'.
    """

    recipe: Callable[..., Config]
    ms: float
    changes: Mapping[str, Any] = field(default_factory=dict)
    parts: Mapping[str, Any] = field(default_factory=dict)

    def settings(self, pictures: Pictures, pixels: int) -> Config:
        return self.recipe(data=pictures.source, image_size=pixels, **self.changes)


def compare(
    name: str,
    title: str,
    arms: Mapping[str, Arm],
    pictures: Pictures,
    seconds: tuple[int, ...],
    columns: tuple[Column, ...],
    pixels: int = 32,
    scored: Callable[..., Scores] = score,
    note: str = "",
    missing: Callable[[], str] | None = None,
    page: str = "pictures.md",
) -> Table:
    """Arms on the same pictures for the same processor time.

    ``note`` is added to the protocol; ``missing`` replaces that of the pictures.
    """
    timed = ", ".join(f"{text} {arm.ms:g} ms" for text, arm in arms.items())
    return Table(
        name,
        f"{title}, in equal processor time",
        columns,
        tuple(f"{s} s" for s in seconds),
        tuple(
            Trained(
                name=text,
                config=partial(arm.settings, pictures, pixels),
                score=partial(scored, pictures, **arm.parts),
                parts=arm.parts,
                lengths=tuple(round(1000 * s / arm.ms / 50) * 50 for s in seconds),
                seeds=(0, 1, 2),
                reference="on other sets only (Sauer et al. 2021)",
                missing=missing or pictures.missing,
            )
            for text, arm in arms.items()
        ),
        f"Scores are by EfficientNet-Lite2. {note}{' ' if note else ''}Steps are the stated time "
        f"divided by the time per step measured beforehand: {timed} (AMD EPYC, 1 thread).",
        page=page,
    )


#: Settings of ``dcgan`` that suit ten minutes on one core.
FASTER = {
    "g_learning_rate": 1e-3,
    "d_learning_rate": 1e-3,
    "beta1": 0.0,
    "beta2": 0.99,
    "ema": 0.999,
    "batch_size": 32,
}
#: Pixels → the recipes.
RECIPES = {
    pixels: {
        "`pictures`": Arm(recipes.pictures, pictures),
        "`pictures-plain`": Arm(recipes.pictures_plain, plain),
        "`dcgan`": Arm(recipes.dcgan, dcgan),
    }
    for pixels, pictures, plain, dcgan in ((32, 88, 68, 258), (64, 305, 324, 1457))
}
ON_FACES = {
    "`pictures`": Arm(recipes.pictures, 88),
    "`dcgan` with higher learning rates and an EMA": Arm(recipes.dcgan, 74, FASTER),
}
CONDITIONAL = {
    "`pictures`": Arm(recipes.pictures, 88),
    "`pictures --conditional projection`": Arm(recipes.pictures, 91, {"conditional": "projection"}),
}
AS_MANY = "As many samples are scored as there are training pictures, at most 10,000."
ARITHMETIC = (
    f"{AS_MANY} Sums are {SUM} of means of 3 and of 10 exemplars in z, as wanted by the classifier "
    "of attributes."
)

TABLES = (
    compare(
        "pictures-emoji",
        "Recipes on emoji of 32 × 32 pixels",
        RECIPES[32],
        EMOJI,
        (150, 600, 1_800),
        (RATIO, *MANIFOLDS, CLASSES, COPIES),
        note=AS_MANY,
    ),
    compare(
        "pictures-emoji-64",
        "Recipes on emoji of 64 × 64 pixels",
        RECIPES[64],
        replace(EMOJI, classifier=""),  # which reads pictures of 32 × 32 pixels
        (600, 1_800),
        (RATIO, *MANIFOLDS, COPIES),
        pixels=64,
        note=AS_MANY,
    ),
    compare(
        "pictures-shapes",
        "Shapes of 32 × 32 pixels, with and without their classes",
        CONDITIONAL,
        SHAPES,
        (600,),
        (RATIO, *MANIFOLDS, CLASSES, ASKED),
        note=AS_MANY,
    ),
    compare(
        "pictures-faces",
        "Recipes on faces of 32 × 32 pixels",
        ON_FACES,
        FACES,
        (600, 1_800),
        (RATIO, *MANIFOLDS, *SUMS),
        scored=score_faces,
        note=ARITHMETIC,
    ),
    compare(
        "pictures-loose",
        "Recipes on faces that are not aligned, of 32 × 32 pixels",
        ON_FACES,
        LOOSE,
        (600, 1_800),
        (RATIO, *MANIFOLDS, *SUMS),
        scored=score_faces,
        note=ARITHMETIC,
    ),
)
