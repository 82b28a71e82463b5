"""Atomic checkpoints in safetensors and JSON, with checksums.

A checkpoint is a folder named by its step::

    00000600/model.safetensors      G, D and the average of G
    00000600/optimizers.safetensors state of the optimisers
    00000600/state.json             counters, SHA-256 of each file above and of the state

A checkpoint is written under a temporary name, synced to disk and renamed. A process killed at any
moment leaves earlier checkpoints intact, and at most a temporary folder whose name starts with a
dot. While a step is written again, its first version is kept as ``00000600.old``, which is valid
until the new one is in place.
"""

import hashlib
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor, nn

from ..errors import ForgeryError
from ..writing import sync_folder, unused, write_synced

#: Version of the format, incremented with every incompatible change.
FORMAT = 1
#: Suffix of a checkpoint that is being replaced.
OLD = ".old"


@dataclass(frozen=True)
class Checkpoint:
    """The complete state of a run after ``step`` steps.

    ``fingerprint`` is the SHA-256 of the weights' file, ``model.safetensors``, if it was read.
    """

    step: int
    model: dict[str, Tensor]
    optimizers: dict[str, Tensor]
    counters: dict[str, Any]
    fingerprint: str = ""

    @property
    def sampler(self) -> str:
        """The name of the network that generates samples: G's average if there is one, else G."""
        averaged = any(name.startswith("average.") for name in self.model)
        return "average" if averaged else "generator"


def write(folder: Path, checkpoint: Checkpoint, keep: int, best: int | None = None) -> Path:
    """Write a checkpoint into ``folder``; delete all but the newest ``keep`` and step ``best``.

    Returns
    -------
    Path
        The folder of the checkpoint.

    Raises
    ------
    ForgeryError
        If writing fails, for example on a full disk; earlier checkpoints are untouched.
    """
    target = folder / f"{checkpoint.step:08d}"
    temporary = folder / f".{target.name}.{os.getpid()}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for leftover in folder.glob(".*"):  # of a killed process
            shutil.rmtree(leftover, ignore_errors=True)
        temporary.mkdir()
        digests = {}
        for name in ("model", "optimizers"):
            content = save(separate(getattr(checkpoint, name)))
            digests[name] = hashlib.sha256(content).hexdigest()
            write_synced(temporary / f"{name}.safetensors", content)
        state = {
            "format": FORMAT,
            "step": checkpoint.step,
            "counters": checkpoint.counters,
            "sha256": digests,
        }
        sealed = {"state": state, "sha256": _digest(state)}
        write_synced(temporary / "state.json", (json.dumps(sealed, indent=1) + "\n").encode())
        sync_folder(temporary)
        old = target.with_suffix(OLD)
        if target.exists():
            shutil.rmtree(old, ignore_errors=True)  # left by a killed process
            os.replace(target, old)
        os.replace(temporary, target)
        sync_folder(folder)
        shutil.rmtree(old, ignore_errors=True)
    except OSError as error:
        with suppress(OSError):
            shutil.rmtree(temporary)
        last = next(iter(steps(folder)), None)
        kept = "there is no earlier one" if last is None else f"that of step {last} is intact"
        raise ForgeryError(
            f"cannot write the checkpoint of step {checkpoint.step} to {folder}: "
            f"{error.strerror or error}; {kept}"
        ) from error
    for step in list(steps(folder))[keep:]:
        if step != best:
            for place in _places(folder, step):
                shutil.rmtree(place, ignore_errors=True)
    return target


def steps(folder: Path) -> Iterator[int]:
    """The steps of all checkpoints in ``folder``, newest first."""
    paths = folder.iterdir() if folder.is_dir() else ()
    found = {int(p.stem) for p in paths if p.stem.isdigit() and p.suffix in ("", OLD)}
    yield from sorted(found, reverse=True)


def set_aside_after(folder: Path, step: int) -> list[str]:
    """Rename the checkpoints of later steps, so that they are ignored.

    A run that resumes from an earlier step, since later checkpoints are damaged, writes these steps
    again. The renamed folders are never read or deleted.

    Returns
    -------
    list of str
        The new names: ``00000600.damaged``, or ``00000600.damaged-2`` if that exists.
    """
    names = []
    for path in [
        path for later in steps(folder) if later > step for path in _places(folder, later)
    ]:
        target = unused(path, ".damaged")
        os.replace(path, target)
        names.append(target.name)
    return names


