"""What ``forgery export --to`` writes."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ..model import Model
from .folder import to_safetensors
from .hub_folder import to_hub_folder
from .onnx import BATCHES, to_onnx
from .page import to_page


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


def _page(model: Model, path: Path) -> str:
    return f"difference from PyTorch {to_page(model, path):.1e} of the range of pixels"


def _onnx(model: Model, path: Path) -> str:
    batches = " and ".join(map(str, BATCHES))
    return f"difference from PyTorch {to_onnx(model, path):.1e} (batches of {batches})"


_OF_WEIGHTS = ("precision", "all_networks")
#: Name → target. To add one, write a function and a line here and in ``cli/export.py``.
TARGETS = {
    "onnx": Target("one file for ONNX runtimes", _onnx, ".onnx", extra="onnx"),
    "safetensors": Target(
        "a folder of weights, with plain PyTorch code in its README",
        to_safetensors,
        "-safetensors",
        _OF_WEIGHTS,
    ),
    "page": Target("one HTML file that draws in the browser, offline", _page, ".html"),
    "hub-folder": Target(
        "a folder for the Hugging Face Hub, with a model card",
        to_hub_folder,
        "-hub",
        (*_OF_WEIGHTS, "license", "also"),
    ),
}
