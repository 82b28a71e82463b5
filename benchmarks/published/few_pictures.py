"""Few pictures: settings for 200 of them, and fine-tuning on 100 from a run on many."""

from pathlib import Path

import forgery
from forgery import recipes
from forgery.extractors import load_classifier
from forgery.latent import AttributeClassifier

from .declaration import Column, Scores, made_by
from .pictures import (
    CLASSES,
    COPIES,
    EMOJI,
    FOLDER,
    FRECHET,
    MANIFOLDS,
    Arm,
    Pictures,
    compare,
    made,
    score,
)

FEW = {"limit": 200}
SETTINGS = {
    "`pictures`": Arm(recipes.pictures, 88, FEW),
    "`pictures --augment translation`": Arm(
        recipes.pictures, 97, {**FEW, "augment": "translation"}
    ),
    "`pictures`, half the widths": Arm(recipes.pictures, 58, {**FEW, "g_width": 8, "d_width": 24}),
    "`pictures-plain`": Arm(recipes.pictures_plain, 68, FEW),
    "`pictures-plain --augment adaptive`": Arm(
        recipes.pictures_plain, 70, {**FEW, "augment": "adaptive"}
    ),
}

PRETRAINED = FOLDER / "faces-run"
GLASSES = made("glasses")
PRETRAINED_BY = (
    f"forgery train faces --recipe pictures --steps 20400 --threads 1 --out {PRETRAINED}"
)
STARTS = {
    "random weights": Arm(recipes.pictures, 88),
    "`--start-from`": Arm(recipes.pictures, 88, {"start_from": str(PRETRAINED)}),
    "`--start-from --freeze-d 2`": Arm(
        recipes.pictures, 79, {"start_from": str(PRETRAINED), "freeze_d": 2}
    ),
}

WORN = Column("glasses", "with glasses", ".1f", percent=True)


def score_glasses(pictures: Pictures, model: forgery.Model) -> Scores:
    """The same scores, and the share of samples that the classifier sees glasses in."""
    classifier = AttributeClassifier(load_classifier(Path(pictures.classifier)), exclusive=False)
    _, probabilities = classifier.features_and_probabilities(model.sample(1_000, seed=1))
    worn = probabilities[:, classifier.names.index("glasses")] > 0.5
    return {**score(pictures, model), "glasses": worn.float().mean().item()}


TABLES = (
    compare(
        "pictures-few",
        "Settings for 200 emoji of 32 × 32 pixels",
        SETTINGS,
        EMOJI,
        (100, 300),
        (FRECHET, *MANIFOLDS, CLASSES, COPIES),
        note="1,000 samples are scored.",
    ),
    compare(
        "fine-tuning",
        "100 faces with glasses, from random weights and from a run on all faces",
        STARTS,
        GLASSES,
        (50,),
        (FRECHET, *MANIFOLDS, CLASSES, WORN, COPIES),
        scored=score_glasses,
        note="1,000 samples are scored against 500 other faces with glasses; the second distance "
        "is by a classifier of the attributes of faces, which also finds glasses. The pretrained "
        f"run is the same for all seeds: `{PRETRAINED_BY}`.",
        missing=lambda: GLASSES.missing() or made_by(PRETRAINED, PRETRAINED_BY)(),
        page="fine-tuning.md",
    ),
)
