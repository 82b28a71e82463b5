"""Pictures of one's own: the recipes for the same processor time, and what each part is worth."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from torch import Tensor, nn

import forgery
from forgery import recipes
from forgery.config import Config
from forgery.evaluation import evaluate
from forgery.extractors.efficientnet import VARIANTS, EfficientNetLite
from forgery.models import Spec
from forgery.models.layers import Discriminator
from forgery.projected import NETWORK, ProjectedDiscriminator, Projection

from .declaration import Column, Scores, Table, folder, package
from .rows import Trained

JUDGE = "efficientnet-lite2"
EMOJI = Path("runs/pictures/emoji")


@dataclass(frozen=True)
class Pictures:
    """A set of pictures: its source, how to get it, and the networks that score samples."""

    source: str
    missing: Callable[[], str]
    judges: tuple[str, ...] = (JUDGE,)


SETS = {
    "emoji": Pictures(
        str(EMOJI),
        folder(EMOJI, f"python benchmarks/pictures.py emoji PACKAGE {EMOJI}"),
        (JUDGE, f"{EMOJI}-categories.safetensors"),  # pictures.py makes both
    ),
    "faces": Pictures("faces", package("dicebear", "faces")),
}


class UntrainedProjection(Projection):
    """The projection by a frozen network that was never trained."""

    def __init__(self, image_shape: tuple[int, int, int]) -> None:
        super().__init__(image_shape)
        frozen = EfficientNetLite(VARIANTS[NETWORK])
        for layer in frozen.modules():
            if isinstance(layer, nn.Conv2d):
                nn.init.kaiming_normal_(layer.weight)
                if layer.bias is not None:
                    nn.init.zeros_(layer.bias)
        self._untrained = [frozen]  # in a list: not a module of D, as the trained one is not

    def _taps(self, images: Tensor) -> list[Tensor]:
        return self._untrained[0].taps(images, self.scales)


class UntrainedDiscriminator(ProjectedDiscriminator):
    """The projected D with a frozen network that was never trained."""

    def __init__(self, spec: Spec) -> None:
        super().__init__(spec)
        self.projection = UntrainedProjection(spec.image_shape)


class WithoutPixels(ProjectedDiscriminator):
    """The projected D without its head on the pixels."""

    def __init__(self, spec: Spec) -> None:
        super().__init__(spec)
        self.heads, self.outputs = self.heads[1:], self.outputs[1:]

    def _maps(self, x: Tensor) -> list[Tensor]:
        _, *parts = self.projection.separate(x if x.dim() == 2 else self.projection(x))
        return [head(part) for head, part in zip(self.heads, parts, strict=True)]


class PixelsAlone(Discriminator):
    """The projected D's head on the pixels, alone."""

    def __init__(self, spec: Spec) -> None:
        super().__init__()
        whole = ProjectedDiscriminator(spec)
        self.layers = nn.Sequential(whole.heads[0], whole.outputs[0])

    def look(self, x: Tensor, y: Tensor | None = None) -> tuple[Tensor, Tensor]:
        maps = self.layers[0](x)
        return self.layers[1](maps).flatten(1), maps.mean((2, 3))


def score(pictures: Pictures, model: forgery.Model) -> Scores:
    """Score as many samples as there are training pictures, by networks that D has not seen."""
    card = evaluate(
        model.path,
        extractor=list(pictures.judges),
        step=model.step,
        device_name="cpu",
        keep=False,
        progress=False,
    )
    kept = ("frechet", "precision", "recall", "coverage", "near_train")
    found = {name: card.scores[name] for name in kept if name in card.scores}
    found["ratio"] = card.scores["frechet"] / card.floor["frechet"]
    if len(pictures.judges) > 1:
        by_categories = f"frechet@{Path(pictures.judges[1]).stem}"
        found["categories"] = card.scores[by_categories] / card.floor[by_categories]
    return found


COLUMNS = (
    Column("ratio", "Fréchet distance ÷ floor", ".2f"),
    Column("precision", "precision", ".2f"),
    Column("recall", "recall", ".2f"),
    Column("coverage", "coverage", ".2f"),
    Column("categories", "÷ floor, by the classifier of categories", ".2f"),
)

#: Recipe, changes and parts of each row.
Arm = tuple[Callable[..., Config], dict[str, Any], dict[str, Any]]
RECIPES: dict[str, Arm] = {
    "`pictures`": (recipes.pictures, {}, {}),
    "`pictures-plain`": (recipes.pictures_plain, {}, {}),
    "`dcgan`": (recipes.dcgan, {}, {}),
}
PARTS: dict[str, Arm] = {
    "frozen network never trained": (
        recipes.pictures,
        {},
        {"discriminator": UntrainedDiscriminator},
    ),
    "without the head on the pixels": (recipes.pictures, {}, {"discriminator": WithoutPixels}),
    "the head on the pixels alone": (recipes.pictures, {}, {"discriminator": PixelsAlone}),
    "DCGAN's D in its place": (recipes.pictures, {"discriminator": "dcgan", "d_width": 32}, {}),
}
#: Pixels → the processor's milliseconds per step of each row, by ``tables.py --time``.
MS: dict[int, dict[str, float]] = {
    32: {
        "`pictures`": 88.0,
        "`pictures-plain`": 68.0,
        "`dcgan`": 258.0,
        "frozen network never trained": 86.0,
        "without the head on the pixels": 66.0,
        "the head on the pixels alone": 50.0,
        "DCGAN's D in its place": 66.0,
    },
    64: {"`pictures`": 305.0, "`pictures-plain`": 324.0, "`dcgan`": 1457.0},
}


def _row(of: str, pixels: int, name: str, arm: Arm, seconds: tuple[int, ...]) -> Trained:
    recipe, changes, parts = arm
    pictures = SETS[of]

    def config() -> Config:
        return recipe(data=pictures.source, image_size=pixels, **changes)

    return Trained(
        name=name,
        config=config,
        score=partial(score, pictures),
        parts=parts,
        lengths=tuple(round(1000 * s / MS[pixels][name] / 50) * 50 for s in seconds),
        seeds=(0, 1, 2),
        reference="none: other sets (Sauer et al. 2021)",
        missing=pictures.missing,
    )


def _table(
    name: str, of: str, pixels: int, arms: dict[str, Arm], seconds: tuple[int, ...]
) -> Table:
    subject = "Recipes" if arms is RECIPES else "D's parts"
    return Table(
        name,
        f"{subject} on {of} of {pixels} × {pixels} pixels, in equal processor time",
        COLUMNS if of == "emoji" else COLUMNS[:-1],
        tuple(f"{s} s" for s in seconds),
        tuple(_row(of, pixels, arm, arms[arm], seconds) for arm in arms),
        "As many samples as there are training pictures, by EfficientNet-Lite2. Steps are the "
        "stated time divided by the time per step measured beforehand: "
        + ", ".join(f"{arm} {MS[pixels][arm]:g} ms" for arm in arms)
        + " (AMD EPYC, 1 thread).",
        page="pictures.md",
    )


TABLES = (
    _table("pictures-emoji", "emoji", 32, RECIPES, (150, 600, 1_800)),
    _table("pictures-parts", "emoji", 32, PARTS, (150, 600)),
    _table("pictures-emoji-64", "emoji", 64, RECIPES, (600, 1_800)),
    _table("pictures-faces", "faces", 32, RECIPES, (600, 1_800)),
    _table("pictures-faces-parts", "faces", 32, PARTS, (150, 600)),
)
