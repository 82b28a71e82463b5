"""Where a trained model is: a folder, ``zoo:NAME`` or ``hub:OWNER/NAME``.

The zoo is a few trained models inside this package (``zoo/``). The hub is that of Hugging Face:
``huggingface_hub`` downloads a model once into its own cache; with ``HF_HUB_OFFLINE=1`` only the
cache is used.
"""

import json
import re
from pathlib import Path

from .errors import ForgeryError, lookup

ZOO, HUB = "zoo:", "hub:"
#: What is downloaded of a model on the hub.
FILES = ("config.json", "model.safetensors", "card.json")
_ON_HUB = re.compile(r"hub:(?P<name>[\w-][\w.-]*/[\w-][\w.-]*)(@(?P<revision>[\w.-]+))?")


def is_path(address: Path | str) -> bool:
    """Whether an address is the path of a folder, not a name in the zoo or on the hub."""
    return not str(address).startswith((ZOO, HUB))


def from_anywhere(address: str) -> str:
    """The address with an absolute path, which holds in any folder; ``~`` is the home folder."""
    return str(Path(address).expanduser().absolute()) if is_path(address) else address


def name_of(address: Path | str) -> str:
    """The last part of an address: ``digits`` for ``runs/digits``, ``hub:OWNER/digits`` …"""
    if is_path(address):
        return Path(address).absolute().name
    return str(address).rpartition(":")[2].rpartition("/")[2].partition("@")[0]


def zoo() -> dict[str, Path]:
    """Name → folder of each model of the zoo."""
    folders = sorted((Path(__file__).parent / "zoo").iterdir())
    return {path.name: path for path in folders if (path / "config.json").is_file()}


def folder_of(address: Path | str) -> Path:
    """The folder of a model; one on the hub is downloaded unless it is in the cache.

    Raises
    ------
    ForgeryError
        If there is no such name in the zoo, or the download fails.
    """
    text = str(address)
    if text.startswith(ZOO):
        return lookup(zoo(), text.removeprefix(ZOO), "model of the zoo")
    return _downloaded(text) if text.startswith(HUB) else Path(address)


def is_model(folder: Path) -> bool:
    """Whether a folder is that of a run or of an exported model."""
    try:
        record = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return isinstance(record, dict) and {"config", "forgery"} <= record.keys()


def _downloaded(address: str) -> Path:
    match = _ON_HUB.fullmatch(address)
    if match is None:
        raise ForgeryError(
            f"{address} is not a model on the hub: expected hub:OWNER/NAME, or "
            "hub:OWNER/NAME@REVISION"
        )
    try:
        from huggingface_hub import snapshot_download
        from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError
    except ImportError:
        raise ForgeryError(f"{address} needs huggingface_hub: pip install 'forgery[hub]'") from None
    try:
        found = snapshot_download(
            match["name"], revision=match["revision"], allow_patterns=list(FILES)
        )
    except LocalEntryNotFoundError:  # offline, and not in the cache
        raise ForgeryError(
            f"{address} is not in the cache, and the hub cannot be reached (offline?)"
        ) from None
    except (HfHubHTTPError, OSError, ValueError) as error:
        reason = str(error).strip().partition("\n")[0]
        raise ForgeryError(f"cannot download {address}: {reason}") from error
    return Path(found)
