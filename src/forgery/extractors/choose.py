"""The extractor of a name or a file, and the one for data if none is given."""

import hashlib
from pathlib import Path

from ..data import Dataset
from ..errors import ForgeryError, nearest
from . import dinov2, inception
from .coordinates import Coordinates
from .digits import NAME as DIGITS
from .digits import bundled_classifier, load_digit_classifier
from .efficientnet import AXES, VARIANTS, is_installed, load_efficientnet
from .extractor import Extractor
from .files import load_classifier

#: Extractors that have a name; every other one is in a file.
NAMES = (DIGITS, *VARIANTS)
#: Stands for no extractor, where the measures of pixels are enough.
NONE = "none"
#: Networks for pictures of any kind, the preferred one first.
FOR_PICTURES = ("efficientnet-lite2", "efficientnet-lite1", "efficientnet-lite0")

#: What an extractor can be.
KINDS = (
    f"{', '.join(NAMES)}, or a file: a classifier that forgery classifier wrote (.safetensors), "
    f"the original Inception's weights ({inception.FILE}), or those of DINOv2 ViT-S/14 "
    f"({dinov2.FILE})"
)
#: The reason why pictures have no extractor.
NOT_INSTALLED = (
    "there is no feature extractor for these pictures: pip install 'forgery[features]' installs "
    "one for any pictures, and --extractor FILE gives your own, such as a classifier trained by "
    "forgery classifier on labelled images"
)


def load_extractor(given: Path | str) -> Extractor:
    """Load an extractor by its name, one of :data:`NAMES`, or from a file.

    A file that ends in .safetensors is a classifier of :func:`~forgery.extractors.save_classifier`;
    the weights of other networks are known by their SHA-256.

    Raises
    ------
    ForgeryError
        The name or the file is unknown, or the file cannot be read.
    """
    name, path = str(given), Path(given)
    if name == DIGITS:
        return load_digit_classifier()
    if name in VARIANTS:
        return load_efficientnet(name)
    if path.suffix == ".safetensors":
        return load_classifier(path)
    loaders = {
        inception.SHA256: inception.load_inception,
        dinov2.SHA256: dinov2.load_dinov2,
    }
    try:
        with open(path, "rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
    except FileNotFoundError:
        near = nearest(name, NAMES)
        raise ForgeryError(
            f"there is no extractor {name}, nor a file of this name"
            + (f": did you mean {near!r}?" if near else f"; an extractor is {KINDS}")
        ) from None
    except OSError as error:
        raise ForgeryError(f"cannot read {path}: {error.strerror or error}") from error
    if found in loaders:
        return loaders[found](path)
    problem = f"{path} is not an extractor, which is {KINDS}"
    if path.suffix in (".pth", ".pt"):  # it may be one of the two files, damaged
        expected = " or ".join(loaders)
        problem += f". Its SHA-256 is {found}, expected {expected}"
    raise ForgeryError(problem)


def default_extractor(
    train: Dataset, held_out: Dataset, used_by_d: str | None = None
) -> tuple[Extractor | Coordinates | None, str]:
    """The extractor for data if none is given, or (None, the reason why there is none).

    Points are their own features. Images that the bundled digit classifier recognises have that
    one; other pictures have the first installed network of :data:`FOR_PICTURES`, except the one
    whose weights have the SHA-256 ``used_by_d``.
    """
    if train.kind == "points":
        return Coordinates(), ""
    bundled = bundled_classifier(train) or bundled_classifier(held_out)
    if bundled is not None:
        return bundled, ""
    for name in FOR_PICTURES:
        if VARIANTS[name].sha256 == used_by_d or not is_installed(name):
            continue
        fewest = min((train, held_out), key=len)
        if len(fewest) <= AXES:
            return None, (
                f"the {len(fewest)} images of {fewest.name} are too few for the {AXES} axes of "
                f"{name}: at least {AXES + 1} are needed"
            )
        return load_efficientnet(name), ""
    return None, NOT_INSTALLED


def is_same_family(name: str, other: str) -> bool:
    """Whether two different extractors are networks of one family, trained on the same pictures."""
    return name != other and name in VARIANTS and other in VARIANTS
