"""A trained model in forms that leave this package: files that other programs read.

>>> import forgery
>>> model = forgery.load("runs/digits")
>>> forgery.export.to_onnx(model, "digits.onnx")

Each function writes a new file or folder, or nothing; :data:`TARGETS` lists them by the names that
``forgery export --to`` takes.
"""

from .folder import model_files, to_safetensors, write_folder
from .hub_folder import push, to_hub_folder
from .onnx import to_onnx
from .targets import TARGETS, Target, to_page

__all__ = [
    "TARGETS",
    "Target",
    "model_files",
    "push",
    "to_hub_folder",
    "to_onnx",
    "to_page",
    "to_safetensors",
    "write_folder",
]
