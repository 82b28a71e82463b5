"""What ``forgery export --to`` writes."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..model import Model
from .files import write_new
from .folder import to_safetensors
from .hub_folder import to_hub_folder
from .onnx import BATCHES, to_onnx


@dataclass(frozen=True)
class Target:
    """A form in which a model is exported.

    Parameters
    ----------
    about:
        One line of help.
    write:
        (model, path, options) → remark on what was written, or None.
    suffix:
        What follows the name of the run in the default path.
    options:
        The options that have an effect.
    extra:
        The extra of this package that it needs.
    """

    about: str
    write: Callable[..., str | None]
    suffix: str
    options: tuple[str, ...] = ()
    extra: str = ""


def to_page(model: Model, path: Path | str) -> float:
    """Write one HTML file that draws with the generator in a browser, without a network.

    Parameters
    ----------
    model:
        A trained model of images.
    path:
        The file, which must not exist.

    Returns
    -------
    float
        The largest difference of a pixel from PyTorch's, as a share of the range of pixels.

    Raises
    ------
    ForgeryError
        If the file exists or cannot be written, or the generator is too large or has a layer that
        the page cannot compute.
    """
    from .page import write_page

    with write_new(Path(path)) as file:
        difference: float = write_page(model, file).difference
    return difference


def _page(model: Model, path: Path) -> str:
    return f"difference from PyTorch {to_page(model, path):.1e} of the range of pixels"


def _onnx(model: Model, path: Path, **options: Any) -> str:
    batches = " and ".join(map(str, BATCHES))
    return f"difference from PyTorch {to_onnx(model, path):.1e} (batches of {batches})"


_OF_WEIGHTS = ("precision", "all_networks")
#: Name → target. To add one, write a function and a line here and in ``cli/export.py``.
TARGETS = {
    "onnx": Target("one file for ONNX runtimes", _onnx, ".onnx", extra="onnx"),
    "safetensors": Target(
        "a folder of weights, with code of plain PyTorch in its README",
        to_safetensors,
        "-safetensors",
        _OF_WEIGHTS,
    ),
    "page": Target("one HTML file that draws in the browser, offline", _page, ".html"),
    "hub-folder": Target(
        "a folder for the hub of Hugging Face, with a model card",
        to_hub_folder,
        "-hub",
        (*_OF_WEIGHTS, "license", "also"),
    ),
}