def _places(folder: Path, step: int) -> list[Path]:
    """The folders of a step's checkpoint: the current one, the old one, or both."""
    path = folder / f"{step:08d}"
    return [place for place in (path, path.with_suffix(OLD)) if place.is_dir()]


def read(folder: Path, step: int) -> Checkpoint:
    """Read the checkpoint of a step.

    Raises
    ------
    ForgeryError
        If a file is missing, truncated, altered, or of another format.
    """
    path = next(iter(_places(folder, step)), folder / f"{step:08d}")
    try:
        sealed = json.loads((path / "state.json").read_text(encoding="utf-8"))
        state = sealed["state"]
        if state["format"] != FORMAT:
            raise ForgeryError(
                f"{path} has checkpoint format {state['format']}, but this version of forgery "
                f"reads format {FORMAT}"
            )
        if _digest(state) != sealed["sha256"] or state["step"] != step:
            raise ForgeryError(f"{path} is damaged: state.json does not match its checksum")
        tensors = {}
        for name, expected in state["sha256"].items():
            content = (path / f"{name}.safetensors").read_bytes()
            if hashlib.sha256(content).hexdigest() != expected:
                raise ForgeryError(
                    f"{path} is damaged: {name}.safetensors does not match its checksum"
                )
            tensors[name] = load(content)
    except OSError as error:
        raise ForgeryError(f"{path} is damaged: {error.strerror} ({error.filename})") from error
    except (ValueError, KeyError, TypeError, SafetensorError) as error:
        raise ForgeryError(f"{path} is damaged: {error}") from error
    return Checkpoint(
        step,
        tensors["model"],
        tensors["optimizers"],
        state["counters"],
        state["sha256"]["model"],
    )


def read_exported(folder: Path, facts: Mapping[str, Any]) -> Checkpoint:
    """The weights of an exported model as a checkpoint, which has no optimisers to resume with.

    Parameters
    ----------
    folder:
        Its folder, with the weights in model.safetensors.
    facts:
        ``exported`` of its config.json: the step and the SHA-256 of the weights' file.

    Raises
    ------
    ForgeryError
        If the file is missing, truncated or altered.
    """
    path = folder / "model.safetensors"
    try:
        content = path.read_bytes()
        if hashlib.sha256(content).hexdigest() != facts["sha256"]:
            raise ForgeryError(f"{path} is damaged: it does not match its checksum in config.json")
        return Checkpoint(facts["step"], load(content), {}, {}, facts["sha256"])
    except OSError as error:
        raise ForgeryError(f"cannot read {path}: {error.strerror}") from error
    except (ValueError, KeyError, TypeError, SafetensorError) as error:
        raise ForgeryError(f"{path} is damaged: {error}") from error


def read_last(folder: Path) -> tuple[Checkpoint, list[str]]:
    """Read the newest intact checkpoint; also return the problem of each newer one.

    Raises
    ------
    ForgeryError
        If there is none.
    """
    problems: list[str] = []
    for step in steps(folder):
        try:
            return read(folder, step), problems
        except ForgeryError as error:
            problems.append(str(error))
    raise ForgeryError(problems[0] if problems else f"{folder} holds no checkpoint yet")


def load_network(network: nn.Module, name: str, checkpoint: Checkpoint) -> None:
    """Load the tensors of a network from a checkpoint.

    Raises
    ------
    ForgeryError
        If names or shapes of the tensors do not match.
    """
    try:
        network.load_state_dict(tensors_of(name, checkpoint.model))
    except RuntimeError as error:
        first = str(error).splitlines()[1].strip() if "\n" in str(error) else str(error)
        raise ForgeryError(
            f"the checkpoint of step {checkpoint.step} does not fit the {name} that config.json "
            f"describes: {first}"
        ) from None


def tensors_of(name: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """The tensors whose keys start with ``name.``, without this prefix."""
    prefix = f"{name}."
    return {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}


def separate(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The tensors on the CPU, none of which share memory (as tied weights do)."""
    separate, seen = {}, set()
    for name, tensor in tensors.items():
        tensor = tensor.contiguous().cpu()
        if (place := tensor.untyped_storage().data_ptr()) in seen:
            tensor = tensor.clone()
        seen.add(place)
        separate[name] = tensor
    return separate


def _digest(state: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(state, sort_keys=True).encode()).hexdigest()
