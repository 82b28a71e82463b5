"""forgery: generative adversarial networks, with the 2014 paper reproduced exactly.

>>> import forgery
>>> model = forgery.train("mnist", epochs=5)
>>> model.sample(64, seed=0).shape
torch.Size([64, 1, 28, 28])

The names below are imported on first use, so that ``import forgery`` is fast.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from . import callbacks, recipes
    from .config import Config
    from .errors import ForgeryError
    from .evaluation import doctor, evaluate
    from .model import Model, load
    from .plots import save_grid
    from .runs import Run
    from .session import resume, train
    from .training.events import StopTraining

__version__ = "0.1.0"

__all__ = [
    "Config",
    "ForgeryError",
    "Model",
    "Run",
    "StopTraining",
    "callbacks",
    "doctor",
    "evaluate",
    "export",
    "load",
    "recipes",
    "resume",
    "save_grid",
    "train",
]

_HOMES = {
    "Config": "config",
    "ForgeryError": "errors",
    "Model": "model",
    "Run": "runs",
    "StopTraining": "training.events",
    "doctor": "evaluation",
    "evaluate": "evaluation",
    "load": "model",
    "resume": "session",
    "save_grid": "plots",
    "train": "session",
}


#: Packages and modules that are used as ``forgery.NAME``.
_MODULES = (
    *("callbacks", "data", "evaluation", "export", "extractors", "latent", "metrics", "objectives"),
    *("recipes", "theory", "training"),
)


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return import_module(f".{name}", __name__)
    if name in _HOMES:
        return getattr(import_module(f".{_HOMES[name]}", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
