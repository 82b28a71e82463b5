"""Features of real pictures, kept in the user's cache.

They depend on the pictures and the network only, and a large network takes minutes for them. The
folder is ``features`` in the cache, with one array per set of pictures and network.
"""

import hashlib
import io
import os
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ..data import Dataset
from ..extractors import Extractor
from ..user_cache import cache_folder, keep

#: Increase when the same pictures and network give other features.
FORMAT = 1
#: Largest size of the folder (2 GiB); the arrays that were used least recently are deleted.
MAX_BYTES = 2 << 30

#: Features ``[n, F]`` and logits ``[n, K]``.
Features = tuple[Tensor, Tensor]


def kept(
    pictures: Dataset,
    rows: Sequence[int] | None,
    extractor: Extractor,
    compute: Callable[[], Features],
) -> Features:
    """The features of rows of a dataset, or of all, computed once on this machine.

    Only features of a network for pictures of any kind are kept, without its logits, which nothing
    uses. A classifier of the data's classes is small: its features and logits are computed anew.
    """
    if extractor.classes:
        return compute()
    path = _path(pictures, rows, extractor)
    n = len(pictures) if rows is None else len(rows)
    features = _read(path, n)
    if features is None:
        features = compute()[0]
        _write(path, features)
    device = next(extractor.network.parameters()).device
    return features.to(device), torch.empty(n, 0, device=device)


def _path(pictures: Dataset, rows: Sequence[int] | None, extractor: Extractor) -> Path:
    digest = hashlib.sha256(f"{FORMAT} {extractor.sha256} {pictures.fingerprint}".encode())
    if rows is not None:
        digest.update(np.array(rows, dtype="<i8").tobytes())
    return cache_folder() / "features" / f"{extractor.name}-{digest.hexdigest()[:32]}.npy"


def _read(path: Path, n: int) -> Tensor | None:
    """The features in a file; None if it is missing or damaged."""
    try:
        features = np.load(path, allow_pickle=False)
        os.utime(path)  # marks it as recently used
    except (OSError, ValueError, EOFError):
        return None
    fits = features.ndim == 2 and len(features) == n and features.dtype == np.float32
    return torch.from_numpy(features) if fits else None


def _write(path: Path, features: Tensor) -> None:
    """Write a file and delete old ones; a cache that cannot be written to is not an error."""
    content = io.BytesIO()
    np.save(content, features.cpu().numpy())
    with suppress(OSError):
        keep(path, content.getvalue())
        others = sorted(path.parent.glob("*.npy"), key=lambda file: file.stat().st_mtime)
        total = sum(file.stat().st_size for file in others)
        for file in others[:-1]:
            if total <= MAX_BYTES:
                break
            total -= file.stat().st_size
            file.unlink()
