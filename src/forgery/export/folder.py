"""An exported model: a folder with its weights and settings, which ``forgery.load`` opens.

::

    config.json          the run's, without paths of this machine; ``exported``: step, SHA-256
    model.safetensors    ``generator.*``: G, or its average if there is one; on request also
                         ``discriminator.*``, or ``encoder.*`` of a VAE
    card.json            the scores, if the run was evaluated
    README.md            what it is, and how to draw with it
"""

import hashlib
import json
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Literal

import torch
from safetensors.torch import save
from torch import Tensor, nn

from ..addresses import is_path, name_of
from ..data import FROM_PYTHON, is_name
from ..model import Model
from ..parts import OTHER_NETWORK
from ..training import checkpoint
from ..training.run import Run, open_run
from .files import fill, write_new
from .readme import readme

Precision = Literal["float32", "float16"]


def model_files(
    model: Model, precision: Precision = "float32", all_networks: bool = False
) -> dict[str, bytes]:
    """Name → content of the files of an exported model.

    Parameters
    ----------
    model:
        A loaded model.
    precision:
        Format of the weights in the file. They are loaded as float32.
    all_networks:
        Whether to add the discriminator (the encoder of a VAE), which ``--start-from`` needs.

    Raises
    ------
    ForgeryError
        If that network is asked for, and the model has none.
    """
    run = open_run(model.path)
    role = OTHER_NETWORK[run.config.model]
    networks = {"generator": model.generator}
    if all_networks:
        networks[role] = model.required(role)
    weights = save(_tensors(networks, precision))
    exported = {
        "step": model.step,
        "networks": list(networks),
        "precision": precision,
        "sha256": hashlib.sha256(weights).hexdigest(),
    }
    record = _without_paths(run) | {"exported": exported}
    files = {"config.json": _json(record), "model.safetensors": weights}
    with suppress(OSError, ValueError, TypeError, KeyError):  # no card, or not one
        card = json.loads((run.path / "card.json").read_bytes())
        if card["step"] == model.step:
            files["card.json"] = _json(card | {"run": Path(card["run"]).name})
    return files


def write_folder(out: Path, files: Mapping[str, bytes]) -> None:
    """Write a new folder with the given files, or nothing.

    Raises
    ------
    ForgeryError
        If it exists and is not empty, or cannot be written.
    """
    with write_new(out) as folder:
        fill(folder, files)


def to_safetensors(
    model: Model,
    path: Path | str,
    *,
    precision: Precision = "float32",
    all_networks: bool = False,
) -> None:
    """Write a folder with the weights, which ``forgery.load`` opens.

    Its README.md holds plain PyTorch code that draws with them.

    Parameters
    ----------
    model:
        A trained model.
    path:
        The folder, which must not exist, or be empty.
    precision, all_networks:
        As in :func:`model_files`.

    Raises
    ------
    ForgeryError
        As :func:`model_files`, and if the folder exists or cannot be written.
    """
    path = Path(path)
    with write_new(path) as folder:
        files = model_files(model, precision, all_networks)
        text = readme(model, open_run(model.path), name_of(path))
        fill(folder, files | {"README.md": text.encode()})


def _tensors(networks: Mapping[str, nn.Module], precision: Precision) -> dict[str, Tensor]:
    kind = getattr(torch, precision)
    return checkpoint.separate(
        {
            f"{role}.{name}": t.to(kind) if t.is_floating_point() else t
            for role, network in networks.items()
            for name, t in network.state_dict().items()
        }
    )


def _without_paths(run: Run) -> dict[str, Any]:
    """config.json with only the last part of each path: the rest means nothing elsewhere."""
    config = run.config
    if not (is_name(config.data) or config.data.startswith(FROM_PYTHON)):
        name = Path(config.data).name
        # A folder may be called like a bundled source, and is not it.
        config = config.replace(data=f"./{name}" if is_name(name) else name)
    if config.start_from is not None and is_path(config.start_from):
        config = config.replace(start_from=Path(config.start_from).name)
    record = run.record | {"config": config.effective()}
    if "parts" in record:  # from a package, or from a file of this machine
        parts = {setting: dict(part) for setting, part in record["parts"].items()}
        record["parts"] = {k: v | {"from": Path(v["from"]).name} for k, v in parts.items()}
    return record


def _json(content: Mapping[str, Any]) -> bytes:
    return (json.dumps(content, indent=1) + "\n").encode()
