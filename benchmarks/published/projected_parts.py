"""What each part of the projected discriminator is worth."""

from torch import Tensor, nn

from forgery import recipes
from forgery.extractors.efficientnet import VARIANTS, EfficientNetLite
from forgery.models import Spec
from forgery.models.layers import Discriminator
from forgery.projected import NETWORK, ProjectedDiscriminator, Projection

from .pictures import AS_MANY, CLASSES, EMOJI, FACES, MANIFOLDS, RATIO, Arm, compare


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


PARTS = {
    "frozen network never trained": Arm(
        recipes.pictures, 86, parts={"discriminator": UntrainedDiscriminator}
    ),
    "without the head on the pixels": Arm(
        recipes.pictures, 66, parts={"discriminator": WithoutPixels}
    ),
    "the head on the pixels alone": Arm(recipes.pictures, 50, parts={"discriminator": PixelsAlone}),
    "DCGAN's D in its place": Arm(recipes.pictures, 66, {"discriminator": "dcgan", "d_width": 32}),
}
TABLES = (
    compare(
        "pictures-parts",
        "D's parts on emoji of 32 × 32 pixels",
        PARTS,
        EMOJI,
        (150, 600),
        (RATIO, *MANIFOLDS, CLASSES),
        note=AS_MANY,
    ),
    compare(
        "pictures-faces-parts",
        "D's parts on faces of 32 × 32 pixels",
        {"`pictures`": Arm(recipes.pictures, 88), **PARTS},
        FACES,
        (150, 600),
        (RATIO, *MANIFOLDS),
        note=AS_MANY,
    ),
)
