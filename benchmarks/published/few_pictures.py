"""Few pictures: settings for 200 of them, and fine-tuning on 100 from a run on many."""

from forgery import recipes

from .declaration import folder
from .pictures import COPIES, EMOJI, FOLDER, FRECHET, MANIFOLDS, Arm, compare, made

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
PRETRAINED_BY = f"forgery train faces --recipe pictures --steps 6800 --threads 1 --out {PRETRAINED}"
STARTS = {
    "random weights": Arm(recipes.pictures, 88),
    "`--start-from`": Arm(recipes.pictures, 88, {"start_from": str(PRETRAINED)}),
    "`--start-from --freeze-d 2`": Arm(
        recipes.pictures, 88, {"start_from": str(PRETRAINED), "freeze_d": 2}
    ),
}

TABLES = (
    compare(
        "pictures-few",
        "Settings for 200 emoji of 32 × 32 pixels",
        SETTINGS,
        EMOJI,
        (100, 300),
        (FRECHET, *MANIFOLDS, COPIES),
        note="1,000 samples are scored.",
    ),
    compare(
        "fine-tuning",
        "100 faces with glasses, from random weights and from a run on all faces",
        STARTS,
        GLASSES,
        (50, 150),
        (FRECHET, *MANIFOLDS, COPIES),
        note="1,000 samples are scored against 500 other faces with glasses. The pretrained run is "
        f"the same for all seeds: `{PRETRAINED_BY}`.",
        missing=lambda: GLASSES.missing() or folder(PRETRAINED, PRETRAINED_BY)(),
        page="fine-tuning.md",
    ),
)
