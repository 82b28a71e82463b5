"""An exported model: a folder with its weights and settings, which ``forgery.load`` opens.

::

    config.json          the run's, without paths of this machine; ``exported``: step, SHA-256
    model.safetensors    ``generator.*``: G, or its average if there is one; on request also
                         ``discriminator.*``, or ``encoder.*`` of a VAE
    card.json            the scores, if the run was evaluated
"""

import hashlib
import json
import os
import shutil
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Literal

import torch
from safetensors.torch import save
from torch import Tensor, nn

from ..data import FROM_PYTHON, is_name
from ..errors import ForgeryError
from ..model import Model
from ..parts import OTHER_NETWORK
from ..training.run import Run, open_run

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
        other = model.discriminator if role == "discriminator" else model.encoder
        if other is None:
            raise ForgeryError(f"{model.path} has no {role}: it was exported without")
        networks[role] = other
    weights = save(_tensors(networks, precision))
    exported = {
        "step": model.step,
        "networks": list(networks),
        "precision": precision,
        "sha256": hashlib.sha256(weights).hexdigest(),
    }
    record = _without_paths(run) | {"exported": exported}
    files = {"config.json": _json(record), "model.safetensors": weights}
    with suppress(FileNotFoundError, ValueError):
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
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise ForgeryError(f"{out} already exists and is never overwritten: choose another --out")
    temporary = out.with_name(f".{out.name}.{os.getpid()}")
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        temporary.mkdir()
        for name, content in files.items():
            (temporary / name).write_bytes(content)
        os.replace(temporary, out)
    except OSError as error:
        shutil.rmtree(temporary, ignore_errors=True)
        raise ForgeryError(f"cannot write {out}: {error.strerror or error}") from error


def _tensors(networks: Mapping[str, nn.Module], precision: Precision) -> dict[str, Tensor]:
    kind = getattr(torch, precision)
    return {
        f"{role}.{name}": (t.to(kind) if t.is_floating_point() else t).contiguous().cpu()
        for role, network in networks.items()
        for name, t in network.state_dict().items()
    }


def _without_paths(run: Run) -> dict[str, Any]:
    """config.json with the last parts of the paths in it: others say nothing elsewhere."""
    config = run.config
    if not (is_name(config.data) or config.data.startswith(FROM_PYTHON)):
        config = config.replace(data=Path(config.data).name)
    if config.start_from is not None:
        config = config.replace(start_from=Path(config.start_from).name)
    return run.record | {"config": config.effective()}


def _json(content: Mapping[str, Any]) -> bytes:
    return (json.dumps(content, indent=1) + "\n").encode()
