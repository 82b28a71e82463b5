"""Extractors on disk: safetensors and a hash, never pickle."""

import hashlib
import json
from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import load, save

from ..errors import ForgeryError
from .classifier import Classifier
from .extractor import Extractor


def save_classifier(network: Classifier, path: Path, name: str) -> str:
    """Write a trained classifier with its name, image shape and classes; its SHA-256 is returned.

    Raises
    ------
    ForgeryError
        The file cannot be written.
    """
    about = {"name": name, "image_shape": network.image_shape, "classes": network.classes}
    tensors = {key: value.contiguous().cpu() for key, value in network.state_dict().items()}
    # One entry of metadata: several come out in a random order, and the hash would differ.
    content = save(tensors, metadata={"classifier": json.dumps(about, sort_keys=True)})
    try:
        path.write_bytes(content)
    except OSError as error:
        raise ForgeryError(f"cannot write {path}: {error.strerror or error}") from error
    return hashlib.sha256(content).hexdigest()


def load_classifier(path: Path, sha256: str | None = None) -> Extractor:
    """A classifier that :func:`save_classifier` wrote, as an extractor.

    Parameters
    ----------
    path:
        The safetensors file.
    sha256:
        What its SHA-256 must be, 64 hexadecimal digits; None takes it as it is.

    Raises
    ------
    ForgeryError
        The file cannot be read, has another hash, or is not such a classifier.
    """
    content = read_checked(path, sha256)
    try:
        weights = load(content)  # the bytes that were checked: the file is not opened again
        about = json.loads(_metadata(content)["classifier"])
        network = Classifier(tuple(about["image_shape"]), tuple(about["classes"]))
        network.load_state_dict(weights)
        name = str(about["name"])
    except (SafetensorError, KeyError, TypeError, ValueError, RuntimeError) as error:
        raise ForgeryError(f"{path}: not a classifier that forgery wrote ({error})") from error
    return Extractor(
        name, hashlib.sha256(content).hexdigest(), network, network.image_shape, network.classes
    )


def read_checked(path: Path, sha256: str | None) -> bytes:
    """A file's bytes, refused with a :class:`ForgeryError` unless their SHA-256 is as stated."""
    try:
        content = Path(path).read_bytes()
    except OSError as error:
        raise ForgeryError(f"cannot read {path}: {error.strerror or error}") from error
    found = hashlib.sha256(content).hexdigest()
    if sha256 is not None and found != sha256:
        raise ForgeryError(
            f"{path}: its SHA-256 is {found}, expected {sha256}: it is damaged or another file"
        )
    return content


def _metadata(content: bytes) -> dict[str, str]:
    """A safetensors file's free text: 8 bytes state the length of the JSON header that has it."""
    length = int.from_bytes(content[:8], "little")
    return json.loads(content[8 : 8 + length]).get("__metadata__", {})
