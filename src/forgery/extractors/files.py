"""Reading and writing of extractors as safetensors files, verified by hash."""

import hashlib
import json
from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import load, save

from ..errors import ForgeryError
from ..writing import writing
from .classifier import Classifier
from .extractor import Extractor


def save_classifier(network: Classifier, path: Path, name: str) -> str:
    """Write a classifier with its name, image shape and classes, and return the file's SHA-256.

    Raises
    ------
    ForgeryError
        The file cannot be written.
    """
    about = {"name": name, "image_shape": network.image_shape, "classes": network.classes}
    tensors = {key: value.contiguous().cpu() for key, value in network.state_dict().items()}
    # A single metadata entry, since several are written in random order and change the hash.
    content = save(tensors, metadata={"classifier": json.dumps(about, sort_keys=True)})
    with writing(path):
        path.write_bytes(content)
    return hashlib.sha256(content).hexdigest()


def load_classifier(path: Path, sha256: str | None = None) -> Extractor:
    """Load a classifier written by :func:`save_classifier` as an extractor.

    Parameters
    ----------
    path:
        The safetensors file.
    sha256:
        Expected SHA-256, 64 hexadecimal digits; None to accept any.

    Raises
    ------
    ForgeryError
        The file cannot be read, has a different hash, or is not such a classifier.
    """
    content = read_checked(path, sha256)
    try:
        weights = load(content)  # parse the verified bytes instead of reading the file again
        about = json.loads(_metadata(content)["classifier"])
        network = Classifier(tuple(about["image_shape"]), tuple(about["classes"]))
        network.load_state_dict(weights)
        name = str(about["name"])
    except (SafetensorError, KeyError, TypeError, ValueError, RuntimeError) as error:
        raise ForgeryError(f"{path}: not a classifier written by forgery ({error})") from error
    return Extractor(
        name, hashlib.sha256(content).hexdigest(), network, network.image_shape, network.classes
    )


def read_checked(path: Path, sha256: str | None, wanted: str = "") -> bytes:
    """Read a file; raise a :class:`ForgeryError` if its SHA-256 is not ``sha256`` (unless None).

    ``wanted`` says which file is expected.
    """
    try:
        content = Path(path).read_bytes()
    except OSError as error:
        raise ForgeryError(f"cannot read {path}: {error.strerror or error}") from error
    found = hashlib.sha256(content).hexdigest()
    if sha256 is not None and found != sha256:
        raise ForgeryError(
            f"{path} is damaged or another file: {wanted}{'; ' if wanted else ''}"
            f"its SHA-256 is {found}, expected {sha256}"
        )
    return content


def _metadata(content: bytes) -> dict[str, str]:
    """Parse the metadata in the JSON header of a safetensors file, after 8 bytes for its length."""
    length = int.from_bytes(content[:8], "little")
    return json.loads(content[8 : 8 + length]).get("__metadata__", {})
